//! School years (năm học, 学年): kept for the whole tenant, seen by everybody in it.

pub mod api;
pub mod columns;
pub mod events;
pub mod export;
pub mod import;
pub mod model;
pub mod store;

use registrar_http::{ServiceContext, resource};
use utoipa_actix_web::service_config::ServiceConfig;

/// Adds `/school-years`.
pub fn routes(routes: &mut ServiceConfig, context: &ServiceContext) {
    routes.service(
        resource!(context, "/school-years")
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
