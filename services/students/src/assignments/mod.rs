//! Teaching assignments (phân công giảng dạy, 任课安排; S1-071): who teaches which subject in which class, for how many
//! periods a week, from one day to another. While it runs, it lets the teacher read the class and its students.

pub mod api;
pub mod events;
pub mod model;
pub mod store;

use registrar_http::{ServiceContext, resource};
use utoipa_actix_web::service_config::ServiceConfig;

/// Adds `/assignments`.
pub fn routes(routes: &mut ServiceConfig, context: &ServiceContext) {
    routes.service(resource!(context, "/assignments").service(api::list).service(api::create).service(api::changes).service(api::read).service(api::update).service(api::history));
}
