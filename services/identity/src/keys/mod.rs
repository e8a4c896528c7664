//! The keys that access tokens are signed with (khóa ký, 签名密钥). Public halves go to every service by events and to
//! everybody else at `/.well-known/jwks.json`; private halves stay here, sealed with the secret given from outside.
//!
//! A key signs for thirty days and is published a minute before it begins to. Tokens of the one before stay valid.

pub mod events;
pub mod jwks;
pub mod model;
pub mod rotation;
pub mod store;

use actix_web::web;
use registrar_http::ServiceContext;

/// Adds `/.well-known/jwks.json`.
pub fn routes(routes: &mut web::ServiceConfig, context: &ServiceContext) {
    routes.service(web::resource("/.well-known/jwks.json").app_data(context.clone()).route(web::get().to(jwks::jwks)));
}
