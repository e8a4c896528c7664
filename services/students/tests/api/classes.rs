//! School years and classes, and how they show what personnel and identity change.

use std::time::Duration;

use registrar_access::Role;
use registrar_domain::{EducationLevel, UnitKind};
use registrar_testkit::{NewAccount, NewUnit, eventually};
use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn school_years_are_the_tenant_s_and_read_by_everybody_in_it() {
    let world = World::new().await;
    let body = json!({"code": "2026-2027", "name": "Năm học 2026-2027", "starts_on": "2026-09-05", "ends_on": "2027-05-31"});
    world.head.post("/v1/school-years").json(&body).await.problem(403, "forbidden");
    let viewer = world.system.client_of(&world.system.account(Role::Viewer, world.school).await.unwrap());
    let list = viewer.get("/v1/school-years?on=2025-10-01").await.ok();
    assert_eq!(list.at("/items/0/code"), "2025-2026");
    let administrator = world.system.client_of(&world.system.account(Role::Administrator, world.system.root_unit()).await.unwrap());
    let year = viewer.get(format!("/v1/school-years/{}", world.year)).await.ok();
    let changed = administrator.patch(format!("/v1/school-years/{}", world.year)).if_match(&year).merge(&json!({"ends_on": "2026-06-05"})).await.ok();
    assert_eq!((changed.at("/version"), changed.at("/ends_on")), (&json!(2), &json!("2026-06-05")));
    assert_eq!(viewer.get(format!("/v1/school-years/{}/history", world.year)).await.ok().at("/items/0/changes/0/field"), "ends_on");
    world.head.patch(format!("/v1/school-years/{}", world.year)).header("If-Match", "*").merge(&json!({"name": "x"})).await.problem(403, "forbidden");
    administrator.post("/v1/school-years").json(&json!({"code": "2025-2026", "name": "x", "starts_on": "2025-09-05", "ends_on": "2026-05-31"})).await.problem(409, "conflict");
    administrator.post("/v1/school-years").json(&json!({"code": "x", "name": "x", "starts_on": "2025-09-05", "ends_on": "2025-09-05"})).await.problem(422, "invalid");
}

#[tokio::test]
async fn a_class_is_entered_read_changed_and_ended() {
    let world = World::new().await;
    let teacher = world.system.new_id();
    world.staff(teacher, 1, "Trần Thị Lan").await;
    let class = world.class("5A2", json!({"homeroom_teacher_id": teacher})).await;
    assert_eq!(class.at("/grade"), 5, "S1-050");
    assert_eq!(class.at("/name"), "5A2", "S1-051");
    assert_eq!(class.at("/size"), 0, "S1-052");
    assert_eq!(class.at("/homeroom_teacher/full_name"), "Trần Thị Lan", "S1-053");
    assert_eq!(class.at("/homeroom_teacher/resolved"), true);
    assert_eq!(class.at("/unit/name"), "Trường Tiểu học Sơn Phong");

    let path = format!("/v1/classes/{}", class.id());
    let read = world.head.get(&path).await.ok();
    assert_eq!((read.etag(), &read.json), (class.etag(), &class.json));
    world.head.get(&path).header("If-None-Match", read.etag()).await.status(304);
    world.class("5A10", json!({})).await;
    let list = world.head.get("/v1/classes?q=5a&count=true").await.ok();
    assert_eq!((list.at("/items/0/name"), list.at("/items/1/name"), list.at("/total")), (&json!("5A2"), &json!("5A10"), &json!(2)));
    let page = world.head.get("/v1/classes?limit=1").await.ok();
    let next = world.head.get(format!("/v1/classes?limit=1&cursor={}", page.at("/next_cursor").as_str().unwrap())).await.ok();
    assert_eq!((next.at("/items/0/name"), next.at("/next_cursor")), (&json!("5A10"), &json!(null)));
    for filter in ["grade=4", "status=ended", "education_level=THCS", "q=6a"] {
        assert_eq!(world.head.get(format!("/v1/classes?{filter}")).await.ok().at("/items"), &json!([]), "{filter}");
    }

    let changed = world.head.patch(&path).if_match(&read).merge(&json!({"homeroom_teacher_id": null, "name": "5B"})).await.ok();
    assert_eq!((changed.at("/version"), changed.at("/homeroom_teacher"), changed.at("/name")), (&json!(2), &json!(null), &json!("5B")));
    world.head.patch(&path).if_match(&read).merge(&json!({"name": "5C"})).await.problem(412, "stale");
    world.head.patch(&path).if_match(&changed).merge(&json!({"unit_id": world.system.root_unit()})).await.problem(422, "invalid");
    let end = json!({"status": "ended", "ended_on": "2025-09-10", "end_reason": "nhập lớp"});
    let student = world.student("HS001", "Lê Văn An").await.id();
    world.enrol(student, class.id(), "2025-09-05").await.status(201);
    world.head.patch(&path).header("If-Match", "*").merge(&end).await.problem(409, "state");
    let history = world.head.get(format!("{path}/history")).await.ok();
    assert_eq!(history.at("/items/0/version"), 2);
    assert_eq!(history.at("/items").as_array().unwrap().len(), 2, "being touched is no version");
}

