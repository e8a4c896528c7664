//! Units (đơn vị, 单位): ministries, departments, communes, schools and campuses, joined by dated hierarchies
//! (S2-013).
//!
//! A unit carries its superiors with their whole past: "who manages X on date D" has one answer per hierarchy, also
//! after the reform of 1 July 2025. The tenant's root is the unit whose id is the tenant's. A unit is never deleted:
//! it is closed, with its last day.

pub mod api;
pub mod columns;
pub mod events;
pub mod export;
pub mod hierarchy;
pub mod import;
pub mod model;
pub mod store;
pub mod superiors;

use actix_web::middleware::from_fn;
use registrar_http::{ServiceContext, resource};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::sessions::live::live_session;

/// Adds `/units`.
pub fn routes(routes: &mut ServiceConfig, context: &ServiceContext) {
    routes.service(
        resource!(context, "/units")
            .wrap(from_fn(live_session))
            .service(api::list)
            .service(api::create)
            .service(api::changes)
            .configure(api::imports::routes)
            .configure(api::exports::routes)
            .service(api::read)
            .service(api::update)
            .service(api::history)
            .service(superiors::superiors)
            .service(superiors::subordinates),
    );
}
