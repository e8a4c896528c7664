//! Staff (cán bộ, giáo viên, nhân viên; 教职工): one record per person who works for a unit, kept by the unit's clerk or
//! head, shown in every other service by events (S0-003, S0-017).
//!
//! A record is never deleted: it ends, with a date and a reason. The personal number is shown masked unless it is
//! asked for by somebody who may see it, and that is logged.

pub mod api;
pub mod columns;
pub mod details;
pub mod employments;
pub mod events;
pub mod export;
pub mod import;
pub mod model;
pub mod position;
pub mod store;
pub mod writes;

use registrar_http::{ServiceContext, resource};
use utoipa_actix_web::service_config::ServiceConfig;

/// Adds `/staff`.
pub fn routes(routes: &mut ServiceConfig, context: &ServiceContext) {
    routes.service(
        resource!(context, "/staff")
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
