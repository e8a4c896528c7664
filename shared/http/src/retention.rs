//! What every service keeps for a time only: answers under idempotency keys, imports and exports that have ended.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::{sql_query, sql_types};
use diesel_async::RunQueryDsl;
use registrar_store::{Connection, StoreResult, retention::delete};

use crate::{ServiceContext, idempotency};

/// How long an import can be looked at after its end; its errors hold what was typed.
const IMPORTS: TimeDelta = TimeDelta::days(30);

/// How long a file with errors can be asked back after its end, and an export be fetched.
const FILES: TimeDelta = TimeDelta::days(7);

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
    let parts = delete(conn, "export_parts", "t.export_id in (select id from exports where finished_at < $1)", now - FILES).await?;
    let exports = delete(conn, "exports", "t.finished_at < $1 and not exists (select from export_parts p where p.export_id = t.id)", now - FILES).await?;
    let files = forget_files(conn, now - FILES).await?;
    // Another process may still be at the errors of some.
    let imports = delete(conn, "imports", "t.finished_at < $1 and not exists (select from import_errors e where e.import_id = t.id)", now - IMPORTS).await?;
    Ok(keys + errors + imports + parts + exports + files)
}

/// Files of imports that nobody has asked back, or that wait to be confirmed for too long.
async fn forget_files(conn: &mut Connection, before: DateTime<Utc>) -> StoreResult<usize> {
    const FORGET: &str = "update imports set file = null where file is not null and finished_at < $1";
    const GIVE_UP: &str = "
        with given_up as (
            update imports set state = 'failed', reason = 'it was not confirmed in a week', finished_at = $2, file = null where state = 'held' and created_at < $1 returning id
        )
        delete from import_parts where import_id in (select id from given_up)";
    sql_query(FORGET).bind::<sql_types::Timestamptz, _>(before).execute(conn).await?;
    let forgotten = delete(conn, "import_parts", "t.import_id in (select id from imports where finished_at < $1)", before).await?;
    let given_up = sql_query(GIVE_UP).bind::<sql_types::Timestamptz, _>(before).bind::<sql_types::Timestamptz, _>(before + FILES).execute(conn).await?;
    Ok(forgotten + given_up)
}
