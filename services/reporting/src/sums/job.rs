//! Adds up what is pending, in the background.

use std::time::{Duration, Instant};

use diesel::{OptionalExtension, QueryableByName, sql_query, sql_types};
use diesel_async::RunQueryDsl;
use registrar_domain::{dates::VIET_NAM_OFFSET_HOURS, local_date};
use registrar_http::ServiceContext;
use registrar_store::{Connection, StoreResult};

use super::calendar::Calendar;

/// How long changes may wait to be added; until then reports read them one by one.
const EVERY: Duration = Duration::from_secs(1);
/// How long sums of large units stay loose, at least.
const PACK_EVERY: Duration = Duration::from_secs(10);
/// Changes per transaction. One that lasts holds up every change feed of the cluster.
const CHANGES: i32 = 5000;
/// Units per transaction: each brings all it has ever added.
const UNITS: i32 = 5;
/// Rows forgotten per transaction.
const ROWS: i32 = 20_000;
/// Units with so many others below them are large: their years' beginnings are kept, and their sums are packed.
const LARGE: i32 = 100;
/// Loose sums packed per transaction.
const SUMS: i32 = 20_000;
/// Packing takes no more than one part of so many of the time: each time it writes whole rows for few changes.
const PACKING: u32 = 20;

/// Keeps the sums up with the changes, until the task is dropped.
pub async fn run(context: ServiceContext) {
    let mut next_packing = Instant::now();
    loop {
        // Where the day begins matters to speed only: whole headcounts are kept for one day, any other is a few sums away.
        let calendar = Calendar::on(local_date(context.clock.now(), VIET_NAM_OFFSET_HOURS));
        let caught_up = async { catch_up(&mut *context.db.get().await?, calendar).await };
        if let Err(error) = caught_up.await {
            tracing::warn!(%error, "headcounts could not be added up");
        }
        if Instant::now() >= next_packing {
            let began = Instant::now();
            let packed = async { pack(&mut *context.db.get().await?).await };
            if let Err(error) = packed.await {
                tracing::warn!(%error, "headcounts could not be packed");
            }
            next_packing = Instant::now() + (PACKING * began.elapsed()).max(PACK_EVERY);
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// Adds up everything there is to add, in several transactions.
///
/// # Errors
/// Only when the database cannot be asked; what was added before stays added.
pub async fn catch_up(conn: &mut Connection, calendar: Calendar) -> StoreResult<()> {
    let advance = sql_query("select advance_headcounts($1, $2) as more from headcount_calendar where today < $2")
        .bind::<sql_types::Date, _>(calendar.opening)
        .bind::<sql_types::Date, _>(calendar.today);
    if advance.get_result::<More>(conn).await.optional()?.is_some_and(|opening_moved| opening_moved.more) {
        repeat(conn, "forget_headcounts", ROWS).await?;
    }
    if sql_query("select exists (select from headcount_moved) as more").get_result::<More>(conn).await?.more {
        repeat(conn, "place_moved_units", UNITS).await?;
        repeat(conn, "anchor_large_units", LARGE).await?;
    }
    repeat(conn, "add_pending_headcounts", CHANGES).await
}

/// Packs the sums of large units, in several transactions.
///
/// # Errors
/// Only when the database cannot be asked; what was packed before stays packed.
pub async fn pack(conn: &mut Connection) -> StoreResult<()> {
    repeat(conn, "pack_headcounts", SUMS).await
}

#[derive(QueryableByName)]
struct More {
    #[diesel(sql_type = sql_types::Bool)]
    more: bool,
}

/// Calls a function of the database until it has nothing left to do.
async fn repeat(conn: &mut Connection, function: &str, most: i32) -> StoreResult<()> {
    let statement = format!("select {function}({most}) as more");
    while sql_query(statement.as_str()).get_result::<More>(conn).await?.more {}
    Ok(())
}
