//! The one binary's library: which services there are, its commands and its settings.

pub mod arguments;
pub mod commands;
pub mod config;
pub mod demo;
pub mod embedded;

use registrar_http::Service;

/// All services, in the order in which they are migrated and started.
#[must_use]
pub fn services() -> Vec<Service> {
    vec![registrar_identity::service(), registrar_personnel::service(), registrar_students::service(), registrar_reporting::service()]
}
