//! Waiting for what must come.

use std::{future::Future, time::Duration};

/// How long a condition is left alone between two looks at it.
const POLL: Duration = Duration::from_millis(50);

/// Looks at `check` until it holds.
///
/// # Panics
/// When it does not hold within `patience`; the message says what was waited for.
pub async fn until<F: Future<Output = bool>>(patience: Duration, what: &str, mut check: impl FnMut() -> F) {
    let deadline = tokio::time::Instant::now() + patience;
    while !check().await {
        assert!(tokio::time::Instant::now() < deadline, "not within {patience:?}: {what}");
        tokio::time::sleep(POLL).await;
    }
}
