//! The routes of units: request and response bodies, handlers.

use actix_web::{get, patch, post};
use chrono::{DateTime, NaiveDate, Utc};
use registrar_codes::fields::Area;
use registrar_domain::{EducationLevel, EmailAddress, Hierarchy, PhoneNumber, UnitId, UnitKind};
use registrar_http::{
    Body, Caller, Changes, FeedQuery, Id, Idempotency, IfMatch, List, Listing, MergePatch, Problem, Record, Refusals, ServiceContext, Versioned,
    answer::{Changed, Listed},
    export_routes,
    idempotency::Kept,
    import_routes,
    list::{FeedParameters, ListParameters},
};
use registrar_store::{StoreResult, feed::FeedPage, history::HistoryEntry};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{
    export::UnitExporter,
    import::UnitImporter,
    model::{UnitInput, UnitRecord, UnitStatus, UnitSuperior},
    store::{self, UnitFilter},
};

/// A unit as others see it.
#[derive(Serialize, ToSchema)]
pub struct Unit {
    /// The unit's id; the root unit's is the tenant's.
    pub id: Uuid,
    /// Grows with every change.
    #[schema(minimum = 1)]
    pub version: i64,
    /// Unit code (mã đơn vị, mã trường; 单位代码; S1-001).
    pub code: String,
    /// Official name (tên đơn vị; 单位名称).
    pub name: String,
    /// Kind of unit (loại hình; S1-002); see `UnitInput`.
    pub kind: String,
    /// The education levels it serves (cấp học; S1-002).
    #[schema(max_items = 5)]
    pub education_levels: Vec<String>,
    /// Web site (trang web; S1-110).
    pub website: Option<String>,
    /// Telephone (điện thoại, 电话).
    pub phone: Option<PhoneNumber>,
    /// E-mail (thư điện tử, 电子邮件).
    pub email: Option<EmailAddress>,
    /// Postal address (địa chỉ, 地址).
    pub address: Option<String>,
    /// The administrative area it lies in (địa bàn, 行政区划).
    pub area: Option<Area>,
    /// First day (ngày thành lập).
    pub opened_on: NaiveDate,
    /// Last day (ngày giải thể, sáp nhập).
    pub closed_on: Option<NaiveDate>,
    /// open, or closed once it has a last day.
    pub status: String,
    /// The units above it with their whole past (S2-013).
    #[schema(max_items = 50)]
    pub superiors: Vec<UnitSuperior>,
    /// When it was last changed.
    pub changed_at: DateTime<Utc>,
}

/// The fields of a list's summary view.
pub(super) const SUMMARY: [&str; 7] = ["id", "version", "code", "name", "kind", "education_levels", "status"];
/// All fields of a unit.
pub(super) const FIELDS: [&str; 16] =
    ["id", "version", "code", "name", "kind", "education_levels", "website", "phone", "email", "address", "area", "opened_on", "closed_on", "status", "superiors", "changed_at"];

impl TryFrom<UnitRecord> for Unit {
    type Error = registrar_store::StoreError;

    fn try_from(row: UnitRecord) -> StoreResult<Self> {
        let superiors = row.columns.superiors()?;
        let columns = row.columns;
        Ok(Unit {
            id: row.id,
            version: row.version,
            code: columns.code,
            name: columns.name,
            kind: columns.kind,
            education_levels: columns.education_levels,
            website: columns.website,
            phone: columns.phone,
            email: columns.email,
            address: columns.address,
            area: columns.area,
            opened_on: columns.opened_on,
            closed_on: columns.closed_on,
            status: columns.status,
            superiors,
            changed_at: row.changed_at,
        })
    }
}

impl Versioned for Unit {
    const AGGREGATE: &'static str = store::AGGREGATE;
    fn id(&self) -> Uuid {
        self.id
    }
    fn version(&self) -> i64 {
        self.version
    }
}

/// A change of a unit.
pub type UnitPatch = MergePatch<UnitInput>;

/// What a list of units is narrowed by.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct UnitQuery {
    /// Words of the name; accents and case do not matter.
    #[param(max_length = 100)]
    q: Option<String>,
    /// The unit code, exactly.
    #[param(max_length = 50)]
    code: Option<String>,
    /// The kind.
    #[param(inline)]
    kind: Option<UnitKind>,
    /// The status.
    #[param(inline)]
    status: Option<UnitStatus>,
    /// The unit and everything below it in `hierarchy` on the day `on`.
    #[param(value_type = Option<Uuid>)]
    within: Option<UnitId>,
    /// The hierarchy of `within`; professional when left out.
    #[param(inline)]
    hierarchy: Option<Hierarchy>,
    /// The day of `within`; today when left out.
    on: Option<NaiveDate>,
    /// One of its education levels.
    #[param(inline)]
    education_level: Option<EducationLevel>,
}

impl UnitQuery {
    pub(super) fn filter(self, today: NaiveDate) -> UnitFilter {
        let (hierarchy, on) = (self.hierarchy.unwrap_or(Hierarchy::Professional), self.on.unwrap_or(today));
        UnitFilter {
            name: self.q,
            code: self.code,
            kind: self.kind,
            status: self.status,
            within: self.within.map(|unit| (unit, hierarchy, on)),
            below: None,
            education_level: self.education_level,
        }
    }
}

