//! Every query that reads students; [`super::writes`] has those that write them.

use std::collections::{BTreeSet, HashMap};

use chrono::NaiveDate;
use diesel::{
    BoolExpressionMethods, ExpressionMethods, OptionalExtension, QueryDsl, SelectableHelper,
    dsl::AsSelect,
    pg::Pg,
    sql_types::{Jsonb, Nullable},
};
use diesel_async::RunQueryDsl;
use registrar_access::{Access, Action, Record};
use registrar_domain::{ClassId, Cohort, EducationLevel, Hierarchy, IdentityStatus, StudentId, UnitId};
use registrar_store::{
    Computed, Condition, Connection, Page, PageRequest, StoreError, StoreResult,
    condition::{contains_words, within},
    feed::{self, FeedCursor, FeedPage},
    history::{self, HistoryEntry},
};
use serde_json::Value;
use uuid::Uuid;

use super::model::{ShownStudent, StudentRecord, StudentStatus};
use crate::{
    classes,
    derived::{self, Reach},
    embedded,
    schema::students,
};

/// The aggregate's name, in events and in the history.
pub const AGGREGATE: &str = "students.student";

/// Where a student row keeps what grants speak of.
pub const RECORD: Record =
    Record { tenant: "students.tenant_id", unit: "students.unit_id", level: Some("students.education_level"), class: Some("students.class_id"), placed: true };

/// Fields that only those with the right to them see, each time logged.
const SENSITIVE: [&str; 8] = ["personal_number", "phone", "ethnic_group", "religion", "policy_category", "disability", "health", "identifiers"];

/// What a list is narrowed by.
#[derive(Debug, Default, PartialEq)]
pub struct StudentFilter {
    /// Words of the name, accents ignored.
    pub name: Option<String>,
    /// The code, exactly.
    pub code: Option<String>,
    /// The class of the open enrolment.
    pub class: Option<ClassId>,
    /// The unit itself.
    pub unit: Option<UnitId>,
    /// The unit and everything below it today.
    pub within: Option<(UnitId, Hierarchy)>,
    /// The education level.
    pub education_level: Option<EducationLevel>,
    /// The status.
    pub status: Option<StudentStatus>,
    /// Whether the personal number has been verified.
    pub identity_status: Option<IdentityStatus>,
    /// The cohort.
    pub cohort: Option<Cohort>,
    /// Only the students whose sensitive fields the caller may see.
    pub sensitive: bool,
}

/// The orders of a list.
pub const SORTS: [&str; 2] = ["name", "code"];

/// The condition that the caller may read a student without sensitive fields: by a grant, or as one of the teachers of
/// the class the student is in.
pub(crate) fn visible(access: &Access) -> Condition {
    derived::or_own_class(access, Action::StudentsRead, access.narrow(Action::StudentsRead, &RECORD), Reach::Teaching, "students.class_id")
}

/// A student as it is selected with what it shows of others.
type Shown = (AsSelect<StudentRecord, Pg>, Computed<Nullable<Jsonb>>);

fn shown() -> Shown {
    (StudentRecord::as_select(), embedded::class("students.class_id", "students.tenant_id"))
}

fn read((record, class): (StudentRecord, Option<Value>)) -> StoreResult<ShownStudent> {
    Ok(ShownStudent { record, class: class.map(embedded::read).transpose()? })
}

fn filtered<'a>(access: &Access, filter: &'a StudentFilter) -> students::BoxedQuery<'a, Pg> {
    let mut query = students::table.into_boxed().filter(students::tenant_id.eq(Uuid::from(access.tenant))).filter(visible(access));
    if filter.sensitive {
        query = query.filter(access.narrow(Action::StudentsReadSensitive, &RECORD));
    }
    if let Some(name) = &filter.name {
        query = query.filter(contains_words("students.name_search", name));
    }
    if let Some(code) = &filter.code {
        query = query.filter(students::code.eq(code));
    }
    if let Some(class) = filter.class {
        query = query.filter(students::class_id.eq(Uuid::from(class)));
    }
    if let Some(unit) = filter.unit {
        query = query.filter(students::unit_id.eq(Uuid::from(unit)));
    }
    if let Some((unit, hierarchy)) = filter.within {
        query = query.filter(within("students.unit_id", unit.into(), hierarchy.as_str(), access.today));
    }
    if let Some(level) = filter.education_level {
        query = query.filter(students::education_level.eq(level.as_str()));
    }
    if let Some(status) = filter.status {
        query = query.filter(students::status.eq(status.as_str()));
    }
    if let Some(status) = filter.identity_status {
        query = query.filter(students::identity_status.eq(status.as_str()));
    }
    if let Some(cohort) = &filter.cohort {
        query = query.filter(students::cohort.eq(cohort));
    }
    query
}

