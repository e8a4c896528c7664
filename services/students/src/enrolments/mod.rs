//! Enrolments (ghi danh, 学籍注册; S1-062): a student in a class from one day to another.
//!
//! A student has one open enrolment at most, and no two that share a day. A transfer ends one and begins another in one
//! go; the past stays as it was. Each end says of which kind it was: whoever repeats a grade has an enrolment that ended
//! with `repeating` and one in the same grade of the next school year, whoever graduated keeps all there were.

pub mod admission;
pub mod api;
pub mod batch;
pub mod columns;
pub mod ending;
pub mod events;
pub mod export;
pub mod import;
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
            .configure(api::imports::routes)
            .configure(api::exports::routes)
            .service(api::read)
            .service(api::update)
            .service(api::history),
    );
}
