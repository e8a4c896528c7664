//! Classes and students from files.

use std::time::Duration;

use registrar_access::Role;
use registrar_domain::{EducationLevel, UnitKind};
use registrar_testkit::{Answer, Api, NewAccount, NewUnit, eventually};
use serde_json::json;

use crate::world::World;

pub async fn import(world: &World, resource: &str, csv: &str) -> Answer {
    import_as(&world.head, resource, csv).await
}

pub async fn import_as(api: &Api, resource: &str, csv: &str) -> Answer {
    let job = api.post(format!("/v1/{resource}/imports")).body("text/csv", csv).await.status(202);
    let path = format!("/v1/{resource}/imports/{}", job.id());
    eventually(Duration::from_secs(60), async || ["done", "failed"].contains(&api.get(&path).await.ok().at("/state").as_str().unwrap())).await;
    let done = api.get(&path).await.ok();
    assert_eq!(done.at("/state"), "done", "{}", done.text);
    done
}

pub fn counts(done: &Answer) -> [i64; 4] {
    ["/created", "/changed", "/unchanged", "/failed"].map(|name| done.at(name).as_i64().unwrap())
}

async fn errors(world: &World, resource: &str, done: &Answer) -> Vec<(i64, String, String)> {
    errors_of(&world.head, resource, done).await
}

/// Row, field and code of each error.
pub async fn errors_of(api: &Api, resource: &str, done: &Answer) -> Vec<(i64, String, String)> {
    let page = api.get(format!("/v1/{resource}/imports/{}/errors", done.id())).await.ok();
    let text = |item: &serde_json::Value, name: &str| item[name].as_str().unwrap().to_owned();
    page.at("/items").as_array().unwrap().iter().map(|item| (item["row"].as_i64().unwrap(), text(item, "field"), text(item, "code"))).collect()
}

const CLASSES: &str = "unit_code,school_year_code,name,education_level,grade,homeroom_teacher_code\n\
    TH-SP,2025-2026,5A1,TH,5,GV001\nTH-SP,2025-2026,5A2,TH,5,\n";

const STUDENTS: &str = "code,full_name,birth_date,gender,personal_number,unit_code,school_year_code,class_name,enrolled_on\n\
    HS001,Lê Văn An,2015-03-01,male,,TH-SP,2025-2026,5A1,2025-09-05\n\
    HS002,Phạm Thị Bé,2015-04-01,female,049315000002,TH-SP,2025-2026,5a1,2025-09-05\n";

#[tokio::test]
async fn a_file_sent_twice_changes_nothing() {
    let world = World::new().await;
    let teacher = world.system.new_id();
    world.staff(teacher, 1, "Trần Thị Lan").await;
    assert_eq!(counts(&import(&world, "classes", CLASSES).await), [2, 0, 0, 0]);
    assert_eq!(counts(&import(&world, "classes", CLASSES).await), [0, 0, 2, 0]);
    assert_eq!(counts(&import(&world, "students", STUDENTS).await), [2, 0, 0, 0]);
    let before = world.head.get("/v1/students?fields=*").await.ok();
    assert_eq!(counts(&import(&world, "students", STUDENTS).await), [0, 0, 2, 0]);
    let after = world.head.get("/v1/students?fields=*").await.ok();
    assert_eq!(before.json, after.json);
    assert_eq!(after.at("/items/0/version"), 1);
    assert_eq!(after.at("/items/0/class/name"), "5A1", "S1-062");
    let classes = world.head.get("/v1/classes").await.ok();
    assert_eq!((classes.at("/items/0/size"), classes.at("/items/1/size")), (&json!(2), &json!(0)), "S1-052");
    assert_eq!(classes.at("/items/0/homeroom_teacher/id"), &json!(teacher), "S1-053");
}

#[tokio::test]
async fn a_later_class_is_a_transfer_and_an_earlier_one_an_error() {
    let world = World::new().await;
    world.staff(world.system.new_id(), 1, "Trần Thị Lan").await;
    import(&world, "classes", CLASSES).await;
    import(&world, "students", STUDENTS).await;
    let moved = "code,full_name,birth_date,gender,unit_code,school_year_code,class_name,enrolled_on\n\
        HS001,Lê Văn An,2015-03-01,male,TH-SP,2025-2026,5A2,2025-09-12\n\
        HS002,Phạm Thị Bé,2015-04-01,female,TH-SP,2025-2026,5A2,2025-09-05\n\
        HS003,Võ Thị Cúc,2015-05-01,female,TH-SP,2025-2026,9X,2025-09-05\n\
        HS004,Võ Thị Dung,2015-05-01,male,TH-SP,2024-2025,5A1,2025-09-05\n\
        HS001,Lê Văn An,2015-03-01,male,TH-SP,2025-2026,5A2,2025-09-12\n";
    let done = import(&world, "students", moved).await;
    assert_eq!(counts(&done), [0, 1, 0, 4]);
    let wanted = [(3, "class_name", "already_enrolled"), (4, "class_name", "unknown_class"), (5, "school_year_code", "unknown_school_year"), (6, "code", "repeated")];
    assert_eq!(errors(&world, "students", &done).await, wanted.map(|(line, field, code)| (line, field.to_owned(), code.to_owned())));
    let student = world.head.get("/v1/students?code=HS001").await.ok();
    assert_eq!((student.at("/items/0/class/name"), student.at("/items/0/version")), (&json!("5A2"), &json!(2)), "S1-062");
    let id = student.at("/items/0/id").as_str().unwrap().to_owned();
    let enrolments = world.head.get(format!("/v1/enrolments?student_id={id}&fields=*")).await.ok();
    assert_eq!((enrolments.at("/items/0/ended_on"), enrolments.at("/items/0/end_kind")), (&json!("2025-09-11"), &json!("class_move")));
    assert_eq!((enrolments.at("/items/1/class/name"), enrolments.at("/items/1/ended_on")), (&json!("5A2"), &json!(null)));

    assert_eq!(counts(&import(&world, "students", STUDENTS).await), [0, 0, 2, 0], "the first file again does not undo the transfer");
    let corrected = STUDENTS.replace("Phạm Thị Bé,2015-04-01,female,049315000002", "Phạm Văn Bé,2015-04-01,male,");
    assert_eq!(counts(&import(&world, "students", &corrected).await), [0, 1, 1, 0]);
}