/// List units
///
/// The units the caller may see, by name or code: `sort=name|code`.
#[utoipa::path(
    operation_id = "identity.units.list", tag = "units",
    params(ListParameters, UnitQuery),
    responses((status = 200, description = "A page of units", body = Listed<Unit>), Refusals)
)]
#[get("")]
pub async fn list(context: ServiceContext, caller: Caller, list: List<UnitQuery>) -> Result<Listing, Problem> {
    let (page, fields) = (list.page(&store::SORTS)?, list.fields(&SUMMARY, &FIELDS)?);
    let found = store::list(&mut *context.db.get().await?, &caller, &list.filter.filter(caller.today), &page).await?;
    shown(found, fields.as_deref())
}

/// A page of records as units.
pub(super) fn shown(found: registrar_store::Page<UnitRecord>, fields: Option<&[String]>) -> Result<Listing, Problem> {
    let items = found.items.into_iter().map(Unit::try_from).collect::<StoreResult<Vec<Unit>>>()?;
    Listing::of(registrar_store::Page { items, next: found.next, total: found.total }, fields)
}

/// Enter a unit
///
/// Needs the right to write units in each of its superiors.
#[utoipa::path(
    operation_id = "identity.units.create", tag = "units", request_body = UnitInput,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes it safe to send this again")),
    responses((status = 201, description = "Entered", body = Unit), Refusals)
)]
#[post("")]
pub async fn create(context: ServiceContext, caller: Caller, key: Idempotency, body: Body<UnitInput>) -> Result<Kept, Problem> {
    key.once(&context, &caller, body.digest, async |conn| {
        let unit = Unit::try_from(store::create(conn, &caller, &body).await?)?;
        let location = format!("/v1/units/{}", unit.id);
        Ok(Record::created(unit, location))
    })
    .await
}

/// Read a unit
#[utoipa::path(
    operation_id = "identity.units.read", tag = "units", params(("unit_id" = Uuid, Path, description = "The unit")),
    responses((status = 200, description = "The unit", body = Unit), (status = 304, description = "Unchanged since `If-None-Match`"), Refusals)
)]
#[get("/{unit_id}")]
pub async fn read(context: ServiceContext, caller: Caller, id: Id<UnitId>) -> Result<Record<Unit>, Problem> {
    Ok(Record::of(Unit::try_from(store::find(&*context.db.share().await?, &caller, *id).await?)?))
}

/// Change a unit
///
/// A merge patch; `superiors` is replaced as a whole. To close a unit, set `closed_on`. The change reaches every other
/// service by itself (S0-017). Putting a unit under another one, or taking it away, needs the right to write units in
/// the unit above.
#[utoipa::path(
    operation_id = "identity.units.update", tag = "units", request_body(content = UnitPatch, content_type = "application/merge-patch+json"),
    params(("unit_id" = Uuid, Path, description = "The unit"), ("If-Match" = String, Header, description = "The ETag that was read, or *")),
    responses((status = 200, description = "The unit as it is now", body = Unit), Refusals)
)]
#[patch("/{unit_id}")]
pub async fn update(context: ServiceContext, caller: Caller, id: Id<UnitId>, seen: IfMatch, patch: UnitPatch) -> Result<Record<Unit>, Problem> {
    let mut conn = context.db.get().await?;
    let found = store::find_to_change(&mut conn, &caller, *id).await?;
    seen.check(&conn, (store::AGGREGATE, "units"), found.id, found.version).await?;
    let input = patch.apply(&found.columns.to_input()?)?;
    Ok(Record::of(Unit::try_from(store::update(&mut conn, &caller, found, &input).await?)?))
}

/// Follow changes of units
///
/// The latest state of every unit changed since the cursor, closed ones included.
#[utoipa::path(
    operation_id = "identity.units.changes", tag = "units", params(FeedParameters),
    responses((status = 200, description = "A page of changes", body = Changed<Unit>), Refusals)
)]
#[get("/changes")]
pub async fn changes(context: ServiceContext, caller: Caller, feed: FeedQuery) -> Result<Changes<Unit>, Problem> {
    let page = store::changes(&mut *context.db.get().await?, &caller, feed.cursor, feed.limit).await?;
    let items = page.items.into_iter().map(Unit::try_from).collect::<StoreResult<Vec<Unit>>>()?;
    Ok(Changes(FeedPage { items, next: page.next, more: page.more }))
}

/// Read a unit's history
///
/// Who changed what, when, through which application, from what to what; newest first, at most 200 versions.
#[utoipa::path(
    operation_id = "identity.units.history", tag = "units", params(("unit_id" = Uuid, Path, description = "The unit")),
    responses((status = 200, description = "Its versions", body = Listed<HistoryEntry>), Refusals)
)]
#[get("/{unit_id}/history")]
pub async fn history(context: ServiceContext, caller: Caller, id: Id<UnitId>) -> Result<Listing, Problem> {
    Listing::whole(store::history(&mut *context.db.get().await?, &caller, *id).await?)
}

import_routes!(UnitImporter, "identity.units", "units");
export_routes!(UnitExporter, "identity.units", "units");
