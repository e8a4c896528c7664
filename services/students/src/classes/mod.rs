//! Classes (lớp học, 班级): one school's group of students in one school year, with its homeroom teacher (S1-050..S1-053)
//! and the first foreign language its students learn (S3-068..S3-070).
//!
//! A class stays in its unit and school year; at the end of the year it ends and the next year has classes of its own.
//! It shows its homeroom teacher by name: the name is personnel's, and a change there shows here by itself, in the
//! class's ETag and change feed, while the class's own version stays (S0-017, S3-005).

pub mod api;
pub mod columns;
pub mod events;
pub mod export;
pub mod import;
pub mod model;
pub mod store;
pub mod writes;

use registrar_http::{ServiceContext, resource};
use utoipa_actix_web::service_config::ServiceConfig;

/// Adds `/classes`.
pub fn routes(routes: &mut ServiceConfig, context: &ServiceContext) {
    routes.service(
        resource!(context, "/classes")
            .service(api::list)
            .service(api::create)
            .service(api::changes)
            .configure(api::imports::routes)
            .configure(api::exports::routes)
            .service(api::read)
            .service(api::update)
            .service(api::history)
            .service(api::enrolled),
    );
}
