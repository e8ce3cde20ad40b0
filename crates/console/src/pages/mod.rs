//! The pages: a folder a topic, a file a page. Each page has a template, a view model and a handler.

pub(crate) mod organizations;
