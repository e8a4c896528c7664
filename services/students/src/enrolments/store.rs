//! Every query that reads enrolments; [`super::writes`] has those that write them.

use std::collections::HashMap;

use chrono::NaiveDate;
use diesel::{
    BoolExpressionMethods, ExpressionMethods, QueryDsl, SelectableHelper,
    dsl::AsSelect,
    pg::Pg,
    sql_types::{Jsonb, Nullable},
};
use diesel_async::RunQueryDsl;
use registrar_access::{Access, Action, Record};
use registrar_domain::{ClassId, EnrolmentId, SchoolYearId, StudentId};
use registrar_store::{
    Computed, Condition, Connection, Page, PageRequest, StoreError, StoreResult,
    feed::{self, FeedCursor, FeedPage},
    history::{self, HistoryEntry},
};
use serde_json::Value;
use uuid::Uuid;

use super::{
    ending::EnrolmentEnd,
    model::{EnrolmentRecord, ShownEnrolment},
};
use crate::{
    dated,
    derived::{self, Reach},
    embedded,
    schema::enrolments,
};

/// The aggregate's name, in events and in the history.
pub const AGGREGATE: &str = "students.enrolment";

/// Where an enrolment row keeps what grants speak of.
pub const RECORD: Record =
    Record { tenant: "enrolments.tenant_id", unit: "enrolments.unit_id", level: Some("enrolments.education_level"), class: Some("enrolments.class_id"), placed: true };

/// What a list is narrowed by.
#[derive(Debug, Default)]
pub struct EnrolmentFilter {
    /// The student.
    pub student: Option<StudentId>,
    /// The class.
    pub class: Option<ClassId>,
    /// Those that contain this day.
    pub on: Option<NaiveDate>,
    /// Those that ended so.
    pub end_kind: Option<EnrolmentEnd>,
    /// The school year.
    pub school_year: Option<SchoolYearId>,
}

/// The orders of a list.
pub const SORTS: [&str; 1] = ["enrolled_on"];

/// The condition that the caller may read an enrolment: by a grant, or as the homeroom teacher of its class.
fn visible(access: &Access) -> Condition {
    derived::or_own_class(access, Action::StudentsRead, access.narrow(Action::StudentsRead, &RECORD), Reach::Homeroom, "enrolments.class_id")
}

/// An enrolment as it is selected with what it shows of others.
type Shown = (AsSelect<EnrolmentRecord, Pg>, Computed<Nullable<Jsonb>>);

fn shown() -> Shown {
    (EnrolmentRecord::as_select(), embedded::class("enrolments.class_id", "enrolments.tenant_id"))
}

fn read((record, class): (EnrolmentRecord, Option<Value>)) -> StoreResult<ShownEnrolment> {
    Ok(ShownEnrolment { record, class: embedded::read(class.unwrap_or_default())? })
}

fn filtered<'a>(access: &Access, filter: &EnrolmentFilter) -> enrolments::BoxedQuery<'a, Pg> {
    let mut query = enrolments::table.into_boxed().filter(enrolments::tenant_id.eq(Uuid::from(access.tenant))).filter(visible(access));
    if let Some(student) = filter.student {
        query = query.filter(enrolments::student_id.eq(Uuid::from(student)));
    }
    if let Some(class) = filter.class {
        query = query.filter(enrolments::class_id.eq(Uuid::from(class)));
    }
    if let Some(kind) = filter.end_kind {
        query = query.filter(enrolments::end_kind.eq(kind.as_str()));
    }
    if let Some(year) = filter.school_year {
        query = query.filter(enrolments::school_year_id.eq(Uuid::from(year)));
    }
    if let Some(on) = filter.on {
        query = query.filter(Condition::default().date(on).and_sql(" between enrolments.enrolled_on and coalesce(enrolments.ended_on, 'infinity')"));
    }
    query
}

/// The enrolments the caller may see, a page of them.
///
/// # Errors
/// [`StoreError::Forbidden`] when nothing lets the caller see enrolments at all.
pub async fn list(conn: &mut Connection, access: &Access, filter: &EnrolmentFilter, page: &PageRequest) -> StoreResult<Page<ShownEnrolment>> {
    derived::require_read(access, Action::StudentsRead)?;
    let mut query = filtered(access, filter).select(shown());
    if let Some(after) = dated::after(page, "enrolments.enrolled_on", "enrolments.id")? {
        query = query.filter(after);
    }
    query = if page.descending { query.order((enrolments::enrolled_on.desc(), enrolments::id.desc())) } else { query.order((enrolments::enrolled_on.asc(), enrolments::id.asc())) };
    let rows: Vec<(EnrolmentRecord, Option<Value>)> = page.cut(query).load(conn).await?;
    let rows = rows.into_iter().map(read).collect::<StoreResult<Vec<_>>>()?;
    let total = if page.count { Some(filtered(access, filter).count().get_result(conn).await?) } else { None };
    Ok(page.page(rows, total, |row| (row.record.columns.enrolled_on.to_string(), row.record.id)))
}

/// One enrolment.
///
/// # Errors
/// [`StoreError::NotFound`] when there is none the caller may see.
pub async fn find(conn: &Connection, access: &Access, id: EnrolmentId) -> StoreResult<ShownEnrolment> {
    Ok(readable(conn, access, id).await?.0)
}

/// An enrolment the caller may see, and whether a grant also lets them change it.
async fn readable(mut conn: &Connection, access: &Access, id: EnrolmentId) -> StoreResult<(ShownEnrolment, bool)> {
    derived::require_read(access, Action::StudentsRead)?;
    let (record, class) = shown();
    let (record, class, may): (EnrolmentRecord, Option<Value>, bool) = enrolments::table
        .filter(enrolments::id.eq(Uuid::from(id)).and(enrolments::tenant_id.eq(Uuid::from(access.tenant))))
        .filter(visible(access))
        .select((record, class, access.narrow(Action::StudentsWrite, &RECORD)))
        .first(&mut conn)
        .await?;
    Ok((read((record, class))?, may))
}

