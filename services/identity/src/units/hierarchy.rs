//! Placing units under others: who may, and that no unit comes to stand above itself.

use std::collections::{BTreeSet, HashMap};

use diesel::{OptionalExtension, QueryableByName, sql_query, sql_types};
use diesel_async::RunQueryDsl;
use registrar_access::{Access, Action};
use registrar_domain::{TenantId, UnitId};
use registrar_store::{Connection, StoreError, StoreResult};
use serde_json::{Value, json};
use uuid::Uuid;

use super::model::UnitSuperior;

/// Units above one another at most; the trigger of `migrations/shared/*_authority` derives no more.
pub const DEEPEST: i16 = 15;

/// Makes writes to a tenant's hierarchies wait for each other until the transaction ends: each alone may be without
/// a cycle, and two together not.
///
/// # Errors
/// Only when the database cannot be asked.
pub async fn lock(conn: &mut Connection, tenant: TenantId) -> StoreResult<()> {
    sql_query("select pg_advisory_xact_lock(hashtextextended($1, 0))").bind::<sql_types::Text, _>(format!("units of {tenant}")).execute(conn).await?;
    Ok(())
}

/// Checks that `unit` may come to stand under `new` instead of `old`: the caller writes units in every superior that
/// is put over it or taken away, and on no day is a unit above itself. Call inside a transaction after [`lock`].
///
/// # Errors
/// [`StoreError::Forbidden`], or [`StoreError::Invalid`] naming the superior.
pub async fn check(conn: &mut Connection, access: &Access, unit: Uuid, old: &[UnitSuperior], new: &[UnitSuperior]) -> StoreResult<()> {
    if unit == Uuid::from(access.tenant) {
        return if new.is_empty() { Ok(()) } else { invalid("/superiors", "root_has_no_superior", "the tenant's root stands under no other unit") };
    }
    if new.is_empty() && !access.reaches_whole_tenant(Action::UnitsWrite) {
        return Err(StoreError::Forbidden(Action::UnitsWrite.as_str()));
    }
    let added: Vec<(usize, &UnitSuperior)> = new.iter().enumerate().filter(|(_, superior)| !old.contains(superior)).collect();
    let removed = old.iter().filter(|superior| !new.contains(superior));
    let mut concerned: BTreeSet<UnitId> = added.iter().map(|(_, superior)| superior.unit_id).collect();
    let taken_away: BTreeSet<UnitId> = removed.map(|superior| superior.unit_id).collect();
    concerned.extend(&taken_away);
    let concerned: Vec<UnitId> = concerned.into_iter().collect();
    let allowed: BTreeSet<Uuid> = access.in_units(conn, Action::UnitsWrite, &concerned).await?.into_iter().map(|granted| granted.unit.id).collect();
    if let Some((place, _)) = added.iter().find(|(_, superior)| !allowed.contains(&superior.unit_id.as_uuid())) {
        return invalid(format!("/superiors/{place}/unit_id"), "unknown_unit", "no unit of this id in which you may place others");
    }
    if taken_away.iter().any(|unit| !allowed.contains(&unit.as_uuid())) {
        return Err(StoreError::Forbidden(Action::UnitsWrite.as_str()));
    }
    no_cycle(conn, unit, &added).await
}

fn invalid(pointer: impl Into<String>, code: &'static str, detail: &str) -> StoreResult<()> {
    Err(StoreError::Invalid { pointer: pointer.into(), code, detail: detail.to_owned() })
}

/// The first superior that stands below `unit` on a day of its own, or is too far down.
const CYCLE: &str = "
    with s as (select * from jsonb_to_recordset($1) as s(place int, hierarchy text, unit_id uuid, valid_from date, valid_to date))
    select s.place, exists (
        select 1 from unit_ancestors a where a.unit_id = s.unit_id and a.hierarchy = s.hierarchy and a.ancestor_id = $2
        and a.valid_from <= coalesce(s.valid_to, 'infinity') and a.valid_to >= s.valid_from) or s.unit_id = $2 as cycle
    from s
    where s.unit_id = $2
       or exists (
        select 1 from unit_ancestors a where a.unit_id = s.unit_id and a.hierarchy = s.hierarchy and a.ancestor_id = $2
        and a.valid_from <= coalesce(s.valid_to, 'infinity') and a.valid_to >= s.valid_from)
       or (select max(depth) from unit_ancestors a where a.unit_id = s.unit_id and a.hierarchy = s.hierarchy) + 1
        + coalesce((select max(depth) from unit_ancestors a where a.ancestor_id = $2 and a.hierarchy = s.hierarchy), 0) > $3
    order by s.place limit 1";

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = sql_types::Integer)]
    place: i32,
    #[diesel(sql_type = sql_types::Bool)]
    cycle: bool,
}

async fn no_cycle(conn: &mut Connection, unit: Uuid, added: &[(usize, &UnitSuperior)]) -> StoreResult<()> {
    let rows = added.iter().map(|(place, s)| json!({"place": place, "hierarchy": s.hierarchy, "unit_id": s.unit_id, "valid_from": s.valid_from, "valid_to": s.valid_to}));
    let found: Option<Found> = sql_query(CYCLE)
        .bind::<sql_types::Jsonb, _>(Value::Array(rows.collect()))
        .bind::<sql_types::Uuid, _>(unit)
        .bind::<sql_types::SmallInt, _>(DEEPEST)
        .get_result(conn)
        .await
        .optional()?;
    match found {
        None => Ok(()),
        Some(found) if found.cycle => invalid(format!("/superiors/{}/unit_id", found.place), "cycle", "the unit would stand above itself on some day"),
        Some(found) => invalid(format!("/superiors/{}/unit_id", found.place), "too_deep", "at most 15 units may stand above one another"),
    }
}

/// How far below the top each of these units is, over both hierarchies and all days.
///
/// # Errors
/// Only when the database cannot be asked.
pub async fn depths(conn: &mut Connection, units: &[Uuid]) -> StoreResult<HashMap<Uuid, i16>> {
    #[derive(QueryableByName)]
    struct Depth {
        #[diesel(sql_type = sql_types::Uuid)]
        unit_id: Uuid,
        #[diesel(sql_type = sql_types::SmallInt)]
        depth: i16,
    }
    let rows: Vec<Depth> = sql_query("select unit_id, max(depth) as depth from unit_ancestors where unit_id = any($1) group by unit_id")
        .bind::<sql_types::Array<sql_types::Uuid>, _>(units.to_vec())
        .load(conn)
        .await?;
    Ok(rows.into_iter().map(|row| (row.unit_id, row.depth)).collect())
}
