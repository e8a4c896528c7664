//! Waiting for a condition, never for a guess of how long something takes.

use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, sleep};

/// How long to leave a condition alone between two looks at it.
pub(crate) const POLL: Duration = Duration::from_millis(10);

/// Asks `condition` every [`POLL`] until it holds; `false` when it still does not after `deadline`.
pub(crate) async fn until<C, F>(deadline: Duration, mut condition: C) -> bool
where
    C: FnMut() -> F,
    F: Future<Output = bool>,
{
    let end = Instant::now() + deadline;
    loop {
        if condition().await {
            return true;
        }
        if Instant::now() >= end {
            return false;
        }
        sleep(POLL).await;
    }
}
