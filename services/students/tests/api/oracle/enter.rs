//! A school into the tables of the service, many rows at a time.

use diesel::sql_query;
use diesel_async::{AsyncConnection, RunQueryDsl};
use registrar_domain::{
    TenantId,
    text::{comparison_key, search_key, sort_key},
};
use registrar_store::{Connection, StoreError};
use registrar_students::classes::model::sort_key as class_sort_key;
use registrar_testkit::TestSystem;
use serde_json::{Value, json};

use super::{
    school::{Class, School},
    world::Authority,
};

const YEARS: &str = "
    insert into school_years (id, tenant_id, code, name, starts_on, ends_on, changed_at, changed_by, changed_via, request_id)
    select id, tenant_id, '2025-2026', '2025-2026', '2025-09-05', '2026-05-31', '2025-09-15', id, 'oracle', id from jsonb_to_recordset($1) y(id uuid, tenant_id uuid)";

const STAFF: &str = "
    insert into staff_copies (id, tenant_id, code, full_name, position, unit_id, status, epoch, version)
    select id, tenant_id, id::text, 'Oracle', 'teacher', tenant_id, status, 1, 1 from jsonb_to_recordset($1) s(id uuid, tenant_id uuid, status text)";

const CLASSES: &str = "
    insert into classes (id, tenant_id, unit_id, school_year_id, name, name_key, name_search, name_sort, grade, education_level, homeroom_teacher_id, status, ended_on, end_reason,
                         changed_at, changed_by, changed_via, request_id)
    select id, tenant_id, unit_id, tenant_id, name, name_key, name_search, name_sort, grade, education_level, homeroom_teacher_id, status, ended_on, status,
           '2025-09-15', id, 'oracle', id
    from jsonb_to_recordset($1) c(id uuid, tenant_id uuid, unit_id uuid, name text, name_key text, name_search text, name_sort text, grade smallint, education_level text,
                                  homeroom_teacher_id uuid, status text, ended_on date)";

const ASSIGNMENTS: &str = "
    insert into assignments (id, tenant_id, staff_id, class_id, subject, periods_per_week, valid_from, valid_to, status, unit_id, education_level,
                             changed_at, changed_by, changed_via, request_id)
    select a.id, c.tenant_id, staff_id, class_id, subject, 4, valid_from, valid_to, a.status, c.unit_id, c.education_level, '2025-09-15', a.id, 'oracle', a.id
    from jsonb_to_recordset($1) a(id uuid, staff_id uuid, class_id uuid, subject text, valid_from date, valid_to date, status text)
    join classes c on c.id = class_id";

const STUDENTS: &str = "
    insert into students (id, tenant_id, code, full_name, name_search, name_sort, birth_date, gender, personal_number, phone, ethnic_group, status, ended_on, end_reason,
                          unit_id, education_level, class_id, changed_at, changed_by, changed_via, request_id)
    select id, tenant_id, code, full_name, name_search, name_sort, '2015-03-01', 'female', personal_number, '0905123456', 'vn-ethnic/2008/01', status,
           case when status = 'ended' then date '2025-06-30' end, case when status = 'ended' then 'chuyển đi' end,
           unit_id, education_level, class_id, '2025-09-15', id, 'oracle', id
    from jsonb_to_recordset($1) s(id uuid, tenant_id uuid, code text, full_name text, name_search text, name_sort text, personal_number text, status text,
                                  unit_id uuid, education_level text, class_id uuid)";

const ENROLMENTS: &str = "
    insert into enrolments (id, tenant_id, student_id, class_id, enrolled_on, ended_on, end_kind, unit_id, school_year_id, education_level, grade, gender,
                            changed_at, changed_by, changed_via, request_id)
    select e.id, c.tenant_id, student_id, class_id, e.enrolled_on, e.ended_on, case when e.ended_on is not null then 'class_move' end, c.unit_id, c.school_year_id,
           c.education_level, c.grade, 'female', '2025-09-15', e.id, 'oracle', e.id
    from jsonb_to_recordset($1) e(id uuid, student_id uuid, class_id uuid, enrolled_on date, ended_on date)
    join classes c on c.id = class_id";

