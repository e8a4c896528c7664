//! Keys take each other's place by themselves.

use std::time::Duration;

use registrar_http::ServiceContext;

use super::store;

const EVERY: Duration = Duration::from_secs(30);

/// Makes sure that there is a key to sign with, now and every half minute, until the task is dropped.
pub async fn run(context: ServiceContext) {
    loop {
        let made = async { store::ensure_key(&mut *context.db.get().await?, &context.secret, context.clock.now()).await };
        match made.await {
            Ok(true) => {
                tracing::info!("a signing key was made");
                context.db.committed();
            }
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, "signing keys could not be looked at"),
        }
        tokio::time::sleep(EVERY).await;
    }
}
