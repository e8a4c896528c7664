//! The route of the caller's own account.

use actix_web::{get, web::Json};
use chrono::NaiveDate;
use registrar_access::Role;
use registrar_http::{
    Caller, Problem, Refusals, ServiceContext,
    list::{NoFilter, Query},
};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::store;
use crate::{grants::model::GrantRecord, units::model::UnitRecord};

/// Who is calling, and what they hold today.
#[derive(Serialize, ToSchema)]
pub struct Me {
    /// The account.
    pub account_id: Uuid,
    /// Its username (tên đăng nhập, 用户名).
    pub username: String,
    /// How it is shown to people.
    pub display_name: String,
    /// The staff record of the person behind it.
    pub staff_id: Option<Uuid>,
    /// The tenant's root unit.
    pub tenant: MyUnit,
    /// The application the session was opened through.
    pub client_id: String,
    /// The roles held today in some unit.
    #[schema(max_items = 20)]
    pub roles: Vec<Role>,
    /// The grants that hold today.
    #[schema(max_items = 200)]
    pub grants: Vec<MyGrant>,
}

/// A unit, shortly.
#[derive(Serialize, ToSchema)]
pub struct MyUnit {
    /// Its id.
    pub id: Uuid,
    /// Its code.
    pub code: String,
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: String,
}

impl From<UnitRecord> for MyUnit {
    fn from(unit: UnitRecord) -> Self {
        MyUnit { id: unit.id, code: unit.columns.code, name: unit.columns.name, kind: unit.columns.kind }
    }
}

/// One of the caller's grants.
#[derive(Serialize, ToSchema)]
pub struct MyGrant {
    /// The grant.
    pub id: Uuid,
    /// What it allows.
    pub role: String,
    /// In this unit and below it.
    pub unit: MyUnit,
    /// The hierarchy in which "below" is meant.
    pub hierarchy: String,
    /// Only records of these education levels (S2-013); of all when empty.
    #[schema(max_items = 5)]
    pub education_levels: Vec<String>,
    /// Only these classes (S2-016); all when empty.
    #[schema(max_items = 200)]
    pub class_ids: Vec<Uuid>,
    /// Last day.
    pub valid_until: Option<NaiveDate>,
}

impl From<(GrantRecord, UnitRecord)> for MyGrant {
    fn from((grant, unit): (GrantRecord, UnitRecord)) -> Self {
        let columns = grant.columns;
        MyGrant {
            id: grant.id,
            role: columns.role,
            unit: unit.into(),
            hierarchy: columns.hierarchy,
            education_levels: columns.education_levels,
            class_ids: columns.class_ids,
            valid_until: columns.valid_until,
        }
    }
}

/// Read who one is
///
/// The account of this token, its tenant, and the grants it holds today.
#[utoipa::path(operation_id = "identity.me.read", tag = "me", responses((status = 200, description = "The caller", body = Me), Refusals))]
#[get("")]
pub async fn read(context: ServiceContext, caller: Caller, _: Query<NoFilter>) -> Result<Json<Me>, Problem> {
    let mut conn = context.db.get().await?;
    let username = store::username(&mut conn, &caller).await?;
    let tenant = store::root(&mut conn, &caller).await?.into();
    let grants = store::grants(&mut conn, &caller).await?.into_iter().map(MyGrant::from).collect();
    Ok(Json(Me {
        account_id: caller.account.into(),
        username,
        display_name: caller.display_name.clone(),
        staff_id: caller.staff.map(Uuid::from),
        tenant,
        client_id: caller.client.clone(),
        roles: caller.roles().collect(),
        grants,
    }))
}
