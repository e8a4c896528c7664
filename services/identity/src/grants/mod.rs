//! Grants (phân quyền, 授权): this account, this role, in this unit and below in one hierarchy, for these education
//! levels (S2-013) or classes (S2-016), from a day to a day, given by whom (S2-011, S2-012).
//!
//! Only what one holds may be handed on, and nobody gives anything to himself; see [`rule`]. A grant is never
//! rewritten: it is ended, and another is given.

pub mod api;
pub mod columns;
pub mod events;
pub mod export;
pub mod import;
pub mod model;
pub mod rule;
pub mod store;

use actix_web::middleware::from_fn;
use registrar_http::{ServiceContext, resource};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::sessions::live::live_session;

/// Adds `/grants`.
pub fn routes(routes: &mut ServiceConfig, context: &ServiceContext) {
    routes.service(
        resource!(context, "/grants")
            .wrap(from_fn(live_session))
            .service(api::list)
            .service(api::create)
            .service(api::changes)
            .configure(api::imports::routes)
            .configure(api::exports::routes)
            .service(api::read)
            .service(api::update)
            .service(api::history),
    );
}
