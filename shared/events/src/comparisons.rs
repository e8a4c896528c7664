//! The newest comparison of each copy with its owner, kept beside the copy: whoever compares, and wherever, the operations
//! page of the consuming service shows what was found.

use chrono::{DateTime, Utc};
use diesel::{QueryableByName, sql_query, sql_types};
use diesel_async::RunQueryDsl;
use registrar_store::{Db, StoreResult};

use crate::VerifyReport;

/// What the newest comparison of a copy found.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
pub struct Comparison {
    /// What is copied.
    #[diesel(sql_type = sql_types::Text)]
    pub aggregate: String,
    /// When it was compared.
    #[diesel(sql_type = sql_types::Timestamptz)]
    pub compared_at: DateTime<Utc>,
    /// Rows compared, on either side.
    #[diesel(sql_type = sql_types::BigInt)]
    pub compared: i64,
    /// The owner has them, the copy does not.
    #[diesel(sql_type = sql_types::BigInt)]
    pub missing: i64,
    /// The copy is older than the owner.
    #[diesel(sql_type = sql_types::BigInt)]
    pub older: i64,
    /// The copy is newer than the owner.
    #[diesel(sql_type = sql_types::BigInt)]
    pub newer: i64,
    /// Of the same version, and yet different.
    #[diesel(sql_type = sql_types::BigInt)]
    pub differing: i64,
    /// The copy has them, the owner does not.
    #[diesel(sql_type = sql_types::BigInt)]
    pub surplus: i64,
    /// False when the comparison stopped because too many rows differed.
    #[diesel(sql_type = sql_types::Bool)]
    pub complete: bool,
}

impl Comparison {
    /// Rows that differ in one way or another.
    #[must_use]
    pub fn divergent(&self) -> i64 {
        self.missing + self.older + self.newer + self.differing + self.surplus
    }
}

const KEEP: &str = "
    insert into comparisons (aggregate, compared_at, compared, missing, older, newer, differing, surplus, complete)
    values ($1, now(), $2, $3, $4, $5, $6, $7, $8)
    on conflict (aggregate) do update set
        compared_at = excluded.compared_at, compared = excluded.compared, missing = excluded.missing, older = excluded.older,
        newer = excluded.newer, differing = excluded.differing, surplus = excluded.surplus, complete = excluded.complete";

/// Keeps what a comparison of the consumer's copy of an aggregate found, in place of what the one before did.
///
/// # Errors
/// Only when the database cannot be written.
pub async fn keep(consumer: &Db, aggregate: &str, report: &VerifyReport) -> StoreResult<()> {
    let count = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    sql_query(KEEP)
        .bind::<sql_types::Text, _>(aggregate)
        .bind::<sql_types::BigInt, _>(count(report.compared))
        .bind::<sql_types::BigInt, _>(count(report.missing_count))
        .bind::<sql_types::BigInt, _>(count(report.stale_count))
        .bind::<sql_types::BigInt, _>(count(report.ahead_count))
        .bind::<sql_types::BigInt, _>(count(report.differing_count))
        .bind::<sql_types::BigInt, _>(count(report.surplus_count))
        .bind::<sql_types::Bool, _>(report.complete)
        .execute(&mut consumer.get().await?)
        .await?;
    Ok(())
}

/// The newest comparison of each of the consumer's copies.
///
/// # Errors
/// Only when the database cannot be asked.
pub async fn newest(consumer: &Db) -> StoreResult<Vec<Comparison>> {
    Ok(sql_query("select * from comparisons order by aggregate").load(&mut consumer.get().await?).await?)
}
