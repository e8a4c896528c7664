//! The routes of enrolments: request and response bodies, handlers.

use actix_web::{get, patch, post};
use chrono::{DateTime, NaiveDate, Utc};
use registrar_codes::fields::LeavingReason;
use registrar_domain::{ClassId, EnrolmentId, SchoolYearId, StudentId};
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
    ending::EnrolmentEnd,
    export::EnrolmentExporter,
    import::EnrolmentImporter,
    model::{EnrolmentInput, ShownEnrolment, TransferInput},
    store::{self, EnrolmentFilter},
    writes,
};
use crate::embedded::NamedClass;

/// An enrolment as others see it.
#[derive(Serialize, ToSchema)]
pub struct Enrolment {
    /// The enrolment's id.
    pub id: Uuid,
    /// Grows with every change.
    #[schema(minimum = 1)]
    pub version: i64,
    /// The student.
    pub student_id: Uuid,
    /// The class (lớp; S1-062).
    pub class: NamedClass,
    /// The class's unit.
    pub unit_id: Uuid,
    /// The class's school year (năm học).
    pub school_year_id: Uuid,
    /// The class's education level (cấp học).
    pub education_level: String,
    /// The class's grade (khối; S1-050).
    #[schema(minimum = 1, maximum = 12)]
    pub grade: Option<i16>,
    /// The first day in the class.
    pub enrolled_on: NaiveDate,
    /// The last day in the class.
    pub ended_on: Option<NaiveDate>,
    /// How it ended (hình thức rời lớp, 离班类型); `unknown` of what ended before this was asked for.
    pub end_kind: Option<EnrolmentEnd>,
    /// Why the student stopped learning (lý do thôi học, 辍学原因).
    pub leaving_reason: Option<LeavingReason>,
    /// What else was said of the end.
    pub end_reason: Option<String>,
    /// active while it has no last day, then ended.
    pub status: String,
    /// When it was last changed.
    pub changed_at: DateTime<Utc>,
}

/// The fields of a list's summary view.
const SUMMARY: [&str; 9] = ["id", "version", "student_id", "class", "unit_id", "enrolled_on", "ended_on", "end_kind", "status"];
/// All fields of a record.
pub(super) const FIELDS: [&str; 15] = [
    "id",
    "version",
    "student_id",
    "class",
    "unit_id",
    "school_year_id",
    "education_level",
    "grade",
    "enrolled_on",
    "ended_on",
    "end_kind",
    "leaving_reason",
    "end_reason",
    "status",
    "changed_at",
];

impl From<ShownEnrolment> for Enrolment {
    fn from(enrolment: ShownEnrolment) -> Self {
        let row = enrolment.record;
        let (columns, copied) = (row.columns, row.copied);
        Enrolment {
            id: row.id,
            version: row.version,
            student_id: columns.student_id,
            class: enrolment.class,
            unit_id: copied.unit_id,
            school_year_id: copied.school_year_id,
            education_level: copied.education_level,
            grade: copied.grade,
            enrolled_on: columns.enrolled_on,
            status: if columns.ending.ended_on.is_some() { "ended" } else { "active" }.to_owned(),
            ended_on: columns.ending.ended_on,
            end_kind: columns.ending.end_kind,
            leaving_reason: columns.ending.leaving_reason,
            end_reason: columns.ending.end_reason,
            changed_at: row.changed_at,
        }
    }
}

impl Versioned for Enrolment {
    const AGGREGATE: &'static str = store::AGGREGATE;
    fn id(&self) -> Uuid {
        self.id
    }
    fn version(&self) -> i64 {
        self.version
    }
}

/// A change of an enrolment.
pub type EnrolmentPatch = MergePatch<EnrolmentInput>;

/// What a list of enrolments is narrowed by.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EnrolmentQuery {
    /// The student.
    #[param(value_type = Option<Uuid>)]
    student_id: Option<StudentId>,
    /// The class.
    #[param(value_type = Option<Uuid>)]
    class_id: Option<ClassId>,
    /// Those that contain this day.
    on: Option<NaiveDate>,
    /// Those that ended so.
    #[param(inline)]
    end_kind: Option<EnrolmentEnd>,
    /// The school year: with `end_kind=repeating`, who repeats a grade after it.
    #[param(value_type = Option<Uuid>)]
    school_year_id: Option<SchoolYearId>,
}

impl From<EnrolmentQuery> for EnrolmentFilter {
    fn from(query: EnrolmentQuery) -> Self {
        EnrolmentFilter { student: query.student_id, class: query.class_id, on: query.on, end_kind: query.end_kind, school_year: query.school_year_id }
    }
}

/// List enrolments
///
/// The enrolments the caller may see, past ones included, by `sort=enrolled_on`.
#[utoipa::path(
    operation_id = "students.enrolments.list", tag = "enrolments",
    params(ListParameters, EnrolmentQuery),
    responses((status = 200, description = "A page of enrolments", body = Listed<Enrolment>), Refusals)
)]
#[get("")]
pub async fn list(context: ServiceContext, caller: Caller, list: List<EnrolmentQuery>) -> Result<Listing, Problem> {
    let (page, fields) = (list.page(&store::SORTS)?, list.fields(&SUMMARY, &FIELDS)?);
    let found = store::list(&mut *context.db.get().await?, &caller, &list.filter.into(), &page).await?;
    Listing::of(found.map(Enrolment::from), fields.as_deref())
}

