//! How enrolments end: each end has a kind, and nothing of the past vanishes.

use std::time::Duration;

use diesel::sql_query;
use diesel_async::RunQueryDsl;
use registrar_access::Role;
use registrar_domain::{EducationLevel, UnitKind};
use registrar_testkit::{Answer, NewUnit, eventually};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    imports::{counts, errors_of, import},
    world::World,
};

/// The school year before the world's.
async fn last_year(world: &World) -> Uuid {
    let administrator = world.system.client_of(&world.system.account(Role::Administrator, world.system.root_unit()).await.unwrap());
    let year = json!({"code": "2024-2025", "name": "Năm học 2024-2025", "starts_on": "2024-09-05", "ends_on": "2025-05-31"});
    administrator.post("/v1/school-years").json(&year).await.status(201).id()
}

async fn class_of(world: &World, name: &str, grade: i64, year: Uuid) -> Uuid {
    world.class(name, json!({"grade": grade, "school_year_id": year})).await.id()
}

async fn of_student(world: &World, student: Uuid) -> Answer {
    world.head.get(format!("/v1/enrolments?student_id={student}&fields=*")).await.ok()
}

/// Some fields of each item.
fn told(answer: &Answer, fields: &[&str]) -> Vec<Vec<Value>> {
    answer.at("/items").as_array().unwrap().iter().map(|item| fields.iter().map(|field| item.pointer(field).cloned().unwrap()).collect()).collect()
}

#[tokio::test]
async fn an_end_says_of_which_kind_it_is() {
    let world = World::new().await;
    let class = world.class("5A1", json!({})).await.id();
    let student = world.student("HS001", "Lê Văn An").await.id();
    let enrolled = world.enrol(student, class, "2025-09-05").await.status(201);
    assert_eq!((enrolled.at("/end_kind"), enrolled.at("/leaving_reason")), (&Value::Null, &Value::Null));
    let path = format!("/v1/enrolments/{}", enrolled.id());
    let patch = async |body: Value| world.head.patch(&path).header("If-Match", "*").merge(&body).await;
    for (body, pointer, code) in [
        (json!({"ended_on": "2025-09-12"}), "/end_kind", "required"),
        (json!({"ended_on": "2025-09-12", "end_reason": "nghỉ"}), "/end_kind", "required"),
        (json!({"end_kind": "left"}), "/end_kind", "only_when_ended"),
        (json!({"end_reason": "nghỉ"}), "/end_reason", "only_when_ended"),
        (json!({"ended_on": "2025-09-12", "end_kind": "unknown"}), "/end_kind", "only_for_old_records"),
        (json!({"ended_on": "2025-09-12", "end_kind": "graduated", "leaving_reason": "vn-leaving-reason/1/01"}), "/leaving_reason", "only_with"),
        (json!({"ended_on": "2025-09-12", "end_kind": "nghỉ"}), "/end_kind", "not_one_of"),
        (json!({"ended_on": "2025-09-12", "end_kind": "left", "leaving_reason": "vn-ethnic/2008/01"}), "/leaving_reason", "invalid"),
    ] {
        assert_eq!(patch(body).await.problem(422, "invalid").field_errors(), [(pointer.to_owned(), code.to_owned())]);
    }
    let left = patch(json!({"ended_on": "2025-09-12", "end_kind": "left", "leaving_reason": "vn-leaving-reason/1/03"})).await.ok();
    assert_eq!((left.at("/end_kind"), left.at("/leaving_reason"), left.at("/end_reason")), (&json!("left"), &json!("vn-leaving-reason/1/03"), &Value::Null));
    for (kind, total) in [("left", 1), ("promoted", 0)] {
        assert_eq!(world.head.get(format!("/v1/enrolments?end_kind={kind}&count=true")).await.ok().at("/total"), total);
    }
    world.head.get("/v1/enrolments?end_kind=nowhere").await.problem(400, "bad_parameter");
    eventually(Duration::from_secs(10), async || world.head.get("/v1/enrolments/changes").await.ok().at("/items/0/end_kind") == "left").await;
    let history = world.head.get(format!("{path}/history")).await.ok();
    assert!(history.text.contains("\"end_kind\"") && history.text.contains("vn-leaving-reason/1/03"), "{}", history.text);
    let corrected = patch(json!({"end_kind": "deceased", "leaving_reason": null})).await.ok();
    assert_eq!((corrected.at("/end_kind"), corrected.at("/version")), (&json!("deceased"), &json!(3)));
    let again = patch(json!({"ended_on": null, "end_kind": null})).await.ok();
    assert_eq!((again.at("/status"), again.at("/end_kind")), (&json!("active"), &Value::Null), "an end that was a mistake");
}

