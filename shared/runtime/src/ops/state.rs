//! What the page shows, gathered when it is asked for.

use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::{QueryableByName, sql_query, sql_types};
use diesel_async::RunQueryDsl;
use registrar_events::{
    comparisons::{self, Comparison},
    parked::{self, Parked},
};
use registrar_http::server::{Mounted, Readiness};
use registrar_store::{Db, StoreResult};

use super::{Operations, figures::Figures};

/// Parked events listed; the rest is counted.
const PARKED: i64 = 50;
/// How long a database is waited for.
const WITHIN: Duration = Duration::from_secs(3);

/// A service of this process.
pub(super) struct ServiceState {
    pub(super) name: &'static str,
    pub(super) readiness: Readiness,
    /// Connections in use, and the most there can be.
    pub(super) pool: (usize, usize),
    /// Events not published yet.
    pub(super) outbox_depth: Option<f64>,
    /// Seconds that the oldest of them has waited.
    pub(super) outbox_age: Option<f64>,
    /// Seconds since the copies that authority is decided on were last known to be complete; none in their owner.
    pub(super) authority_age: Option<f64>,
    /// Seconds that change feeds are held back.
    pub(super) feed_lag: Option<f64>,
    /// Seconds between an edit and its arrival here, of the newest event of each owner.
    pub(super) consumer_lag: Vec<(String, f64)>,
    /// What is read from its database; none when that does not answer.
    pub(super) rows: Option<Rows>,
    /// Whether the owner of one of its copies runs here too, so that the two can be compared.
    pub(super) comparable: bool,
    /// Since when they are being compared.
    pub(super) comparing_since: Option<DateTime<Utc>>,
}

/// What is read from a service's database.
pub(super) struct Rows {
    pub(super) parked_count: i64,
    pub(super) parked: Vec<Parked>,
    pub(super) jobs: Vec<Jobs>,
    pub(super) comparisons: Vec<Comparison>,
}

/// Jobs of one kind, resource and state.
#[derive(QueryableByName)]
pub(super) struct Jobs {
    #[diesel(sql_type = sql_types::Text)]
    pub(super) kind: String,
    #[diesel(sql_type = sql_types::Text)]
    pub(super) resource: String,
    #[diesel(sql_type = sql_types::Text)]
    pub(super) state: String,
    #[diesel(sql_type = sql_types::BigInt)]
    pub(super) number: i64,
    #[diesel(sql_type = sql_types::Timestamptz)]
    pub(super) newest: DateTime<Utc>,
}

const JOBS: &str = "
    select kind, resource, state, count(*) as number, max(coalesce(finished_at, created_at)) as newest
    from (select 'import' as kind, resource, state, created_at, finished_at from imports
          union all select 'export', resource, state, created_at, finished_at from exports) jobs
    group by kind, resource, state order by kind desc, resource, state";

/// The state of these services of this process.
pub(super) async fn of(operations: &Operations, services: &[&Mounted]) -> Vec<ServiceState> {
    let figures = Figures::read(&operations.metrics.render());
    let mut states = Vec::with_capacity(services.len());
    for part in services {
        states.push(service(operations, part, &figures).await);
    }
    states
}

async fn service(operations: &Operations, part: &Mounted, figures: &Figures) -> ServiceState {
    let name = part.service.name;
    let rows = tokio::time::timeout(WITHIN, rows(&part.context.db)).await;
    let rows = rows.map_err(|_| "too slow".to_owned()).and_then(|rows| rows.map_err(|error| error.to_string()));
    ServiceState {
        name,
        readiness: part.readiness().await,
        pool: part.context.db.usage(),
        outbox_depth: figures.of("registrar_outbox_depth", name),
        outbox_age: figures.of("registrar_outbox_age_seconds", name),
        authority_age: figures.of("registrar_authority_age_seconds", name),
        feed_lag: figures.of("registrar_feed_lag_seconds", name),
        consumer_lag: figures.by("registrar_consumer_lag_seconds", name, "source"),
        rows: rows.inspect_err(|error| tracing::warn!(service = name, error, "the operations page lacks what is in the database")).ok(),
        comparable: operations.pairs(part).next().is_some(),
        comparing_since: operations.comparing_since(name),
    }
}

async fn rows(db: &Db) -> StoreResult<Rows> {
    Ok(Rows {
        parked_count: parked::count(db).await?,
        parked: parked::list(db, None, PARKED).await?,
        jobs: sql_query(JOBS).load(&mut db.get().await?).await?,
        comparisons: comparisons::newest(db).await?,
    })
}
