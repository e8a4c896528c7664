//! How recent a service's copies are, and which state of them this is: what was read of an account's grants holds until one
//! of units, accounts and grants changes.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use diesel::{QueryableByName, sql_query, sql_types};
use diesel_async::RunQueryDsl;
use registrar_store::{Connection, Keep, StoreResult};

/// The state of the copies that authority is decided on.
#[derive(Clone, Copy, Debug, QueryableByName)]
pub(crate) struct Freshness {
    /// Everything identity committed before has arrived.
    #[diesel(sql_type = sql_types::Timestamptz)]
    pub as_of: DateTime<Utc>,
    /// How many statements have changed them.
    #[diesel(sql_type = sql_types::BigInt)]
    pub changes: i64,
}

impl Freshness {
    /// Of identity's own tables, which are the facts.
    pub const OWNER: Freshness = Freshness { as_of: DateTime::<Utc>::MAX_UTC, changes: 0 };

    pub async fn load(conn: &mut Connection) -> StoreResult<Self> {
        Ok(Keep(sql_query("select greatest(as_of, timestamptz '1970-01-01') as as_of, changes from authority_freshness")).get_result(conn).await?)
    }
}

/// The state that the copies had when it was read.
#[derive(Debug)]
pub(crate) struct Remembered {
    pub freshness: Freshness,
    read_at: Instant,
    renewed: AtomicBool,
}

impl Remembered {
    /// What was begun to be read then.
    pub fn of(freshness: Freshness, read_at: Instant) -> Arc<Self> {
        Arc::new(Remembered { freshness, read_at, renewed: AtomicBool::new(false) })
    }

    pub fn is_newer_than(&self, other: &Self) -> bool {
        self.read_at > other.read_at
    }

    /// Whether it is to be read again, of all who ask once: when three quarters of the time for which it counts have passed.
    pub fn is_due(&self, counts_for: Duration) -> bool {
        self.read_at.elapsed() * 4 >= counts_for * 3 && !self.renewed.swap(true, Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_is_read_again_by_one_and_before_it_has_run_out() {
        let read = |ago: u64| Remembered::of(Freshness::OWNER, Instant::now().checked_sub(Duration::from_secs(ago)).unwrap());
        let hundred = Duration::from_secs(100);
        assert!(!read(70).is_due(hundred));
        let remembered = read(80);
        assert_eq!([remembered.is_due(hundred), remembered.is_due(hundred)], [true, false]);
    }
}
