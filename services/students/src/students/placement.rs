//! Where students are, and what their enrolments copy of them: kept equal in the transaction that writes either side.

use diesel::{sql_query, sql_types};
use diesel_async::RunQueryDsl;
use registrar_access::Access;
use registrar_store::{Connection, StoreResult};
use uuid::Uuid;

/// Puts students where their open enrolment says; without one they stay with their unit, in no class.
const FOLLOW: &str = "
    update students s
    set class_id = e.class_id, unit_id = coalesce(e.unit_id, s.unit_id), education_level = coalesce(e.education_level, s.education_level),
        changed_at = $3, changed_by = $4, changed_for = $5, changed_via = $6, request_id = $7
    from students now left join enrolments e on e.tenant_id = now.tenant_id and e.student_id = now.id and e.ended_on is null
    where now.tenant_id = $1 and now.id = any($2) and s.tenant_id = now.tenant_id and s.id = now.id
      and (s.class_id, s.unit_id, s.education_level)
          is distinct from (e.class_id, coalesce(e.unit_id, s.unit_id), coalesce(e.education_level, s.education_level))";

/// Copies the gender of students to their enrolments.
const GENDER: &str = "
    update enrolments e
    set gender = s.gender, changed_at = $3, changed_by = $4, changed_for = $5, changed_via = $6, request_id = $7
    from students s
    where s.tenant_id = $1 and s.id = any($2) and e.tenant_id = s.tenant_id and e.student_id = s.id and e.gender <> s.gender";

/// After enrolments of these students were written.
///
/// # Errors
/// Only when the database cannot be written.
pub async fn follow_enrolments(conn: &mut Connection, access: &Access, students: Vec<Uuid>) -> StoreResult<()> {
    run(conn, access, FOLLOW, students).await
}

/// After the gender of these students was corrected.
///
/// # Errors
/// Only when the database cannot be written.
pub async fn copy_gender(conn: &mut Connection, access: &Access, students: Vec<Uuid>) -> StoreResult<()> {
    run(conn, access, GENDER, students).await
}

async fn run(conn: &mut Connection, access: &Access, statement: &str, students: Vec<Uuid>) -> StoreResult<()> {
    if students.is_empty() {
        return Ok(());
    }
    let author = access.author();
    sql_query(statement)
        .bind::<sql_types::Uuid, _>(Uuid::from(access.tenant))
        .bind::<sql_types::Array<sql_types::Uuid>, _>(students)
        .bind::<sql_types::Timestamptz, _>(author.at)
        .bind::<sql_types::Uuid, _>(author.account)
        .bind::<sql_types::Nullable<sql_types::Uuid>, _>(author.on_behalf_of)
        .bind::<sql_types::Text, _>(author.client)
        .bind::<sql_types::Uuid, _>(author.request_id)
        .execute(conn)
        .await?;
    Ok(())
}
