//! The routes of students: request and response bodies, handlers.

use actix_web::{get, patch, post};
use chrono::{DateTime, NaiveDate, Utc};
use registrar_codes::fields::LeavingReason;
use registrar_domain::{ClassId, Cohort, EducationLevel, Hierarchy, IdentityStatus, PersonalNumber, PhoneNumber, StudentId, UnitId};
use registrar_http::{
    Body, Caller, Changes, FeedQuery, Id, Idempotency, IfMatch, List, Listing, MergePatch, Problem, Record, Refusals, ServiceContext, Versioned,
    answer::{Changed, Listed},
    export_routes,
    idempotency::Kept,
    import_routes,
    list::{FeedParameters, ListParameters, Query},
};
use registrar_store::{feed::FeedPage, history::HistoryEntry};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{
    details::{StudentPersonal, StudentSensitive},
    export::StudentExporter,
    import::StudentImporter,
    model::{ShownStudent, StudentColumns, StudentEnd, StudentInput, StudentStatus},
    store::{self, StudentFilter},
    writes,
};
use crate::embedded::NamedClass;

/// A student as others see it.
#[derive(Serialize, ToSchema)]
pub struct Student {
    /// The record's id.
    pub id: Uuid,
    /// Grows with every change.
    #[schema(minimum = 1)]
    pub version: i64,
    /// Student code (mã học sinh, 学号; S1-057).
    pub code: String,
    /// Full name (họ và tên, 姓名; S1-055).
    pub full_name: String,
    /// Date of birth (ngày tháng năm sinh; S1-058).
    pub birth_date: NaiveDate,
    /// Gender (giới tính; S1-059): male, female, unspecified.
    pub gender: String,
    /// Personal number (mã số định danh cá nhân; S1-056): the last three characters, unless asked for with
    /// `sensitive=true`.
    pub personal_number: Option<String>,
    /// The unit of the class the student is in, or of the last one.
    pub unit_id: Uuid,
    /// The education level of the class the student is in, or of the last one.
    pub education_level: Option<String>,
    /// The class the student is in (lớp; S1-062): that of the open enrolment.
    pub class: Option<NamedClass>,
    /// active or ended.
    pub status: String,
    /// The last day.
    pub ended_on: Option<NaiveDate>,
    /// Why the record ended.
    pub end_reason: Option<String>,
    /// How it ended; null where nobody said.
    pub end_kind: Option<StudentEnd>,
    /// Why the student stopped learning (lý do thôi học, 辍学原因).
    pub leaving_reason: Option<LeavingReason>,
    /// Contact phone (số điện thoại liên lạc; S1-067): the last three digits, unless asked for with `sensitive=true`.
    pub phone: Option<String>,
    /// Whether the personal number agrees with the national population database (S2-006).
    #[schema(value_type = String)]
    pub identity_status: IdentityStatus,
    /// When that was checked.
    pub identity_checked_on: Option<NaiveDate>,
    /// Who the student is.
    pub personal: StudentPersonal,
    /// What the law calls sensitive; null unless asked for with `sensitive=true`.
    pub sensitive: Option<StudentSensitive>,
    /// What is odd but allowed, such as `unknown_area_prefix` of the personal number.
    #[schema(max_items = 10)]
    pub warnings: Vec<String>,
    /// When it was last changed.
    pub changed_at: DateTime<Utc>,
}

/// The fields of a list's summary view.
const SUMMARY: [&str; 10] = ["id", "version", "code", "full_name", "birth_date", "gender", "unit_id", "education_level", "class", "status"];
/// All fields of a record.
pub(super) const FIELDS: [&str; 22] = [
    "id",
    "version",
    "code",
    "full_name",
    "birth_date",
    "gender",
    "personal_number",
    "unit_id",
    "education_level",
    "class",
    "status",
    "ended_on",
    "end_reason",
    "end_kind",
    "leaving_reason",
    "phone",
    "identity_status",
    "identity_checked_on",
    "personal",
    "sensitive",
    "warnings",
    "changed_at",
];