#[tokio::test]
async fn a_class_that_breaks_a_rule_is_refused() {
    let world = World::new().await;
    let create = async |more| world.head.post("/v1/classes").json(&world.class_body("5A1", more)).await;
    let refused = async |more, pointer: &str, code: &str| {
        assert_eq!(create(more).await.problem(422, "invalid").field_errors(), [(pointer.to_owned(), code.to_owned())]);
    };
    refused(json!({"grade": 6}), "/grade", "grade_out_of_range").await;
    refused(json!({"grade": 6, "education_level": "THCS"}), "/education_level", "not_of_unit").await;
    refused(json!({"school_year_id": world.school}), "/school_year_id", "unknown_school_year").await;
    refused(json!({"status": "ended"}), "/ended_on", "only_when_ended").await;
    create(json!({"unit_id": world.year})).await.problem(409, "not_yet_known");
    create(json!({})).await.status(201);
    create(json!({"name": "5a1"})).await.problem(409, "conflict");
    let ended = world.system.new_id();
    world.system.deliver("students", &[world.staff_event(ended, 1, "Đã nghỉ", "ended")]).await.unwrap();
    refused(json!({"name": "5A3", "homeroom_teacher_id": ended}), "/homeroom_teacher_id", "staff_ended").await;
    let clerk = NewAccount { class_ids: vec![world.year], ..NewAccount::new(Role::Clerk, world.school) };
    let clerk = world.system.client_of(&world.system.account_with(clerk).await.unwrap());
    clerk.post("/v1/classes").json(&world.class_body("5A4", json!({}))).await.problem(403, "forbidden");
    let teacher = world.system.client_of(&world.system.account(Role::Teacher, world.school).await.unwrap());
    teacher.post("/v1/classes").json(&world.class_body("5A4", json!({}))).await.problem(403, "forbidden");
    assert_eq!(teacher.get("/v1/classes").await.ok().at("/items/0/name"), "5A1");
}

