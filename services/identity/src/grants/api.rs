//! The routes of grants: request and response bodies, handlers.

use actix_web::{get, patch, post};
use chrono::{DateTime, NaiveDate, Utc};
use registrar_access::Role;
use registrar_domain::{AccountId, GrantId, UnitId};
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
    export::GrantExporter,
    import::GrantImporter,
    model::{GrantInput, GrantRecord, GrantStatus, NewGrant},
    store::{self, GrantFilter},
};

/// A grant as others see it (phân quyền, 授权; S2-012).
#[derive(Serialize, ToSchema)]
pub struct Grant {
    /// The grant's id.
    pub id: Uuid,
    /// Grows with every change.
    #[schema(minimum = 1)]
    pub version: i64,
    /// Who holds it.
    pub account_id: Uuid,
    /// What it allows.
    pub role: String,
    /// In this unit and below it.
    pub unit_id: Uuid,
    /// The hierarchy in which "below" is meant.
    pub hierarchy: String,
    /// Only records of these education levels (S2-013); of all when empty.
    #[schema(max_items = 5)]
    pub education_levels: Vec<String>,
    /// Only these classes (S2-016); all when empty.
    #[schema(max_items = 200)]
    pub class_ids: Vec<Uuid>,
    /// First day.
    pub valid_from: NaiveDate,
    /// Last day.
    pub valid_until: Option<NaiveDate>,
    /// active, or ended when it was taken back.
    pub status: String,
    /// The account that gave it.
    pub given_by: Uuid,
    /// What it rests on, such as the handover record (biên bản bàn giao; S2-011).
    pub note: Option<String>,
    /// When it was last changed.
    pub changed_at: DateTime<Utc>,
}

/// The fields of a list's summary view.
const SUMMARY: [&str; 9] = ["id", "version", "account_id", "role", "unit_id", "hierarchy", "valid_from", "valid_until", "status"];
/// All fields of a grant.
pub(super) const FIELDS: [&str; 14] =
    ["id", "version", "account_id", "role", "unit_id", "hierarchy", "education_levels", "class_ids", "valid_from", "valid_until", "status", "given_by", "note", "changed_at"];

impl From<GrantRecord> for Grant {
    fn from(row: GrantRecord) -> Self {
        let columns = row.columns;
        Grant {
            id: row.id,
            version: row.version,
            account_id: columns.account_id,
            role: columns.role,
            unit_id: columns.unit_id,
            hierarchy: columns.hierarchy,
            education_levels: columns.education_levels,
            class_ids: columns.class_ids,
            valid_from: columns.valid_from,
            valid_until: columns.valid_until,
            status: columns.status,
            given_by: row.given_by,
            note: columns.note,
            changed_at: row.changed_at,
        }
    }
}

impl Versioned for Grant {
    const AGGREGATE: &'static str = store::AGGREGATE;
    fn id(&self) -> Uuid {
        self.id
    }
    fn version(&self) -> i64 {
        self.version
    }
}

/// A change of a grant.
pub type GrantPatch = MergePatch<GrantInput>;

/// What a list of grants is narrowed by.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct GrantQuery {
    /// Who holds it.
    #[param(value_type = Option<Uuid>)]
    account_id: Option<AccountId>,
    /// The unit it is given in.
    #[param(value_type = Option<Uuid>)]
    unit_id: Option<UnitId>,
    /// The role.
    #[param(inline)]
    role: Option<Role>,
    /// The status.
    #[param(inline)]
    status: Option<GrantStatus>,
    /// Those that hold on this day.
    on: Option<NaiveDate>,
}

impl From<GrantQuery> for GrantFilter {
    fn from(query: GrantQuery) -> Self {
        GrantFilter { account: query.account_id, unit: query.unit_id, role: query.role, status: query.status, on: query.on }
    }
}

/// List grants
///
/// Those given in units where the caller may see grants, in the order in which they were given: `sort=given`.
#[utoipa::path(
    operation_id = "identity.grants.list", tag = "grants",
    params(ListParameters, GrantQuery),
    responses((status = 200, description = "A page of grants", body = Listed<Grant>), Refusals)
)]
#[get("")]
pub async fn list(context: ServiceContext, caller: Caller, list: List<GrantQuery>) -> Result<Listing, Problem> {
    let (page, fields) = (list.page(&store::SORTS)?, list.fields(&SUMMARY, &FIELDS)?);
    let found = store::list(&mut *context.db.get().await?, &caller, &list.filter.into(), &page).await?;
    Listing::of(found.map(Grant::from), fields.as_deref())
}

