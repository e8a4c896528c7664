//! Every query of the caller on itself.

use diesel::{BoolExpressionMethods, ExpressionMethods, QueryDsl, SelectableHelper};
use diesel_async::RunQueryDsl;
use registrar_access::Access;
use registrar_store::{Connection, StoreResult};
use uuid::Uuid;

use crate::{
    grants::model::GrantRecord,
    schema::{credentials, grants, units},
    units::model::UnitRecord,
};

/// The caller's username.
///
/// # Errors
/// Only when the database cannot be asked.
pub async fn username(conn: &mut Connection, access: &Access) -> StoreResult<String> {
    Ok(credentials::table
        .filter(credentials::account_id.eq(Uuid::from(access.account)))
        .filter(credentials::tenant_id.eq(Uuid::from(access.tenant)))
        .select(credentials::username)
        .first(conn)
        .await?)
}

/// The root unit of the caller's tenant.
///
/// # Errors
/// Only when the database cannot be asked.
pub async fn root(conn: &mut Connection, access: &Access) -> StoreResult<UnitRecord> {
    let tenant = Uuid::from(access.tenant);
    Ok(units::table.filter(units::id.eq(tenant)).filter(units::tenant_id.eq(tenant)).select(UnitRecord::as_select()).first(conn).await?)
}

/// The grants the caller holds today with their units; 200 at most.
///
/// # Errors
/// Only when the database cannot be asked.
pub async fn grants(conn: &mut Connection, access: &Access) -> StoreResult<Vec<(GrantRecord, UnitRecord)>> {
    Ok(grants::table
        .inner_join(units::table)
        .filter(grants::account_id.eq(Uuid::from(access.account)))
        .filter(grants::tenant_id.eq(Uuid::from(access.tenant)))
        .filter(grants::status.eq("active"))
        .filter(grants::valid_from.le(access.today))
        .filter(grants::valid_until.is_null().or(grants::valid_until.ge(access.today)))
        .filter(units::closed_on.is_null().or(units::closed_on.ge(access.today)))
        .order(grants::id)
        .limit(200)
        .select((GrantRecord::as_select(), UnitRecord::as_select()))
        .load(conn)
        .await?)
}