#[tokio::test]
async fn a_class_has_a_first_foreign_language_with_its_programme_and_periods() {
    let world = World::new().await;
    let language = json!({"first_foreign_language": "vn-foreign-language/1/1", "foreign_language_programme": "Chương trình 10 năm", "foreign_language_periods": 4});
    let class = world.class("5A1", language).await;
    assert_eq!(class.at("/first_foreign_language"), "vn-foreign-language/1/1", "S3-068");
    assert_eq!(class.at("/foreign_language_programme"), "Chương trình 10 năm", "S3-069");
    assert_eq!(class.at("/foreign_language_periods"), 4, "S3-070");
    let path = format!("/v1/classes/{}", class.id());
    let refused = async |patch, pointer: &str, code: &str| {
        let refused = world.head.patch(&path).if_match(&class).merge(&patch).await.problem(422, "invalid");
        assert_eq!(refused.field_errors(), [(pointer.to_owned(), code.to_owned())]);
    };
    refused(json!({"foreign_language_periods": 21}), "/foreign_language_periods", "too_large").await;
    refused(json!({"foreign_language_periods": 0}), "/foreign_language_periods", "too_small").await;
    refused(json!({"first_foreign_language": "1"}), "/first_foreign_language", "pattern").await;
    refused(json!({"first_foreign_language": "vn-ethnic/2008/01"}), "/first_foreign_language", "invalid").await;
    refused(json!({"first_foreign_language": null}), "/foreign_language_programme", "only_with_language").await;
    refused(json!({"first_foreign_language": null, "foreign_language_programme": null}), "/foreign_language_periods", "only_with_language").await;
    let changed = world.head.patch(&path).if_match(&class).merge(&json!({"foreign_language_periods": 5})).await.ok();
    assert_eq!(world.head.get(format!("{path}/history")).await.ok().at("/items/0/changes/0"), &json!({"field": "foreign_language_periods", "old": 4, "new": 5}));
    let none = json!({"first_foreign_language": null, "foreign_language_programme": null, "foreign_language_periods": null});
    assert_eq!(world.head.patch(&path).if_match(&changed).merge(&none).await.ok().at("/first_foreign_language"), &json!(null));
    let list = world.head.get("/v1/classes?fields=name,foreign_language_periods").await.ok();
    assert_eq!(list.at("/items/0"), &json!({"name": "5A1", "foreign_language_periods": null}));
}

#[tokio::test]
async fn a_combined_school_has_classes_of_several_levels_each_of_one() {
    let world = World::new().await;
    let school = NewUnit::new(world.system.tenant(), UnitKind::PrimaryAndLowerSecondary, "Trường TH và THCS Cẩm Nam").levels(&[EducationLevel::TH, EducationLevel::THCS]);
    let school = world.system.unit(school).await.unwrap();
    let head = world.system.client_of(&world.system.account(Role::HeadTeacher, school).await.unwrap());
    let class = |name: &str, level: serde_json::Value, grade: i64| world.class_body(name, json!({"unit_id": school, "education_level": level, "grade": grade}));
    for (name, level, grade) in [("5A", "TH", 5), ("6A", "THCS", 6)] {
        let entered = head.post("/v1/classes").json(&class(name, json!(level), grade)).await.status(201);
        assert_eq!((entered.at("/education_level"), entered.at("/grade")), (&json!(level), &json!(grade)), "S1-002, S1-050");
    }
    for (level, grade, pointer, code) in
        [(json!("THPT"), 10, "/education_level", "not_of_unit"), (json!("TH"), 6, "/grade", "grade_out_of_range"), (json!(["TH", "THCS"]), 5, "/education_level", "wrong_type")]
    {
        let refused = head.post("/v1/classes").json(&class("X", level, grade)).await.problem(422, "invalid");
        assert!(refused.field_errors().contains(&(pointer.to_owned(), code.to_owned())), "{}", refused.text);
    }
    assert_eq!(head.get("/v1/classes?education_level=THCS&count=true").await.ok().at("/total"), 1);
}

