//! What goes wrong where several people and places are at work.

use diesel::sql_query;
use diesel_async::RunQueryDsl;
use registrar_access::Role;
use registrar_domain::{EducationLevel, UnitKind};
use registrar_testkit::NewUnit;
use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn two_schools_with_the_same_class_names_become_one() {
    let world = World::new().await;
    let unit = NewUnit { code: Some("TH-CU".into()), ..NewUnit::new(world.system.tenant(), UnitKind::Primary, "Trường bị sáp nhập").levels(&[EducationLevel::TH]) };
    let merged = world.system.unit(unit).await.unwrap();
    let administrator = world.system.client_of(&world.system.account(Role::Administrator, world.system.root_unit()).await.unwrap());
    // Each has a 5A1; a name is unique in its own school only.
    let ours = world.class("5A1", json!({})).await;
    let theirs = administrator.post("/v1/classes").json(&world.class_body("5A1", json!({"unit_id": merged}))).await.status(201);
    let body = json!({"code": "HS900", "full_name": "Lê An", "birth_date": "2015-03-01", "gender": "male", "unit_id": merged, "status": "active"});
    let student = administrator.post("/v1/students").json(&body).await.status(201);
    administrator.post("/v1/enrolments").json(&json!({"student_id": student.id(), "class_id": theirs.id(), "enrolled_on": "2025-09-05"})).await.status(201);
    let close = format!("update units set closed_on = '2025-09-14', status = 'closed', version = version + 1 where id = '{merged}'");
    sql_query(close).execute(&mut world.system.db("students").get().await.unwrap()).await.unwrap();

    let refused = administrator.post("/v1/classes").json(&world.class_body("5A2", json!({"unit_id": merged}))).await.problem(422, "invalid");
    assert_eq!(refused.field_errors(), [("/unit_id".to_owned(), "unit_closed".to_owned())], "a class in a closed unit");
    let transfer = json!({"student_id": student.id(), "to_class_id": ours.id(), "on": "2025-09-15", "reason": "sáp nhập trường"});
    administrator.post("/v1/enrolments/transfers").json(&transfer).await.status(201);
    let enrolments = administrator.get(format!("/v1/enrolments?student_id={}&fields=*", student.id())).await.ok();
    assert_eq!((enrolments.at("/items/0/unit_id"), enrolments.at("/items/0/ended_on")), (&json!(merged), &json!("2025-09-14")), "the past stays with the school that was");
    assert_eq!((enrolments.at("/items/1/unit_id"), enrolments.at("/items/1/class/name")), (&json!(world.school), &json!("5A1")));
    assert_eq!(world.head.get(format!("/v1/students/{}", student.id())).await.ok().at("/class/id"), ours.at("/id"));
}

#[tokio::test]
async fn a_student_is_enrolled_once_on_a_day_whoever_is_faster() {
    let world = World::new().await;
    let (one, two) = (world.class("5A1", json!({})).await.id(), world.class("5A2", json!({})).await.id());
    let student = world.student("HS001", "Lê An").await.id();
    let (first, second) = tokio::join!(world.enrol(student, one, "2025-09-05"), world.enrol(student, two, "2025-09-05"));
    let mut statuses = [first.status, second.status];
    statuses.sort_unstable();
    assert!(statuses[0] == 201 && [409, 422].contains(&statuses[1]), "{statuses:?}");
    let enrolments = world.head.get(format!("/v1/enrolments?student_id={student}&count=true")).await.ok();
    assert_eq!(enrolments.at("/total"), 1);
}

#[tokio::test]
async fn a_day_begins_at_midnight_in_viet_nam() {
    let world = World::new().await;
    let born = |code: &str| json!({"code": code, "full_name": "Lê An", "birth_date": "2025-09-16", "gender": "male", "unit_id": world.school, "status": "active"});
    // 23:59:59 at UTC+7: the 16th is tomorrow.
    world.system.clock().set("2025-09-15T16:59:59Z".parse().unwrap());
    world.system.authority_as_of(world.system.clock().now()).await.unwrap();
    let head = world.system.client_of(&world.system.account(Role::HeadTeacher, world.school).await.unwrap());
    assert_eq!(head.post("/v1/students").json(&born("HS001")).await.problem(422, "invalid").field_errors()[0].1, "future");
    world.system.clock().set("2025-09-15T17:00:00Z".parse().unwrap());
    head.post("/v1/students").json(&born("HS001")).await.status(201);
}