#[tokio::test]
async fn a_class_file_names_each_bad_row() {
    let world = World::new().await;
    let bad = "unit_code,school_year_code,name,education_level,grade,homeroom_teacher_code\n\
        NOPE,2025-2026,5A1,TH,5,\nTH-SP,1999-2000,5A1,TH,5,\nTH-SP,2025-2026,5A1,TH,6,\nTH-SP,2025-2026,5A1,THCS,6,\n\
        TH-SP,2025-2026,5A1,TH,5,GV999\nTH-SP,2025-2026,5A1,XX,5,\nTH-SP,2025-2026,5A9,TH,5,\nTH-SP,2025-2026,5a9,TH,5,\n";
    let done = import(&world, "classes", bad).await;
    assert_eq!(counts(&done), [1, 0, 0, 7]);
    let found: Vec<(i64, String)> = errors(&world, "classes", &done).await.into_iter().map(|(line, _, code)| (line, code)).collect();
    let wanted = [(2, "unknown_unit"), (3, "unknown_school_year"), (4, "grade_out_of_range"), (5, "not_of_unit"), (6, "unknown_staff"), (7, "not_a_choice"), (9, "repeated")];
    assert_eq!(found, wanted.map(|(line, code)| (line, code.to_owned())));
    let dry = world.head.post("/v1/classes/imports?mode=dry_run").body("text/csv", CLASSES.replace("GV001", "")).await.status(202);
    let path = format!("/v1/classes/imports/{}", dry.id());
    eventually(Duration::from_secs(60), async || world.head.get(&path).await.ok().at("/state") == "done").await;
    assert_eq!(world.head.get("/v1/classes?count=true").await.ok().at("/total"), 1);
}

#[tokio::test]
async fn a_grant_over_one_level_enters_no_class_of_another() {
    let world = World::new().await;
    let mut unit = NewUnit::new(world.system.tenant(), UnitKind::PrimaryAndLowerSecondary, "Trường liên cấp").levels(&[EducationLevel::TH, EducationLevel::THCS]);
    unit.code = Some("LC".into());
    let school = world.system.unit(unit).await.unwrap();
    let clerk = NewAccount { education_levels: vec![EducationLevel::TH], ..NewAccount::new(Role::Clerk, school) };
    let clerk = world.system.client_of(&world.system.account_with(clerk).await.unwrap());
    let class = |name: &str, level: &str, grade: i64| world.class_body(name, json!({"unit_id": school, "education_level": level, "grade": grade}));
    clerk.post("/v1/classes").json(&class("6A", "THCS", 6)).await.problem(403, "forbidden");
    let entered = clerk.post("/v1/classes").json(&class("5A", "TH", 5)).await.status(201);
    let path = format!("/v1/classes/{}", entered.id());
    clerk.patch(&path).if_match(&entered).merge(&json!({"education_level": "THCS", "grade": 6})).await.problem(403, "forbidden");
    let file = "unit_code,school_year_code,name,education_level,grade\nLC,2025-2026,6A,THCS,6\nLC,2025-2026,5B,TH,5\n";
    assert_eq!(counts(&import_as(&clerk, "classes", file).await), [1, 0, 0, 1]);
    assert_eq!(clerk.get("/v1/classes?count=true").await.ok().at("/total"), 2);
}

#[tokio::test]
async fn a_file_tells_nothing_of_another_schools_student() {
    let world = World::new().await;
    let other = world
        .system
        .unit(NewUnit { code: Some("TH-KD".into()), ..NewUnit::new(world.system.tenant(), UnitKind::Primary, "Trường TH Kim Đồng").levels(&[EducationLevel::TH]) })
        .await
        .unwrap();
    let stranger = world.system.client_of(&world.system.account(Role::Clerk, other).await.unwrap());
    import(&world, "classes", &CLASSES.replace("GV001", "")).await;
    import(&world, "students", STUDENTS).await;
    let classes = CLASSES.replace("TH-SP", "TH-KD").replace("GV001", "");
    assert_eq!(counts(&import_as(&stranger, "classes", &classes).await), [2, 0, 0, 0]);
    // The same day, an overlapping one, a later one: the answer is the same.
    for day in ["2025-09-05", "2025-09-01", "2025-09-12"] {
        let done = import_as(&stranger, "students", &STUDENTS.replace("TH-SP", "TH-KD").replace("2025-09-05", day)).await;
        let page = stranger.get(format!("/v1/students/imports/{}/errors", done.id())).await.ok();
        assert_eq!((page.at("/items/0/field"), page.at("/items/0/code")), (&json!("code"), &json!("forbidden")), "{day}");
    }
    // Nor are other schools' staff found by their codes.
    world.staff(world.system.new_id(), 1, "Trần Thị Lan").await;
    let named = import_as(&stranger, "classes", &CLASSES.replace("TH-SP", "TH-KD").replace("5A1", "5A3")).await;
    let page = stranger.get(format!("/v1/classes/imports/{}/errors", named.id())).await.ok();
    assert_eq!(page.at("/items/0/code"), "unknown_staff");
}