impl Student {
    /// The record with its sensitive fields masked.
    #[must_use]
    pub fn masked(student: ShownStudent) -> Self {
        let row = student.record;
        let number = row.columns.personal_number.as_deref().and_then(|number| PersonalNumber::parse(number).ok());
        let warnings = number.iter().flat_map(|number| number.check(None, None)).map(|finding| finding.code().to_owned()).collect();
        let columns = row.columns;
        Student {
            id: row.id,
            version: row.version,
            code: columns.code,
            full_name: columns.full_name,
            birth_date: columns.birth_date,
            gender: columns.gender,
            personal_number: number.map(|number| number.masked()),
            unit_id: row.placement.unit_id,
            education_level: row.placement.education_level,
            class: student.class,
            status: columns.status,
            ended_on: columns.ended_on,
            end_reason: columns.end_reason,
            end_kind: columns.end_kind,
            leaving_reason: columns.leaving_reason,
            phone: columns.phone.map(|phone| phone.masked()),
            identity_status: columns.identity_status,
            identity_checked_on: columns.identity_checked_on,
            personal: columns.personal,
            sensitive: None,
            warnings,
            changed_at: row.changed_at,
        }
    }

    /// The record in full.
    #[must_use]
    pub fn in_full(student: ShownStudent) -> Self {
        let StudentColumns { personal_number, phone, sensitive, .. } = student.record.columns.clone();
        Student { personal_number, phone: phone.map(PhoneNumber::into_string), sensitive: Some(sensitive), ..Student::masked(student) }
    }
}

impl Versioned for Student {
    const AGGREGATE: &'static str = store::AGGREGATE;
    fn id(&self) -> Uuid {
        self.id
    }
    fn version(&self) -> i64 {
        self.version
    }
}

/// A change of a student.
pub type StudentPatch = MergePatch<StudentInput>;

/// What a list of students is narrowed by.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct StudentQuery {
    /// Words of the name; accents and case do not matter.
    #[param(max_length = 100)]
    q: Option<String>,
    /// The student code, exactly.
    #[param(max_length = 50)]
    code: Option<String>,
    /// The class of the open enrolment; for another day see `GET /v1/classes/{class_id}/students`.
    #[param(value_type = Option<Uuid>)]
    class_id: Option<ClassId>,
    /// The unit itself.
    #[param(value_type = Option<Uuid>)]
    unit_id: Option<UnitId>,
    /// The unit and everything below it today, in `hierarchy`.
    #[param(value_type = Option<Uuid>)]
    within: Option<UnitId>,
    /// The hierarchy of `within`; professional when left out.
    #[param(inline)]
    hierarchy: Option<Hierarchy>,
    /// The education level.
    #[param(inline)]
    education_level: Option<EducationLevel>,
    /// The status.
    #[param(inline)]
    status: Option<StudentStatus>,
    /// Whether the personal number has been verified (S2-004).
    #[param(inline)]
    identity_status: Option<IdentityStatus>,
    /// The cohort (niên khoá; S1-063), exactly.
    #[param(inline)]
    cohort: Option<Cohort>,
}

impl From<StudentQuery> for StudentFilter {
    fn from(query: StudentQuery) -> Self {
        let hierarchy = query.hierarchy.unwrap_or(Hierarchy::Professional);
        StudentFilter {
            name: query.q,
            code: query.code,
            class: query.class_id,
            unit: query.unit_id,
            within: query.within.map(|unit| (unit, hierarchy)),
            education_level: query.education_level,
            status: query.status,
            identity_status: query.identity_status,
            cohort: query.cohort,
            sensitive: false,
        }
    }
}

/// List students
///
/// The students the caller may see, by name (given name first, as Vietnamese lists are) or code: `sort=name|code`.
#[utoipa::path(
    operation_id = "students.students.list", tag = "students",
    params(ListParameters, StudentQuery),
    responses((status = 200, description = "A page of students", body = Listed<Student>), Refusals)
)]
#[get("")]
pub async fn list(context: ServiceContext, caller: Caller, list: List<StudentQuery>) -> Result<Listing, Problem> {
    let (page, fields) = (list.page(&store::SORTS)?, list.fields(&SUMMARY, &FIELDS)?);
    let filter = list.filter.into();
    let conn = context.db.reader(store::is_steady(&caller, &filter, &page) && !page.count).await?;
    let found = store::list(&conn, &caller, &filter, &page).await?;
    Listing::of(found.map(Student::masked), fields.as_deref())
}

