//! Units by their codes, for files that name them so.

use std::collections::{BTreeSet, HashMap};

use diesel::{ExpressionMethods, QueryDsl, SelectableHelper};
use diesel_async::RunQueryDsl;
use registrar_store::{Connection, StoreResult};
use uuid::Uuid;

use crate::{Access, Action, GrantedUnit, KnownUnit, Record, schema::units};

/// The units of these codes in which the caller may do `action`.
///
/// # Errors
/// [`registrar_store::StoreError::AuthorityStale`]; otherwise only when the database cannot be asked.
pub async fn by_codes(conn: &mut Connection, access: &Access, action: Action, codes: impl Iterator<Item = String>) -> StoreResult<HashMap<String, GrantedUnit>> {
    access.require_fresh(action)?;
    let codes: BTreeSet<String> = codes.collect();
    let rows: Vec<(KnownUnit, Vec<String>)> = units::table
        .filter(units::tenant_id.eq(Uuid::from(access.tenant)))
        .filter(units::code.eq_any(codes.into_iter().collect::<Vec<_>>()))
        .filter(access.narrow(action, &Record::UNIT))
        .select((KnownUnit::as_select(), access.levels(action, None)))
        .load(conn)
        .await?;
    Ok(rows.into_iter().map(|(unit, levels)| (unit.code.clone(), GrantedUnit::new(unit, levels))).collect())
}

/// Which of these are units of the caller's tenant that are known here.
///
/// # Errors
/// Only when the database cannot be asked.
pub async fn known(mut conn: &Connection, access: &Access, ids: Vec<Uuid>) -> StoreResult<BTreeSet<Uuid>> {
    let rows: Vec<Uuid> = units::table.filter(units::tenant_id.eq(Uuid::from(access.tenant))).filter(units::id.eq_any(ids)).select(units::id).load(&mut conn).await?;
    Ok(rows.into_iter().collect())
}

/// The codes of these units, those that are known here.
///
/// # Errors
/// Only when the database cannot be asked.
pub async fn codes(conn: &mut Connection, access: &Access, ids: BTreeSet<Uuid>) -> StoreResult<HashMap<Uuid, String>> {
    let ids: Vec<Uuid> = ids.into_iter().collect();
    let rows: Vec<(Uuid, String)> =
        units::table.filter(units::tenant_id.eq(Uuid::from(access.tenant))).filter(units::id.eq_any(ids)).select((units::id, units::code)).load(conn).await?;
    Ok(rows.into_iter().collect())
}