/// Enrol a student in a class
///
/// Refused with `conflict` while the student is in a class on one of these days: see transfers.
#[utoipa::path(
    operation_id = "students.enrolments.create", tag = "enrolments", request_body = EnrolmentInput,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes it safe to send this again")),
    responses((status = 201, description = "Enrolled", body = Enrolment), Refusals)
)]
#[post("")]
pub async fn create(context: ServiceContext, caller: Caller, key: Idempotency, body: Body<EnrolmentInput>) -> Result<Kept, Problem> {
    key.once(&context, &caller, body.digest, async |conn| created(writes::create(conn, &caller, &body).await?)).await
}

/// Transfer a student to another class
///
/// Ends the open enrolment the day before `on` and begins one in the other class, of this school or another (chuyển lớp,
/// chuyển trường). Answers the new enrolment; the old one stays with its days, and its `end_kind` says what the two classes
/// tell: a move within the school or to another one, or in another school year promotion, repeating or completion.
#[utoipa::path(
    operation_id = "students.enrolments.transfer", tag = "enrolments", request_body = TransferInput,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes it safe to send this again")),
    responses((status = 201, description = "Transferred", body = Enrolment), Refusals)
)]
#[post("/transfers")]
pub async fn transfer(context: ServiceContext, caller: Caller, key: Idempotency, body: Body<TransferInput>) -> Result<Kept, Problem> {
    key.once(&context, &caller, body.digest, async |conn| created(writes::transfer(conn, &caller, &body).await?)).await
}

fn created(enrolment: ShownEnrolment) -> Result<Record<Enrolment>, Problem> {
    let location = format!("/v1/enrolments/{}", enrolment.record.id);
    Ok(Record::created(enrolment.into(), location))
}

/// Read an enrolment
#[utoipa::path(
    operation_id = "students.enrolments.read", tag = "enrolments", params(("enrolment_id" = Uuid, Path, description = "The enrolment")),
    responses((status = 200, description = "The enrolment", body = Enrolment), (status = 304, description = "Unchanged since `If-None-Match`"), Refusals)
)]
#[get("/{enrolment_id}")]
pub async fn read(context: ServiceContext, caller: Caller, id: Id<EnrolmentId>) -> Result<Record<Enrolment>, Problem> {
    Ok(Record::of(store::find(&*context.db.share().await?, &caller, *id).await?.into()))
}

/// Change an enrolment
///
/// A merge patch of its days: to end it, set `ended_on` and `end_kind`. Student and class stay.
#[utoipa::path(
    operation_id = "students.enrolments.update", tag = "enrolments", request_body(content = EnrolmentPatch, content_type = "application/merge-patch+json"),
    params(("enrolment_id" = Uuid, Path, description = "The enrolment"), ("If-Match" = String, Header, description = "The ETag that was read, or *")),
    responses((status = 200, description = "The enrolment as it is now", body = Enrolment), Refusals)
)]
#[patch("/{enrolment_id}")]
pub async fn update(context: ServiceContext, caller: Caller, id: Id<EnrolmentId>, seen: IfMatch, patch: EnrolmentPatch) -> Result<Record<Enrolment>, Problem> {
    let mut conn = context.db.get().await?;
    let found = store::find_to_change(&mut conn, &caller, *id).await?;
    seen.check(&conn, (store::AGGREGATE, "enrolments"), found.record.id, found.record.version).await?;
    let input = patch.apply(&found.record.columns.to_input())?;
    Ok(Record::of(writes::update(&mut conn, &caller, found, &input).await?.into()))
}

/// Follow changes of enrolments
///
/// The latest state of every enrolment changed since the cursor, ended ones included.
#[utoipa::path(
    operation_id = "students.enrolments.changes", tag = "enrolments", params(FeedParameters),
    responses((status = 200, description = "A page of changes", body = Changed<Enrolment>), Refusals)
)]
#[get("/changes")]
pub async fn changes(context: ServiceContext, caller: Caller, feed: FeedQuery) -> Result<Changes<Enrolment>, Problem> {
    let page = store::changes(&mut *context.db.get().await?, &caller, feed.cursor, feed.limit).await?;
    Ok(Changes(FeedPage { items: page.items.into_iter().map(Enrolment::from).collect(), next: page.next, more: page.more }))
}

/// Read an enrolment's history
///
/// Who changed what, when, through which application, from what to what; newest first, at most 200 versions.
#[utoipa::path(
    operation_id = "students.enrolments.history", tag = "enrolments", params(("enrolment_id" = Uuid, Path, description = "The enrolment")),
    responses((status = 200, description = "Its versions", body = Listed<HistoryEntry>), Refusals)
)]
#[get("/{enrolment_id}/history")]
pub async fn history(context: ServiceContext, caller: Caller, id: Id<EnrolmentId>) -> Result<Listing, Problem> {
    Listing::whole(store::history(&mut *context.db.get().await?, &caller, *id).await?)
}

import_routes!(EnrolmentImporter, "students.enrolments", "enrolments");
export_routes!(EnrolmentExporter, "students.enrolments", "enrolments");
