//! Roles (vai trò, 角色; S0-039): what a grant makes of an account. They are the same in every tenant; the table of
//! role and action is in `registrar_access::policy` and nowhere else.

pub mod api;

use actix_web::middleware::from_fn;
use registrar_http::{ServiceContext, resource};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::sessions::live::live_session;

/// Adds `/roles`.
pub fn routes(routes: &mut ServiceConfig, context: &ServiceContext) {
    routes.service(resource!(context, "/roles").wrap(from_fn(live_session)).service(api::list));
}
