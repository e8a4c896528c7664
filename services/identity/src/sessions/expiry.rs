//! Sessions that nobody continued are forgotten.

use std::time::Duration;

use registrar_http::ServiceContext;

use super::store;

const EVERY: Duration = Duration::from_secs(3600);

/// Forgets old sessions every hour, until the task is dropped.
pub async fn run(context: ServiceContext) {
    loop {
        let forgotten = async { store::forget(&mut *context.db.get().await?, context.clock.now()).await };
        match forgotten.await {
            Ok(0) => {}
            Ok(count) => tracing::info!(count, "old sessions were forgotten"),
            Err(error) => tracing::warn!(%error, "old sessions could not be forgotten"),
        }
        tokio::time::sleep(EVERY).await;
    }
}
