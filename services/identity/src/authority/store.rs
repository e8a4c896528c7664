//! Changes of units, accounts, grants and keys after a cursor, as events.

use chrono::{DateTime, Utc};
use diesel::{QueryableByName, sql_query, sql_types};
use diesel_async::RunQueryDsl;
use registrar_events::{Event, Source};
use registrar_store::{
    Connection, StoreError, StoreResult,
    feed::{self, FeedCursor},
};
use uuid::Uuid;

use crate::{accounts, grants, keys, units};

/// Changes of each aggregate on one page; four make 500 at most.
const EACH: usize = 125;

/// The tracked tables, each with its aggregate.
const TABLES: [(&str, &str); 4] =
    [("units", units::store::AGGREGATE), ("accounts", accounts::store::AGGREGATE), ("grants", grants::store::AGGREGATE), ("signing_keys", keys::store::AGGREGATE)];

/// A place in the four feeds together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuthorityCursor([Option<FeedCursor>; 4]);

impl AuthorityCursor {
    /// The start of all feeds.
    pub const START: AuthorityCursor = AuthorityCursor([None; 4]);

    /// The opaque text handed out.
    #[must_use]
    pub fn encode(self) -> String {
        self.0.map(|cursor| cursor.map(FeedCursor::encode).unwrap_or_default()).join("~")
    }

    /// Reads what [`AuthorityCursor::encode`] wrote; nothing is the start.
    ///
    /// # Errors
    /// [`StoreError::BadCursor`] for anything else.
    pub fn decode(text: &str) -> StoreResult<Self> {
        if text.is_empty() {
            return Ok(AuthorityCursor::START);
        }
        let parts = text.split('~').map(|part| if part.is_empty() { Ok(None) } else { FeedCursor::decode(part).map(Some) });
        let parts: Vec<Option<FeedCursor>> = parts.collect::<StoreResult<_>>()?;
        parts.try_into().map(AuthorityCursor).map_err(|_| StoreError::BadCursor)
    }
}

/// A page of changes.
pub struct AuthorityPage {
    /// The current state of what changed.
    pub events: Vec<Event>,
    /// Where to go on.
    pub next: AuthorityCursor,
    /// Whether more is waiting.
    pub more: bool,
}

#[derive(QueryableByName)]
struct Changed {
    #[diesel(sql_type = sql_types::Uuid)]
    id: Uuid,
    #[diesel(sql_type = sql_types::BigInt)]
    xid: i64,
    #[diesel(sql_type = sql_types::BigInt)]
    sequence: i64,
}

/// What changed after the cursor.
///
/// # Errors
/// [`StoreError::CursorGone`] for a cursor of a former generation.
pub async fn changes(conn: &mut Connection, cursor: AuthorityCursor) -> StoreResult<AuthorityPage> {
    let mut page = AuthorityPage { events: Vec::new(), next: AuthorityCursor::START, more: false };
    let sources = super::sources();
    for (((table, aggregate), from), next) in TABLES.into_iter().zip(cursor.0).zip(&mut page.next.0) {
        let from = feed::resume(conn, from).await?;
        let rows = changed(conn, table, from).await?;
        let part = feed::page(from, i64::try_from(EACH).unwrap_or(i64::MAX), rows, |row| (row.xid, row.sequence));
        (*next, page.more) = (Some(part.next), page.more || part.more);
        let ids: Vec<Uuid> = part.items.iter().map(|row| row.id).collect();
        if let Some(source) = sources.iter().find(|source| source.aggregate() == aggregate) {
            page.events.extend(Source::load(source.as_ref(), conn, from.epoch, &ids).await?);
        }
    }
    Ok(page)
}

async fn changed(conn: &mut Connection, table: &'static str, from: FeedCursor) -> StoreResult<Vec<Changed>> {
    let statement = format!(
        "select id, change_xid as xid, coalesce(change_sequence, 0) as sequence from {table}
         where change_xid < pg_snapshot_xmin(pg_current_snapshot())::text::bigint and (change_xid, change_sequence) > ($1, $2)
         order by change_xid, change_sequence limit {}",
        EACH + 1
    );
    Ok(sql_query(statement).bind::<sql_types::BigInt, _>(from.xid).bind::<sql_types::BigInt, _>(from.sequence).load(conn).await?)
}

/// The moment up to which [`changes`], asked afterwards, tells everything, given that it is `now`: before the oldest
/// change that is committed and still withheld, because an older transaction is running.
///
/// # Errors
/// Only when the database cannot be asked.
pub async fn complete_until(conn: &mut Connection, now: DateTime<Utc>) -> StoreResult<DateTime<Utc>> {
    #[derive(QueryableByName)]
    struct Withheld {
        #[diesel(sql_type = sql_types::Nullable<sql_types::Timestamptz>)]
        since: Option<DateTime<Utc>>,
    }
    let parts = TABLES.map(|(table, _)| format!("select changed_at from {table} where change_xid >= pg_snapshot_xmin(pg_current_snapshot())::text::bigint"));
    let withheld: Withheld = sql_query(format!("select min(changed_at) as since from ({}) as w", parts.join(" union all "))).get_result(conn).await?;
    Ok(withheld.since.map_or(now, |since| since.min(now)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_the_round_trip_and_nothing_else_is_one() {
        let place = |xid| Some(FeedCursor { epoch: 1, xid, sequence: 3 });
        let cursor = AuthorityCursor([place(5), None, place(7), place(9)]);
        assert_eq!(AuthorityCursor::decode(&cursor.encode()).unwrap(), cursor);
        assert_eq!(AuthorityCursor::decode("").unwrap(), AuthorityCursor::START);
        for text in ["x", "~", "~~~~", "x~~~"] {
            assert!(matches!(AuthorityCursor::decode(text), Err(StoreError::BadCursor)), "{text}");
        }
    }
}