#[tokio::test]
async fn a_student_who_is_in_a_class_leaves_in_a_way() {
    let world = World::new().await;
    let class = world.class("5A1", json!({})).await.id();
    let (student, idle) = (world.student("HS001", "Lê Văn An").await.id(), world.student("HS002", "Phạm Thị Bé").await.id());
    world.enrol(student, class, "2025-09-05").await.status(201);
    let end = |more: Value| {
        let mut body = json!({"status": "ended", "ended_on": "2025-09-12", "end_reason": "theo bố mẹ vào Nam"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let patch = async |student: Uuid, body: Value| world.head.patch(format!("/v1/students/{student}")).header("If-Match", "*").merge(&body).await;
    assert_eq!(patch(student, end(json!({}))).await.problem(422, "invalid").field_errors(), [("/end_kind".to_owned(), "required".to_owned())]);
    patch(student, end(json!({"end_kind": "promoted"}))).await.problem(422, "invalid");
    let ended = patch(student, end(json!({"end_kind": "left", "leaving_reason": "vn-leaving-reason/1/01"}))).await.ok();
    assert_eq!((ended.at("/end_kind"), ended.at("/leaving_reason")), (&json!("left"), &json!("vn-leaving-reason/1/01")));
    let fields = ["/ended_on", "/end_kind", "/leaving_reason", "/end_reason"];
    assert_eq!(told(&of_student(&world, student).await, &fields), [[json!("2025-09-12"), json!("left"), json!("vn-leaving-reason/1/01"), json!("theo bố mẹ vào Nam")]]);
    // Of who is in no class nobody needs to say more than before.
    assert_eq!(patch(idle, end(json!({}))).await.ok().at("/end_kind"), &Value::Null);
}

#[tokio::test]
async fn a_transfer_says_by_itself_of_which_kind_it_is() {
    let world = World::new().await;
    let last = last_year(&world).await;
    let other = world.system.unit(NewUnit::new(world.system.tenant(), UnitKind::Primary, "Trường TH Kim Đồng").levels(&[EducationLevel::TH])).await.unwrap();
    let administrator = world.system.client_of(&world.system.account(Role::Administrator, world.system.root_unit()).await.unwrap());
    let (mine, beside) = (class_of(&world, "4A1", 4, last).await, class_of(&world, "4A2", 4, last).await);
    let (higher, same) = (class_of(&world, "5A1", 5, world.year).await, class_of(&world, "4A1", 4, world.year).await);
    let there = administrator.post("/v1/classes").json(&world.class_body("4B", json!({"unit_id": other, "grade": 4, "school_year_id": last}))).await.status(201).id();
    for (place, (to, on, kind)) in
        [(beside, "2024-10-01", "class_move"), (there, "2024-10-01", "school_transfer"), (higher, "2025-09-05", "promoted"), (same, "2025-09-05", "repeating")]
            .into_iter()
            .enumerate()
    {
        let student = world.student(&format!("HS00{place}"), "Lê Văn An").await.id();
        world.enrol(student, mine, "2024-09-05").await.status(201);
        administrator.post("/v1/enrolments/transfers").json(&json!({"student_id": student, "to_class_id": to, "on": on, "reason": "x"})).await.status(201);
        let found = administrator.get(format!("/v1/enrolments?student_id={student}")).await.ok();
        assert_eq!(told(&found, &["/end_kind"]), [[json!(kind)], [Value::Null]]);
    }
}

/// S1-062, S1-050: who repeats a grade is in the same grade the year after, who graduates is in none; both keep what was.
#[tokio::test]
async fn the_past_of_a_repeater_and_of_a_graduate_is_kept() {
    let world = World::new().await;
    let last = last_year(&world).await;
    for (name, grade, year) in [("4A1", 4, last), ("5A1", 5, last), ("4A1", 4, world.year)] {
        class_of(&world, name, grade, year).await;
    }
    let (repeater, graduate) = (world.student("HS001", "Lê Văn An").await.id(), world.student("HS002", "Phạm Thị Bé").await.id());
    let file = "Mã học sinh,Mã đơn vị,Năm học,Lớp,Ngày vào lớp,Ngày rời lớp,Hình thức rời lớp\n\
        HS001,TH-SP,2024-2025,4A1,05/09/2024,31/05/2025,Lưu ban\n\
        HS001,TH-SP,2025-2026,4A1,05/09/2025,,\n\
        HS002,TH-SP,2024-2025,5A1,05/09/2024,31/05/2025,Hoàn thành chương trình\n";
    assert_eq!(counts(&import(&world, "enrolments", file).await), [3, 0, 0, 0]);
    let fields = ["/school_year_id", "/grade", "/enrolled_on", "/ended_on", "/end_kind", "/status"];
    let of_repeater = told(&of_student(&world, repeater).await, &fields);
    assert_eq!(of_repeater[0], [json!(last), json!(4), json!("2024-09-05"), json!("2025-05-31"), json!("repeating"), json!("ended")]);
    assert_eq!(of_repeater[1], [json!(world.year), json!(4), json!("2025-09-05"), Value::Null, Value::Null, json!("active")]);
    // Who repeats after a school year, and where they are now.
    let repeating = world.head.get(format!("/v1/enrolments?end_kind=repeating&school_year_id={last}")).await.ok();
    assert_eq!(told(&repeating, &["/student_id"]), [[json!(repeater)]]);
    assert_eq!(world.head.get(format!("/v1/students/{repeater}")).await.ok().at("/class/name"), "4A1");

    let end = json!({"status": "ended", "ended_on": "2025-06-30", "end_reason": "hoàn thành chương trình tiểu học", "end_kind": "graduated"});
    let ended = world.head.patch(format!("/v1/students/{graduate}")).header("If-Match", "*").merge(&end).await.ok();
    assert_eq!((ended.at("/status"), ended.at("/end_kind"), ended.at("/class")), (&json!("ended"), &json!("graduated"), &Value::Null));
    assert_eq!(told(&of_student(&world, graduate).await, &fields), [[json!(last), json!(5), json!("2024-09-05"), json!("2025-05-31"), json!("graduated"), json!("ended")]]);
    let class = world.head.get("/v1/classes?q=5A1").await.ok().at("/items/0/id").as_str().unwrap().to_owned();
    assert_eq!(world.head.get(format!("/v1/classes/{class}/students?on=2025-03-01")).await.ok().at("/items/0/id"), &json!(graduate), "who was in the class then");
}

#[tokio::test]
async fn a_file_of_students_ends_enrolments_with_a_kind() {
    let world = World::new().await;
    world.class("5A1", json!({})).await;
    let file = |columns: &str, cells: &str| {
        format!(
            "code,full_name,birth_date,gender,unit_code,school_year_code,class_name,enrolled_on{columns}\nHS001,Lê Văn An,2015-03-01,male,TH-SP,2025-2026,5A1,2025-09-05{cells}\n"
        )
    };
    assert_eq!(counts(&import(&world, "students", &file("", "")).await), [1, 0, 0, 0]);
    for (columns, cells, field, code) in [
        (",ended_on,end_reason", ",2025-09-12,nghỉ", "end_kind", "required"),
        (",ended_on,end_kind", ",2025-09-12,", "end_kind", "required"),
        (",ended_on,end_kind", ",,left", "end_kind", "only_when_ended"),
        (",ended_on,end_kind", ",2025-09-12,nowhere", "end_kind", "not_a_choice"),
        (",ended_on,end_kind,leaving_reason", ",2025-09-12,promoted,vn-leaving-reason/1/01", "leaving_reason", "only_with"),
    ] {
        let done = import(&world, "students", &file(columns, cells)).await;
        assert_eq!(errors_of(&world.head, "students", &done).await, [(2, field.to_owned(), code.to_owned())]);
    }
    let left = file(",ended_on,end_kind,leaving_reason", ",2025-09-12,\"Thôi học, bỏ học\",Học lực yếu kém");
    assert_eq!(counts(&import(&world, "students", &left).await), [0, 1, 0, 0]);
    assert_eq!(counts(&import(&world, "students", &left).await), [0, 0, 1, 0]);
    let found = world.head.get("/v1/enrolments?fields=*").await.ok();
    assert_eq!(told(&found, &["/end_kind", "/leaving_reason"]), [[json!("left"), json!("vn-leaving-reason/1/02")]]);
    // Files that know nothing of the kind, or of the end, change neither.
    assert_eq!(counts(&import(&world, "students", &file(",ended_on", ",2025-09-12")).await), [0, 0, 1, 0]);
    assert_eq!(counts(&import(&world, "students", &file("", "")).await), [0, 0, 1, 0]);
}

/// What the migration makes of enrolments that ended before the kind was asked for.
#[tokio::test]
async fn what_ended_before_is_told_by_what_followed() {
    const MIGRATION: &str = include_str!("../../../../migrations/students/00000000000211_enrolment_ends/up.sql");
    let world = World::new().await;
    let last = last_year(&world).await;
    let mine = class_of(&world, "4A1", 4, last).await;
    let (beside, higher, same) = (class_of(&world, "4A2", 4, last).await, class_of(&world, "5A1", 5, world.year).await, class_of(&world, "4A1", 4, world.year).await);
    let other = world.system.unit(NewUnit::new(world.system.tenant(), UnitKind::LowerSecondary, "Trường khác").levels(&[EducationLevel::TH, EducationLevel::THCS])).await.unwrap();
    let administrator = world.system.client_of(&world.system.account(Role::Administrator, world.system.root_unit()).await.unwrap());
    let elsewhere = async |name: &str, level: &str, grade: i64, year: Uuid| {
        let class = world.class_body(name, json!({"unit_id": other, "education_level": level, "grade": grade, "school_year_id": year}));
        administrator.post("/v1/classes").json(&class).await.status(201).id()
    };
    let (there, above) = (elsewhere("4B", "TH", 4, last).await, elsewhere("6A", "THCS", 6, world.year).await);
    let mut wanted = Vec::new();
    for (place, (next, kind)) in [
        (Some((beside, "2024-12-02")), "class_move"),
        (Some((there, "2024-12-02")), "school_transfer"),
        (Some((higher, "2025-03-05")), "promoted"),
        (Some((same, "2025-03-05")), "repeating"),
        (Some((above, "2025-03-05")), "graduated"),
        (Some((higher, "2025-09-05")), "unknown"),
        (None, "unknown"),
    ]
    .into_iter()
    .enumerate()
    {
        let student = world.student(&format!("HS00{place}"), "Lê Văn An").await.id();
        let past = json!({"student_id": student, "class_id": mine, "enrolled_on": "2024-09-05", "ended_on": "2024-12-01", "end_kind": "deceased", "end_reason": "x"});
        wanted.push((world.head.post("/v1/enrolments").json(&past).await.status(201).id(), kind));
        if let Some((class, on)) = next {
            administrator.post("/v1/enrolments").json(&json!({"student_id": student, "class_id": class, "enrolled_on": on})).await.status(201);
        }
    }
    let conn = &mut world.system.db("students").get().await.unwrap();
    let derive = MIGRATION.split(";\n").find(|statement| statement.contains("update enrolments e")).unwrap();
    let before = ["alter table enrolments drop constraint enrolments_end_kind", "alter table enrolments disable trigger end_without_kind", "update enrolments set end_kind = null"];
    let after =
        ["alter table enrolments enable trigger end_without_kind", "alter table enrolments add constraint enrolments_end_kind check ((ended_on is null) = (end_kind is null))"];
    for statement in before.into_iter().chain([derive]).chain(after) {
        sql_query(statement).execute(conn).await.unwrap();
    }
    for (id, kind) in wanted {
        let found = world.head.get(format!("/v1/enrolments/{id}")).await.ok();
        assert_eq!(found.at("/end_kind"), kind);
        if kind == "unknown" {
            let path = format!("/v1/enrolments/{id}");
            let corrected = world.head.patch(&path).if_match(&found).merge(&json!({"ended_on": "2024-11-30"})).await.ok();
            assert_eq!(corrected.at("/end_kind"), "unknown", "other fields can be corrected without knowing it");
            world.head.patch(&path).if_match(&corrected).merge(&json!({"end_kind": "left"})).await.ok();
        }
    }
    // A process of the former release says nothing of the kind.
    sql_query("update enrolments set end_kind = null where end_kind = 'promoted'").execute(conn).await.unwrap();
    assert_eq!(world.head.get("/v1/enrolments?end_kind=promoted").await.ok().at("/items"), &json!([]));
}
