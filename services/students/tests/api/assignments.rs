//! Teaching assignments, and what is odd about a school's.

use std::time::Duration;

use diesel::{sql_query, sql_types};
use diesel_async::RunQueryDsl;
use registrar_access::Role;
use registrar_domain::{EducationLevel, UnitId, UnitKind};
use registrar_testkit::{Answer, Api, NewAccount, NewUnit, eventually};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::world::World;

const START: &str = "2025-09-05";

fn body(class: Uuid, staff: Uuid, subject: &str, periods: i16, from: &str, to: Option<&str>) -> Value {
    let mut body = json!({"staff_id": staff, "class_id": class, "subject": format!("vn-subject/2018/{subject}"), "periods_per_week": periods, "from": from, "status": "active"});
    if let Some(to) = to {
        body["to"] = json!(to);
    }
    body
}

async fn assign(world: &World, class: Uuid, staff: Uuid, subject: &str, periods: i16, from: &str, to: Option<&str>) -> Answer {
    world.head.post("/v1/assignments").json(&body(class, staff, subject, periods, from, to)).await.status(201)
}

async fn client(world: &World, role: Role, unit: UnitId) -> Api {
    world.system.client_of(&world.system.account(role, unit).await.unwrap())
}

fn path(world: &World, unit: UnitId) -> String {
    format!("/v1/assignments/findings?unit_id={unit}&school_year_id={}", world.year)
}

/// Kind, class, subject, from and to of each finding.
fn told(answer: &Answer) -> Vec<[String; 5]> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let items = answer.at("/items").as_array().unwrap().iter();
    items.map(|item| [text(&item["kind"]), text(&item["class"]["name"]), text(&item["subject"]).replace("vn-subject/2018/", ""), text(&item["from"]), text(&item["to"])]).collect()
}

fn of_kind(answer: &Answer, kind: &str) -> Vec<[String; 5]> {
    told(answer).into_iter().filter(|finding| finding[0] == kind).collect()
}

#[tokio::test]
async fn an_assignment_is_entered_read_changed_and_ended() {
    let world = World::new().await;
    let (class, staff) = (world.class("5A1", json!({})).await.id(), world.system.new_id());
    world.staff(staff, 1, "Trần Thị Lan").await;
    let toan = body(class, staff, "TOAN", 5, START, None);
    let entered = world.head.post("/v1/assignments").header("Idempotency-Key", "a1").json(&toan).await.status(201);
    assert_eq!(entered.id(), world.head.post("/v1/assignments").header("Idempotency-Key", "a1").json(&toan).await.status(201).id());
    assert_eq!(
        (entered.at("/staff/full_name"), entered.at("/class/name"), entered.at("/subject")),
        (&json!("Trần Thị Lan"), &json!("5A1"), &json!("vn-subject/2018/TOAN")),
        "S1-071"
    );
    let path = format!("/v1/assignments/{}", entered.id());
    let read = world.head.get(&path).await.ok();
    world.head.get(&path).header("If-None-Match", read.etag()).await.status(304);
    for (query, found) in
        [(format!("class_id={class}"), 1), (format!("staff_id={staff}&on=2025-09-10"), 1), (format!("unit_id={}&on=2025-09-04", world.school), 0), ("status=ended".into(), 0)]
    {
        assert_eq!(world.head.get(format!("/v1/assignments?{query}&count=true")).await.ok().at("/total"), found, "{query}");
    }
    let changed = world.head.patch(&path).if_match(&read).merge(&json!({"subject": "vn-subject/2018/KHOA_HOC", "periods_per_week": 2})).await.ok();
    assert_eq!((changed.at("/subject"), changed.at("/version")), (&json!("vn-subject/2018/KHOA_HOC"), &json!(2)));
    world.head.patch(&path).if_match(&read).merge(&json!({"periods_per_week": 3})).await.problem(412, "stale");
    world.head.patch(&path).merge(&json!({"periods_per_week": 3})).await.problem(428, "precondition_required");
    for field in ["staff_id", "class_id"] {
        let refused = world.head.patch(&path).if_match(&changed).merge(&json!({field: world.year})).await.problem(422, "invalid");
        assert_eq!(refused.field_errors(), [(format!("/{field}"), "immutable".to_owned())]);
    }
    let ended = world.head.patch(&path).if_match(&changed).merge(&json!({"status": "ended", "to": "2025-09-12"})).await.ok();
    let history = world.head.get(format!("{path}/history")).await.ok();
    assert_eq!((history.at("/items/0/version"), history.at("/items/1/changes/1/new")), (&json!(3), &json!("vn-subject/2018/KHOA_HOC")));
    eventually(Duration::from_secs(10), async || world.head.get("/v1/assignments/changes").await.ok().at("/items/0/version") == 3).await;
    assert_eq!(world.head.get("/v1/assignments/changes").await.ok().at("/items/0/to"), ended.at("/to"));
}