/// Give a grant
///
/// Only what one holds may be handed on: each action of the role, in that hierarchy, for those levels and classes, no
/// longer than one's own grant. Nobody gives a grant to himself.
#[utoipa::path(
    operation_id = "identity.grants.create", tag = "grants", request_body = NewGrant,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes it safe to send this again")),
    responses((status = 201, description = "Given", body = Grant), Refusals)
)]
#[post("")]
pub async fn create(context: ServiceContext, caller: Caller, key: Idempotency, body: Body<NewGrant>) -> Result<Kept, Problem> {
    key.once(&context, &caller, body.digest, async |conn| {
        let grant = Grant::from(store::create(conn, &caller, &body).await?);
        let location = format!("/v1/grants/{}", grant.id);
        Ok(Record::created(grant, location))
    })
    .await
}

/// Read a grant
#[utoipa::path(
    operation_id = "identity.grants.read", tag = "grants", params(("grant_id" = Uuid, Path, description = "The grant")),
    responses((status = 200, description = "The grant", body = Grant), (status = 304, description = "Unchanged since `If-None-Match`"), Refusals)
)]
#[get("/{grant_id}")]
pub async fn read(context: ServiceContext, caller: Caller, id: Id<GrantId>) -> Result<Record<Grant>, Problem> {
    Ok(Record::of(store::find(&*context.db.share().await?, &caller, *id).await?.into()))
}

/// End a grant, or move its end
///
/// A merge patch of `valid_until` and `status`. `status: ended` takes it back at once; what has ended stays ended.
#[utoipa::path(
    operation_id = "identity.grants.update", tag = "grants", request_body(content = GrantPatch, content_type = "application/merge-patch+json"),
    params(("grant_id" = Uuid, Path, description = "The grant"), ("If-Match" = String, Header, description = "The ETag that was read, or *")),
    responses((status = 200, description = "The grant as it is now", body = Grant), Refusals)
)]
#[patch("/{grant_id}")]
pub async fn update(context: ServiceContext, caller: Caller, id: Id<GrantId>, seen: IfMatch, patch: GrantPatch) -> Result<Record<Grant>, Problem> {
    let mut conn = context.db.get().await?;
    let found = store::find_to_change(&mut conn, &caller, *id).await?;
    seen.check(&conn, (store::AGGREGATE, "grants"), found.id, found.version).await?;
    let input = patch.apply(&found.columns.to_input()?)?;
    Ok(Record::of(store::update(&mut conn, &caller, found, &input).await?.into()))
}

/// Follow changes of grants
///
/// The latest state of every grant changed since the cursor, ended ones included.
#[utoipa::path(
    operation_id = "identity.grants.changes", tag = "grants", params(FeedParameters),
    responses((status = 200, description = "A page of changes", body = Changed<Grant>), Refusals)
)]
#[get("/changes")]
pub async fn changes(context: ServiceContext, caller: Caller, feed: FeedQuery) -> Result<Changes<Grant>, Problem> {
    let page = store::changes(&mut *context.db.get().await?, &caller, feed.cursor, feed.limit).await?;
    Ok(Changes(FeedPage { items: page.items.into_iter().map(Grant::from).collect(), next: page.next, more: page.more }))
}

/// Read a grant's history
///
/// Who changed what, when, through which application, from what to what; newest first, at most 200 versions.
#[utoipa::path(
    operation_id = "identity.grants.history", tag = "grants", params(("grant_id" = Uuid, Path, description = "The grant")),
    responses((status = 200, description = "Its versions", body = Listed<HistoryEntry>), Refusals)
)]
#[get("/{grant_id}/history")]
pub async fn history(context: ServiceContext, caller: Caller, id: Id<GrantId>) -> Result<Listing, Problem> {
    Listing::whole(store::history(&mut *context.db.get().await?, &caller, *id).await?)
}

import_routes!(GrantImporter, "identity.grants", "grants");
export_routes!(GrantExporter, "identity.grants", "grants");
