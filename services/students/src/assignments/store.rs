//! Every query on teaching assignments.

use std::collections::HashMap;

use chrono::NaiveDate;
use diesel::{
    BoolExpressionMethods, ExpressionMethods, OptionalExtension, QueryDsl, SelectableHelper,
    dsl::AsSelect,
    pg::Pg,
    sql_types::{Jsonb, Nullable},
};
use diesel_async::RunQueryDsl;
use registrar_access::{Access, Action, Record};
use registrar_domain::{AssignmentId, ClassId, StaffId, UnitId};
use registrar_store::{
    Computed, Condition, Connection, Keep, Page, PageRequest, StoreError, StoreResult, authored,
    feed::{self, FeedCursor, FeedPage},
    history::{self, HistoryEntry},
};
use serde_json::Value;
use uuid::Uuid;

use super::model::{AssignmentColumns, AssignmentInput, AssignmentRecord, AssignmentStatus, ShownAssignment};
use crate::{
    classes::{self, model::invalid},
    copies, dated,
    derived::{self, Reach},
    embedded,
    schema::assignments,
};

/// The aggregate's name, in events and in the history.
pub const AGGREGATE: &str = "students.assignment";

/// Where an assignment row keeps what grants speak of.
pub const RECORD: Record =
    Record { tenant: "assignments.tenant_id", unit: "assignments.unit_id", level: Some("assignments.education_level"), class: Some("assignments.class_id"), placed: true };

/// What a list is narrowed by.
#[derive(Debug, Default)]
pub struct AssignmentFilter {
    /// The teacher.
    pub staff: Option<StaffId>,
    /// The class.
    pub class: Option<ClassId>,
    /// The class's unit.
    pub unit: Option<UnitId>,
    /// Those that contain this day.
    pub on: Option<NaiveDate>,
    /// The status.
    pub status: Option<AssignmentStatus>,
}

/// The orders of a list.
pub const SORTS: [&str; 1] = ["from"];

/// The condition that the caller may read an assignment: by a grant, as the homeroom teacher of its class, or as the
/// teacher it assigns.
fn visible(access: &Access) -> Condition {
    let granted = access.narrow(Action::AssignmentsRead, &RECORD);
    let granted = match access.staff {
        Some(staff) => granted.or(Condition::sql("assignments.staff_id = ").uuid(staff.into())),
        None => granted,
    };
    derived::or_own_class(access, Action::AssignmentsRead, granted, Reach::Homeroom, "assignments.class_id")
}

/// An assignment as it is selected with what it shows of others.
type Shown = (AsSelect<AssignmentRecord, Pg>, Computed<Nullable<Jsonb>>, Computed<Nullable<Jsonb>>);
type ShownRow = (AssignmentRecord, Option<Value>, Option<Value>);

fn shown() -> Shown {
    (AssignmentRecord::as_select(), embedded::staff("assignments.staff_id", "assignments.tenant_id"), embedded::class("assignments.class_id", "assignments.tenant_id"))
}

fn read((record, staff, class): ShownRow) -> StoreResult<ShownAssignment> {
    Ok(ShownAssignment { record, staff: embedded::read(staff.unwrap_or_default())?, class: embedded::read(class.unwrap_or_default())? })
}

fn filtered<'a>(access: &Access, filter: &AssignmentFilter) -> assignments::BoxedQuery<'a, Pg> {
    let mut query = assignments::table.into_boxed().filter(assignments::tenant_id.eq(Uuid::from(access.tenant))).filter(visible(access));
    if let Some(staff) = filter.staff {
        query = query.filter(assignments::staff_id.eq(Uuid::from(staff)));
    }
    if let Some(class) = filter.class {
        query = query.filter(assignments::class_id.eq(Uuid::from(class)));
    }
    if let Some(unit) = filter.unit {
        query = query.filter(assignments::unit_id.eq(Uuid::from(unit)));
    }
    if let Some(on) = filter.on {
        query = query.filter(Condition::default().date(on).and_sql(" between assignments.valid_from and coalesce(assignments.valid_to, 'infinity')"));
    }
    if let Some(status) = filter.status {
        query = query.filter(assignments::status.eq(status.as_str()));
    }
    query
}

