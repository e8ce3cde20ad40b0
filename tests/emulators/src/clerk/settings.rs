//! The routes that show the settings of the instance.

use actix_web::{
    HttpRequest,
    web::{Data, ServiceConfig, get, resource},
};

use super::{
    admission::{Answer, admit, ok},
    state::Shared,
};

/// Mounts everything.
pub(crate) fn configure(config: &mut ServiceConfig) {
    config.service(resource("/v1/instance/organization_settings").route(get().to(shown)));
}

async fn shown(shared: Data<Shared>, request: HttpRequest) -> Answer {
    admit(&shared, &request)?;
    Ok(ok(&shared.lock().settings.answer()))
}
