//! Every query that writes students, with what a student's change means for their enrolments.

use diesel::{BoolExpressionMethods, ExpressionMethods, OptionalExtension, QueryDsl};
use diesel_async::{AsyncConnection, RunQueryDsl};
use registrar_access::{Access, Action};
use registrar_domain::UnitId;
use registrar_store::{Connection, StoreError, StoreResult, authored};
use uuid::Uuid;

use super::{
    model::{Placement, ShownStudent, StudentColumns, StudentInput, StudentRecord},
    placement,
    store::{RECORD, find},
};
use crate::{
    classes,
    classes::model::invalid,
    enrolments::ending::Ending,
    schema::{enrolments, students},
};

/// A new student, in no class yet.
///
/// # Errors
/// [`StoreError::Invalid`], [`StoreError::Forbidden`], [`StoreError::NotYetKnown`] for an unknown unit,
/// [`StoreError::Conflict`] for a code or personal number in use.
pub async fn create(conn: &mut Connection, access: &Access, input: &StudentInput) -> StoreResult<ShownStudent> {
    access.require(Action::StudentsWrite)?;
    input.check(access.today)?;
    open_unit(conn, access, input.unit_id).await?;
    let placement = Placement { unit_id: input.unit_id.into(), education_level: None, class_id: None };
    let id: Uuid = diesel::insert_into(students::table)
        .values((students::id.eq(Uuid::now_v7()), students::tenant_id.eq(Uuid::from(access.tenant)), input.columns(), placement, authored!(students, &access.author())))
        .returning(students::id)
        .get_result(conn)
        .await?;
    find(conn, access, id.into()).await
}

async fn open_unit(conn: &mut Connection, access: &Access, unit: UnitId) -> StoreResult<()> {
    let unit = access.in_unit(conn, Action::StudentsWrite, unit, None).await?;
    if unit.status == "open" { Ok(()) } else { Err(invalid("/unit_id", "unit_closed", format!("{} is closed", unit.name))) }
}

/// Changes a student from the state in which it was found. What changes nothing writes nothing.
///
/// # Errors
/// Those of [`create`]; [`StoreError::Stale`] when it was changed since.
pub async fn update(conn: &mut Connection, access: &Access, found: ShownStudent, input: &StudentInput) -> StoreResult<ShownStudent> {
    let input = &input.clone().following(&found.record.to_input()?);
    let (before, columns) = (&found.record, input.columns());
    let unit_id = Uuid::from(input.unit_id);
    if columns == before.columns && unit_id == before.placement.unit_id {
        return Ok(found);
    }
    input.check(access.today)?;
    if unit_id != before.placement.unit_id {
        if before.placement.class_id.is_some() {
            return Err(invalid("/unit_id", "moved_by_transfer", "the student is in a class: transfer them instead"));
        }
        open_unit(conn, access, input.unit_id).await?;
    }
    conn.transaction::<_, StoreError, _>(async |conn: &mut Connection| {
        let mut placement = Placement { unit_id, ..before.placement.clone() };
        if columns.ended_on.is_some() && before.columns.ended_on.is_none() {
            placement.class_id = None;
        }
        if !write(conn, access, before, &columns, placement).await?.ok_or(StoreError::Stale { current: before.version + 1 })? {
            return Err(StoreError::Forbidden(Action::StudentsWrite.as_str()));
        }
        follow(conn, access, before, &columns).await
    })
    .await?;
    find(conn, access, before.id.into()).await
}

/// Answers whether the caller could still read the student after; none when the record was changed since.
async fn write(conn: &mut Connection, access: &Access, before: &StudentRecord, columns: &StudentColumns, placement: Placement) -> StoreResult<Option<bool>> {
    let target = students::table.filter(students::id.eq(before.id).and(students::tenant_id.eq(before.tenant_id)).and(students::version.eq(before.version)));
    let statement = diesel::update(target).set((columns.clone(), placement, authored!(students, &access.author()))).returning(access.narrow(Action::StudentsRead, &RECORD));
    Ok(statement.get_result(conn).await.optional()?)
}

/// What the enrolments copy of the student follows; the end of the record ends the open enrolment.
async fn follow(conn: &mut Connection, access: &Access, before: &StudentRecord, after: &StudentColumns) -> StoreResult<()> {
    if before.columns.gender != after.gender {
        placement::copy_gender(conn, access, vec![before.id]).await?;
    }
    let Some(ended_on) = after.ended_on.filter(|_| before.columns.ended_on.is_none()) else { return Ok(()) };
    let open = enrolments::tenant_id.eq(before.tenant_id).and(enrolments::student_id.eq(before.id)).and(enrolments::ended_on.is_null());
    let begun_later: i64 = enrolments::table.filter(open.and(enrolments::enrolled_on.gt(ended_on))).count().get_result(conn).await?;
    if begun_later > 0 {
        return Err(invalid("/ended_on", "before_enrolment", "the student was enrolled in a class after that day"));
    }
    let there_is: i64 = enrolments::table.filter(open).count().get_result(conn).await?;
    if there_is == 0 {
        return Ok(());
    }
    let Some(kind) = after.end_kind else { return Err(invalid("/end_kind", "required", "the student is in a class: say how that ends")) };
    let ending = Ending { ended_on: Some(ended_on), end_kind: Some(kind.into()), leaving_reason: after.leaving_reason.clone(), end_reason: after.end_reason.clone() };
    let ended: Vec<Uuid> =
        diesel::update(enrolments::table.filter(open)).set((ending, authored!(enrolments, &access.author()))).returning(enrolments::class_id).get_results(conn).await?;
    let left: Vec<_> = ended.into_iter().map(Into::into).collect();
    classes::writes::touch(conn, access, &left).await
}
