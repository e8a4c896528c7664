//! Deleting what is kept for a time only.

use chrono::{DateTime, Utc};
use diesel::{sql_query, sql_types::Timestamptz};
use diesel_async::RunQueryDsl;

use crate::{Connection, StoreResult};

/// Rows per statement: one that runs long holds up every change feed of the cluster.
const BATCH: usize = 5000;

/// Deletes the rows of `table` for which `condition` holds, batch by batch; answers how many. In the condition `t` is
/// the row and `$1` is `before`. Rows that another process holds are left to it.
///
/// # Errors
/// Only when the database cannot be asked; what was deleted before stays deleted.
pub async fn delete(conn: &mut Connection, table: &'static str, condition: &'static str, before: DateTime<Utc>) -> StoreResult<usize> {
    let statement = format!("delete from {table} where ctid = any(array(select t.ctid from {table} t where {condition} limit {BATCH} for update skip locked))");
    let mut deleted = 0;
    loop {
        let batch = sql_query(statement.as_str()).bind::<Timestamptz, _>(before).execute(conn).await?;
        deleted += batch;
        if batch < BATCH {
            return Ok(deleted);
        }
    }
}
