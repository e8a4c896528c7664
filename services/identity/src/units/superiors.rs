//! Who manages a unit on a day, and whom it manages: one answer per hierarchy (S2-013).

use actix_web::get;
use chrono::NaiveDate;
use diesel::{QueryableByName, sql_query, sql_types};
use diesel_async::RunQueryDsl;
use registrar_access::Access;
use registrar_domain::{Hierarchy, UnitId};
use registrar_http::{
    Caller, Id, List, Listing, Problem, Refusals, ServiceContext,
    answer::Listed,
    list::{ListParameters, Query},
};
use registrar_store::{Connection, StoreResult};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{
    api::{FIELDS, SUMMARY, Unit, shown},
    store::{self, UnitFilter},
};

/// A unit above another one on a day.
#[derive(Serialize, ToSchema, QueryableByName)]
pub struct UnitAbove {
    /// In which hierarchy: administrative (quản lý nhà nước) or professional (quản lý chuyên môn).
    #[diesel(sql_type = sql_types::Text)]
    pub hierarchy: String,
    /// 1 for the unit that manages it (cơ quan quản lý trực tiếp), 2 for the one above that.
    #[diesel(sql_type = sql_types::SmallInt)]
    #[schema(minimum = 1)]
    pub depth: i16,
    /// The unit above.
    #[diesel(sql_type = sql_types::Uuid)]
    pub unit_id: Uuid,
    /// Its code.
    #[diesel(sql_type = sql_types::Text)]
    pub code: String,
    /// Its name.
    #[diesel(sql_type = sql_types::Text)]
    pub name: String,
    /// Its kind.
    #[diesel(sql_type = sql_types::Text)]
    pub kind: String,
    /// The first day of this state of things.
    #[diesel(sql_type = sql_types::Date)]
    pub valid_from: NaiveDate,
    /// Its last day; none while it lasts.
    #[diesel(sql_type = sql_types::Nullable<sql_types::Date>)]
    pub valid_to: Option<NaiveDate>,
}

/// The day asked about.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct OnDay {
    /// The day; today when left out.
    on: Option<NaiveDate>,
}

const ABOVE: &str = "
    select a.hierarchy, a.depth, u.id as unit_id, u.code, u.name, u.kind, a.valid_from, nullif(a.valid_to, 'infinity') as valid_to
    from unit_ancestors a join units u on u.id = a.ancestor_id
    where a.unit_id = $1 and u.tenant_id = $2 and a.depth > 0 and $3 between a.valid_from and a.valid_to
    order by a.hierarchy, a.depth";

async fn above(conn: &mut Connection, access: &Access, unit: UnitId, on: NaiveDate) -> StoreResult<Vec<UnitAbove>> {
    store::find(conn, access, unit).await?;
    Ok(sql_query(ABOVE).bind::<sql_types::Uuid, _>(Uuid::from(unit)).bind::<sql_types::Uuid, _>(Uuid::from(access.tenant)).bind::<sql_types::Date, _>(on).load(conn).await?)
}

/// List the units above a unit on a day
///
/// Who manages it, and who manages those, in each hierarchy up to the root; at most 15 in each. Whoever may see a unit
/// may know who stands above it.
#[utoipa::path(
    operation_id = "identity.units.superiors", tag = "units", params(("unit_id" = Uuid, Path, description = "The unit"), OnDay),
    responses((status = 200, description = "The units above, by hierarchy, nearest first", body = Listed<UnitAbove>), Refusals)
)]
#[get("/{unit_id}/superiors")]
pub async fn superiors(context: ServiceContext, caller: Caller, id: Id<UnitId>, day: Query<OnDay>) -> Result<Listing, Problem> {
    let on = day.0.on.unwrap_or(caller.today);
    Listing::whole(above(&mut *context.db.get().await?, &caller, *id, on).await?)
}

/// Which units below are meant.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct BelowQuery {
    /// The hierarchy; professional when left out.
    #[param(inline)]
    hierarchy: Option<Hierarchy>,
    /// The day; today when left out.
    on: Option<NaiveDate>,
    /// Only those managed by the unit itself, not by units in between.
    direct: Option<bool>,
}

/// List the units below a unit on a day
///
/// Those of them the caller may see, by name or code: `sort=name|code`.
#[utoipa::path(
    operation_id = "identity.units.subordinates", tag = "units",
    params(("unit_id" = Uuid, Path, description = "The unit above"), ListParameters, BelowQuery),
    responses((status = 200, description = "A page of units", body = Listed<Unit>), Refusals)
)]
#[get("/{unit_id}/subordinates")]
pub async fn subordinates(context: ServiceContext, caller: Caller, id: Id<UnitId>, list: List<BelowQuery>) -> Result<Listing, Problem> {
    let (page, fields) = (list.page(&store::SORTS)?, list.fields(&SUMMARY, &FIELDS)?);
    let mut conn = context.db.get().await?;
    store::find(&conn, &caller, *id).await?;
    let asked = list.filter;
    let (hierarchy, on) = (asked.hierarchy.unwrap_or(Hierarchy::Professional), asked.on.unwrap_or(caller.today));
    let filter = UnitFilter { below: Some((*id, hierarchy, on, asked.direct.unwrap_or(false))), ..UnitFilter::default() };
    shown(store::list(&mut conn, &caller, &filter, &page).await?, fields.as_deref())
}
