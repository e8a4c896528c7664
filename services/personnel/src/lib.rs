//! Personnel: the records of the people who work for a school system (hồ sơ cán bộ, giáo viên, nhân viên; 教职工).

#[allow(missing_docs, reason = "columns are documented in migrations/personnel")]
pub mod schema;
pub mod staff;

use std::sync::Arc;

use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use registrar_http::{Service, service};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations/personnel");

/// The service.
#[must_use]
pub fn service() -> Service {
    Service {
        name: "personnel",
        segments: &["staff"],
        tags: &[("staff", "Who works in the units (cán bộ, giáo viên, nhân viên; 教职工).")],
        routes: |routes, context| staff::routes(routes, context),
        root_routes: service::no_routes,
        internal_routes: service::no_routes,
        migrations: || MIGRATIONS,
        sources: || vec![Arc::new(staff::events::StaffSource), Arc::new(staff::events::StaffStatisticsSource)],
        replicas: registrar_access::replicas::replicas,
        importers: || vec![Arc::new(staff::import::StaffImporter)],
        exporters: || vec![Arc::new(staff::export::StaffExporter)],
        background: service::no_background,
    }
}