/// The assignments the caller may see, a page of them.
///
/// # Errors
/// [`StoreError::Forbidden`] when nothing lets the caller see assignments at all.
pub async fn list(conn: &mut Connection, access: &Access, filter: &AssignmentFilter, page: &PageRequest) -> StoreResult<Page<ShownAssignment>> {
    derived::require_read(access, Action::AssignmentsRead)?;
    let mut query = filtered(access, filter).select(shown());
    if let Some(after) = dated::after(page, "assignments.valid_from", "assignments.id")? {
        query = query.filter(after);
    }
    query =
        if page.descending { query.order((assignments::valid_from.desc(), assignments::id.desc())) } else { query.order((assignments::valid_from.asc(), assignments::id.asc())) };
    let rows: Vec<ShownRow> = page.cut(query).load(conn).await?;
    let rows = rows.into_iter().map(read).collect::<StoreResult<Vec<_>>>()?;
    let total = if page.count { Some(filtered(access, filter).count().get_result(conn).await?) } else { None };
    Ok(page.page(rows, total, |row| (row.record.columns.valid_from.to_string(), row.record.id)))
}

/// One assignment.
///
/// # Errors
/// [`StoreError::NotFound`] when there is none the caller may see.
pub async fn find(conn: &Connection, access: &Access, id: AssignmentId) -> StoreResult<ShownAssignment> {
    Ok(readable(conn, access, id).await?.0)
}

/// An assignment the caller may see, and whether a grant also lets them change it.
async fn readable(mut conn: &Connection, access: &Access, id: AssignmentId) -> StoreResult<(ShownAssignment, bool)> {
    derived::require_read(access, Action::AssignmentsRead)?;
    let (record, staff, class) = shown();
    let (record, staff, class, may): (AssignmentRecord, Option<Value>, Option<Value>, bool) = assignments::table
        .filter(assignments::id.eq(Uuid::from(id)).and(assignments::tenant_id.eq(Uuid::from(access.tenant))))
        .filter(visible(access))
        .select((record, staff, class, access.narrow(Action::AssignmentsWrite, &RECORD)))
        .first(&mut conn)
        .await?;
    Ok((read((record, staff, class))?, may))
}

/// A new assignment.
///
/// # Errors
/// [`StoreError::Invalid`], [`StoreError::Forbidden`], [`StoreError::Conflict`] when the teacher has this subject in the
/// class from that day already.
pub async fn create(conn: &mut Connection, access: &Access, input: &AssignmentInput) -> StoreResult<ShownAssignment> {
    access.require(Action::AssignmentsWrite)?;
    input.check()?;
    let class = classes::store::referred(conn, access, input.class_id, Action::AssignmentsWrite, "/class_id").await?;
    if class.columns.ended_on.is_some() {
        return Err(invalid("/class_id", "class_ended", "the class has ended"));
    }
    copies::not_closed(conn, access, class.columns.unit_id, "/class_id").await?;
    copies::not_left(conn, access, input.staff_id, "/staff_id").await?;
    let copied = (assignments::unit_id.eq(class.columns.unit_id), assignments::education_level.eq(class.columns.education_level));
    let id: Uuid = diesel::insert_into(assignments::table)
        .values((assignments::id.eq(Uuid::now_v7()), assignments::tenant_id.eq(Uuid::from(access.tenant)), input.columns(), copied, authored!(assignments, &access.author())))
        .returning(assignments::id)
        .get_result(conn)
        .await?;
    find(conn, access, id.into()).await
}

/// An assignment the caller may change.
///
/// # Errors
/// [`StoreError::NotFound`], [`StoreError::Forbidden`].
pub async fn find_to_change(conn: &mut Connection, access: &Access, id: AssignmentId) -> StoreResult<ShownAssignment> {
    access.require_fresh(Action::AssignmentsWrite)?;
    let (assignment, may) = readable(conn, access, id).await?;
    if may { Ok(assignment) } else { Err(StoreError::Forbidden(Action::AssignmentsWrite.as_str())) }
}

