//! Schema migrations: what every service database has first, then the service's own.

use diesel_async::AsyncMigrationHarness;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::{
    StoreError, StoreResult,
    connect::{Connector, Driven},
};

/// `migrations/shared`: outbox, history, parked events, idempotency keys.
pub const SHARED: EmbeddedMigrations = embed_migrations!("../../migrations/shared");

/// Applies what is missing of [`SHARED`] and of `sets`, in order; answers the versions applied.
/// Needs a multi-threaded tokio runtime.
///
/// # Errors
/// [`StoreError::Unavailable`] when the database cannot be reached or a migration fails; it names which.
pub async fn run(url: &str, sets: Vec<EmbeddedMigrations>) -> StoreResult<Vec<String>> {
    let Driven { conn, .. } = Connector::new(url).connect().await.map_err(|error| StoreError::Unavailable(error.to_string()))?;
    let mut harness = AsyncMigrationHarness::new(conn);
    let mut applied = Vec::new();
    for set in std::iter::once(SHARED).chain(sets) {
        let versions = harness.run_pending_migrations(set).map_err(|error| StoreError::Unavailable(format!("migration: {error}")))?;
        applied.extend(versions.iter().map(ToString::to_string));
    }
    Ok(applied)
}
