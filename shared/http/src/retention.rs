//! What every service keeps for a time only: answers under idempotency keys, imports that have ended.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use registrar_store::{Connection, StoreResult, retention::delete};

use crate::{ServiceContext, idempotency};

/// How long an import can be looked at after its end; its errors hold what was typed.
const IMPORTS: TimeDelta = TimeDelta::days(30);

const EVERY: Duration = Duration::from_secs(3600);

/// Cleans a service's database every hour, until the task is dropped.
pub async fn run(context: ServiceContext) {
    loop {
        let cleaned = async { clean(&mut *context.db.get().await?, context.clock.now()).await };
        match cleaned.await {
            Ok(0) => {}
            Ok(rows) => tracing::info!(service = context.service, rows, "what was kept long enough was deleted"),
            Err(error) => tracing::warn!(service = context.service, %error, "what was kept long enough could not be deleted"),
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// Deletes what was kept long enough; answers how many rows.
///
/// # Errors
/// Only when the database cannot be asked.
pub async fn clean(conn: &mut Connection, now: DateTime<Utc>) -> StoreResult<usize> {
    let keys = delete(conn, "idempotency_keys", "t.created_at < $1", now - idempotency::KEPT).await?;
    let errors = delete(conn, "import_errors", "t.import_id in (select id from imports where finished_at < $1)", now - IMPORTS).await?;
    // Another process may still be at the errors of some.
    let imports = delete(conn, "imports", "t.finished_at < $1 and not exists (select from import_errors e where e.import_id = t.id)", now - IMPORTS).await?;
    Ok(keys + errors + imports)
}
