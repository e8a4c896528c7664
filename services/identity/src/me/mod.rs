//! What a caller may know of itself: who am I, and what may I do where.

pub mod api;
pub mod store;

use actix_web::middleware::from_fn;
use registrar_http::{ServiceContext, resource};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::sessions::live::live_session;

/// Adds `/me`.
pub fn routes(routes: &mut ServiceConfig, context: &ServiceContext) {
    routes.service(resource!(context, "/me").wrap(from_fn(live_session)).service(api::read).service(api::change_password));
}
