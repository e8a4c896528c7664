//! A service as the binary sees it: what it serves, what it publishes, what it copies, what it does in the background.

use std::sync::Arc;

use diesel_migrations::EmbeddedMigrations;
use futures_util::future::BoxFuture;
use registrar_events::{Replica, Source};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::{ServiceContext, exports::Exporter, imports::Importer, openapi::Tag};

/// One bounded context. `services/<name>/src/lib.rs` makes it.
pub struct Service {
    /// Its name, and that of its database, queue and configuration section.
    pub name: &'static str,
    /// The first path segments under `/v1` that are its own; the gateway routes by them.
    pub segments: &'static [&'static str],
    /// The tags of its operations in the contract, with what each is.
    pub tags: &'static [Tag],
    /// Adds its routes to the one `/v1` scope.
    pub routes: fn(&mut ServiceConfig, &ServiceContext),
    /// Adds what standards want at the root of the host, such as `/.well-known`.
    pub root_routes: fn(&mut actix_web::web::ServiceConfig, &ServiceContext),
    /// Adds what only other services of ours may call, to the internal port.
    pub internal_routes: fn(&mut actix_web::web::ServiceConfig, &ServiceContext),
    /// Its schema, after `migrations/shared`.
    pub migrations: fn() -> EmbeddedMigrations,
    /// The aggregates it owns and publishes.
    pub sources: fn() -> Vec<Arc<dyn Source>>,
    /// Its copies of other services' aggregates.
    pub replicas: fn() -> Vec<Arc<dyn Replica>>,
    /// How its spreadsheets are imported.
    pub importers: fn() -> Vec<Arc<dyn Importer>>,
    /// How its lists are exported.
    pub exporters: fn() -> Vec<Arc<dyn Exporter>>,
    /// Further work in the background, until the process ends.
    pub background: fn(ServiceContext) -> Vec<BoxFuture<'static, ()>>,
}

/// For services without routes of that kind.
pub fn no_routes(_: &mut actix_web::web::ServiceConfig, _: &ServiceContext) {}

/// For services without further background work.
#[must_use]
pub fn no_background(_: ServiceContext) -> Vec<BoxFuture<'static, ()>> {
    Vec::new()
}
