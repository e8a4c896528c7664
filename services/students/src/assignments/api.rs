//! The routes of teaching assignments: request and response bodies, handlers.

use actix_web::{get, patch, post};
use chrono::{DateTime, NaiveDate, Utc};
use registrar_codes::fields::Subject;
use registrar_domain::{AssignmentId, ClassId, StaffId, UnitId};
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
    export::AssignmentExporter,
    import::AssignmentImporter,
    model::{AssignmentInput, AssignmentStatus, ShownAssignment},
    store::{self, AssignmentFilter},
};
use crate::embedded::{NamedClass, NamedStaff};

/// A teaching assignment as others see it.
#[derive(Serialize, ToSchema)]
pub struct Assignment {
    /// The assignment's id.
    pub id: Uuid,
    /// Grows with every change of the assignment itself; not when a shown teacher is renamed.
    #[schema(minimum = 1)]
    pub version: i64,
    /// The teacher (giáo viên), as personnel names them now (S0-017).
    pub staff: NamedStaff,
    /// The class (lớp).
    pub class: NamedClass,
    /// The class's unit.
    pub unit_id: Uuid,
    /// The class's education level (cấp học).
    pub education_level: String,
    /// The subject (môn học, 学科; S1-071).
    pub subject: Subject,
    /// Periods a week (số tiết/tuần).
    #[schema(minimum = 1, maximum = 40)]
    pub periods_per_week: i16,
    /// The first day.
    pub from: NaiveDate,
    /// The last day.
    pub to: Option<NaiveDate>,
    /// active or ended.
    pub status: String,
    /// When the assignment itself was last changed.
    pub changed_at: DateTime<Utc>,
}

/// The fields of a list's summary view.
const SUMMARY: [&str; 9] = ["id", "version", "staff", "class", "subject", "periods_per_week", "from", "to", "status"];
/// All fields of a record.
pub(super) const FIELDS: [&str; 12] = ["id", "version", "staff", "class", "unit_id", "education_level", "subject", "periods_per_week", "from", "to", "status", "changed_at"];

impl From<ShownAssignment> for Assignment {
    fn from(assignment: ShownAssignment) -> Self {
        let row = assignment.record;
        let columns = row.columns;
        Assignment {
            id: row.id,
            version: row.version,
            staff: assignment.staff,
            class: assignment.class,
            unit_id: row.unit_id,
            education_level: row.education_level,
            subject: columns.subject,
            periods_per_week: columns.periods_per_week,
            from: columns.valid_from,
            to: columns.valid_to,
            status: columns.status,
            changed_at: row.changed_at,
        }
    }
}

impl Versioned for Assignment {
    const AGGREGATE: &'static str = store::AGGREGATE;
    fn id(&self) -> Uuid {
        self.id
    }
    fn version(&self) -> i64 {
        self.version
    }
}

/// A change of an assignment.
pub type AssignmentPatch = MergePatch<AssignmentInput>;

/// What a list of assignments is narrowed by.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AssignmentQuery {
    /// The teacher's staff record.
    #[param(value_type = Option<Uuid>)]
    staff_id: Option<StaffId>,
    /// The class.
    #[param(value_type = Option<Uuid>)]
    class_id: Option<ClassId>,
    /// The class's unit.
    #[param(value_type = Option<Uuid>)]
    unit_id: Option<UnitId>,
    /// Those that contain this day.
    on: Option<NaiveDate>,
    /// The status.
    #[param(inline)]
    status: Option<AssignmentStatus>,
}

impl From<AssignmentQuery> for AssignmentFilter {
    fn from(query: AssignmentQuery) -> Self {
        AssignmentFilter { staff: query.staff_id, class: query.class_id, unit: query.unit_id, on: query.on, status: query.status }
    }
}

/// List assignments
///
/// The assignments the caller may see, past ones included, by `sort=from`.
#[utoipa::path(
    operation_id = "students.assignments.list", tag = "assignments",
    params(ListParameters, AssignmentQuery),
    responses((status = 200, description = "A page of assignments", body = Listed<Assignment>), Refusals)
)]
#[get("")]
pub async fn list(context: ServiceContext, caller: Caller, list: List<AssignmentQuery>) -> Result<Listing, Problem> {
    let (page, fields) = (list.page(&store::SORTS)?, list.fields(&SUMMARY, &FIELDS)?);
    let found = store::list(&mut *context.db.get().await?, &caller, &list.filter.into(), &page).await?;
    Listing::of(found.map(Assignment::from), fields.as_deref())
}

