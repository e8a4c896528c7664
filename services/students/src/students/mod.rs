//! Students (học sinh, 学生; S1-055..S1-062): one record per student of the tenant, whatever schools and classes they pass
//! through.
//!
//! Where a student is follows from the open enrolment and is kept on the record, so that grants decide on it; between
//! enrolments the record stays with the last school. A record is never deleted: it ends, with a date and a reason. The
//! personal number is shown masked unless it is asked for by somebody who may see it, and that is logged.

pub mod api;
pub mod columns;
pub mod details;
pub mod events;
pub mod export;
pub mod import;
pub mod import_writes;
pub mod model;
mod parents;
pub mod placement;
pub mod store;
pub mod writes;

use registrar_http::{ServiceContext, resource};
use utoipa_actix_web::service_config::ServiceConfig;

/// Adds `/students`.
pub fn routes(routes: &mut ServiceConfig, context: &ServiceContext) {
    routes.service(
        resource!(context, "/students")
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
