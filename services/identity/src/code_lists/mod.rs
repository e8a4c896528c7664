//! Code lists (danh mục, 代码表; S4-024, S4-109): what pickers offer and what a code means. They are built into the
//! program (`registrar_codes`), the same in every tenant, and hold nothing about anybody: whoever is signed in may read
//! them, and callers may keep them.

pub mod api;
mod cache;
mod pages;

use actix_web::middleware::from_fn;
use registrar_http::{ServiceContext, resource};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::sessions::live::live_session;

/// Adds `/code-lists`.
pub fn routes(routes: &mut ServiceConfig, context: &ServiceContext) {
    routes.service(
        resource!(context, "/code-lists").wrap(from_fn(cache::tagged)).wrap(from_fn(live_session)).service(api::list).service(api::read).service(api::codes).service(api::code),
    );
}