#[tokio::test]
async fn an_assignment_that_breaks_a_rule_is_refused() {
    let world = World::new().await;
    let (class, ended, staff, left) = (world.class("5A1", json!({})).await.id(), world.class("5A2", json!({})).await, world.system.new_id(), world.system.new_id());
    let end = json!({"status": "ended", "ended_on": "2025-09-10", "end_reason": "nhập lớp"});
    world.head.patch(format!("/v1/classes/{}", ended.id())).if_match(&ended).merge(&end).await.ok();
    world.system.deliver("students", &[world.staff_event(left, 1, "Đã nghỉ", "ended")]).await.unwrap();
    let refused = async |body: Value, pointer: &str, code: &str| {
        let refused = world.head.post("/v1/assignments").json(&body).await.problem(422, "invalid");
        assert_eq!(refused.field_errors(), [(pointer.to_owned(), code.to_owned())], "{body}");
    };
    let with = |field: &str, value: Value| {
        let mut body = body(class, staff, "TOAN", 5, START, None);
        body[field] = value;
        body
    };
    refused(with("subject", json!("TOAN")), "/subject", "pattern").await;
    refused(with("subject", json!("vn-subject/2018/ALCHEMY")), "/subject", "invalid").await;
    refused(with("subject", json!("vn-ethnic/2008/01")), "/subject", "invalid").await;
    refused(with("periods_per_week", json!(0)), "/periods_per_week", "too_small").await;
    refused(with("to", json!("2025-09-04")), "/to", "not_after").await;
    refused(with("status", json!("ended")), "/to", "required").await;
    refused(with("class_id", json!(world.year)), "/class_id", "unknown_class").await;
    refused(with("class_id", json!(ended.id())), "/class_id", "class_ended").await;
    refused(with("staff_id", json!(left)), "/staff_id", "staff_ended").await;
    let entered = assign(&world, class, staff, "TOAN", 5, START, None).await;
    let taken = world.head.post("/v1/assignments").json(&body(class, staff, "TOAN", 5, START, None)).await.problem(409, "conflict");
    assert_eq!(taken.field_errors(), [("/from".to_owned(), "already_used".to_owned())]);

    // A school that was closed takes no assignments; those that are there can still be corrected.
    let administrator = client(&world, Role::Administrator, world.system.root_unit()).await;
    let close = sql_query("update units set status = 'closed', closed_on = '2025-09-10' where id = $1").bind::<sql_types::Uuid, _>(Uuid::from(world.school));
    close.execute(&mut world.system.db("students").get().await.unwrap()).await.unwrap();
    let closed = administrator.post("/v1/assignments").json(&body(class, staff, "KHOA_HOC", 2, START, None)).await.problem(422, "invalid");
    assert_eq!(closed.field_errors(), [("/class_id".to_owned(), "unit_closed".to_owned())]);
    administrator.patch(format!("/v1/assignments/{}", entered.id())).if_match(&entered).merge(&json!({"status": "ended", "to": "2025-09-10"})).await.ok();
}

#[tokio::test]
async fn who_keeps_assignments_and_who_reads_them() {
    let world = World::new().await;
    let (homeroom, staff) = (world.system.new_id(), world.system.new_id());
    let class = world.class("5A1", json!({"homeroom_teacher_id": homeroom})).await.id();
    let entered = assign(&world, class, staff, "TOAN", 5, START, None).await;
    let path = format!("/v1/assignments/{}", entered.id());
    let new = body(class, staff, "KHOA_HOC", 2, START, None);
    let stranger = world.system.school("Trường khác").await.unwrap();
    let stranger = client(&world, Role::HeadTeacher, stranger).await;
    stranger.get(&path).await.problem(404, "not_found");
    stranger.get(format!("{path}/history")).await.problem(404, "not_found");
    assert_eq!(stranger.post("/v1/assignments").json(&new).await.problem(422, "invalid").field_errors(), [("/class_id".to_owned(), "unknown_class".to_owned())]);
    for role in [Role::Officer, Role::Teacher, Role::Integrator] {
        let reader = client(&world, role, world.school).await;
        reader.get(&path).await.ok();
        reader.patch(&path).header("If-Match", "*").merge(&json!({"periods_per_week": 4})).await.problem(403, "forbidden");
        reader.post("/v1/assignments").json(&new).await.problem(403, "forbidden");
    }
    let viewer = client(&world, Role::Viewer, world.school).await;
    viewer.get(&path).await.problem(403, "forbidden");
    for staff in [homeroom, staff] {
        let teacher = world.teacher_elsewhere(staff).await;
        teacher.get(&path).await.ok();
        teacher.patch(&path).header("If-Match", "*").merge(&json!({"periods_per_week": 4})).await.problem(403, "forbidden");
    }
    // The school's management keeps them.
    let clerk = client(&world, Role::Clerk, world.school).await;
    clerk.patch(&path).header("If-Match", "*").merge(&json!({"periods_per_week": 4})).await.ok();
    assert_eq!(world.head.post("/v1/assignments").json(&new).await.status(201).at("/version"), 1, "S1-072");
}