/// Changes an assignment from the state in which it was found. What changes nothing writes nothing.
///
/// # Errors
/// Those of [`create`]; [`StoreError::Stale`] when it was changed since.
pub async fn update(conn: &mut Connection, access: &Access, found: ShownAssignment, input: &AssignmentInput) -> StoreResult<ShownAssignment> {
    let (before, columns) = (&found.record, input.columns());
    if columns == before.columns {
        return Ok(found);
    }
    input.check()?;
    if columns.staff_id != before.columns.staff_id {
        return Err(invalid("/staff_id", "immutable", "another teacher is another assignment"));
    }
    if columns.class_id != before.columns.class_id {
        return Err(invalid("/class_id", "immutable", "another class is another assignment"));
    }
    write(conn, access, before, columns).await?.ok_or(StoreError::Stale { current: before.version + 1 })?;
    find(conn, access, before.id.into()).await
}

async fn write(conn: &mut Connection, access: &Access, before: &AssignmentRecord, columns: AssignmentColumns) -> StoreResult<Option<Uuid>> {
    let target = assignments::table.filter(assignments::id.eq(before.id).and(assignments::tenant_id.eq(before.tenant_id)).and(assignments::version.eq(before.version)));
    let statement = diesel::update(target).set((columns, authored!(assignments, &access.author()))).returning(assignments::id);
    Ok(Keep(statement).get_result(conn).await.optional()?)
}

/// The latest state of the assignments changed after a cursor, those the caller may see. One whose teacher or class was
/// renamed counts as changed.
///
/// # Errors
/// [`StoreError::CursorGone`] for a cursor of a former generation.
pub async fn changes(conn: &mut Connection, access: &Access, cursor: Option<FeedCursor>, limit: i64) -> StoreResult<FeedPage<ShownAssignment>> {
    derived::require_read(access, Action::AssignmentsRead)?;
    let from = feed::resume(conn, cursor).await?;
    let rows: Vec<ShownRow> = assignments::table
        .filter(assignments::tenant_id.eq(Uuid::from(access.tenant)))
        .filter(visible(access))
        .filter(feed::after("assignments", from))
        .order((assignments::change_xid, assignments::change_sequence))
        .limit(limit + 1)
        .select(shown())
        .load(conn)
        .await?;
    let rows = rows.into_iter().map(read).collect::<StoreResult<Vec<_>>>()?;
    Ok(feed::page(from, limit, rows, |row| (row.record.change_xid, row.record.change_sequence.unwrap_or_default())))
}

/// Who changed what, newest first.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn history(conn: &mut Connection, access: &Access, id: AssignmentId) -> StoreResult<Vec<HistoryEntry>> {
    readable(conn, access, id).await?;
    history::entries(conn, AGGREGATE, "assignments", id.into(), &[]).await
}

/// The assignments in these classes; for imports, which lock them.
///
/// # Errors
/// Only when the database cannot be asked.
pub async fn of_classes(conn: &mut Connection, access: &Access, classes: Vec<Uuid>) -> StoreResult<Vec<AssignmentRecord>> {
    Ok(assignments::table
        .filter(assignments::tenant_id.eq(Uuid::from(access.tenant)).and(assignments::class_id.eq_any(classes)))
        .filter(access.narrow(Action::AssignmentsWrite, &RECORD))
        .order(assignments::id)
        .select(AssignmentRecord::as_select())
        .for_no_key_update()
        .load(conn)
        .await?)
}

/// How many assignments that were not ended each of these units has.
///
/// # Errors
/// Only when the database cannot be asked.
pub async fn count_by_unit(conn: &mut Connection, access: &Access, units: &[Uuid]) -> StoreResult<HashMap<Uuid, i64>> {
    let rows: Vec<(Uuid, i64)> = assignments::table
        .filter(assignments::tenant_id.eq(Uuid::from(access.tenant)).and(assignments::unit_id.eq_any(units)).and(assignments::status.eq("active")))
        .group_by(assignments::unit_id)
        .select((assignments::unit_id, diesel::dsl::count_star()))
        .load(conn)
        .await?;
    Ok(rows.into_iter().collect())
}