/// Enter an assignment
#[utoipa::path(
    operation_id = "students.assignments.create", tag = "assignments", request_body = AssignmentInput,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes it safe to send this again")),
    responses((status = 201, description = "Entered", body = Assignment), Refusals)
)]
#[post("")]
pub async fn create(context: ServiceContext, caller: Caller, key: Idempotency, body: Body<AssignmentInput>) -> Result<Kept, Problem> {
    key.once(&context, &caller, body.digest, async |conn| {
        let assignment = Assignment::from(store::create(conn, &caller, &body).await?);
        let location = format!("/v1/assignments/{}", assignment.id);
        Ok(Record::created(assignment, location))
    })
    .await
}

/// Read an assignment
#[utoipa::path(
    operation_id = "students.assignments.read", tag = "assignments", params(("assignment_id" = Uuid, Path, description = "The assignment")),
    responses((status = 200, description = "The assignment", body = Assignment), (status = 304, description = "Unchanged since `If-None-Match`"), Refusals)
)]
#[get("/{assignment_id}")]
pub async fn read(context: ServiceContext, caller: Caller, id: Id<AssignmentId>) -> Result<Record<Assignment>, Problem> {
    Ok(Record::of(store::find(&*context.db.share().await?, &caller, *id).await?.into()))
}

/// Change an assignment
///
/// A merge patch. To end an assignment, set `status` to `ended` with `to`. Teacher and class stay.
#[utoipa::path(
    operation_id = "students.assignments.update", tag = "assignments", request_body(content = AssignmentPatch, content_type = "application/merge-patch+json"),
    params(("assignment_id" = Uuid, Path, description = "The assignment"), ("If-Match" = String, Header, description = "The ETag that was read, or *")),
    responses((status = 200, description = "The assignment as it is now", body = Assignment), Refusals)
)]
#[patch("/{assignment_id}")]
pub async fn update(context: ServiceContext, caller: Caller, id: Id<AssignmentId>, seen: IfMatch, patch: AssignmentPatch) -> Result<Record<Assignment>, Problem> {
    let mut conn = context.db.get().await?;
    let found = store::find_to_change(&mut conn, &caller, *id).await?;
    seen.check(&conn, (store::AGGREGATE, "assignments"), found.record.id, found.record.version).await?;
    let input = patch.apply(&found.record.columns.to_input()?)?;
    Ok(Record::of(store::update(&mut conn, &caller, found, &input).await?.into()))
}

/// Follow changes of assignments
///
/// The latest state of every assignment changed since the cursor, ended ones included. A renamed teacher or class counts (S0-017).
#[utoipa::path(
    operation_id = "students.assignments.changes", tag = "assignments", params(FeedParameters),
    responses((status = 200, description = "A page of changes", body = Changed<Assignment>), Refusals)
)]
#[get("/changes")]
pub async fn changes(context: ServiceContext, caller: Caller, feed: FeedQuery) -> Result<Changes<Assignment>, Problem> {
    let page = store::changes(&mut *context.db.get().await?, &caller, feed.cursor, feed.limit).await?;
    Ok(Changes(FeedPage { items: page.items.into_iter().map(Assignment::from).collect(), next: page.next, more: page.more }))
}

/// Read an assignment's history
///
/// Who changed what, when, through which application, from what to what; newest first, at most 200 versions.
#[utoipa::path(
    operation_id = "students.assignments.history", tag = "assignments", params(("assignment_id" = Uuid, Path, description = "The assignment")),
    responses((status = 200, description = "Its versions", body = Listed<HistoryEntry>), Refusals)
)]
#[get("/{assignment_id}/history")]
pub async fn history(context: ServiceContext, caller: Caller, id: Id<AssignmentId>) -> Result<Listing, Problem> {
    Listing::whole(store::history(&mut *context.db.get().await?, &caller, *id).await?)
}

import_routes!(AssignmentImporter, "students.assignments", "assignments");
export_routes!(AssignmentExporter, "students.assignments", "assignments");
