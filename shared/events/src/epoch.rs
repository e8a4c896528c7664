//! Generations of a database.

use diesel::{ExpressionMethods, sql_query, update};
use diesel_async::RunQueryDsl;
use registrar_store::{Connection, StoreResult, schema::epoch};

/// A backup restored into another cluster brings transaction ids that this cluster has yet to reach; change feeds would
/// wait for them. Such rows count as changed before all that happens here. Without triggers: nobody changed them.
const CHANGES_BEFORE_THIS_CLUSTER: &str = "
    do $$ declare tracked name; begin
        for tracked in select table_name from information_schema.columns where column_name = 'change_xid' and table_schema = current_schema() loop
            execute format('alter table %I disable trigger user', tracked);
            execute format('update %I set change_xid = 0 where change_xid >= pg_current_xact_id()::text::bigint', tracked);
            execute format('alter table %I enable trigger user', tracked);
        end loop;
    end $$";

/// Begins a new generation of the owner's database and answers its number. To be called once after a restore from a
/// backup and before the service starts: copies may hold versions of the lost generation, and what the restored owner
/// says then wins over them. A [`crate::resync()`] to every consumer must follow, since only changed rows are published.
///
/// # Errors
/// Only when the database cannot be written.
pub async fn bump_epoch(conn: &mut Connection) -> StoreResult<i64> {
    sql_query(CHANGES_BEFORE_THIS_CLUSTER).execute(conn).await?;
    Ok(update(epoch::table).set(epoch::value.eq(epoch::value + 1)).returning(epoch::value).get_result(conn).await?)
}
