//! Guardians (phụ huynh, người giám hộ; 监护人; S1-067, S1-069, S1-070): the people who answer for students, each once,
//! however many children they have here.
//!
//! A guardian belongs to no unit. Somebody sees one through a child: who may read the child's record sees its guardians,
//! and of their children those alone whose records they may read. A school does not learn from a parent's record at which
//! other school the siblings are, and changes nothing about them.
//!
//! Third parties' data do not leave this service: guardians are tracked for their history and change feed, and there is no
//! event of them. Contacts are shown masked unless they are asked for by somebody who may see them, and that is logged.

pub mod api;
pub mod columns;
pub mod export;
pub mod import;
pub mod link;
pub mod model;
pub mod pending;
pub mod store;
pub mod writes;

use registrar_http::{ServiceContext, resource};
use utoipa_actix_web::service_config::ServiceConfig;

/// Adds `/guardians`.
pub fn routes(routes: &mut ServiceConfig, context: &ServiceContext) {
    routes.service(
        resource!(context, "/guardians")
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
