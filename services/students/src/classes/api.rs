//! The routes of classes: request and response bodies, handlers.

use actix_web::{get, patch, post};
use chrono::{DateTime, NaiveDate, Utc};
use registrar_codes::fields::ForeignLanguage;
use registrar_domain::{ClassId, EducationLevel, Hierarchy, SchoolYearId, ShortText, StaffId, UnitId};
use registrar_http::{
    Body, Caller, Changes, FeedQuery, Id, Idempotency, IfMatch, List, Listing, MergePatch, Problem, Record, Refusals, ServiceContext, Versioned,
    answer::{Changed, Listed},
    export_routes,
    idempotency::Kept,
    import_routes,
    list::{FeedParameters, ListParameters},
};
use registrar_store::{feed::FeedPage, history::HistoryEntry};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{
    export::ClassExporter,
    import::ClassImporter,
    model::{ClassInput, ClassStatus, ShownClass},
    store::{self, ClassFilter},
    writes,
};
use crate::{
    embedded::{NamedStaff, NamedUnit},
    students::{self, model::ShownStudent},
};

/// A class as others see it.
#[derive(Serialize, ToSchema)]
pub struct SchoolClass {
    /// The class's id.
    pub id: Uuid,
    /// Grows with every change of the class itself; not when a shown teacher is renamed.
    #[schema(minimum = 1)]
    pub version: i64,
    /// Class name (tên lớp; S1-051).
    pub name: String,
    /// The unit it belongs to.
    pub unit: NamedUnit,
    /// The school year (năm học).
    pub school_year_id: Uuid,
    /// The education level (cấp học).
    pub education_level: String,
    /// Grade (khối lớp; S1-050).
    #[schema(minimum = 1, maximum = 12)]
    pub grade: Option<i16>,
    /// The homeroom teacher (giáo viên chủ nhiệm; S1-053), as personnel names them now (S0-017).
    pub homeroom_teacher: Option<NamedStaff>,
    /// Students enrolled today (sĩ số; S1-052).
    #[schema(minimum = 0)]
    pub size: i64,
    /// The first foreign language (ngoại ngữ 1, 第一外语; S3-068, S3-069).
    pub first_foreign_language: Option<ForeignLanguage>,
    /// Its programme (chương trình học ngoại ngữ 1; S3-069).
    pub foreign_language_programme: Option<ShortText>,
    /// Its periods a week (số tiết ngoại ngữ/tuần; S3-070).
    #[schema(minimum = 1, maximum = 20)]
    pub foreign_language_periods: Option<i16>,
    /// active or ended.
    pub status: String,
    /// The last day.
    pub ended_on: Option<NaiveDate>,
    /// Why it ended.
    pub end_reason: Option<String>,
    /// When the class itself was last changed.
    pub changed_at: DateTime<Utc>,
}

/// The fields of a list's summary view.
const SUMMARY: [&str; 10] = ["id", "version", "name", "unit", "school_year_id", "education_level", "grade", "homeroom_teacher", "size", "status"];
/// All fields of a record.
pub(super) const FIELDS: [&str; 16] = [
    "id",
    "version",
    "name",
    "unit",
    "school_year_id",
    "education_level",
    "grade",
    "homeroom_teacher",
    "size",
    "first_foreign_language",
    "foreign_language_programme",
    "foreign_language_periods",
    "status",
    "ended_on",
    "end_reason",
    "changed_at",
];

impl From<ShownClass> for SchoolClass {
    fn from(class: ShownClass) -> Self {
        let (row, columns) = (class.record.clone(), class.record.columns);
        SchoolClass {
            id: row.id,
            version: row.version,
            name: columns.name,
            unit: class.unit,
            school_year_id: columns.school_year_id,
            education_level: columns.education_level,
            grade: columns.grade,
            homeroom_teacher: class.homeroom_teacher,
            size: class.size,
            first_foreign_language: columns.first_foreign_language,
            foreign_language_programme: columns.foreign_language_programme,
            foreign_language_periods: columns.foreign_language_periods,
            status: columns.status,
            ended_on: columns.ended_on,
            end_reason: columns.end_reason,
            changed_at: row.changed_at,
        }
    }
}

impl Versioned for SchoolClass {
    const AGGREGATE: &'static str = store::AGGREGATE;
    fn id(&self) -> Uuid {
        self.id
    }
    fn version(&self) -> i64 {
        self.version
    }
}

