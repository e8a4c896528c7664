//! What is measured of a service besides its requests and events: its pool, its jobs, its change feeds.

use std::time::Duration;

use diesel::{QueryableByName, sql_query, sql_types};
use diesel_async::RunQueryDsl;
use registrar_store::{Connection, StoreResult};

use crate::ServiceContext;

const EVERY: Duration = Duration::from_secs(5);

/// Measures every few seconds, until the task is dropped.
pub async fn run(context: ServiceContext) {
    loop {
        let (used, most) = context.db.usage();
        metrics::gauge!("registrar_pool_used", "service" => context.service).set(count(used));
        metrics::gauge!("registrar_pool_size", "service" => context.service).set(count(most));
        let looked = async { look(&mut *context.db.get().await?, context.service).await };
        if let Err(error) = looked.await {
            tracing::debug!(service = context.service, %error, "jobs and feeds could not be measured");
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// How long the oldest transaction that has written holds back what change feeds show; how many jobs are unfinished, and
/// since when the oldest of them has waited.
const LOOK: &str = "
    select (select coalesce(extract(epoch from max(now() - xact_start)), 0)::float8 from pg_stat_activity
            where datname = current_database() and backend_xid is not null and pid <> pg_backend_pid()) as feed_lag,
           count(*) filter (where kind = 'import') as imports, count(*) filter (where kind = 'export') as exports,
           coalesce(extract(epoch from max(now() - created_at)), 0)::float8 as oldest
    from (select 'import' as kind, created_at from imports where state in ('queued', 'running')
          union all select 'export', created_at from exports where state in ('queued', 'running')) jobs";

#[derive(QueryableByName)]
struct Looked {
    #[diesel(sql_type = sql_types::Double)]
    feed_lag: f64,
    #[diesel(sql_type = sql_types::BigInt)]
    imports: i64,
    #[diesel(sql_type = sql_types::BigInt)]
    exports: i64,
    #[diesel(sql_type = sql_types::Double)]
    oldest: f64,
}

async fn look(conn: &mut Connection, service: &'static str) -> StoreResult<()> {
    let looked: Looked = sql_query(LOOK).get_result(conn).await?;
    metrics::gauge!("registrar_feed_lag_seconds", "service" => service).set(looked.feed_lag);
    for (kind, unfinished) in [("import", looked.imports), ("export", looked.exports)] {
        metrics::gauge!("registrar_jobs_unfinished", "service" => service, "kind" => kind).set(count(usize::try_from(unfinished).unwrap_or(0)));
    }
    metrics::gauge!("registrar_job_age_seconds", "service" => service).set(looked.oldest.max(0.0));
    Ok(())
}

fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}
