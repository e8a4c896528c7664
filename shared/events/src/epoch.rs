//! Generations of a database.

use diesel::{ExpressionMethods, update};
use diesel_async::RunQueryDsl;
use registrar_store::{Connection, StoreResult, schema::epoch};

/// Begins a new generation of the owner's database and answers its number. To be called once after a restore from a
/// backup and before the service starts: copies may hold versions of the lost generation, and what the restored owner
/// says then wins over them. A [`crate::resync()`] to every consumer must follow, since only changed rows are published.
///
/// # Errors
/// Only when the database cannot be written.
pub async fn bump_epoch(conn: &mut Connection) -> StoreResult<i64> {
    Ok(update(epoch::table).set(epoch::value.eq(epoch::value + 1)).returning(epoch::value).get_result(conn).await?)
}
