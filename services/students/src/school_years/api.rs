//! The routes of school years: request and response bodies, handlers.

use actix_web::{get, patch, post};
use chrono::{DateTime, NaiveDate, Utc};
use registrar_domain::SchoolYearId;
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
    export::SchoolYearExporter,
    import::SchoolYearImporter,
    model::{SchoolYearInput, SchoolYearRecord},
    store::{self, SchoolYearFilter},
};

/// A school year as others see it.
#[derive(Serialize, ToSchema)]
pub struct SchoolYear {
    /// The school year's id.
    pub id: Uuid,
    /// Grows with every change.
    #[schema(minimum = 1)]
    pub version: i64,
    /// Its code, such as `2025-2026`.
    pub code: String,
    /// Its name (tên năm học).
    pub name: String,
    /// The first day.
    pub starts_on: NaiveDate,
    /// The last day.
    pub ends_on: NaiveDate,
    /// When it was last changed.
    pub changed_at: DateTime<Utc>,
}

/// The fields of a list's summary view.
const SUMMARY: [&str; 6] = ["id", "version", "code", "name", "starts_on", "ends_on"];
/// All fields of a record.
pub(super) const FIELDS: [&str; 7] = ["id", "version", "code", "name", "starts_on", "ends_on", "changed_at"];

impl From<SchoolYearRecord> for SchoolYear {
    fn from(row: SchoolYearRecord) -> Self {
        let columns = row.columns;
        SchoolYear { id: row.id, version: row.version, code: columns.code, name: columns.name, starts_on: columns.starts_on, ends_on: columns.ends_on, changed_at: row.changed_at }
    }
}

impl Versioned for SchoolYear {
    const AGGREGATE: &'static str = store::AGGREGATE;
    fn id(&self) -> Uuid {
        self.id
    }
    fn version(&self) -> i64 {
        self.version
    }
}

/// A change of a school year.
pub type SchoolYearPatch = MergePatch<SchoolYearInput>;

/// What a list of school years is narrowed by.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SchoolYearQuery {
    /// The code, exactly.
    #[param(max_length = 50)]
    code: Option<String>,
    /// Those that contain this day.
    on: Option<NaiveDate>,
}

impl From<SchoolYearQuery> for SchoolYearFilter {
    fn from(query: SchoolYearQuery) -> Self {
        SchoolYearFilter { code: query.code, on: query.on }
    }
}

/// List school years
///
/// Those of the tenant, by `sort=code`.
#[utoipa::path(
    operation_id = "students.school_years.list", tag = "school-years",
    params(ListParameters, SchoolYearQuery),
    responses((status = 200, description = "A page of school years", body = Listed<SchoolYear>), Refusals)
)]
#[get("")]
pub async fn list(context: ServiceContext, caller: Caller, list: List<SchoolYearQuery>) -> Result<Listing, Problem> {
    let (page, fields) = (list.page(&store::SORTS)?, list.fields(&SUMMARY, &FIELDS)?);
    let found = store::list(&mut *context.db.get().await?, &caller, &list.filter.into(), &page).await?;
    Listing::of(found.map(SchoolYear::from), fields.as_deref())
}

/// Enter a school year
#[utoipa::path(
    operation_id = "students.school_years.create", tag = "school-years", request_body = SchoolYearInput,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes it safe to send this again")),
    responses((status = 201, description = "Entered", body = SchoolYear), Refusals)
)]
#[post("")]
pub async fn create(context: ServiceContext, caller: Caller, key: Idempotency, body: Body<SchoolYearInput>) -> Result<Kept, Problem> {
    key.once(&context, &caller, body.digest, async |conn| {
        let year = SchoolYear::from(store::create(conn, &caller, &body).await?);
        let location = format!("/v1/school-years/{}", year.id);
        Ok(Record::created(year, location))
    })
    .await
}

/// Read a school year
#[utoipa::path(
    operation_id = "students.school_years.read", tag = "school-years", params(("school_year_id" = Uuid, Path, description = "The school year")),
    responses((status = 200, description = "The school year", body = SchoolYear), (status = 304, description = "Unchanged since `If-None-Match`"), Refusals)
)]
#[get("/{school_year_id}")]
pub async fn read(context: ServiceContext, caller: Caller, id: Id<SchoolYearId>) -> Result<Record<SchoolYear>, Problem> {
    Ok(Record::of(store::find(&*context.db.share().await?, &caller, *id).await?.into()))
}

/// Change a school year
///
/// A merge patch.
#[utoipa::path(
    operation_id = "students.school_years.update", tag = "school-years", request_body(content = SchoolYearPatch, content_type = "application/merge-patch+json"),
    params(("school_year_id" = Uuid, Path, description = "The school year"), ("If-Match" = String, Header, description = "The ETag that was read, or *")),
    responses((status = 200, description = "The school year as it is now", body = SchoolYear), Refusals)
)]
#[patch("/{school_year_id}")]
pub async fn update(context: ServiceContext, caller: Caller, id: Id<SchoolYearId>, seen: IfMatch, patch: SchoolYearPatch) -> Result<Record<SchoolYear>, Problem> {
    let mut conn = context.db.get().await?;
    let found = store::find_to_change(&mut conn, &caller, *id).await?;
    seen.check(&conn, (store::AGGREGATE, "school_years"), found.id, found.version).await?;
    let input = patch.apply(&found.columns.to_input()?)?;
    Ok(Record::of(store::update(&mut conn, &caller, found, &input).await?.into()))
}

/// Follow changes of school years
///
/// The latest state of every school year changed since the cursor.
#[utoipa::path(
    operation_id = "students.school_years.changes", tag = "school-years", params(FeedParameters),
    responses((status = 200, description = "A page of changes", body = Changed<SchoolYear>), Refusals)
)]
#[get("/changes")]
pub async fn changes(context: ServiceContext, caller: Caller, feed: FeedQuery) -> Result<Changes<SchoolYear>, Problem> {
    let page = store::changes(&mut *context.db.get().await?, &caller, feed.cursor, feed.limit).await?;
    Ok(Changes(FeedPage { items: page.items.into_iter().map(SchoolYear::from).collect(), next: page.next, more: page.more }))
}

/// Read a school year's history
///
/// Who changed what, when, through which application, from what to what; newest first, at most 200 versions.
#[utoipa::path(
    operation_id = "students.school_years.history", tag = "school-years", params(("school_year_id" = Uuid, Path, description = "The school year")),
    responses((status = 200, description = "Its versions", body = Listed<HistoryEntry>), Refusals)
)]
#[get("/{school_year_id}/history")]
pub async fn history(context: ServiceContext, caller: Caller, id: Id<SchoolYearId>) -> Result<Listing, Problem> {
    Listing::whole(store::history(&mut *context.db.get().await?, &caller, *id).await?)
}

import_routes!(SchoolYearImporter, "students.school_years", "school-years");
export_routes!(SchoolYearExporter, "students.school_years", "school-years");