/// What is changed once more, so that the feeds are in another order than the tables.
const CHANGES: [&str; 2] =
    ["update students set phone = '0912345678' where code like '%7'", "update classes set first_foreign_language = 'vn-foreign-language/1/1' where grade = 7"];

/// Enters everything.
pub async fn enter(system: &TestSystem, authority: &Authority, school: &School, tenants: &[TenantId]) {
    let unit = |unit: usize| (authority.units[unit].id, authority.units[unit].tenant);
    let years = tenants.iter().map(|tenant| json!({"id": tenant, "tenant_id": tenant})).collect();
    // A fifth of those who are there have not arrived here yet.
    let arrived = school.staff.iter().enumerate().filter(|(number, (id, _))| school.gone.contains(id) || number % 5 != 0);
    let staff = arrived.map(|(_, (id, tenant))| json!({"id": id, "tenant_id": tenant, "status": status(school.gone.contains(id))})).collect();
    let class = |class: &Class| {
        let ((unit_id, tenant_id), name) = (unit(class.unit), class.name());
        json!({
            "id": class.id, "tenant_id": tenant_id, "unit_id": unit_id, "name": name, "name_key": comparison_key(&name), "name_search": search_key(&name),
            "name_sort": class_sort_key(&name), "grade": class.grade, "education_level": class.level, "homeroom_teacher_id": class.homeroom,
            "status": status(class.ended), "ended_on": class.ended.then_some("2025-09-10"),
        })
    };
    let classes = school.classes.iter().map(class).collect();
    let class_id = |class: usize| school.classes[class].id;
    let assignments = school.assignments.iter().map(|assignment| {
        json!({
            "id": assignment.id, "staff_id": assignment.staff, "class_id": class_id(assignment.class), "subject": assignment.subject, "valid_from": assignment.from,
            "valid_to": assignment.to, "status": status(assignment.ended),
        })
    });
    let students = school.students.iter().map(|student| {
        let (unit_id, tenant_id) = unit(student.unit);
        json!({
            "id": student.id, "tenant_id": tenant_id, "code": student.code, "full_name": student.name, "name_search": search_key(&student.name),
            "name_sort": sort_key(&student.name), "personal_number": student.number, "status": student.status, "unit_id": unit_id, "education_level": student.level,
            "class_id": student.class.map(class_id),
        })
    });
    let student_id = |student: usize| school.students[student].id;
    let enrolments = school.enrolments.iter().map(|enrolment| {
        json!({"id": enrolment.id, "student_id": student_id(enrolment.student), "class_id": class_id(enrolment.class), "enrolled_on": enrolment.from, "ended_on": enrolment.to})
    });
    let tables = [(YEARS, years), (STAFF, staff), (CLASSES, classes), (ASSIGNMENTS, assignments.collect()), (STUDENTS, students.collect()), (ENROLMENTS, enrolments.collect())];
    write(system, &tables).await;
}

fn status(ended: bool) -> &'static str {
    if ended { "ended" } else { "active" }
}

async fn write(system: &TestSystem, tables: &[(&str, Vec<Value>)]) {
    let mut conn = system.db("students").get().await.unwrap();
    let conn: &mut Connection = &mut conn;
    let entered = conn.transaction::<_, StoreError, _>(async |conn: &mut Connection| {
        for (statement, rows) in tables {
            sql_query(*statement).bind::<diesel::sql_types::Jsonb, _>(Value::Array(rows.clone())).execute(conn).await?;
        }
        // Nobody listens, and publishing would take the time that comparing needs.
        sql_query("delete from outbox").execute(conn).await?;
        Ok(())
    });
    entered.await.unwrap();
    let changed = conn.transaction::<_, StoreError, _>(async |conn: &mut Connection| {
        for statement in CHANGES.iter().chain(&["delete from outbox"]) {
            sql_query(*statement).execute(conn).await?;
        }
        Ok(())
    });
    changed.await.unwrap();
}