#[tokio::test]
async fn who_has_left_becomes_no_homeroom_teacher() {
    let world = World::new().await;
    let (present, left) = (world.system.new_id(), world.system.new_id());
    world.staff(present, 1, "Trần Thị Lan").await;
    world.system.deliver("students", &[world.staff_event(left, 1, "Đã nghỉ", "ended")]).await.unwrap();
    let class = world.class("5A1", json!({})).await;
    let path = format!("/v1/classes/{}", class.id());
    let refused = world.head.patch(&path).if_match(&class).merge(&json!({"homeroom_teacher_id": left})).await.problem(422, "invalid");
    assert_eq!(refused.field_errors(), [("/homeroom_teacher_id".to_owned(), "staff_ended".to_owned())], "S1-053");
    let changed = world.head.patch(&path).if_match(&class).merge(&json!({"homeroom_teacher_id": present})).await.ok();
    // One who leaves later stays until somebody else is named, and keeps no other change from being made.
    world.system.deliver("students", &[world.staff_event(present, 2, "Trần Thị Lan", "ended")]).await.unwrap();
    let renamed = world.head.patch(&path).if_match(&changed).merge(&json!({"name": "5B"})).await.ok();
    assert_eq!(renamed.at("/homeroom_teacher/id"), &json!(present));
}

#[tokio::test]
async fn a_renamed_teacher_shows_in_the_class_its_etag_and_its_change_feed_while_its_version_stays() {
    let world = World::new().await;
    let teacher = world.system.new_id();
    let class = world.class("5A1", json!({"homeroom_teacher_id": teacher})).await;
    assert_eq!(class.at("/homeroom_teacher"), &json!({"id": teacher, "code": null, "full_name": null, "resolved": false}), "accepted before the staff record arrives");
    let assignment = json!({"staff_id": teacher, "class_id": class.id(), "subject": "vn-subject/2018/TOAN", "periods_per_week": 5, "from": "2025-09-05", "status": "active"});
    let assignment = world.head.post("/v1/assignments").json(&assignment).await.status(201);
    world.staff(teacher, 1, "Trần Thị Lan").await;

    let path = format!("/v1/classes/{}", class.id());
    let before = world.head.get(&path).await.ok();
    assert_eq!(before.at("/homeroom_teacher/full_name"), "Trần Thị Lan");
    let cursors = [feed_end(&world, "classes").await, feed_end(&world, "assignments").await];
    world.staff(teacher, 2, "Trần Thị Lan Anh").await;

    let after = world.head.get(&path).header("If-None-Match", before.etag()).await.status(200);
    assert_eq!(after.at("/homeroom_teacher/full_name"), "Trần Thị Lan Anh", "S0-017, S3-005");
    assert_eq!(after.at("/version"), before.at("/version"));
    assert_ne!(after.etag(), before.etag());
    world.head.patch(&path).if_match(&before).merge(&json!({"name": "5A1"})).await.ok();
    for (resource, cursor, id, name) in [("classes", &cursors[0], class.id(), "homeroom_teacher"), ("assignments", &cursors[1], assignment.id(), "staff")] {
        eventually(Duration::from_secs(10), async || !world.head.get(format!("/v1/{resource}/changes?cursor={cursor}")).await.ok().at("/items/0").is_null()).await;
        let changes = world.head.get(format!("/v1/{resource}/changes?cursor={cursor}")).await.ok();
        assert_eq!(changes.at("/items/0/id"), &json!(id), "S0-017");
        assert_eq!(changes.at(&format!("/items/0/{name}/full_name")), "Trần Thị Lan Anh");
        assert_eq!(changes.at("/items/0/version"), 1);
    }

    let cursor = feed_end(&world, "classes").await;
    world.staff(teacher, 3, "Trần Thị Lan Anh").await;
    world.staff(teacher, 2, "Tên cũ").await;
    assert_eq!(world.head.get(&path).await.ok().etag(), after.etag(), "an older event changes nothing");
    assert_eq!(feed_end(&world, "classes").await, cursor, "what is shown did not change");
}

/// The cursor after everything there is now, once no other transaction holds the feed up.
async fn feed_end(world: &World, resource: &str) -> String {
    let mut cursor = String::new();
    for _ in 0..50 {
        let page = world.head.get(format!("/v1/{resource}/changes?limit=200")).await.ok();
        let next = page.at("/next_cursor").as_str().unwrap().to_owned();
        if next == cursor {
            return cursor;
        }
        cursor = next;
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    panic!("the feed does not come to an end");
}