/// An enrolment the caller may change.
///
/// # Errors
/// [`StoreError::NotFound`], [`StoreError::Forbidden`].
pub async fn find_to_change(conn: &mut Connection, access: &Access, id: EnrolmentId) -> StoreResult<ShownEnrolment> {
    access.require_fresh(Action::StudentsWrite)?;
    let (enrolment, may) = readable(conn, access, id).await?;
    if may { Ok(enrolment) } else { Err(StoreError::Forbidden(Action::StudentsWrite.as_str())) }
}

/// All enrolments of these students, whoever may see them: for the rules between enrolments.
///
/// # Errors
/// Only when the database cannot be asked.
pub async fn of_students(conn: &mut Connection, access: &Access, students: Vec<Uuid>) -> StoreResult<Vec<EnrolmentRecord>> {
    Ok(enrolments::table
        .filter(enrolments::tenant_id.eq(Uuid::from(access.tenant)).and(enrolments::student_id.eq_any(students)))
        .order((enrolments::student_id, enrolments::enrolled_on, enrolments::id))
        .select(EnrolmentRecord::as_select())
        .load(conn)
        .await?)
}

/// The latest state of the enrolments changed after a cursor, those the caller may see.
///
/// # Errors
/// [`StoreError::CursorGone`] for a cursor of a former generation.
pub async fn changes(conn: &mut Connection, access: &Access, cursor: Option<FeedCursor>, limit: i64) -> StoreResult<FeedPage<ShownEnrolment>> {
    derived::require_read(access, Action::StudentsRead)?;
    let from = feed::resume(conn, cursor).await?;
    let rows: Vec<(EnrolmentRecord, Option<Value>)> = enrolments::table
        .filter(enrolments::tenant_id.eq(Uuid::from(access.tenant)))
        .filter(visible(access))
        .filter(feed::after("enrolments", from))
        .order((enrolments::change_xid, enrolments::change_sequence))
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
pub async fn history(conn: &mut Connection, access: &Access, id: EnrolmentId) -> StoreResult<Vec<HistoryEntry>> {
    readable(conn, access, id).await?;
    history::entries(conn, AGGREGATE, "enrolments", id.into(), &[]).await
}

/// The enrolment that a student has, or had last, in the words of a spreadsheet.
#[derive(Clone, Debug, diesel::QueryableByName)]
pub struct LatestEnrolment {
    #[diesel(sql_type = diesel::sql_types::Uuid)]
    student_id: Uuid,
    /// The name of its class.
    #[diesel(sql_type = diesel::sql_types::Text)]
    pub class_name: String,
    /// The code of its school year.
    #[diesel(sql_type = diesel::sql_types::Text)]
    pub school_year_code: String,
    /// The first day.
    #[diesel(sql_type = diesel::sql_types::Date)]
    pub enrolled_on: NaiveDate,
    /// The last day.
    #[diesel(sql_type = Nullable<diesel::sql_types::Date>)]
    pub ended_on: Option<NaiveDate>,
    /// How it ended.
    #[diesel(sql_type = Nullable<diesel::sql_types::Text>)]
    pub end_kind: Option<String>,
    /// Why the student stopped learning.
    #[diesel(sql_type = Nullable<diesel::sql_types::Text>)]
    pub leaving_reason: Option<String>,
    /// What else was said of the end.
    #[diesel(sql_type = Nullable<diesel::sql_types::Text>)]
    pub end_reason: Option<String>,
}

/// The open or else the latest enrolment at the unit that keeps the record of each of these students, whom the caller may
/// see.
///
/// # Errors
/// Only when the database cannot be asked.
pub async fn latest_of(conn: &mut Connection, access: &Access, students: Vec<Uuid>) -> StoreResult<HashMap<Uuid, LatestEnrolment>> {
    const LATEST: &str = "select distinct on (e.student_id) e.student_id, c.name as class_name, y.code as school_year_code, e.enrolled_on, e.ended_on, e.end_kind,
            e.leaving_reason, e.end_reason
        from enrolments e
        join students s on s.id = e.student_id and s.unit_id = e.unit_id
        join classes c on c.id = e.class_id and c.tenant_id = e.tenant_id
        join school_years y on y.id = e.school_year_id and y.tenant_id = e.tenant_id
        where e.tenant_id = $1 and e.student_id = any($2)
        order by e.student_id, e.enrolled_on desc, e.id desc";
    let rows: Vec<LatestEnrolment> = diesel::sql_query(LATEST)
        .bind::<diesel::sql_types::Uuid, _>(Uuid::from(access.tenant))
        .bind::<diesel::sql_types::Array<diesel::sql_types::Uuid>, _>(students)
        .load(conn)
        .await?;
    Ok(rows.into_iter().map(|row| (row.student_id, row)).collect())
}

/// How many open enrolments each of these units has.
///
/// # Errors
/// Only when the database cannot be asked.
pub async fn count_open_by_unit(conn: &mut Connection, access: &Access, units: &[Uuid]) -> StoreResult<HashMap<Uuid, i64>> {
    let rows: Vec<(Uuid, i64)> = enrolments::table
        .filter(enrolments::tenant_id.eq(Uuid::from(access.tenant)).and(enrolments::unit_id.eq_any(units)).and(enrolments::ended_on.is_null()))
        .group_by(enrolments::unit_id)
        .select((enrolments::unit_id, diesel::dsl::count_star()))
        .load(conn)
        .await?;
    Ok(rows.into_iter().collect())
}