/// The students the caller may see, a page of them.
///
/// # Errors
/// [`StoreError::Forbidden`] when nothing lets the caller see students at all.
pub async fn list(conn: &Connection, access: &Access, filter: &StudentFilter, page: &PageRequest) -> StoreResult<Page<ShownStudent>> {
    derived::require_read(access, Action::StudentsRead)?;
    paged(conn, &|| filtered(access, filter), &page.steady_if(is_steady(access, filter, page))).await
}

/// Whether nearly every row met in the order of an index is shown: then a page is soon read.
#[must_use]
pub fn is_steady(access: &Access, filter: &StudentFilter, page: &PageRequest) -> bool {
    // Those of a unit or a class come in the order of an index by name alone.
    let in_order = page.sort == "name" || (filter.unit.is_none() && filter.class.is_none());
    let usual = in_order && *filter == StudentFilter { unit: filter.unit, class: filter.class, ..StudentFilter::default() };
    usual && access.reaches_most_or_one(Action::StudentsRead, &RECORD)
}

/// The students who were in a class on a day, a page of them; also those who have gone elsewhere since.
///
/// # Errors
/// [`StoreError::NotFound`] for a class the caller may not see, [`StoreError::Forbidden`] when they may not see its
/// students.
pub async fn list_of_class(conn: &mut Connection, access: &Access, class: ClassId, on: NaiveDate, page: &PageRequest) -> StoreResult<Page<ShownStudent>> {
    classes::store::require_students(conn, access, class).await?;
    let enrolled = || {
        let condition = Condition::sql("exists (select 1 from enrolments e where e.student_id = students.id and e.tenant_id = students.tenant_id and e.class_id = ")
            .uuid(class.into())
            .and_sql(" and ")
            .date(on)
            .and_sql(" between e.enrolled_on and coalesce(e.ended_on, 'infinity'))");
        students::table.into_boxed().filter(students::tenant_id.eq(Uuid::from(access.tenant))).filter(condition)
    };
    paged(conn, &enrolled, page).await
}

/// A page of what `filtered` makes.
async fn paged<'a>(mut conn: &Connection, filtered: &(dyn Fn() -> students::BoxedQuery<'a, Pg> + Sync), page: &PageRequest) -> StoreResult<Page<ShownStudent>> {
    let by_code = page.sort == "code";
    let mut query = filtered().select(shown());
    if let Some(after) = if by_code { page.keyset_of_unique("students.code") } else { page.keyset("students.name_sort", "students.id") } {
        query = query.filter(after);
    }
    query = match (by_code, page.descending) {
        (true, false) => query.order(students::code.asc()),
        (true, true) => query.order(students::code.desc()),
        (false, false) => query.order((students::name_sort.asc(), students::id.asc())),
        (false, true) => query.order((students::name_sort.desc(), students::id.desc())),
    };
    let rows: Vec<(StudentRecord, Option<Value>)> = page.cut(query).load(&mut conn).await?;
    let rows = rows.into_iter().map(read).collect::<StoreResult<Vec<_>>>()?;
    let total = if page.count { Some(filtered().count().get_result(&mut conn).await?) } else { None };
    let key = |student: &ShownStudent| if by_code { student.record.columns.code.clone() } else { student.record.columns.name_sort.clone() };
    Ok(page.page(rows, total, |student| (key(student), student.record.id)))
}

/// One student.
///
/// # Errors
/// [`StoreError::NotFound`] when there is none the caller may see.
pub async fn find(conn: &Connection, access: &Access, id: StudentId) -> StoreResult<ShownStudent> {
    Ok(readable(conn, access, id, Action::StudentsRead).await?.0)
}

