//! Parts that several pages share: one file each, with a template of the same name.

pub(crate) mod chart;
pub(crate) mod count;
pub(crate) mod custom_office;
pub(crate) mod field;
pub(crate) mod filter_form;
pub(crate) mod known;
pub(crate) mod list_picker;
pub(crate) mod notice;
pub(crate) mod office_search;
pub(crate) mod pager;
pub(crate) mod switcher;
