#![doc = include_str!("../README.md")]

mod assets;
mod components;
mod console;
mod csrf;
mod days;
mod failure;
mod fields;
mod form;
mod headers;
mod mode;
mod navigation;
mod page;
mod pages;
mod routes;
mod session;
mod shell;

use actix_web::web::{Data, ServiceConfig};

pub use console::Console;
pub(crate) use console::ROOT;

impl Console {
    /// Mounts every page, in the server that `winserve-http` starts.
    pub fn configure(&self, config: &mut ServiceConfig) {
        config.app_data(Data::new(self.clone())).service(routes::scope());
    }
}
