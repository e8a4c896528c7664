//! Reporting: what each level of a school system tells the next (báo cáo thống kê, 统计报表). It owns no records: its
//! figures are kept by the events of the services that do.

pub mod copies;
pub mod headcounts;

use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use registrar_http::{Service, service};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations/reporting");

/// The service.
#[must_use]
pub fn service() -> Service {
    Service {
        name: "reporting",
        segments: &["reports"],
        routes: |routes, context| headcounts::routes(routes, context),
        root_routes: service::no_routes,
        internal_routes: service::no_routes,
        migrations: || MIGRATIONS,
        sources: Vec::new,
        replicas: || [registrar_access::replicas::replicas(), headcounts::events::replicas(), copies::replicas()].into_iter().flatten().collect(),
        importers: Vec::new,
        background: service::no_background,
    }
}