/// One student with sensitive fields, which is logged.
///
/// # Errors
/// [`StoreError::NotFound`], [`StoreError::Forbidden`] when the caller may see the record without them only.
pub async fn find_sensitive(conn: &mut Connection, access: &Access, id: StudentId) -> StoreResult<ShownStudent> {
    access.require_fresh(Action::StudentsReadSensitive)?;
    let (student, may) = readable(conn, access, id, Action::StudentsReadSensitive).await?;
    if !may {
        return Err(StoreError::Forbidden(Action::StudentsReadSensitive.as_str()));
    }
    log_read(conn, access, vec![student.record.id]).await?;
    Ok(student)
}

/// Notes that the sensitive fields of these students are read.
///
/// # Errors
/// [`StoreError::AuthorityStale`]; otherwise only when the database cannot be asked.
pub async fn log_read(conn: &mut Connection, access: &Access, ids: Vec<Uuid>) -> StoreResult<()> {
    access.require_fresh(Action::StudentsReadSensitive)?;
    access.log_read(conn, AGGREGATE, ids, &SENSITIVE).await
}

/// A student the caller may see, and whether a grant also lets them do `action` with the record.
async fn readable(mut conn: &Connection, access: &Access, id: StudentId, action: Action) -> StoreResult<(ShownStudent, bool)> {
    derived::require_read(access, Action::StudentsRead)?;
    let (record, class) = shown();
    let row: (StudentRecord, Option<Value>, bool) = students::table
        .filter(students::id.eq(Uuid::from(id)))
        .filter(students::tenant_id.eq(Uuid::from(access.tenant)))
        .filter(visible(access))
        .select((record, class, access.narrow(action, &RECORD)))
        .first(&mut conn)
        .await?;
    let (record, class, may) = row;
    Ok((read((record, class))?, may))
}

/// A student the caller may change.
///
/// # Errors
/// [`StoreError::NotFound`], [`StoreError::Forbidden`].
pub async fn find_to_change(conn: &mut Connection, access: &Access, id: StudentId) -> StoreResult<ShownStudent> {
    access.require_fresh(Action::StudentsWrite)?;
    let (student, may) = readable(conn, access, id, Action::StudentsWrite).await?;
    if may { Ok(student) } else { Err(StoreError::Forbidden(Action::StudentsWrite.as_str())) }
}

/// A student that a body refers to, locked until the transaction ends, so that their enrolments are written one after
/// another. Being able to see the student is enough: the receiving class decides who may enrol.
///
/// # Errors
/// [`StoreError::Invalid`] for one the caller may not know of.
pub async fn lock(conn: &mut Connection, access: &Access, id: StudentId) -> StoreResult<StudentRecord> {
    let found: Option<StudentRecord> = students::table
        .filter(students::id.eq(Uuid::from(id)))
        .filter(students::tenant_id.eq(Uuid::from(access.tenant)))
        .filter(access.narrow(Action::StudentsRead, &RECORD))
        .select(StudentRecord::as_select())
        .for_no_key_update()
        .first(conn)
        .await
        .optional()?;
    found.ok_or_else(|| StoreError::Invalid { pointer: "/student_id".into(), code: "unknown_student", detail: "no student of this id".into() })
}

/// The latest state of the students changed after a cursor, those the caller may see.
///
/// # Errors
/// [`StoreError::CursorGone`] for a cursor of a former generation.
pub async fn changes(conn: &mut Connection, access: &Access, cursor: Option<FeedCursor>, limit: i64) -> StoreResult<FeedPage<ShownStudent>> {
    derived::require_read(access, Action::StudentsRead)?;
    let from = feed::resume(conn, cursor).await?;
    let rows: Vec<(StudentRecord, Option<Value>)> = students::table
        .filter(students::tenant_id.eq(Uuid::from(access.tenant)))
        .filter(visible(access))
        .filter(feed::after("students", from))
        .order((students::change_xid, students::change_sequence))
        .limit(limit + 1)
        .select(shown())
        .load(conn)
        .await?;
    let rows = rows.into_iter().map(read).collect::<StoreResult<Vec<_>>>()?;
    Ok(feed::page(from, limit, rows, |student| (student.record.change_xid, student.record.change_sequence.unwrap_or_default())))
}

