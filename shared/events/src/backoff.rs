//! Waiting longer after each failure, within bounds, and never in step with others.

use std::time::Duration;

/// Waits that double from a first one to a longest one, each shortened at random by up to a half, so that processes
/// that failed together do not come back together.
#[derive(Clone, Debug)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    failures: u32,
}

impl Backoff {
    /// 50 ms to 5 s: for what is normally there, a database or a broker.
    #[must_use]
    pub fn connection() -> Self {
        Backoff::new(Duration::from_millis(50), Duration::from_secs(5))
    }

    /// From `first` to `longest`.
    #[must_use]
    pub fn new(first: Duration, longest: Duration) -> Self {
        Backoff { first, longest, failures: 0 }
    }

    /// Counts a failure and says how long to wait after it.
    pub fn next_wait(&mut self) -> Duration {
        self.failures = self.failures.saturating_add(1);
        Backoff::after(self.failures, self.first, self.longest)
    }

    /// How long to wait after so many failures in a row, when the count is kept elsewhere.
    #[must_use]
    pub fn after(failures: u32, first: Duration, longest: Duration) -> Duration {
        let doublings = failures.saturating_sub(1).min(20);
        first.saturating_mul(1 << doublings).min(longest).mul_f64(rand::random_range(0.5..=1.0))
    }

    /// Starts over after a success.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    /// Failures since the last success.
    #[must_use]
    pub fn failures(&self) -> u32 {
        self.failures
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_stay_within_bounds_and_start_over() {
        let mut backoff = Backoff::connection();
        let first = backoff.next_wait();
        assert!(first >= Duration::from_millis(25) && first <= Duration::from_millis(50), "{first:?}");
        for _ in 0..100 {
            assert!(backoff.next_wait() <= Duration::from_secs(5));
        }
        assert!(backoff.next_wait() >= Duration::from_millis(2500));
        backoff.reset();
        assert!(backoff.next_wait() <= Duration::from_millis(50));
    }
}
