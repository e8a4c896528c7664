//! Reporting: what each level of a school system tells the next (báo cáo thống kê, 统计报表). It owns no records: its
//! figures are kept by the events of the services that do.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic))]

pub mod copies;
pub mod counted;
pub mod headcounts;
pub mod output;
pub mod records;
pub mod statistics;
pub mod sums;

use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use registrar_http::{Service, resource, service};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations/reporting");

/// The service.
#[must_use]
pub fn service() -> Service {
    Service {
        name: "reporting",
        segments: &["reports"],
        tags: &[("reports", "Figures, kept by events alone (báo cáo, 报表).")],
        routes: |routes, context| {
            let reports = resource!(context, "/reports").service(headcounts::api::headcounts);
            routes.service(reports.service(records::api::completeness).service(records::api::identities));
        },
        root_routes: service::no_routes,
        internal_routes: service::no_routes,
        migrations: || MIGRATIONS,
        sources: Vec::new,
        replicas: || [registrar_access::replicas::replicas(), statistics::events::replicas(), copies::replicas()].into_iter().flatten().collect(),
        importers: Vec::new,
        exporters: Vec::new,
        background: |context| vec![Box::pin(sums::job::run(context))],
    }
}
