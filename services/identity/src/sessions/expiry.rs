//! Sessions that nobody continued are forgotten, and refresh tokens that were used up.

use std::time::Duration;

use registrar_http::ServiceContext;

use super::store;

const EVERY: Duration = Duration::from_secs(3600);

/// Forgets old sessions and refresh tokens every hour, until the task is dropped.
pub async fn run(context: ServiceContext) {
    loop {
        let forgotten = async { store::forget(&mut *context.db.get().await?, context.clock.now()).await };
        match forgotten.await {
            Ok(0) => {}
            Ok(count) => tracing::info!(count, "old sessions and refresh tokens were forgotten"),
            Err(error) => tracing::warn!(%error, "old sessions and refresh tokens could not be forgotten"),
        }
        tokio::time::sleep(EVERY).await;
    }
}
