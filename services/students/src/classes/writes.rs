//! Every query that writes classes, with what a class's change means for its students, enrolments and assignments.

use diesel::{BoolExpressionMethods, ExpressionMethods, OptionalExtension, QueryDsl, sql_query, sql_types};
use diesel_async::{AsyncConnection, RunQueryDsl};
use registrar_access::{Access, Action};
use registrar_domain::ClassId;
use registrar_store::{Connection, StoreError, StoreResult, authored};
use uuid::Uuid;

use super::{
    model::{ClassColumns, ClassInput, ClassRecord, ShownClass, invalid},
    store::find,
};
use crate::{
    copies,
    schema::{assignments, classes, enrolments, school_years, students},
};

/// A new class.
///
/// # Errors
/// [`StoreError::Invalid`], [`StoreError::Forbidden`], [`StoreError::NotYetKnown`] for an unknown unit,
/// [`StoreError::Conflict`] for a name in use. The caller runs it in a transaction, which each of them undoes.
pub async fn create(conn: &mut Connection, access: &Access, input: &ClassInput) -> StoreResult<ShownClass> {
    access.require(Action::ClassesWrite)?;
    input.check()?;
    check_references(conn, access, input).await?;
    let id: Uuid = diesel::insert_into(classes::table)
        .values((classes::id.eq(Uuid::now_v7()), classes::tenant_id.eq(Uuid::from(access.tenant)), input.columns(), authored!(classes, &access.author())))
        .returning(classes::id)
        .get_result(conn)
        .await?;
    find(conn, access, id.into()).await
}

async fn check_references(conn: &mut Connection, access: &Access, input: &ClassInput) -> StoreResult<()> {
    let unit = access.in_unit(conn, Action::ClassesWrite, input.unit_id, Some(input.education_level)).await?;
    if unit.status != "open" {
        return Err(invalid("/unit_id", "unit_closed", format!("{} is closed", unit.name)));
    }
    input.check_level_of(&unit.education_levels)?;
    let years = school_years::table.filter(school_years::tenant_id.eq(Uuid::from(access.tenant)).and(school_years::id.eq(Uuid::from(input.school_year_id))));
    let year: Option<Uuid> = years.select(school_years::id).first(conn).await.optional()?;
    if year.is_none() {
        return Err(invalid("/school_year_id", "unknown_school_year", "no school year of this id"));
    }
    match input.homeroom_teacher_id {
        Some(teacher) => copies::not_left(conn, access, teacher, "/homeroom_teacher_id").await,
        None => Ok(()),
    }
}

/// Changes a class from the state in which it was found. What changes nothing writes nothing.
///
/// # Errors
/// Those of [`create`]; [`StoreError::Stale`] when it was changed since; [`StoreError::State`] when it is to end with
/// students in it.
pub async fn update(conn: &mut Connection, access: &Access, found: ShownClass, input: &ClassInput) -> StoreResult<ShownClass> {
    let (found, columns) = (&found, input.columns());
    if columns == found.record.columns {
        return Ok(found.clone());
    }
    let before = &found.record;
    check_change(conn, access, before, input).await?;
    conn.transaction::<_, StoreError, _>(async |conn: &mut Connection| {
        write(conn, access, before, &columns).await?;
        if columns.ended_on.is_some() && has_students(conn, before).await? {
            return Err(StoreError::State("students are still enrolled: transfer them or end their enrolments first"));
        }
        follow(conn, access, before, &columns).await
    })
    .await?;
    find(conn, access, before.id.into()).await
}

