//! What the other services decide on, for those that events do not reach: they pull it over HTTP on the internal port
//! (see `registrar_access::pull`).

pub mod api;
pub mod store;

use std::sync::Arc;

use actix_web::web;
use registrar_access::pull::PATH;
use registrar_events::Source;
use registrar_http::ServiceContext;

use crate::{accounts::events::AccountSource, grants::events::GrantSource, keys::events::SigningKeySource, units::events::UnitSource};

/// The aggregates that identity owns.
#[must_use]
pub fn sources() -> Vec<Arc<dyn Source>> {
    vec![Arc::new(UnitSource), Arc::new(AccountSource), Arc::new(GrantSource), Arc::new(SigningKeySource)]
}

/// Adds the pull to the internal port.
pub fn routes(routes: &mut web::ServiceConfig, context: &ServiceContext) {
    routes.service(web::resource(PATH).app_data(context.clone()).route(web::get().to(api::changes)));
}
