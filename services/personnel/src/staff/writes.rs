//! Every query that writes staff, and what a caller may write.

use diesel::{ExpressionMethods, SelectableHelper};
use diesel_async::RunQueryDsl;
use registrar_access::{Access, Action, batch, units};
use registrar_store::{Connection, Db, Edit, SharedConnection, Stamps, StoreError, StoreResult, authored};
use uuid::Uuid;

use super::model::{StaffColumns, StaffInput, StaffRecord};
use crate::schema::staff;

/// A new record.
///
/// # Errors
/// [`StoreError::Invalid`], [`StoreError::Forbidden`], [`StoreError::NotYetKnown`] for an unknown unit,
/// [`StoreError::Conflict`] for a code or personal number in use.
pub async fn create(conn: &mut Connection, access: &Access, input: &StaffInput) -> StoreResult<StaffRecord> {
    access.require(Action::StaffWrite)?;
    input.check(access.today)?;
    check_place(conn, access, input, true).await?;
    check_elsewhere(conn, access, input).await?;
    Ok(diesel::insert_into(staff::table)
        .values((staff::id.eq(Uuid::now_v7()), staff::tenant_id.eq(Uuid::from(access.tenant)), input.columns(), authored!(staff, &access.author())))
        .returning(StaffRecord::as_returning())
        .get_result(conn)
        .await?)
}

/// Refuses a record that the caller may not place in its unit and education level, and one that `arrives` in a closed
/// unit; those that are there already can still be corrected.
async fn check_place(conn: &Connection, access: &Access, input: &StaffInput, arrives: bool) -> StoreResult<()> {
    let unit = access.in_unit(conn, Action::StaffWrite, input.unit_id, input.education_level).await?;
    if unit.status == "open" || !arrives {
        return Ok(());
    }
    Err(StoreError::Invalid { pointer: "/unit_id".into(), code: "unit_closed", detail: format!("{} is closed", unit.name) })
}

/// Refuses employments at units that are none of the tenant's; whoever keeps the record need not keep theirs.
async fn check_elsewhere(conn: &Connection, access: &Access, input: &StaffInput) -> StoreResult<()> {
    let named = [("former_employments", &input.former_employments.0), ("secondary_employments", &input.secondary_employments.0)];
    let ids: Vec<Uuid> = named.iter().flat_map(|(_, employments)| employments.iter().map(|employment| employment.unit_id.into())).collect();
    if ids.is_empty() {
        return Ok(());
    }
    let known = units::known(conn, access, ids).await?;
    for (field, employments) in named {
        if let Some(place) = employments.iter().position(|employment| !known.contains(&employment.unit_id.into())) {
            return Err(StoreError::Invalid { pointer: format!("/{field}/{place}/unit_id"), code: "unknown_unit", detail: "no unit of this id".into() });
        }
    }
    Ok(())
}

/// What a record's columns become by `input`; none when that changes nothing.
///
/// # Errors
/// Those of [`create`].
pub async fn changed(conn: &Connection, access: &Access, found: &StaffColumns, input: &StaffInput) -> StoreResult<Option<StaffColumns>> {
    let input = &input.clone().following(&found.to_input()?);
    let columns = input.columns();
    if columns == *found {
        return Ok(None);
    }
    input.check(access.today)?;
    let arrives = found.unit_id != columns.unit_id;
    if arrives || found.education_level != columns.education_level {
        check_place(conn, access, input, arrives).await?;
    }
    if found.secondary_employments != columns.secondary_employments || found.former_employments != columns.former_employments {
        check_elsewhere(conn, access, input).await?;
    }
    Ok(Some(columns))
}

/// Changes a record from the state in which it was found on `conn`, which others may have while the change is being made.
/// What changes nothing writes nothing.
///
/// # Errors
/// Those of [`create`]; [`StoreError::Stale`] when it was changed since.
pub async fn update(db: &Db, conn: SharedConnection, access: &Access, found: StaffRecord, input: &StaffInput) -> StoreResult<StaffRecord> {
    let Some(columns) = changed(&conn, access, &found.columns, input).await? else { return Ok(found) };
    drop(conn);
    let edit = Edit::new("staff", (found.id, found.tenant_id, found.version), &found.columns, &columns, &access.author())?;
    let Stamps { version, change_xid, change_sequence, changed_at, .. } = db.edit(edit).await?.ok_or(StoreError::Stale { current: found.version + 1 })?;
    Ok(StaffRecord { version, change_xid, change_sequence, changed_at, columns, ..found })
}

/// Changes many records to these columns from the states in which they were found and locked.
///
/// # Errors
/// [`StoreError::Conflict`].
pub async fn update_many(conn: &mut Connection, access: &Access, changed: &[(StaffRecord, StaffColumns)]) -> StoreResult<()> {
    let rows = changed.iter().map(|(record, columns)| batch::row(record.id, record.version, columns)).collect::<StoreResult<_>>()?;
    batch::update(conn, access, "staff", rows).await
}

/// Inserts many new records; the caller has checked each.
///
/// # Errors
/// [`StoreError::Conflict`].
pub async fn insert_many(conn: &mut Connection, access: &Access, inputs: &[StaffInput]) -> StoreResult<()> {
    batch::insert(conn, access, "staff", inputs.iter().map(|input| batch::NewRow::new(input.columns())).collect()).await
}
