//! The pages: a folder a topic, a file a page. Each page has a template, a view model and a handler.

pub(crate) mod campaigns;
pub(crate) mod contacts;
pub(crate) mod lists;
pub(crate) mod office;
pub(crate) mod organizations;
pub(crate) mod polls;
pub(crate) mod result;
pub(crate) mod staff;
