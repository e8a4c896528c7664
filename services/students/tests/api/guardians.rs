//! Guardians: one record per person, seen through their children.

use std::time::Duration;

use chrono::TimeDelta;
use diesel::{QueryableByName, sql_query, sql_types};
use diesel_async::RunQueryDsl;
use registrar_access::Role;
use registrar_domain::UnitId;
use registrar_testkit::{Answer, Api, NewAccount, eventually};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::world::World;

/// Two schools of a department, with the head teacher of the second.
struct Schools {
    world: World,
    other: UnitId,
    other_head: Api,
}

impl Schools {
    async fn new() -> Self {
        let world = World::new().await;
        let other = world.system.school("Trường Tiểu học Kim Đồng").await.unwrap();
        let other_head = world.system.client_of(&world.system.account(Role::HeadTeacher, other).await.unwrap());
        Schools { world, other, other_head }
    }

    /// A student of the second school.
    async fn pupil_there(&self, code: &str) -> Uuid {
        let mut body = self.world.student_body(code, "Nguyễn Thị Em");
        body["unit_id"] = json!(self.other);
        self.other_head.post("/v1/students").json(&body).await.status(201).id()
    }
}

fn entry(student: Uuid, relation: &str) -> Value {
    json!({"student_id": student, "relation": relation, "legal_representative": true})
}

fn father(children: &[Value]) -> Value {
    json!({
        "full_name": "Nguyễn Văn Hùng", "gender": "male", "birth_year": 1984, "personal_number": "087084000999", "phone": "0905 123 456",
        "email": "hung@example.vn", "occupation": "Ngư dân", "workplace": "Cảng cá Thuận Phước", "address": "12 Trần Phú, Hội An", "children": children,
    })
}

async fn client(world: &World, role: Role, unit: UnitId) -> Api {
    world.system.client_of(&world.system.account(role, unit).await.unwrap())
}

/// The students among the children of an answer.
fn students(answer: &Answer, pointer: &str) -> Vec<Uuid> {
    let mut students: Vec<Uuid> = answer.at(pointer).as_array().unwrap().iter().map(|child| child["student_id"].as_str().unwrap().parse().unwrap()).collect();
    students.sort_unstable();
    students
}

async fn count(world: &World, condition: &str) -> i64 {
    #[derive(QueryableByName)]
    struct Count {
        #[diesel(sql_type = sql_types::BigInt)]
        count: i64,
    }
    let query = sql_query(format!("select count(*) as count from access_log where aggregate = 'students.guardian' and {condition}"));
    query.get_result::<Count>(&mut world.system.db("students").get().await.unwrap()).await.unwrap().count
}

