//! Every query that reads classes; [`super::writes`] has those that write them.

use std::collections::HashMap;

use diesel::{BoolExpressionMethods, ExpressionMethods, OptionalExtension, QueryDsl, SelectableHelper, dsl::AsSelect, pg::Pg, sql_types};
use diesel_async::RunQueryDsl;
use registrar_access::{Access, Action, Record};
use registrar_domain::{ClassId, EducationLevel, Hierarchy, SchoolYearId, StaffId, UnitId};
use registrar_store::{
    Computed, Condition, Connection, Page, PageRequest, StoreError, StoreResult,
    condition::{contains_words, within},
    feed::{self, FeedCursor, FeedPage},
    history::{self, HistoryEntry},
};
use serde_json::Value;
use uuid::Uuid;

use super::model::{ClassRecord, ClassStatus, ShownClass};
use crate::{
    derived::{self, Reach},
    embedded,
    schema::classes,
};

/// The aggregate's name, in events and in the history.
pub const AGGREGATE: &str = "students.class";

/// Where a class row keeps what grants speak of.
pub const RECORD: Record = Record { tenant: "classes.tenant_id", unit: "classes.unit_id", level: Some("classes.education_level"), class: Some("classes.id"), placed: true };

/// What a list is narrowed by.
#[derive(Debug, Default)]
pub struct ClassFilter {
    /// Words of the name, accents ignored.
    pub name: Option<String>,
    /// The unit itself.
    pub unit: Option<UnitId>,
    /// The unit and everything below it today.
    pub within: Option<(UnitId, Hierarchy)>,
    /// The school year.
    pub school_year: Option<SchoolYearId>,
    /// The grade.
    pub grade: Option<i16>,
    /// The education level.
    pub education_level: Option<EducationLevel>,
    /// The homeroom teacher.
    pub homeroom_teacher: Option<StaffId>,
    /// The status.
    pub status: Option<ClassStatus>,
}

/// The orders of a list.
pub const SORTS: [&str; 1] = ["name"];

/// The condition that the caller may do `action`, a read, with a class: by a grant, or as one of its teachers.
fn visible(access: &Access, action: Action) -> Condition {
    derived::or_own_class(access, action, access.narrow(action, &RECORD), Reach::Teaching, "classes.id")
}

/// A class as it is selected with what it shows of others.
type Shown = (AsSelect<ClassRecord, Pg>, Computed<sql_types::Jsonb>, Computed<sql_types::Nullable<sql_types::Jsonb>>, Computed<sql_types::BigInt>);
type ShownRow = (ClassRecord, Value, Option<Value>, i64);

fn shown(access: &Access) -> Shown {
    let size = Condition::sql("(select count(*) from enrolments e where e.class_id = classes.id and e.tenant_id = classes.tenant_id and ")
        .date(access.today)
        .and_sql(" between e.enrolled_on and coalesce(e.ended_on, 'infinity'))")
        .into();
    (ClassRecord::as_select(), embedded::unit("classes.unit_id", "classes.tenant_id"), embedded::staff("classes.homeroom_teacher_id", "classes.tenant_id"), size)
}

fn read((record, unit, homeroom_teacher, size): ShownRow) -> StoreResult<ShownClass> {
    Ok(ShownClass { record, unit: embedded::read(unit)?, homeroom_teacher: homeroom_teacher.map(embedded::read).transpose()?, size })
}

fn filtered<'a>(access: &Access, filter: &'a ClassFilter) -> classes::BoxedQuery<'a, Pg> {
    let mut query = classes::table.into_boxed().filter(classes::tenant_id.eq(Uuid::from(access.tenant))).filter(visible(access, Action::ClassesRead));
    if let Some(name) = &filter.name {
        query = query.filter(contains_words("classes.name_search", name));
    }
    if let Some(unit) = filter.unit {
        query = query.filter(classes::unit_id.eq(Uuid::from(unit)));
    }
    if let Some((unit, hierarchy)) = filter.within {
        query = query.filter(within("classes.unit_id", unit.into(), hierarchy.as_str(), access.today));
    }
    if let Some(year) = filter.school_year {
        query = query.filter(classes::school_year_id.eq(Uuid::from(year)));
    }
    if let Some(grade) = filter.grade {
        query = query.filter(classes::grade.eq(grade));
    }
    if let Some(level) = filter.education_level {
        query = query.filter(classes::education_level.eq(level.as_str()));
    }
    if let Some(teacher) = filter.homeroom_teacher {
        query = query.filter(classes::homeroom_teacher_id.eq(Uuid::from(teacher)));
    }
    if let Some(status) = filter.status {
        query = query.filter(classes::status.eq(status.as_str()));
    }
    query
}