async fn check_change(conn: &mut Connection, access: &Access, before: &ClassRecord, input: &ClassInput) -> StoreResult<()> {
    let (old, new) = (&before.columns, input.columns());
    input.check()?;
    if old.unit_id != new.unit_id {
        return Err(invalid("/unit_id", "immutable", "a class stays in its unit"));
    }
    if old.school_year_id != new.school_year_id {
        return Err(invalid("/school_year_id", "immutable", "a class stays in its school year"));
    }
    if old.education_level != new.education_level {
        let unit = access.in_unit(conn, Action::ClassesWrite, input.unit_id, Some(input.education_level)).await?;
        input.check_level_of(&unit.education_levels)?;
    }
    match input.homeroom_teacher_id {
        Some(teacher) if old.homeroom_teacher_id != new.homeroom_teacher_id => copies::not_left(conn, access, teacher, "/homeroom_teacher_id").await,
        _ => Ok(()),
    }
}

async fn write(conn: &mut Connection, access: &Access, before: &ClassRecord, columns: &ClassColumns) -> StoreResult<()> {
    let target = classes::table.filter(classes::id.eq(before.id).and(classes::tenant_id.eq(before.tenant_id)).and(classes::version.eq(before.version)));
    let written = diesel::update(target).set((columns.clone(), authored!(classes, &access.author()))).execute(conn).await?;
    if written == 0 { Err(StoreError::Stale { current: before.version + 1 }) } else { Ok(()) }
}

async fn has_students(conn: &mut Connection, class: &ClassRecord) -> StoreResult<bool> {
    let open = enrolments::table.filter(enrolments::tenant_id.eq(class.tenant_id).and(enrolments::class_id.eq(class.id)).and(enrolments::ended_on.is_null()));
    Ok(open.count().get_result::<i64>(conn).await? > 0)
}

/// What the class's enrolments, students and assignments copy of it follows it; those that show its name are touched.
pub(super) async fn follow(conn: &mut Connection, access: &Access, before: &ClassRecord, after: &ClassColumns) -> StoreResult<()> {
    let (tenant, class, author) = (before.tenant_id, before.id, access.author());
    let old = &before.columns;
    if (old.grade, &old.education_level) != (after.grade, &after.education_level) {
        diesel::update(enrolments::table.filter(enrolments::tenant_id.eq(tenant).and(enrolments::class_id.eq(class))))
            .set((enrolments::grade.eq(after.grade), enrolments::education_level.eq(&after.education_level), authored!(enrolments, &author)))
            .execute(conn)
            .await?;
    }
    if old.education_level != after.education_level {
        diesel::update(students::table.filter(students::tenant_id.eq(tenant).and(students::class_id.eq(class))))
            .set((students::education_level.eq(&after.education_level), authored!(students, &author)))
            .execute(conn)
            .await?;
        diesel::update(assignments::table.filter(assignments::tenant_id.eq(tenant).and(assignments::class_id.eq(class))))
            .set((assignments::education_level.eq(&after.education_level), authored!(assignments, &author)))
            .execute(conn)
            .await?;
    }
    if old.name != after.name {
        for table in ["students", "enrolments", "assignments"] {
            let touch = format!("update {table} set change_sequence = null where tenant_id = $1 and class_id = $2");
            sql_query(touch).bind::<sql_types::Uuid, _>(tenant).bind::<sql_types::Uuid, _>(class).execute(conn).await?;
        }
    }
    Ok(())
}

/// Moves classes in their change feed, because what they show of their students changed.
///
/// # Errors
/// Only when the database cannot be written.
pub async fn touch(conn: &mut Connection, access: &Access, classes: &[ClassId]) -> StoreResult<()> {
    let ids: Vec<Uuid> = classes.iter().map(|class| Uuid::from(*class)).collect();
    // Locked in the order of their ids, so that two who touch the same classes do not wait for each other.
    let statement = "update classes set change_sequence = null where tenant_id = $1 and id in \
                     (select id from classes where tenant_id = $1 and id = any($2) order by id for no key update)";
    sql_query(statement).bind::<sql_types::Uuid, _>(Uuid::from(access.tenant)).bind::<sql_types::Array<sql_types::Uuid>, _>(ids).execute(conn).await?;
    Ok(())
}
