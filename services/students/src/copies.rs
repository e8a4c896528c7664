//! This service's copies of other services' records, and what follows here when one of them changes: classes and
//! assignments that show a renamed teacher or unit move in their change feeds (S0-017, S3-005).

use std::{collections::HashMap, sync::Arc};

use async_trait::async_trait;
use diesel::{BoolExpressionMethods, ExpressionMethods, OptionalExtension, QueryDsl, QueryableByName, sql_query, sql_types};
use diesel_async::RunQueryDsl;
use registrar_access::{Access, Action, Record, replicas, schema::units};
use registrar_domain::StaffId;
use registrar_events::{ApplyError, Event, Held, Replica, TableReplica, contracts::personnel::Staff};
use registrar_store::{Connection, StoreError, StoreResult};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::schema::staff_copies;

/// Where the copy of a staff record keeps what grants speak of.
const STAFF: Record = Record { tenant: "staff_copies.tenant_id", unit: "staff_copies.unit_id", level: None, class: None, placed: false };

/// All copies.
#[must_use]
pub fn replicas() -> Vec<Arc<dyn Replica>> {
    let units = Shown { copy: replicas::units(), shown: "code, name", touches: &[CLASSES_OF_UNITS] };
    let staff = Shown { copy: staff(), shown: "code, full_name", touches: &[CLASSES_OF_STAFF, ASSIGNMENTS_OF_STAFF] };
    let mut copies = replicas::replicas();
    copies.retain(|copy| copy.aggregate() != units.copy.aggregate);
    copies.push(Arc::new(units));
    copies.push(Arc::new(staff));
    copies
}

const CLASSES_OF_UNITS: &str = "update classes t set change_sequence = null from units c where c.id = any($1) and t.tenant_id = c.tenant_id and t.unit_id = c.id";
const CLASSES_OF_STAFF: &str =
    "update classes t set change_sequence = null from staff_copies c where c.id = any($1) and t.tenant_id = c.tenant_id and t.homeroom_teacher_id = c.id";
const ASSIGNMENTS_OF_STAFF: &str = "update assignments t set change_sequence = null from staff_copies c where c.id = any($1) and t.tenant_id = c.tenant_id and t.staff_id = c.id";

fn staff() -> TableReplica {
    TableReplica {
        aggregate: "personnel.staff",
        table: "staff_copies",
        columns: &["code", "full_name", "position", "unit_id", "status"],
        row: |event| {
            let staff: Staff = event.decode()?;
            let row = json!({"code": staff.code, "full_name": staff.full_name, "position": staff.position, "unit_id": staff.unit_id, "status": staff.status});
            match row {
                Value::Object(fields) => Ok(fields),
                _ => Ok(Map::new()),
            }
        },
    }
}

/// A copy some fields of which other records show.
struct Shown {
    copy: TableReplica,
    /// The columns that are shown.
    shown: &'static str,
    /// Statements that touch the rows which show the copies with the ids $1.
    touches: &'static [&'static str],
}

#[derive(QueryableByName)]
struct ShownRow {
    #[diesel(sql_type = sql_types::Uuid)]
    id: Uuid,
    #[diesel(sql_type = sql_types::Text)]
    shown: String,
}

impl Shown {
    async fn shown(&self, conn: &mut Connection, ids: &[Uuid]) -> StoreResult<HashMap<Uuid, String>> {
        let statement = format!("select id, row({})::text as shown from {} where id = any($1)", self.shown, self.copy.table);
        let rows: Vec<ShownRow> = sql_query(statement).bind::<sql_types::Array<sql_types::Uuid>, _>(ids).load(conn).await?;
        Ok(rows.into_iter().map(|row| (row.id, row.shown)).collect())
    }
}

#[async_trait]
impl Replica for Shown {
    fn aggregate(&self) -> &'static str {
        self.copy.aggregate
    }

    async fn apply(&self, conn: &mut Connection, events: &[Event]) -> Result<(), ApplyError> {
        let ids: Vec<Uuid> = events.iter().map(|event| event.id).collect();
        let before = self.shown(conn, &ids).await?;
        let written = self.copy.write(conn, events).await?;
        let after = self.shown(conn, &written).await?;
        let changed: Vec<Uuid> = after.into_iter().filter(|(id, shown)| before.get(id) != Some(shown)).map(|(id, _)| id).collect();
        if !changed.is_empty() {
            for touch in self.touches {
                sql_query(*touch).bind::<sql_types::Array<sql_types::Uuid>, _>(&changed).execute(conn).await?;
            }
        }
        Ok(())
    }

    fn expected(&self, event: &Event) -> Result<Value, ApplyError> {
        self.copy.expected(event)
    }

    async fn held(&self, conn: &mut Connection, ids: &[Uuid]) -> StoreResult<Vec<Held>> {
        self.copy.held(conn, ids).await
    }

    async fn ids(&self, conn: &mut Connection, after: Option<Uuid>, limit: i64) -> StoreResult<Vec<Uuid>> {
        self.copy.ids(conn, after, limit).await
    }
}

/// Refuses a member of staff of whom it is known that they have left; one that has not arrived here yet is accepted.
///
/// # Errors
/// [`StoreError::Invalid`] at `pointer`.
pub async fn not_left(conn: &mut Connection, access: &Access, staff: StaffId, pointer: &str) -> StoreResult<()> {
    let status: Option<String> = staff_copies::table
        .filter(staff_copies::tenant_id.eq(Uuid::from(access.tenant)))
        .filter(staff_copies::id.eq(Uuid::from(staff)))
        .select(staff_copies::status)
        .first(conn)
        .await
        .optional()?;
    if status.as_deref() != Some("ended") {
        return Ok(());
    }
    Err(StoreError::Invalid { pointer: pointer.into(), code: "staff_ended", detail: "this member of staff has left".into() })
}

/// Refuses what would arrive in a closed unit; what is there already can still be corrected.
///
/// # Errors
/// [`StoreError::Invalid`] at `pointer`.
pub async fn not_closed(conn: &mut Connection, access: &Access, unit: Uuid, pointer: &str) -> StoreResult<()> {
    let of_tenant = units::table.filter(units::tenant_id.eq(Uuid::from(access.tenant)).and(units::id.eq(unit)));
    let closed: Option<String> = of_tenant.filter(units::status.eq("closed")).select(units::name).first(conn).await.optional()?;
    closed.map_or(Ok(()), |name| Err(StoreError::Invalid { pointer: pointer.into(), code: "unit_closed", detail: format!("{name} is closed") }))
}

/// The members of staff with these codes whom the caller may see: id and whether they have left.
///
/// # Errors
/// Only when the database cannot be asked.
pub async fn staff_by_codes(conn: &mut Connection, access: &Access, codes: Vec<String>) -> StoreResult<HashMap<String, (Uuid, bool)>> {
    let rows: Vec<(String, Uuid, String)> = staff_copies::table
        .filter(staff_copies::tenant_id.eq(Uuid::from(access.tenant)))
        .filter(staff_copies::code.eq_any(codes))
        .filter(access.narrow(Action::StaffRead, &STAFF))
        .select((staff_copies::code, staff_copies::id, staff_copies::status))
        .load(conn)
        .await?;
    Ok(rows.into_iter().map(|(code, id, status)| (code, (id, status == "ended"))).collect())
}
