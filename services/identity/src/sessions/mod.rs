//! Sessions (phiên đăng nhập, 会话; S0-040): signing in with a password, staying signed in, signing out.
//!
//! An access token lives five minutes and is checked everywhere without asking here. A refresh token lives thirty
//! days, is good for one use, and is kept as its SHA-256 only; one that comes a second time, within a day of its use, was
//! stolen or is being used by a thief, so the session ends. Once a session has ended identity refuses its access tokens
//! at once; the other services do when they expire, within five minutes, or at once when the account was disabled or its
//! password set by an administrator.

pub mod api;
pub mod expiry;
pub mod live;
pub mod store;
pub mod token;

use actix_web::{middleware::from_fn, web};
use registrar_http::{ServiceContext, context::around, resource};
use utoipa_actix_web::service_config::ServiceConfig;

/// Adds `/sessions`.
pub fn routes(routes: &mut ServiceConfig, context: &ServiceContext) {
    routes.service(resource!(context, "/sessions").service(api::sign_in).service(api::refresh).service(api::sign_out));
}

/// Adds `/sessions` to the internal port: the operations page of every process signs its readers in there.
pub fn internal_routes(routes: &mut web::ServiceConfig, context: &ServiceContext) {
    let sessions = web::scope("/sessions").app_data(context.clone()).wrap(from_fn(around));
    routes.service(sessions.service(api::sign_in).service(api::refresh).service(api::sign_out));
}
