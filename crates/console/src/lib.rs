#![doc = include_str!("../README.md")]

mod assets;
mod components;
mod csrf;
mod days;
mod failure;
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
use url::Url;

/// Where the console is mounted.
const ROOT: &str = "/app";

/// The console's settings.
#[derive(Debug, Clone)]
pub struct Console {
    /// Where a signed-out visitor goes, with the way back in the parameter `redirect_url`; without it, a
    /// page says that they have to sign in.
    pub sign_in_url: Option<Url>,
    /// Where a visitor signs out, with the same parameter; without it, no page offers that.
    pub sign_out_url: Option<Url>,
}

impl Console {
    /// Mounts every page, in the server that `winserve-http` starts.
    pub fn configure(&self, config: &mut ServiceConfig) {
        config.app_data(Data::new(self.clone())).service(routes::scope());
    }
}