/// The classes the caller may see, a page of them.
///
/// # Errors
/// [`StoreError::Forbidden`] when nothing lets the caller see classes at all.
pub async fn list(conn: &mut Connection, access: &Access, filter: &ClassFilter, page: &PageRequest) -> StoreResult<Page<ShownClass>> {
    derived::require_read(access, Action::ClassesRead)?;
    let mut query = filtered(access, filter).select(shown(access));
    if let Some(after) = page.keyset("classes.name_sort", "classes.id") {
        query = query.filter(after);
    }
    query = if page.descending { query.order((classes::name_sort.desc(), classes::id.desc())) } else { query.order((classes::name_sort.asc(), classes::id.asc())) };
    let rows: Vec<ShownRow> = page.cut(query).load(conn).await?;
    let rows = rows.into_iter().map(read).collect::<StoreResult<Vec<_>>>()?;
    let total = if page.count { Some(filtered(access, filter).count().get_result(conn).await?) } else { None };
    Ok(page.page(rows, total, |class| (class.record.columns.name_sort.clone(), class.record.id)))
}

/// One class.
///
/// # Errors
/// [`StoreError::NotFound`] when there is none the caller may see.
pub async fn find(conn: &Connection, access: &Access, id: ClassId) -> StoreResult<ShownClass> {
    Ok(readable(conn, access, id, Action::ClassesRead).await?.0)
}

/// A class the caller may see, and whether a grant also lets them do `action` with it.
async fn readable(mut conn: &Connection, access: &Access, id: ClassId, action: Action) -> StoreResult<(ShownClass, bool)> {
    derived::require_read(access, Action::ClassesRead)?;
    let (record, unit, teacher, size) = shown(access);
    let row: (ClassRecord, Value, Option<Value>, i64, bool) = classes::table
        .filter(classes::id.eq(Uuid::from(id)))
        .filter(classes::tenant_id.eq(Uuid::from(access.tenant)))
        .filter(visible(access, Action::ClassesRead))
        .select((record, unit, teacher, size, access.narrow(action, &RECORD)))
        .first(&mut conn)
        .await?;
    let (record, unit, teacher, size, may) = row;
    Ok((read((record, unit, teacher, size))?, may))
}

/// A class the caller may see whose students they may see too.
///
/// # Errors
/// [`StoreError::NotFound`]; [`StoreError::Forbidden`] when they may see the class alone.
pub async fn require_students(conn: &mut Connection, access: &Access, id: ClassId) -> StoreResult<()> {
    derived::require_read(access, Action::ClassesRead)?;
    let may: bool = classes::table
        .filter(classes::id.eq(Uuid::from(id)))
        .filter(classes::tenant_id.eq(Uuid::from(access.tenant)))
        .filter(visible(access, Action::ClassesRead))
        .select(visible(access, Action::StudentsRead))
        .first(conn)
        .await?;
    if may { Ok(()) } else { Err(StoreError::Forbidden(Action::StudentsRead.as_str())) }
}

/// A class that a body refers to at `pointer`, in which the caller wants to do `action`, a write; locked until the
/// transaction ends, since level, grade and end are copied from it. Lock classes before students, several by id.
///
/// # Errors
/// [`StoreError::Invalid`] for one the caller may not know of, [`StoreError::Forbidden`].
pub async fn referred(conn: &mut Connection, access: &Access, id: ClassId, action: Action, pointer: &str) -> StoreResult<ClassRecord> {
    let found: Option<(ClassRecord, bool)> = classes::table
        .filter(classes::id.eq(Uuid::from(id)))
        .filter(classes::tenant_id.eq(Uuid::from(access.tenant)))
        .filter(visible(access, Action::ClassesRead))
        .select((ClassRecord::as_select(), access.narrow(action, &RECORD)))
        .for_no_key_update()
        .first(conn)
        .await
        .optional()?;
    match found {
        Some((class, true)) => Ok(class),
        Some((_, false)) => Err(StoreError::Forbidden(action.as_str())),
        None => Err(StoreError::Invalid { pointer: pointer.into(), code: "unknown_class", detail: "no class of this id".into() }),
    }
}