/// A change of a class.
pub type ClassPatch = MergePatch<ClassInput>;

/// What a list of classes is narrowed by.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ClassQuery {
    /// Words of the name; accents and case do not matter.
    #[param(max_length = 100)]
    q: Option<String>,
    /// The unit itself.
    #[param(value_type = Option<Uuid>)]
    unit_id: Option<UnitId>,
    /// The unit and everything below it today, in `hierarchy`.
    #[param(value_type = Option<Uuid>)]
    within: Option<UnitId>,
    /// The hierarchy of `within`; professional when left out.
    #[param(inline)]
    hierarchy: Option<Hierarchy>,
    /// The school year.
    #[param(value_type = Option<Uuid>)]
    school_year_id: Option<SchoolYearId>,
    /// The grade.
    #[param(minimum = 1, maximum = 12)]
    grade: Option<i16>,
    /// The education level.
    #[param(inline)]
    education_level: Option<EducationLevel>,
    /// The homeroom teacher's staff record.
    #[param(value_type = Option<Uuid>)]
    homeroom_teacher_id: Option<StaffId>,
    /// The status.
    #[param(inline)]
    status: Option<ClassStatus>,
}

impl From<ClassQuery> for ClassFilter {
    fn from(query: ClassQuery) -> Self {
        let hierarchy = query.hierarchy.unwrap_or(Hierarchy::Professional);
        ClassFilter {
            name: query.q,
            unit: query.unit_id,
            within: query.within.map(|unit| (unit, hierarchy)),
            school_year: query.school_year_id,
            grade: query.grade,
            education_level: query.education_level,
            homeroom_teacher: query.homeroom_teacher_id,
            status: query.status,
        }
    }
}

/// List classes
///
/// The classes the caller may see, by `sort=name` (5A2 before 5A10).
#[utoipa::path(
    operation_id = "students.classes.list", tag = "classes",
    params(ListParameters, ClassQuery),
    responses((status = 200, description = "A page of classes", body = Listed<SchoolClass>), Refusals)
)]
#[get("")]
pub async fn list(context: ServiceContext, caller: Caller, list: List<ClassQuery>) -> Result<Listing, Problem> {
    let (page, fields) = (list.page(&store::SORTS)?, list.fields(&SUMMARY, &FIELDS)?);
    let found = store::list(&mut *context.db.get().await?, &caller, &list.filter.into(), &page).await?;
    Listing::of(found.map(SchoolClass::from), fields.as_deref())
}

/// Enter a class
#[utoipa::path(
    operation_id = "students.classes.create", tag = "classes", request_body = ClassInput,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes it safe to send this again")),
    responses((status = 201, description = "Entered", body = SchoolClass), Refusals)
)]
#[post("")]
pub async fn create(context: ServiceContext, caller: Caller, key: Idempotency, body: Body<ClassInput>) -> Result<Kept, Problem> {
    key.once(&context, &caller, body.digest, async |conn| {
        let class = SchoolClass::from(writes::create(conn, &caller, &body).await?);
        let location = format!("/v1/classes/{}", class.id);
        Ok(Record::created(class, location))
    })
    .await
}

/// Read a class
#[utoipa::path(
    operation_id = "students.classes.read", tag = "classes", params(("class_id" = Uuid, Path, description = "The class")),
    responses((status = 200, description = "The class", body = SchoolClass), (status = 304, description = "Unchanged since `If-None-Match`"), Refusals)
)]
#[get("/{class_id}")]
pub async fn read(context: ServiceContext, caller: Caller, id: Id<ClassId>) -> Result<Record<SchoolClass>, Problem> {
    Ok(Record::of(store::find(&*context.db.share().await?, &caller, *id).await?.into()))
}

/// Change a class
///
/// A merge patch. To end a class, set `status` to `ended` with `ended_on` and `end_reason`, once no student is enrolled
/// in it any more.
#[utoipa::path(
    operation_id = "students.classes.update", tag = "classes", request_body(content = ClassPatch, content_type = "application/merge-patch+json"),
    params(("class_id" = Uuid, Path, description = "The class"), ("If-Match" = String, Header, description = "The ETag that was read, or *")),
    responses((status = 200, description = "The class as it is now", body = SchoolClass), Refusals)
)]
#[patch("/{class_id}")]
pub async fn update(context: ServiceContext, caller: Caller, id: Id<ClassId>, seen: IfMatch, patch: ClassPatch) -> Result<Record<SchoolClass>, Problem> {
    let mut conn = context.db.get().await?;
    let found = store::find_to_change(&mut conn, &caller, *id).await?;
    seen.check(&conn, (store::AGGREGATE, "classes"), found.record.id, found.record.version).await?;
    let input = patch.apply(&found.record.columns.to_input()?)?;
    Ok(Record::of(writes::update(&mut conn, &caller, found, &input).await?.into()))
}