/// Enter a student
///
/// The student is in no class until enrolled: `POST /v1/enrolments`.
#[utoipa::path(
    operation_id = "students.students.create", tag = "students", request_body = StudentInput,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes it safe to send this again")),
    responses((status = 201, description = "Entered", body = Student), Refusals)
)]
#[post("")]
pub async fn create(context: ServiceContext, caller: Caller, key: Idempotency, body: Body<StudentInput>) -> Result<Kept, Problem> {
    key.once(&context, &caller, body.digest, async |conn| {
        let student = Student::masked(writes::create(conn, &caller, &body).await?);
        let location = format!("/v1/students/{}", student.id);
        Ok(Record::created(student, location))
    })
    .await
}

/// How a student is to be shown.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct StudentReadParameters {
    /// Show personal number, phone and the `sensitive` group in full; needs the right to, and is logged.
    sensitive: Option<bool>,
}

/// Read a student
#[utoipa::path(
    operation_id = "students.students.read", tag = "students",
    params(("student_id" = Uuid, Path, description = "The student"), StudentReadParameters),
    responses((status = 200, description = "The student", body = Student), (status = 304, description = "Unchanged since `If-None-Match`"), Refusals)
)]
#[get("/{student_id}")]
pub async fn read(context: ServiceContext, caller: Caller, id: Id<StudentId>, parameters: Query<StudentReadParameters>) -> Result<Record<Student>, Problem> {
    if parameters.0.sensitive == Some(true) {
        let mut conn = context.db.get().await?;
        return Ok(Record::of(Student::in_full(store::find_sensitive(&mut conn, &caller, *id).await?)));
    }
    Ok(Record::of(Student::masked(store::find(&*context.db.share().await?, &caller, *id).await?)))
}

/// Change a student
///
/// A merge patch. To end a record, set `status` to `ended` with `ended_on` and `end_reason`; that ends the open enrolment
/// too, in the way that `end_kind` says. Another class or school is a transfer: `POST /v1/enrolments/transfers`.
#[utoipa::path(
    operation_id = "students.students.update", tag = "students", request_body(content = StudentPatch, content_type = "application/merge-patch+json"),
    params(("student_id" = Uuid, Path, description = "The student"), ("If-Match" = String, Header, description = "The ETag that was read, or *")),
    responses((status = 200, description = "The student as it is now", body = Student), Refusals)
)]
#[patch("/{student_id}")]
pub async fn update(context: ServiceContext, caller: Caller, id: Id<StudentId>, seen: IfMatch, patch: StudentPatch) -> Result<Record<Student>, Problem> {
    let mut conn = context.db.get().await?;
    let found = store::find_to_change(&mut conn, &caller, *id).await?;
    seen.check(&conn, (store::AGGREGATE, "students"), found.record.id, found.record.version).await?;
    let input = patch.apply(&found.record.to_input()?)?;
    Ok(Record::of(Student::masked(writes::update(&mut conn, &caller, found, &input).await?)))
}

/// Follow changes of students
///
/// The latest state of every student changed since the cursor, ended ones included.
#[utoipa::path(
    operation_id = "students.students.changes", tag = "students", params(FeedParameters),
    responses((status = 200, description = "A page of changes", body = Changed<Student>), Refusals)
)]
#[get("/changes")]
pub async fn changes(context: ServiceContext, caller: Caller, feed: FeedQuery) -> Result<Changes<Student>, Problem> {
    let page = store::changes(&mut *context.db.get().await?, &caller, feed.cursor, feed.limit).await?;
    Ok(Changes(FeedPage { items: page.items.into_iter().map(Student::masked).collect(), next: page.next, more: page.more }))
}

/// Read a student's history
///
/// Who changed what, when, through which application, from what to what; newest first, at most 200 versions.
#[utoipa::path(
    operation_id = "students.students.history", tag = "students", params(("student_id" = Uuid, Path, description = "The student")),
    responses((status = 200, description = "Its versions", body = Listed<HistoryEntry>), Refusals)
)]
#[get("/{student_id}/history")]
pub async fn history(context: ServiceContext, caller: Caller, id: Id<StudentId>) -> Result<Listing, Problem> {
    Listing::whole(store::history(&mut *context.db.get().await?, &caller, *id).await?)
}

import_routes!(StudentImporter, "students.students", "students");
export_routes!(StudentExporter, "students.students", "students");