#[tokio::test]
async fn a_parent_of_two_children_is_one_record() {
    let world = World::new().await;
    let (first, second) = (world.student("HS001", "Nguyễn Thị An").await.id(), world.student("HS002", "Nguyễn Văn Bình").await.id());
    let mut body = father(&[entry(second, "father"), entry(first, "father")]);
    body["children"][1]["primary_contact"] = json!(true);
    let entered = world.head.post("/v1/guardians").header("Idempotency-Key", "g1").json(&body).await.status(201);
    let again = world.head.post("/v1/guardians").header("Idempotency-Key", "g1").json(&body).await.status(201);
    assert_eq!(entered.id(), again.id());
    assert_eq!((entered.at("/full_name"), entered.at("/occupation")), (&json!("Nguyễn Văn Hùng"), &json!("Ngư dân")), "S1-069");
    let mut both = [first, second];
    both.sort_unstable();
    assert_eq!(students(&entered, "/children"), both);
    assert_eq!((entered.at("/children/0/relation"), entered.at("/children/0/legal_representative")), (&json!("father"), &json!(true)), "S1-069");
    assert_eq!((entered.at("/phone"), entered.at("/email"), entered.at("/address")), (&json!("*******456"), &json!("***@example.vn"), &json!(null)), "masked");
    assert!(!entered.text.contains("087084000999"));

    let path = format!("/v1/guardians/{}", entered.id());
    let full = world.head.get(format!("{path}?sensitive=true")).await.ok();
    assert_eq!((full.at("/phone"), full.at("/personal_number"), full.at("/address")), (&json!("0905123456"), &json!("087084000999"), &json!("12 Trần Phú, Hội An")), "S1-067");
    assert_eq!(count(&world, "fields = '{personal_number,phone,email,address}'").await, 1, "a sensitive read is logged");
    let read = world.head.get(&path).await.ok();
    assert_eq!((read.etag(), &read.json), (entered.etag(), &entered.json));
    world.head.get(&path).header("If-None-Match", read.etag()).await.status(304);

    let mother = json!({"full_name": "Trần Thị Mai", "occupation": "Giáo viên", "children": [entry(first, "mother")]});
    let mother = world.head.post("/v1/guardians").json(&mother).await.status(201);
    assert_eq!((mother.at("/full_name"), mother.at("/occupation")), (&json!("Trần Thị Mai"), &json!("Giáo viên")), "S1-070");
    for (query, wanted) in [
        (format!("student_id={first}"), vec![entered.id(), mother.id()]),
        (format!("student_id={second}"), vec![entered.id()]),
        (format!("student_id={first}&sort=-name"), vec![mother.id(), entered.id()]),
        ("q=tran mai".to_owned(), vec![mother.id()]),
        ("phone=0905.123.456".to_owned(), vec![entered.id()]),
        ("phone=0905123457".to_owned(), vec![]),
    ] {
        let list = world.head.get(format!("/v1/guardians?{query}&count=true")).await.ok();
        let ids: Vec<Uuid> = list.at("/items").as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().parse().unwrap()).collect();
        assert_eq!((ids, list.at("/total").as_u64()), (wanted.clone(), Some(wanted.len() as u64)), "{query}");
    }
    assert_eq!(count(&world, "fields = '{phone}'").await, 1, "whose number it is, is a sensitive read");
    let page = world.head.get("/v1/guardians?limit=1").await.ok();
    let next = world.head.get(format!("/v1/guardians?limit=1&cursor={}", page.at("/next_cursor").as_str().unwrap())).await.ok();
    assert_eq!((page.at("/items/0/id"), next.at("/items/0/id")), (&json!(entered.id()), &json!(mother.id())), "Hùng before Mai");
    assert_eq!(next.at("/next_cursor"), &json!(null));
}