/// Follow changes of classes
///
/// The latest state of every class changed since the cursor, ended ones included. What a class shows of others counts:
/// a renamed homeroom teacher or unit, a student who came or left (S0-017).
#[utoipa::path(
    operation_id = "students.classes.changes", tag = "classes", params(FeedParameters),
    responses((status = 200, description = "A page of changes", body = Changed<SchoolClass>), Refusals)
)]
#[get("/changes")]
pub async fn changes(context: ServiceContext, caller: Caller, feed: FeedQuery) -> Result<Changes<SchoolClass>, Problem> {
    let page = store::changes(&mut *context.db.get().await?, &caller, feed.cursor, feed.limit).await?;
    Ok(Changes(FeedPage { items: page.items.into_iter().map(SchoolClass::from).collect(), next: page.next, more: page.more }))
}

/// Read a class's history
///
/// Who changed what, when, through which application, from what to what; newest first, at most 200 versions.
#[utoipa::path(
    operation_id = "students.classes.history", tag = "classes", params(("class_id" = Uuid, Path, description = "The class")),
    responses((status = 200, description = "Its versions", body = Listed<HistoryEntry>), Refusals)
)]
#[get("/{class_id}/history")]
pub async fn history(context: ServiceContext, caller: Caller, id: Id<ClassId>) -> Result<Listing, Problem> {
    Listing::whole(store::history(&mut *context.db.get().await?, &caller, *id).await?)
}

/// Which day's students of a class are wanted.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ClassStudentsQuery {
    /// Enrolled on this day; today when left out.
    on: Option<NaiveDate>,
}

/// A student in the list of a class: who they are, and not where they have gone since, which is for those to see who
/// may see the student's own record.
#[derive(Serialize, ToSchema)]
pub struct ClassStudent {
    /// The student's id.
    pub id: Uuid,
    /// Student code (mã học sinh, 学号; S1-057).
    pub code: String,
    /// Full name (họ và tên, 姓名; S1-055).
    pub full_name: String,
    /// Date of birth (ngày tháng năm sinh; S1-058).
    pub birth_date: NaiveDate,
    /// Gender (giới tính; S1-059): male, female, unspecified.
    pub gender: String,
}

/// All fields of a student in the list of a class.
const STUDENT_FIELDS: [&str; 5] = ["id", "code", "full_name", "birth_date", "gender"];

impl From<ShownStudent> for ClassStudent {
    fn from(student: ShownStudent) -> Self {
        let columns = student.record.columns;
        ClassStudent { id: student.record.id, code: columns.code, full_name: columns.full_name, birth_date: columns.birth_date, gender: columns.gender }
    }
}

/// List a class's students
///
/// Those enrolled in the class on a day, by `sort=name|code`: also those who have gone elsewhere since.
#[utoipa::path(
    operation_id = "students.classes.students", tag = "classes",
    params(("class_id" = Uuid, Path, description = "The class"), ListParameters, ClassStudentsQuery),
    responses((status = 200, description = "A page of students", body = Listed<ClassStudent>), Refusals)
)]
#[get("/{class_id}/students")]
pub async fn enrolled(context: ServiceContext, caller: Caller, id: Id<ClassId>, wanted: List<ClassStudentsQuery>) -> Result<Listing, Problem> {
    let (page, fields) = (wanted.page(&students::store::SORTS)?, wanted.fields(&STUDENT_FIELDS, &STUDENT_FIELDS)?);
    let on = wanted.filter.on.unwrap_or(caller.today);
    let found = students::store::list_of_class(&mut *context.db.get().await?, &caller, *id, on, &page).await?;
    Listing::of(found.map(ClassStudent::from), fields.as_deref())
}

import_routes!(ClassImporter, "students.classes", "classes");
export_routes!(ClassExporter, "students.classes", "classes");