/// Locks classes until the transaction ends, in the order in which everybody locks them.
///
/// # Errors
/// Only when the database cannot be asked.
pub async fn lock(conn: &mut Connection, access: &Access, ids: &[Uuid]) -> StoreResult<()> {
    let own = classes::table.filter(classes::tenant_id.eq(Uuid::from(access.tenant))).filter(classes::id.eq_any(ids.to_vec()));
    let _: Vec<Uuid> = own.order(classes::id).select(classes::id).for_no_key_update().load(conn).await?;
    Ok(())
}

/// A class the caller may change.
///
/// # Errors
/// [`StoreError::NotFound`], [`StoreError::Forbidden`].
pub async fn find_to_change(conn: &mut Connection, access: &Access, id: ClassId) -> StoreResult<ShownClass> {
    access.require_fresh(Action::ClassesWrite)?;
    let (class, may) = readable(conn, access, id, Action::ClassesWrite).await?;
    if may { Ok(class) } else { Err(StoreError::Forbidden(Action::ClassesWrite.as_str())) }
}

/// The latest state of the classes changed after a cursor, those the caller may see. A class whose homeroom teacher or
/// unit was renamed, or whose students changed, counts as changed.
///
/// # Errors
/// [`StoreError::CursorGone`] for a cursor of a former generation.
pub async fn changes(conn: &mut Connection, access: &Access, cursor: Option<FeedCursor>, limit: i64) -> StoreResult<FeedPage<ShownClass>> {
    derived::require_read(access, Action::ClassesRead)?;
    let from = feed::resume(conn, cursor).await?;
    let rows: Vec<ShownRow> = classes::table
        .filter(classes::tenant_id.eq(Uuid::from(access.tenant)))
        .filter(visible(access, Action::ClassesRead))
        .filter(feed::after("classes", from))
        .order((classes::change_xid, classes::change_sequence))
        .limit(limit + 1)
        .select(shown(access))
        .load(conn)
        .await?;
    let rows = rows.into_iter().map(read).collect::<StoreResult<Vec<_>>>()?;
    Ok(feed::page(from, limit, rows, |class| (class.record.change_xid, class.record.change_sequence.unwrap_or_default())))
}

/// Who changed what, newest first.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn history(conn: &mut Connection, access: &Access, id: ClassId) -> StoreResult<Vec<HistoryEntry>> {
    readable(conn, access, id, Action::ClassesRead).await?;
    history::entries(conn, AGGREGATE, "classes", id.into(), &[]).await
}

/// The classes of these units and school years with these names, and whether the caller may do `action` with each; for
/// imports, which lock them.
///
/// # Errors
/// Only when the database cannot be asked.
pub async fn by_names(conn: &mut Connection, access: &Access, action: Action, units: Vec<Uuid>, years: Vec<Uuid>, name_keys: Vec<String>) -> StoreResult<Vec<(ClassRecord, bool)>> {
    let wanted = classes::unit_id.eq_any(units).and(classes::school_year_id.eq_any(years)).and(classes::name_key.eq_any(name_keys));
    Ok(classes::table
        .filter(classes::tenant_id.eq(Uuid::from(access.tenant)))
        .filter(wanted)
        .order(classes::id)
        .select((ClassRecord::as_select(), access.narrow(action, &RECORD)))
        .for_no_key_update()
        .load(conn)
        .await?)
}

/// How many classes that have not ended each of these units has.
///
/// # Errors
/// Only when the database cannot be asked.
pub async fn count_by_unit(conn: &mut Connection, access: &Access, units: &[Uuid]) -> StoreResult<HashMap<Uuid, i64>> {
    let rows: Vec<(Uuid, i64)> = classes::table
        .filter(classes::tenant_id.eq(Uuid::from(access.tenant)).and(classes::unit_id.eq_any(units)).and(classes::status.eq("active")))
        .group_by(classes::unit_id)
        .select((classes::unit_id, diesel::dsl::count_star()))
        .load(conn)
        .await?;
    Ok(rows.into_iter().collect())
}

/// The school years of these classes.
///
/// # Errors
/// Only when the database cannot be asked.
pub async fn school_years_of(conn: &mut Connection, access: &Access, ids: Vec<Uuid>) -> StoreResult<HashMap<Uuid, Uuid>> {
    let own = classes::tenant_id.eq(Uuid::from(access.tenant)).and(classes::id.eq_any(ids));
    Ok(classes::table.filter(own).select((classes::id, classes::school_year_id)).load(conn).await?.into_iter().collect())
}
