//! The names of staff, copied from personnel: an account's display name follows the record it is linked with (S0-017).

use std::collections::HashMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use diesel::{ExpressionMethods, QueryDsl, sql_query, sql_types};
use diesel_async::RunQueryDsl;
use registrar_access::Access;
use registrar_domain::text::{search_key, sort_key};
use registrar_events::{ApplyError, Event, Held, Replica, TableReplica, contracts::personnel::Staff};
use registrar_store::{Connection, StoreResult};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::schema::staff_names;

/// The copy of staff, and what follows from it. The end of a staff record changes no account: whoever manages the
/// account decides.
pub struct StaffNames;

const COPY: TableReplica =
    TableReplica { aggregate: "personnel.staff", table: "staff_names", columns: &["full_name", "name_search", "name_sort", "code", "status", "unit_id"], row };

fn row(event: &Event) -> Result<Map<String, Value>, ApplyError> {
    let staff: Staff = event.decode()?;
    let row = json!({
        "full_name": staff.full_name, "name_search": search_key(&staff.full_name), "name_sort": sort_key(&staff.full_name),
        "code": staff.code, "status": staff.status, "unit_id": staff.unit_id,
    });
    match row {
        Value::Object(row) => Ok(row),
        _ => Ok(Map::new()),
    }
}

/// The author is personnel itself: no account, the application "events".
const RENAME: &str = "
    update accounts a set display_name = s.full_name, name_search = s.name_search, name_sort = s.name_sort, changed_at = greatest(a.changed_at, $2),
           changed_by = $3, changed_for = null, changed_via = 'events', request_id = $3
    from staff_names s
    where s.id = any($1) and a.staff_id = s.id and a.tenant_id = s.tenant_id and a.display_name <> s.full_name";

async fn rename(conn: &mut Connection, staff: Vec<Uuid>, at: DateTime<Utc>) -> Result<(), ApplyError> {
    sql_query(RENAME).bind::<sql_types::Array<sql_types::Uuid>, _>(staff).bind::<sql_types::Timestamptz, _>(at).bind::<sql_types::Uuid, _>(Uuid::nil()).execute(conn).await?;
    Ok(())
}

/// The staff records with these codes, by them.
///
/// # Errors
/// Only when the database cannot be asked.
pub async fn by_codes(conn: &mut Connection, access: &Access, codes: Vec<String>) -> StoreResult<HashMap<String, Uuid>> {
    let known = staff_names::table.filter(staff_names::tenant_id.eq(Uuid::from(access.tenant)));
    Ok(known.filter(staff_names::code.eq_any(codes)).select((staff_names::code, staff_names::id)).load::<(String, Uuid)>(conn).await?.into_iter().collect())
}

/// The codes of these staff records, those that are known here.
///
/// # Errors
/// Only when the database cannot be asked.
pub async fn codes(conn: &mut Connection, access: &Access, ids: Vec<Uuid>) -> StoreResult<HashMap<Uuid, String>> {
    let known = staff_names::table.filter(staff_names::tenant_id.eq(Uuid::from(access.tenant)));
    Ok(known.filter(staff_names::id.eq_any(ids)).select((staff_names::id, staff_names::code)).load::<(Uuid, String)>(conn).await?.into_iter().collect())
}

#[async_trait]
impl Replica for StaffNames {
    fn aggregate(&self) -> &'static str {
        COPY.aggregate
    }

    async fn apply(&self, conn: &mut Connection, events: &[Event]) -> Result<(), ApplyError> {
        let written = COPY.write(conn, events).await?;
        match events.iter().map(|event| event.occurred_at).max() {
            Some(at) if !written.is_empty() => rename(conn, written, at).await,
            _ => Ok(()),
        }
    }

    fn expected(&self, event: &Event) -> Result<Value, ApplyError> {
        COPY.expected(event)
    }

    async fn held(&self, conn: &mut Connection, ids: &[Uuid]) -> StoreResult<Vec<Held>> {
        COPY.held(conn, ids).await
    }

    async fn ids(&self, conn: &mut Connection, after: Option<Uuid>, limit: i64) -> StoreResult<Vec<Uuid>> {
        COPY.ids(conn, after, limit).await
    }
}
