//! The time in tests: it stands still until the test moves it.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use chrono::{DateTime, TimeDelta, Utc};
use registrar_store::Clock;

/// Monday 15 September 2025, 09:00 in Viet Nam: two weeks into a school year, after the reform of 1 July 2025.
/// It lies in the past on purpose: the databases' own clocks are later.
const START_MICROSECONDS: i64 = 1_757_901_600_000_000;

/// A clock that a test sets. Clones show the same time.
#[derive(Clone, Debug)]
pub struct TestClock(Arc<AtomicI64>);

impl Default for TestClock {
    fn default() -> Self {
        TestClock(Arc::new(AtomicI64::new(START_MICROSECONDS)))
    }
}

impl TestClock {
    /// What it shows.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.0.load(Ordering::SeqCst)).unwrap_or(DateTime::UNIX_EPOCH)
    }

    /// Moves it; backwards when `by` is negative.
    pub fn advance(&self, by: TimeDelta) {
        self.0.fetch_add(by.num_microseconds().unwrap_or(0), Ordering::SeqCst);
    }

    /// Sets it.
    pub fn set(&self, now: DateTime<Utc>) {
        self.0.store(now.timestamp_micros(), Ordering::SeqCst);
    }

    /// The clock as services take it.
    #[must_use]
    pub fn clock(&self) -> Clock {
        let clock = self.clone();
        Clock::from_fn(move || clock.now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_stands_still_until_it_is_moved() {
        let clock = TestClock::default();
        assert_eq!(clock.clock().now().to_rfc3339(), "2025-09-15T02:00:00+00:00");
        clock.advance(TimeDelta::days(1));
        assert_eq!(clock.clock().now().to_rfc3339(), "2025-09-16T02:00:00+00:00");
    }
}