#[tokio::test]
async fn a_school_s_assignments_are_checked_as_a_whole() {
    let world = World::new().await;
    let ids: Vec<Uuid> = (0..5).map(|_| world.system.new_id()).collect();
    let [homeroom, leaver, successor, english, busy] = ids[..] else { panic!("five") };
    for (id, name) in [(homeroom, "Lê Thị Hoa"), (leaver, "Trần Văn An"), (successor, "Phạm Thị Bé"), (busy, "Võ Văn Cường")] {
        world.staff(id, 1, name).await;
    }
    let first = world.class("5A1", json!({"homeroom_teacher_id": homeroom})).await.id();
    let second = world.class("5A2", json!({})).await.id();
    assign(&world, first, leaver, "TOAN", 5, START, Some("2025-12-31")).await;
    assign(&world, first, successor, "TOAN", 5, "2025-12-01", None).await;
    assign(&world, first, english, "NN1", 4, "2025-10-01", None).await;
    assign(&world, first, busy, "TIENG_VIET", 20, START, None).await;
    assign(&world, second, busy, "TIENG_VIET", 5, START, Some("2025-12-31")).await;
    world.system.deliver("students", &[world.staff_event(leaver, 2, "Trần Văn An", "ended")]).await.unwrap();

    let found = world.head.get(path(&world, world.school)).await.ok();
    let year = [START, "2026-05-31"];
    let is = |kind: &str, class: &str, subject: &str, from: &str, to: &str| [kind, class, subject, from, to].map(str::to_owned);
    assert_eq!(of_kind(&found, "overlap"), [is("overlap", "5A1", "TOAN", "2025-12-01", "2025-12-31")], "S1-071");
    let gaps = [is("gap", "5A1", "NN1", START, "2025-09-30"), is("gap", "5A2", "TIENG_VIET", "2026-01-01", year[1])];
    assert_eq!(of_kind(&found, "gap"), gaps, "S1-071");
    assert_eq!(of_kind(&found, "teacher_left"), [is("teacher_left", "5A1", "TOAN", "2025-09-15", "2025-12-31")], "from today on");
    assert_eq!(of_kind(&found, "no_homeroom_teacher"), [is("no_homeroom_teacher", "5A2", "", year[0], year[1])], "S1-053");
    assert_eq!(of_kind(&found, "over_norm"), [is("over_norm", "", "", START, "2025-12-31")]);
    let missing: Vec<String> = of_kind(&found, "unassigned").into_iter().filter(|finding| finding[1] == "5A1").map(|[_, _, subject, ..]| subject).collect();
    assert_eq!(missing, ["DAO_DUC", "LSDL", "KHOA_HOC", "THCN", "GDTC", "NT", "HDTN"]);
    let total = 1 + 2 + 1 + 1 + 1 + 7 + 9;
    assert_eq!((found.at("/total"), found.at("/cut"), told(&found).len()), (&json!(total), &json!(false), total));
    let item = |answer: &Answer, kind: &str| answer.at("/items").as_array().unwrap().iter().find(|item| item["kind"] == kind).unwrap().clone();
    let overlap = item(&found, "overlap");
    assert_eq!(overlap["message"], "Mathematics in class 5A1 is assigned to several teachers from 2025-12-01 to 2025-12-31: Trần Văn An, Phạm Thị Bé.");
    assert_eq!(overlap["staff"].as_array().unwrap().len(), 2);
    let over = item(&found, "over_norm");
    assert_eq!((&over["staff"][0]["full_name"], &over["periods_per_week"], &over["norm"]), (&json!("Võ Văn Cường"), &json!(25), &json!(23)));
    let vietnamese = world.head.get(path(&world, world.school)).header("Accept-Language", "vi").await.ok();
    assert_eq!(item(&vietnamese, "gap")["message"], "Môn Ngoại ngữ 1 lớp 5A1 không có ai dạy từ 05/09/2025 đến 30/09/2025.");
    let chinese = world.head.get(path(&world, world.school)).header("Accept-Language", "zh").await.ok();
    assert_eq!(item(&chinese, "no_homeroom_teacher")["message"], "5A2班没有班主任。");

    let on = world.head.get(format!("{}&on=2026-02-01", path(&world, world.school))).await.ok();
    let kinds: std::collections::BTreeSet<String> = told(&on).into_iter().map(|[kind, ..]| kind).collect();
    assert_eq!(kinds, ["gap", "no_homeroom_teacher", "unassigned"].map(str::to_owned).into());
    let outside = world.head.get(format!("{}&on=2025-08-01", path(&world, world.school))).await.problem(400, "bad_parameter");
    assert_eq!(outside.field_errors(), [("on".to_owned(), "outside_school_year".to_owned())]);

    world.system.deliver("students", &[world.staff_event(homeroom, 2, "Lê Thị Hoa", "ended")]).await.unwrap();
    let found = world.head.get(path(&world, world.school)).await.ok();
    assert_eq!(of_kind(&found, "homeroom_teacher_left"), [is("homeroom_teacher_left", "5A1", "", "2025-09-15", year[1])], "S1-053");
}

