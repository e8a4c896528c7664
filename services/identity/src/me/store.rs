//! Every query of the caller on itself.

use diesel::{BoolExpressionMethods, ExpressionMethods, QueryDsl, SelectableHelper};
use diesel_async::{AsyncConnection, RunQueryDsl};
use registrar_access::Access;
use registrar_store::{Connection, StoreError, StoreResult, authored};
use uuid::Uuid;

use crate::{
    accounts::credentials,
    grants::model::GrantRecord,
    schema::{accounts, grants, units},
    sessions,
    units::model::UnitRecord,
};

/// Puts the caller's new password in place of the one that was found to be the one of `before`; answers whether that
/// still was so. The caller's other sessions end.
///
/// # Errors
/// Only when the database cannot be asked.
pub async fn change_password(conn: &mut Connection, access: &Access, before: &str, after: &str) -> StoreResult<bool> {
    let (tenant, account) = (Uuid::from(access.tenant), Uuid::from(access.account));
    conn.transaction::<_, StoreError, _>(async |conn: &mut Connection| {
        if !credentials::confirm(conn, account, before).await? {
            return Ok(false);
        }
        credentials::set_hash(conn, tenant, account, after, access.now).await?;
        sessions::store::end_others(conn, account, access.session, access.now).await?;
        let target = accounts::table.filter(accounts::id.eq(account).and(accounts::tenant_id.eq(tenant)));
        diesel::update(target).set(authored!(accounts, &access.author())).execute(conn).await?;
        Ok(true)
    })
    .await
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
