//! Waiting for what must come, instead of sleeping for as long as it might take.

#![allow(clippy::panic, reason = "a wait that ends in vain fails the test at the line that waited")]

use std::{future::Future, panic::Location, time::Duration};

use tokio::time::{Instant, sleep};

/// How long a condition is left alone between two looks at it.
const POLL: Duration = Duration::from_millis(20);

/// Looks at `condition` every 20 ms until it holds.
///
/// # Panics
/// When it does not hold within `deadline`; the message names the caller's line.
#[track_caller]
pub fn eventually<C, F>(deadline: Duration, mut condition: C) -> impl Future<Output = ()>
where
    C: FnMut() -> F,
    F: Future<Output = bool>,
{
    let caller = Location::caller();
    async move {
        let end = Instant::now() + deadline;
        while !condition().await {
            if Instant::now() >= end {
                panic!("what {caller} waits for did not come within {deadline:?}");
            }
            sleep(POLL).await;
        }
    }
}
