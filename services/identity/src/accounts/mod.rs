//! Accounts (tài khoản, 账号): the logins of persons and programs (S0-037, S0-038). An account is not a person: the
//! staff record behind it lives in personnel, and the display name follows that record by itself.
//!
//! Whoever manages accounts in an account's home unit manages it. A password is set only by somebody who could hand
//! on everything the account holds, so that managing accounts is no way to more rights than one's own.

pub mod api;
pub mod columns;
pub mod credentials;
pub mod events;
pub mod export;
pub mod hashing;
pub mod import;
pub mod model;
pub mod password;
pub mod staff_names;
pub mod store;

use actix_web::middleware::from_fn;
use registrar_http::{ServiceContext, resource};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::sessions::live::live_session;

/// Adds `/accounts`.
pub fn routes(routes: &mut ServiceConfig, context: &ServiceContext) {
    routes.service(
        resource!(context, "/accounts")
            .wrap(from_fn(live_session))
            .service(api::list)
            .service(api::create)
            .service(api::changes)
            .configure(api::imports::routes)
            .configure(api::exports::routes)
            .service(api::read)
            .service(api::update)
            .service(api::set_password)
            .service(api::history),
    );
}
