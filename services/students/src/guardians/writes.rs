//! Every query that writes guardians, and whose children a caller may give them or take from them.

use std::collections::{BTreeMap, BTreeSet};

use diesel::{BoolExpressionMethods, ExpressionMethods, OptionalExtension, QueryDsl};
use diesel_async::RunQueryDsl;
use registrar_access::{Access, Action};
use registrar_store::{Connection, Keep, StoreError, StoreResult, authored};
use uuid::Uuid;

use super::{
    model::{GuardianInput, GuardianRecord, Guardianship, ShownGuardian, touched},
    store::{children, find},
};
use crate::{classes::model::invalid, schema::guardians};

/// A new guardian of children whose records the caller may change.
///
/// # Errors
/// [`StoreError::Invalid`], [`StoreError::Forbidden`], [`StoreError::Conflict`] for a personal number in use.
pub async fn create(conn: &mut Connection, access: &Access, input: &GuardianInput) -> StoreResult<ShownGuardian> {
    access.require(Action::StudentsWrite)?;
    input.check(access.today)?;
    check_children(conn, access, &[], &input.children.0).await?;
    let entered = input.with(std::iter::empty())?;
    let names = (guardians::name_search.eq(entered.full_name.search_key()), guardians::name_sort.eq(entered.full_name.sort_key()));
    let id: Uuid = diesel::insert_into(guardians::table)
        .values((guardians::id.eq(Uuid::now_v7()), guardians::tenant_id.eq(Uuid::from(access.tenant)), entered, names, authored!(guardians, &access.author())))
        .returning(guardians::id)
        .get_result(conn)
        .await?;
    find(conn, access, id.into()).await
}

/// Refuses children of whom the caller may not know, and what is new about those whose records they may not change.
async fn check_children(conn: &mut Connection, access: &Access, before: &[Guardianship], after: &[Guardianship]) -> StoreResult<()> {
    let touched = touched(before, after);
    let named: BTreeSet<Uuid> = after.iter().map(|child| child.student_id.into()).chain(touched.iter().copied()).collect();
    let known: BTreeMap<Uuid, bool> = children(conn, access, named).await?.into_iter().collect();
    if let Some(place) = after.iter().position(|child| !known.contains_key(&child.student_id.into())) {
        return Err(invalid(&format!("/children/{place}/student_id"), "unknown_student", "no student of this id"));
    }
    if touched.iter().all(|student| known.get(student) == Some(&true)) { Ok(()) } else { Err(StoreError::Forbidden(Action::StudentsWrite.as_str())) }
}

/// Changes a guardian from the state in which it was found; the children the caller does not see stay. What changes
/// nothing writes nothing.
///
/// # Errors
/// Those of [`create`]; [`StoreError::Stale`] when it was changed since.
pub async fn update(conn: &mut Connection, access: &Access, found: ShownGuardian, input: &GuardianInput) -> StoreResult<ShownGuardian> {
    let entered = found.completed(input)?;
    if entered == found.record.entered {
        return Ok(found);
    }
    input.check(access.today)?;
    check_children(conn, access, &found.to_input().children.0, &input.children.0).await?;
    write(conn, access, &found.record, entered).await?.ok_or(StoreError::Stale { current: found.record.version + 1 })?;
    find(conn, access, found.record.id.into()).await
}

async fn write(conn: &mut Connection, access: &Access, before: &GuardianRecord, entered: GuardianInput) -> StoreResult<Option<Uuid>> {
    let target = guardians::table.filter(guardians::id.eq(before.id).and(guardians::tenant_id.eq(before.tenant_id)).and(guardians::version.eq(before.version)));
    let names = (guardians::name_search.eq(entered.full_name.search_key()), guardians::name_sort.eq(entered.full_name.sort_key()));
    let statement = diesel::update(target).set((entered, names, authored!(guardians, &access.author()))).returning(guardians::id);
    Ok(Keep(statement).get_result(conn).await.optional()?)
}
