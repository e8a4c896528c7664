//! Change feeds: the latest state of each row changed after a cursor.
//!
//! Writers commit in another order than they started, so neither a time nor a sequence tells what a reader has
//! not yet seen. Rows carry the transaction that wrote them, and only rows below the oldest transaction still
//! running are served: nothing can appear behind the cursor later.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use diesel::QueryDsl;
use diesel_async::RunQueryDsl;

use crate::{Condition, Connection, StoreError, StoreResult, schema::epoch};

/// A place in a change feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FeedCursor {
    /// The database generation in which it was handed out.
    pub epoch: i64,
    /// The transaction of the last row seen.
    pub xid: i64,
    /// The place of the last row seen within its transaction.
    pub sequence: i64,
}

impl FeedCursor {
    /// The start of the feed: everything is after it.
    #[must_use]
    pub fn start(epoch: i64) -> Self {
        FeedCursor { epoch, xid: 0, sequence: 0 }
    }

    /// The opaque text handed to callers.
    #[must_use]
    pub fn encode(self) -> String {
        URL_SAFE_NO_PAD.encode(format!("{}.{}.{}", self.epoch, self.xid, self.sequence))
    }

    /// Reads what [`FeedCursor::encode`] wrote.
    ///
    /// # Errors
    /// [`StoreError::BadCursor`] for anything else.
    pub fn decode(text: &str) -> StoreResult<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| StoreError::BadCursor)?;
        let text = String::from_utf8(bytes).map_err(|_| StoreError::BadCursor)?;
        let mut parts = text.split('.').map(str::parse::<i64>);
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(Ok(epoch)), Some(Ok(xid)), Some(Ok(sequence)), None) => Ok(FeedCursor { epoch, xid, sequence }),
            _ => Err(StoreError::BadCursor),
        }
    }
}

/// A page of a change feed.
#[derive(Clone, Debug)]
pub struct FeedPage<T> {
    /// Changed rows, oldest change first.
    pub items: Vec<T>,
    /// Where to go on; also when nothing changed.
    pub next: FeedCursor,
    /// Whether more is waiting now.
    pub more: bool,
}

/// The cursor to read from: the given one if it belongs to this generation of the database, else the start.
///
/// # Errors
/// [`StoreError::CursorGone`] for a cursor of a former generation.
pub async fn resume(conn: &mut Connection, cursor: Option<FeedCursor>) -> StoreResult<FeedCursor> {
    let current = current_epoch(conn).await?;
    match cursor {
        None => Ok(FeedCursor::start(current)),
        Some(cursor) if cursor.epoch == current => Ok(cursor),
        Some(_) => Err(StoreError::CursorGone),
    }
}

/// This database's generation.
///
/// # Errors
/// Only when the database cannot be asked.
pub async fn current_epoch(conn: &mut Connection) -> StoreResult<i64> {
    Ok(epoch::table.select(epoch::value).get_result(conn).await?)
}

/// The condition of a feed's query: after the cursor, and below the oldest running transaction.
/// `table` is the tracked table's name or alias.
#[must_use]
pub fn after(table: &'static str, cursor: FeedCursor) -> Condition {
    Condition::sql(format!(
        "{table}.change_xid < pg_snapshot_xmin(pg_current_snapshot())::text::bigint \
         and ({table}.change_xid, {table}.change_sequence) > ("
    ))
    .bigint(cursor.xid)
    .and_sql(", ")
    .bigint(cursor.sequence)
    .and_sql(")")
}

/// Makes a page of `rows`, of which one more than `limit` was asked for; `place` tells a row's (xid, sequence).
pub fn page<T>(from: FeedCursor, limit: i64, mut rows: Vec<T>, place: impl Fn(&T) -> (i64, i64)) -> FeedPage<T> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().map_or(from, |last| {
        let (xid, sequence) = place(last);
        FeedCursor { xid, sequence, ..from }
    });
    FeedPage { items: rows, next, more }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feed_cursor_survives_the_round_trip_and_nothing_else_is_one() {
        let cursor = FeedCursor { epoch: 2, xid: 900, sequence: 7 };
        assert_eq!(FeedCursor::decode(&cursor.encode()).unwrap(), cursor);
        for text in ["", "x", "MS4y", "MS4yLjMuNA", "YS5iLmM"] {
            assert!(matches!(FeedCursor::decode(text), Err(StoreError::BadCursor)), "{text}");
        }
    }
}