#[tokio::test]
async fn a_guardian_is_changed_and_remembered() {
    let world = World::new().await;
    let student = world.student("HS001", "Nguyễn Thị An").await.id();
    let entered = world.head.post("/v1/guardians").json(&father(&[entry(student, "father")])).await.status(201);
    let path = format!("/v1/guardians/{}", entered.id());
    let unchanged = world.head.patch(&path).if_match(&entered).merge(&json!({"occupation": "Ngư dân"})).await.ok();
    assert_eq!(unchanged.at("/version"), 1);
    let changed = world.head.patch(&path).if_match(&entered).merge(&json!({"full_name": "Nguyễn Văn Dũng", "phone": "0905 999 888", "workplace": null})).await.ok();
    assert_eq!((changed.at("/version"), changed.at("/phone"), changed.at("/workplace")), (&json!(2), &json!("*******888"), &json!(null)));
    world.head.patch(&path).if_match(&entered).merge(&json!({"occupation": "x"})).await.problem(412, "stale");
    world.head.patch(&path).merge(&json!({"occupation": "x"})).await.problem(428, "precondition_required");
    assert_eq!(world.head.get("/v1/guardians?q=dung").await.ok().at("/items/0/id"), &json!(entered.id()), "found by the new name");

    let mut ended = entry(student, "father");
    ended["valid_to"] = json!("2025-08-31");
    let ended = world.head.patch(&path).if_match(&changed).merge(&json!({"children": [ended]})).await.ok();
    assert_eq!(ended.at("/children/0/valid_to"), "2025-08-31");
    assert_eq!(world.head.get(format!("/v1/guardians?student_id={student}")).await.ok().at("/items/0/id"), &json!(entered.id()), "a former guardian stays");
    world.head.patch(&path).if_match(&ended).merge(&json!({"occupation": "Thợ mộc"})).await.ok();

    let history = world.head.get(format!("{path}/history")).await.ok();
    let fields: Vec<Vec<&str>> = history
        .at("/items")
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["changes"].as_array().unwrap().iter().map(|change| change["field"].as_str().unwrap()).collect())
        .collect();
    assert_eq!(fields[..3], [vec!["occupation"], vec!["children"], vec!["full_name", "phone", "workplace"]]);
    assert!(history.text.contains("0905123456"), "the head may see it");
    let officer = client(&world, Role::Officer, world.system.root_unit()).await;
    let history = officer.get(format!("{path}/history")).await.ok();
    assert!(!history.text.contains("0905") && !history.text.contains("087084000999") && !history.text.contains("Trần Phú"), "the officer may not");
    assert!(history.text.contains("Thợ mộc"));

    eventually(Duration::from_secs(10), async || world.head.get("/v1/guardians/changes").await.ok().at("/items/0/version") == 4).await;
    let feed = world.head.get("/v1/guardians/changes").await.ok();
    assert_eq!((feed.at("/items/0/occupation"), feed.at("/items/0/phone")), (&json!("Thợ mộc"), &json!("*******888")));
    assert_eq!(feed.at("/items").as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn what_breaks_a_rule_is_refused() {
    let world = World::new().await;
    let student = world.student("HS001", "Nguyễn Thị An").await.id();
    let entered = world.head.post("/v1/guardians").json(&father(&[entry(student, "father")])).await.status(201);
    let with = |field: &str, value: Value| {
        let mut body = father(&[entry(student, "father")]);
        body["personal_number"] = json!("087084000998");
        body[field] = value;
        body
    };
    let ended = json!({"student_id": student, "relation": "father", "valid_from": "2025-09-02", "valid_to": "2025-09-01"});
    for (field, value, pointer, code) in [
        ("children", json!([]), "/children", "too_few"),
        ("children", json!([entry(world.school.into(), "father")]), "/children/0/student_id", "unknown_student"),
        ("children", json!([entry(student, "father"), entry(student, "guardian")]), "/children/1", "overlaps"),
        ("children", json!([entry(student, "uncle")]), "/children/0/relation", "not_one_of"),
        ("children", json!([ended]), "/children/0/valid_to", "ends_before_it_begins"),
        ("gender", json!("female"), "/personal_number", "gender_mismatch"),
        ("birth_year", json!(1985), "/personal_number", "birth_year_mismatch"),
        ("birth_year", json!(2100), "/birth_year", "future"),
        ("phone", json!("0905x123456"), "/phone", "pattern"),
        ("nickname", json!("Tí"), "/nickname", "unknown_field"),
    ] {
        let refused = world.head.post("/v1/guardians").json(&with(field, value)).await.problem(422, "invalid");
        assert_eq!(refused.field_errors(), [(pointer.to_owned(), code.to_owned())], "{field}");
    }
    let taken = world.head.post("/v1/guardians").json(&with("personal_number", json!("087084000999"))).await.problem(409, "conflict");
    assert_eq!(taken.field_errors(), [("/personal_number".to_owned(), "already_used".to_owned())]);
    let path = format!("/v1/guardians/{}", entered.id());
    let refused = world.head.patch(&path).if_match(&entered).merge(&json!({"children": [entry(world.school.into(), "father")]})).await.problem(422, "invalid");
    assert_eq!(refused.field_errors(), [("/children/0/student_id".to_owned(), "unknown_student".to_owned())]);
    world.head.get(format!("/v1/guardians/{student}")).await.problem(404, "not_found");
    world.head.get("/v1/guardians?sort=phone").await.problem(400, "bad_parameter");
}

#[tokio::test]
async fn a_second_father_mother_or_primary_contact_is_told_and_not_refused() {
    let world = World::new().await;
    let student = world.student("HS001", "Nguyễn Thị An").await.id();
    let guardian = async |name: &str, relation: &str, more: Value| {
        let mut child = entry(student, relation);
        child.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        world.head.post("/v1/guardians").json(&json!({"full_name": name, "children": [child]})).await.status(201)
    };
    let mother = guardian("Trần Thị Mai", "mother", json!({"primary_contact": true})).await;
    assert_eq!(mother.at("/warnings"), &json!([]));
    assert_eq!(guardian("Nguyễn Văn Hùng", "father", json!({})).await.at("/warnings"), &json!([]));
    assert_eq!(guardian("Lê Thị Hoa", "mother", json!({"valid_to": "2024-12-31", "primary_contact": true})).await.at("/warnings"), &json!([]), "a former one");
    let second = guardian("Phạm Thị Lan", "mother", json!({"primary_contact": true})).await;
    assert_eq!(second.at("/warnings"), &json!(["another_mother", "another_primary_contact"]), "S1-067, S1-070");
    let path = format!("/v1/guardians/{}", mother.id());
    assert_eq!(world.head.get(&path).await.ok().at("/warnings"), second.at("/warnings"), "it shows with both");
}

#[tokio::test]
async fn a_school_learns_nothing_of_siblings_at_another_school() {
    let schools = Schools::new().await;
    let (head, other_head) = (&schools.world.head, &schools.other_head);
    let (here, there) = (schools.world.student("HS001", "Nguyễn Thị An").await.id(), schools.pupil_there("HS900").await);
    let second_here = schools.world.student("HS002", "Nguyễn Văn Bình").await.id();
    // A school cannot name another school's student.
    let refused = head.post("/v1/guardians").json(&father(&[entry(here, "father"), entry(there, "father")])).await.problem(422, "invalid");
    assert_eq!(refused.field_errors(), [("/children/1/student_id".to_owned(), "unknown_student".to_owned())]);
    let administrator = client(&schools.world, Role::Administrator, schools.world.system.root_unit()).await;
    let entered = administrator.post("/v1/guardians").json(&father(&[entry(here, "father"), entry(there, "father")])).await.status(201);
    let path = format!("/v1/guardians/{}", entered.id());
    let (mine, theirs) = (head.get(&path).await.ok(), other_head.get(&path).await.ok());
    assert_eq!((students(&mine, "/children"), students(&theirs, "/children")), (vec![here], vec![there]));
    assert_eq!(head.get(format!("/v1/guardians?student_id={there}")).await.ok().at("/items"), &json!([]), "a shared parent does not tell of the sibling");
    assert_eq!(students(&head.get(format!("/v1/guardians?student_id={here}")).await.ok(), "/items/0/children"), [here]);

    // Leaving out a child one does not see takes nothing away.
    let added = head.patch(&path).if_match(&mine).merge(&json!({"children": [entry(second_here, "father"), entry(here, "father")]})).await.ok();
    assert_eq!(students(&added, "/children").len(), 2);
    let removed = head.patch(&path).if_match(&added).merge(&json!({"children": [entry(second_here, "father")]})).await.ok();
    assert_eq!(students(&removed, "/children"), [second_here]);
    let all = administrator.get(&path).await.ok();
    let mut left = [second_here, there];
    left.sort_unstable();
    assert_eq!(students(&all, "/children"), left);
    let guess = head.patch(&path).if_match(&removed).merge(&json!({"children": [entry(second_here, "father"), entry(there, "other")]})).await;
    assert_eq!(guess.problem(422, "invalid").field_errors(), [("/children/1/student_id".to_owned(), "unknown_student".to_owned())]);

    let feed = async |api: &Api| api.get("/v1/guardians/changes").await.ok();
    eventually(Duration::from_secs(10), async || feed(head).await.at("/items/0/version") == 3).await;
    for (api, sibling, own) in [(head, there, second_here), (other_head, second_here, there)] {
        let history = api.get(format!("{path}/history")).await.ok();
        assert!(!history.text.contains(&sibling.to_string()) && history.text.contains(&own.to_string()));
        let feed = feed(api).await;
        assert!(!feed.text.contains(&sibling.to_string()) && feed.text.contains(&own.to_string()));
    }
    let history = other_head.get(format!("{path}/history")).await.ok();
    assert_eq!((history.at("/items/0/version"), history.at("/items/0/changes")), (&json!(3), &json!([])), "what changed is the other school's");

    let stranger = schools.world.system.school("Trường khác").await.unwrap();
    let stranger = client(&schools.world, Role::HeadTeacher, stranger).await;
    stranger.get(&path).await.problem(404, "not_found");
    stranger.get(format!("{path}/history")).await.problem(404, "not_found");
    stranger.patch(&path).header("If-Match", "*").merge(&json!({"occupation": "x"})).await.problem(404, "not_found");
    assert_eq!(stranger.get("/v1/guardians").await.ok().at("/items"), &json!([]));
}

#[tokio::test]
async fn teachers_see_the_guardians_of_their_class_masked() {
    let world = World::new().await;
    let (homeroom, subject) = (world.system.new_id(), world.system.new_id());
    let class = world.class("5A1", json!({"homeroom_teacher_id": homeroom})).await.id();
    let other = world.class("5A2", json!({})).await.id();
    let lesson = json!({"staff_id": subject, "class_id": class, "subject": "vn-subject/2018/TOAN", "periods_per_week": 5, "from": "2025-09-05", "status": "active"});
    world.head.post("/v1/assignments").json(&lesson).await.status(201);
    let (mine, sibling) = (world.student("HS001", "Lê Văn An").await.id(), world.student("HS002", "Lê Thị Bé").await.id());
    world.enrol(mine, class, "2025-09-05").await.status(201);
    world.enrol(sibling, other, "2025-09-05").await.status(201);
    let parent = world.head.post("/v1/guardians").json(&father(&[entry(mine, "father"), entry(sibling, "father")])).await.status(201);
    let of_sibling = world.head.post("/v1/guardians").json(&json!({"full_name": "Lê Văn Tư", "children": [entry(sibling, "relative")]})).await.status(201);
    let path = format!("/v1/guardians/{}", parent.id());
    for staff in [homeroom, subject] {
        let teacher = world.teacher_elsewhere(staff).await;
        let seen = teacher.get(&path).await.ok();
        assert_eq!((students(&seen, "/children"), seen.at("/phone"), seen.at("/address")), (vec![mine], &json!("*******456"), &json!(null)), "S1-067, S1-069");
        let list = teacher.get("/v1/guardians?count=true").await.ok();
        assert_eq!((list.at("/items/0/id"), list.at("/total")), (&json!(parent.id()), &json!(1)));
        teacher.get(format!("/v1/guardians/{}", of_sibling.id())).await.problem(404, "not_found");
        teacher.get(format!("{path}?sensitive=true")).await.problem(403, "forbidden");
        teacher.get("/v1/guardians?phone=0905123456").await.problem(403, "forbidden");
        teacher.patch(&path).header("If-Match", "*").merge(&json!({"occupation": "x"})).await.problem(403, "forbidden");
        teacher.post("/v1/guardians").json(&father(&[entry(mine, "father")])).await.problem(403, "forbidden");
        let history = teacher.get(format!("{path}/history")).await.ok();
        assert!(!history.text.contains("0905123456") && !history.text.contains(&sibling.to_string()));
    }
    let nobody = world.teacher_elsewhere(world.system.new_id()).await;
    assert_eq!(nobody.get("/v1/guardians").await.ok().at("/items"), &json!([]));
    nobody.get(&path).await.problem(404, "not_found");
}

#[tokio::test]
async fn each_role_does_what_it_may_with_guardians() {
    let schools = Schools::new().await;
    let world = &schools.world;
    let class = world.class("5A1", json!({})).await.id();
    let (student, outside) = (world.student("HS001", "Lê Văn An").await.id(), world.student("HS002", "Lê Thị Bé").await.id());
    world.enrol(student, class, "2025-09-05").await.status(201);
    let parent = world.head.post("/v1/guardians").json(&father(&[entry(student, "father")])).await.status(201);
    let path = format!("/v1/guardians/{}", parent.id());
    let officer = client(world, Role::Officer, world.system.root_unit()).await;
    assert_eq!(officer.get(&path).await.ok().at("/phone"), "*******456");
    officer.get(format!("{path}?sensitive=true")).await.problem(403, "forbidden");
    officer.get("/v1/guardians?phone=0905123456").await.problem(403, "forbidden");
    officer.patch(&path).header("If-Match", "*").merge(&json!({"occupation": "x"})).await.problem(403, "forbidden");
    for role in [Role::Viewer, Role::Teacher] {
        let api = client(world, role, world.school).await;
        api.get("/v1/guardians").await.problem(403, "forbidden");
        api.get(&path).await.problem(403, "forbidden");
        api.get("/v1/guardians/changes").await.problem(403, "forbidden");
        api.get(format!("{path}/history")).await.problem(403, "forbidden");
        api.post("/v1/guardians").json(&father(&[entry(student, "father")])).await.problem(403, "forbidden");
    }
    // A clerk of one class, to whom the other children do not exist.
    let of_class = NewAccount { class_ids: vec![class], ..NewAccount::new(Role::Clerk, world.school) };
    let clerk = world.system.client_of(&world.system.account_with(of_class).await.unwrap());
    let read = clerk.get(&path).await.ok();
    clerk.patch(&path).if_match(&read).merge(&json!({"occupation": "Thợ xây"})).await.ok();
    let refused = clerk.patch(&path).header("If-Match", "*").merge(&json!({"children": [entry(student, "father"), entry(outside, "father")]})).await.problem(422, "invalid");
    assert_eq!(refused.field_errors(), [("/children/1/student_id".to_owned(), "unknown_student".to_owned())]);
    // A clerk who also reads another school's students, and keeps none of them.
    let account = world.system.account(Role::Clerk, world.school).await.unwrap();
    world.system.grant(&account, &NewAccount::new(Role::Officer, schools.other)).await.unwrap();
    let clerk = world.system.client_of(&account);
    let there = schools.pupil_there("HS900").await;
    clerk.patch(&path).header("If-Match", "*").merge(&json!({"children": [entry(student, "father"), entry(there, "father")]})).await.problem(403, "forbidden");
    clerk.post("/v1/guardians").json(&json!({"full_name": "Lê Văn Tư", "children": [entry(there, "father")]})).await.problem(403, "forbidden");
    let administrator = client(world, Role::Administrator, world.system.root_unit()).await;
    let both = administrator.patch(&path).header("If-Match", "*").merge(&json!({"children": [entry(student, "father"), entry(there, "father")]})).await.ok();
    let kept = clerk.patch(&path).if_match(&both).merge(&json!({"occupation": "Thợ hồ"})).await.ok();
    clerk.patch(&path).if_match(&kept).merge(&json!({"children": [entry(student, "father")]})).await.problem(403, "forbidden");
    clerk.patch(&path).if_match(&kept).merge(&json!({"children": [entry(student, "father"), entry(there, "other")]})).await.problem(403, "forbidden");
    // Another tenant's administrator.
    let tenant = world.system.new_tenant("Bộ khác").await.unwrap();
    let foreign = client(world, Role::Administrator, UnitId::from(Uuid::from(tenant))).await;
    foreign.get(&path).await.problem(404, "not_found");
    assert_eq!(foreign.get("/v1/guardians").await.ok().at("/items"), &json!([]));
}

#[tokio::test]
async fn a_former_guardianship_shows_the_guardian_and_opens_nothing_more() {
    let schools = Schools::new().await;
    let (here, there) = (schools.world.student("HS001", "Nguyễn Thị An").await.id(), schools.pupil_there("HS900").await);
    let mut former = entry(here, "guardian");
    former["valid_to"] = json!("2025-08-31");
    let administrator = client(&schools.world, Role::Administrator, schools.world.system.root_unit()).await;
    let guardian = administrator.post("/v1/guardians").json(&father(&[former, entry(there, "father")])).await.status(201);
    let path = format!("/v1/guardians/{}", guardian.id());
    assert_eq!(schools.world.head.get(&path).await.ok().at("/children/0/valid_to"), "2025-08-31");
    schools.world.head.get(format!("{path}?sensitive=true")).await.problem(403, "forbidden");
    schools.world.head.patch(&path).header("If-Match", "*").merge(&json!({"phone": "0905000000"})).await.problem(403, "forbidden");
    assert_eq!(schools.world.head.get("/v1/guardians?phone=0905123456").await.ok().at("/items"), &json!([]));
    schools.other_head.get(format!("{path}?sensitive=true")).await.ok();
    schools.other_head.patch(&path).header("If-Match", "*").merge(&json!({"phone": "0905000000"})).await.ok();
}

#[tokio::test]
async fn guardians_follow_a_child_who_moves_to_another_school() {
    let schools = Schools::new().await;
    let (world, other_head) = (&schools.world, &schools.other_head);
    let student = world.student("HS001", "Nguyễn Thị An").await.id();
    let parent = world.head.post("/v1/guardians").json(&father(&[entry(student, "father")])).await.status(201);
    let path = format!("/v1/guardians/{}", parent.id());
    other_head.get(&path).await.problem(404, "not_found");
    // The other school has read its feed past the moment at which this guardian was entered.
    let there = schools.pupil_there("HS900").await;
    let theirs = other_head.post("/v1/guardians").json(&json!({"full_name": "Lê Văn Tư", "children": [entry(there, "father")]})).await.status(201);
    eventually(Duration::from_secs(10), async || other_head.get("/v1/guardians/changes").await.ok().at("/items/0/id") == &json!(theirs.id())).await;
    let cursor = other_head.get("/v1/guardians/changes").await.ok().at("/next_cursor").as_str().unwrap().to_owned();
    let administrator = client(world, Role::Administrator, world.system.root_unit()).await;
    administrator.patch(format!("/v1/students/{student}")).header("If-Match", "*").merge(&json!({"unit_id": schools.other})).await.ok();
    assert_eq!(other_head.get(&path).await.ok().at("/version"), 1);
    world.head.get(&path).await.problem(404, "not_found");
    eventually(Duration::from_secs(10), async || !other_head.get(format!("/v1/guardians/changes?cursor={cursor}")).await.ok().at("/items/0").is_null()).await;
    let feed = other_head.get(format!("/v1/guardians/changes?cursor={cursor}")).await.ok();
    assert_eq!((feed.at("/items/0/id"), feed.at("/items/0/version")), (&json!(parent.id()), &json!(1)), "who sees the guardian from now on hears of it");
}

#[tokio::test]
async fn stale_authority_writes_and_shows_nothing_sensitive() {
    let world = World::new().await;
    let student = world.student("HS001", "Nguyễn Thị An").await.id();
    let parent = world.head.post("/v1/guardians").json(&father(&[entry(student, "father")])).await.status(201);
    let path = format!("/v1/guardians/{}", parent.id());
    world.system.authority_as_of(world.system.clock().now() - TimeDelta::seconds(61)).await.unwrap();
    world.head.get(&path).await.ok();
    world.head.get(format!("{path}?sensitive=true")).await.problem(503, "authority_stale");
    world.head.get("/v1/guardians?phone=0905123456").await.problem(503, "authority_stale");
    world.head.patch(&path).if_match(&parent).merge(&json!({"occupation": "x"})).await.problem(503, "authority_stale");
    world.head.post("/v1/guardians").json(&father(&[entry(student, "father")])).await.problem(503, "authority_stale");
    assert!(!world.head.get(format!("{path}/history")).await.ok().text.contains("0905123456"));
}