/// Who changed what, newest first.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn history(conn: &mut Connection, access: &Access, id: StudentId) -> StoreResult<Vec<HistoryEntry>> {
    let (_, may) = readable(conn, access, id, Action::StudentsReadSensitive).await?;
    let sensitive = may && access.require_fresh(Action::StudentsReadSensitive).is_ok();
    let hidden: &[&str] = if sensitive { &[] } else { &SENSITIVE };
    if sensitive {
        log_read(conn, access, vec![id.into()]).await?;
    }
    history::entries(conn, AGGREGATE, "students", id.into(), hidden).await
}

/// A student with these codes, and whether the caller may see and change them; for imports, which lock them.
///
/// # Errors
/// Only when the database cannot be asked.
pub async fn by_codes(conn: &mut Connection, access: &Access, codes: Vec<String>) -> StoreResult<Vec<(StudentRecord, bool, bool)>> {
    Ok(students::table
        .filter(students::tenant_id.eq(Uuid::from(access.tenant)).and(students::code.eq_any(codes)))
        .order(students::id)
        .select((StudentRecord::as_select(), access.narrow(Action::StudentsRead, &RECORD), access.narrow(Action::StudentsWrite, &RECORD)))
        .for_no_key_update()
        .load(conn)
        .await?)
}

/// A student as a file of guardians names one.
#[derive(Clone, Debug)]
pub struct Child {
    /// The student.
    pub id: Uuid,
    /// The unit that keeps the record.
    pub unit_id: Uuid,
    /// Whether the caller may change the record.
    pub may: bool,
}

/// The students with these codes whose records the caller may read.
///
/// # Errors
/// Only when the database cannot be asked.
pub async fn children_by_codes(conn: &mut Connection, access: &Access, codes: Vec<String>) -> StoreResult<HashMap<String, Child>> {
    let rows: Vec<(String, Uuid, Uuid, bool)> = students::table
        .filter(students::tenant_id.eq(Uuid::from(access.tenant)).and(students::code.eq_any(codes)))
        .filter(visible(access))
        .select((students::code, students::id, students::unit_id, access.narrow(Action::StudentsWrite, &RECORD)))
        .load(conn)
        .await?;
    Ok(rows.into_iter().map(|(code, id, unit_id, may)| (code, Child { id, unit_id, may })).collect())
}

/// The codes of these students.
///
/// # Errors
/// Only when the database cannot be asked.
pub async fn codes(conn: &mut Connection, access: &Access, ids: BTreeSet<Uuid>) -> StoreResult<HashMap<Uuid, String>> {
    let of_tenant = students::table.filter(students::tenant_id.eq(Uuid::from(access.tenant)).and(students::id.eq_any(ids)));
    let rows: Vec<(Uuid, String)> = of_tenant.select((students::id, students::code)).load(conn).await?;
    Ok(rows.into_iter().collect())
}

/// The personal numbers among these that are in use, with the code of the student who has each.
///
/// # Errors
/// Only when the database cannot be asked.
pub async fn personal_numbers_in_use(conn: &mut Connection, access: &Access, numbers: Vec<String>) -> StoreResult<Vec<(String, String)>> {
    let rows: Vec<(Option<String>, String)> = students::table
        .filter(students::tenant_id.eq(Uuid::from(access.tenant)))
        .filter(students::personal_number.eq_any(numbers))
        .select((students::personal_number, students::code))
        .load(conn)
        .await?;
    Ok(rows.into_iter().filter_map(|(number, code)| Some((number?, code))).collect())
}

/// How many students whose record has not ended each of these units has.
///
/// # Errors
/// Only when the database cannot be asked.
pub async fn count_by_unit(conn: &mut Connection, access: &Access, units: &[Uuid]) -> StoreResult<HashMap<Uuid, i64>> {
    let rows: Vec<(Uuid, i64)> = students::table
        .filter(students::tenant_id.eq(Uuid::from(access.tenant)).and(students::unit_id.eq_any(units)).and(students::status.eq("active")))
        .group_by(students::unit_id)
        .select((students::unit_id, diesel::dsl::count_star()))
        .load(conn)
        .await?;
    Ok(rows.into_iter().collect())
}
