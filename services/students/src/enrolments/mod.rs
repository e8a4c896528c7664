//! Enrolments (ghi danh, 学籍注册; S1-062): a student in a class from one day to another.
//!
//! A student has one open enrolment at most, and no two that share a day. A transfer ends one and begins another in one
//! go; the past stays as it was.

pub mod api;
pub mod events;
pub mod model;
pub mod store;
pub mod writes;

use registrar_http::{ServiceContext, resource};
use utoipa_actix_web::service_config::ServiceConfig;

/// Adds `/enrolments`.
pub fn routes(routes: &mut ServiceConfig, context: &ServiceContext) {
    routes.service(
        resource!(context, "/enrolments")
            .service(api::list)
            .service(api::create)
            .service(api::transfer)
            .service(api::changes)
            .service(api::read)
            .service(api::update)
            .service(api::history),
    );
}