#[tokio::test]
async fn findings_are_for_who_sees_the_school_s_assignments() {
    let world = World::new().await;
    let other = world.system.school("Trường Tiểu học Kim Đồng").await.unwrap();
    let other_head = client(&world, Role::HeadTeacher, other).await;
    let busy = world.system.new_id();
    let class = world.class("5A1", json!({"homeroom_teacher_id": busy})).await.id();
    let there = other_head.post("/v1/classes").json(&world.class_body("5B", json!({"unit_id": other}))).await.status(201).id();
    assign(&world, class, busy, "TOAN", 20, START, None).await;
    other_head.post("/v1/assignments").json(&body(there, busy, "TOAN", 10, START, None)).await.status(201);
    // Each school counts the periods it may see; who sees both, both.
    assert_eq!(of_kind(&world.head.get(path(&world, world.school)).await.ok(), "over_norm").len(), 0);
    let officer = client(&world, Role::Officer, world.system.root_unit()).await;
    let found = officer.get(path(&world, world.school)).await.ok();
    assert_eq!(of_kind(&found, "over_norm").len(), 1);
    assert!(told(&found).iter().all(|finding| finding[1] != "5B"), "another school's classes are asked for by its id");

    other_head.get(path(&world, world.school)).await.problem(404, "not_found");
    world.teacher_elsewhere(busy).await.get(path(&world, world.school)).await.problem(404, "not_found");
    client(&world, Role::Viewer, world.school).await.get(path(&world, world.school)).await.problem(403, "forbidden");
    client(&world, Role::Teacher, world.school).await.get(path(&world, world.school)).await.ok();
    world.head.get(path(&world, UnitId::from(world.year))).await.problem(404, "not_found");
    world.head.get(format!("/v1/assignments/findings?unit_id={}&school_year_id={}", world.school, world.school)).await.problem(404, "not_found");
    let missing = world.head.get("/v1/assignments/findings").await.problem(400, "bad_parameter");
    assert_eq!(missing.field_errors().iter().map(|(pointer, _)| pointer.as_str()).collect::<Vec<_>>(), ["school_year_id", "unit_id"]);
    world.system.client().get(path(&world, world.school)).await.problem(401, "unauthenticated");
    let of_class = NewAccount { class_ids: vec![class], ..NewAccount::new(Role::Clerk, world.school) };
    let of_class = world.system.client_of(&world.system.account_with(of_class).await.unwrap());
    of_class.get(path(&world, world.school)).await.problem(403, "forbidden");

    // A grant over one level of a school counts its classes alone.
    let combined = NewUnit::new(world.system.tenant(), UnitKind::PrimaryAndLowerSecondary, "Trường liên cấp").levels(&[EducationLevel::TH, EducationLevel::THCS]);
    let combined = world.system.unit(combined).await.unwrap();
    let head = client(&world, Role::HeadTeacher, combined).await;
    for (name, level, grade) in [("5A", "TH", 5), ("6A", "THCS", 6)] {
        head.post("/v1/classes").json(&world.class_body(name, json!({"unit_id": combined, "education_level": level, "grade": grade}))).await.status(201);
    }
    let clerk = NewAccount { education_levels: vec![EducationLevel::TH], ..NewAccount::new(Role::Clerk, combined) };
    let clerk = world.system.client_of(&world.system.account_with(clerk).await.unwrap());
    let classes = |answer: &Answer| told(answer).into_iter().map(|[_, class, ..]| class).collect::<std::collections::BTreeSet<_>>();
    assert_eq!(classes(&head.get(path(&world, combined)).await.ok()), ["5A", "6A"].map(str::to_owned).into());
    assert_eq!(classes(&clerk.get(path(&world, combined)).await.ok()), ["5A".to_owned()].into());
}

#[tokio::test]
async fn a_long_list_of_findings_is_cut_and_says_so() {
    let world = World::new().await;
    for number in 0..95 {
        world.class(&format!("5A{number}"), json!({})).await;
    }
    let found = world.head.get(path(&world, world.school)).await.ok();
    assert_eq!((found.at("/total"), found.at("/cut"), told(&found).len()), (&json!(95 * 11), &json!(true), 1000));
}
