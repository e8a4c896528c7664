//! Teaching assignments (phân công giảng dạy, 任课安排; S1-071, S1-072): who teaches which subject in which class, for how
//! many periods a week, from one day to another. While it runs, it lets the teacher read the class and its students.
//!
//! A school's assignments of a year can be checked as a whole: `findings` tells what was left out, given twice, or left
//! with somebody who has gone. They forbid nothing; whoever assigns decides.

pub mod api;
pub mod columns;
pub mod events;
pub mod export;
pub mod findings;
pub mod import;
pub mod model;
pub mod store;

use registrar_http::{ServiceContext, resource};
use utoipa_actix_web::service_config::ServiceConfig;

/// Adds `/assignments`.
pub fn routes(routes: &mut ServiceConfig, context: &ServiceContext) {
    routes.service(
        resource!(context, "/assignments")
            .service(api::list)
            .service(api::create)
            .service(api::changes)
            .service(findings::api::findings)
            .configure(api::imports::routes)
            .configure(api::exports::routes)
            .service(api::read)
            .service(api::update)
            .service(api::history),
    );
}
