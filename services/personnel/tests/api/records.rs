//! One record: entered, read, corrected, ended; its versions and its history.

use registrar_access::Role;
use serde_json::{Value, json};

use crate::world::{World, errors, with};

#[tokio::test]
async fn a_record_is_entered_and_read() {
    let world = World::start().await;
    let body = with(world.teacher("GV001", "Nguyễn Thị Hòa"), json!({"phone": "0905 123 456", "email": "hoa@example.vn"}));
    let entered = world.head.post("/v1/staff").json(&body).await.status(201);
    let id = entered.id();
    assert_eq!(entered.header("location"), Some(format!("/v1/staff/{id}").as_str()));
    assert_eq!(entered.header("registrar-version"), Some(format!("personnel.staff/{id}@1").as_str()));
    // S0-003: one place for the profiles of staff; S0-031: a profile is added.
    let read = world.head.get(format!("/v1/staff/{id}")).await.status(200);
    assert_eq!(
        (read.at("/full_name"), read.at("/code"), read.at("/email"), read.at("/phone")),
        (&json!("Nguyễn Thị Hòa"), &json!("GV001"), &json!("***@example.vn"), &json!("*******456"))
    );
    let full = world.head.get(format!("/v1/staff/{id}?sensitive=true")).await.ok();
    assert_eq!((full.at("/email"), full.at("/phone")), (&json!("hoa@example.vn"), &json!("0905123456")), "S1-020, S1-021");
    assert_eq!((read.at("/version"), read.at("/status"), read.at("/personal_number")), (&json!(1), &json!("active"), &Value::Null));
    assert_eq!((read.json.clone(), read.etag()), (entered.json.clone(), entered.etag()));
    world.head.get(format!("/v1/staff/{id}?colour=red")).await.problem(400, "bad_parameter");
    world.head.get("/v1/staff/7").await.problem(404, "not_found");
    world.head.get(format!("/v1/staff/{}", world.system.new_id())).await.problem(404, "not_found");
}

#[tokio::test]
async fn name_and_code_are_corrected_by_a_merge_patch() {
    let world = World::start().await;
    let body = with(world.teacher("GV001", "Nguyễn Thị Hoa"), json!({"phone": "0905123456"}));
    let entered = world.head.post("/v1/staff").json(&body).await.status(201);
    let path = format!("/v1/staff/{}", entered.id());
    let saved = world.head.patch(&path).if_match(&entered).merge(&json!({"full_name": "Nguyễn Thị Hòa", "code": "GV002", "phone": null})).await.status(200);
    // S0-013, S0-014: full name and staff code can be corrected; S0-016: saving completes it.
    assert_eq!((saved.at("/full_name"), saved.at("/code"), saved.at("/version")), (&json!("Nguyễn Thị Hòa"), &json!("GV002"), &json!(2)));
    assert_eq!((saved.at("/phone"), saved.at("/birth_date")), (&Value::Null, &json!("1990-05-20")), "null empties, what is left out stays");
    assert_eq!(world.head.get(&path).await.ok().json, saved.json);

    let same = world.head.patch(&path).if_match(&saved).merge(&json!({"code": "GV002"})).await.status(200);
    assert_eq!(same.etag(), saved.etag(), "what changes nothing writes nothing");
    let answer = world.head.patch(&path).if_match(&saved).merge(&json!({"code": null, "full_name": "", "shoe_size": 42})).await.problem(422, "invalid");
    assert_eq!(answer.field_errors(), errors(&[("/code", "wrong_type"), ("/full_name", "pattern"), ("/full_name", "too_short"), ("/shoe_size", "unknown_field")]));
    world.head.patch(&path).if_match(&saved).body("text/plain", "x").await.problem(415, "unsupported_media_type");
}

#[tokio::test]
async fn a_version_guards_against_lost_updates() {
    let world = World::start().await;
    let entered = world.enter("GV001", "Trần Văn An").await;
    let path = format!("/v1/staff/{}", entered.id());
    assert_eq!(world.head.get(&path).header("If-None-Match", entered.etag()).await.status(304).text, "");
    world.head.patch(&path).merge(&json!({"code": "X"})).await.problem(428, "precondition_required");
    world.head.patch(&path).header("If-Match", "abc").merge(&json!({"code": "X"})).await.problem(400, "bad_parameter");
    let saved = world.head.patch(&path).if_match(&entered).merge(&json!({"full_name": "Trần Văn Ân"})).await.ok();
    let stale = world.head.patch(&path).if_match(&entered).merge(&json!({"full_name": "Trần Văn Ấn"})).await.problem(412, "stale");
    assert_eq!(stale.at("/current_version"), 2);
    assert_eq!(stale.field_errors(), crate::world::errors(&[("/full_name", "changed")]), "whoever is late is told what the other one changed");
    assert_ne!(saved.etag(), entered.etag());
    world.head.get(&path).header("If-None-Match", entered.etag()).await.status(200);
    assert_eq!(world.head.patch(&path).header("If-Match", "*").merge(&json!({"code": "GV009"})).await.ok().at("/version"), 3);

    // The record in full is another representation of the same version.
    let (masked, full) = (world.head.get(&path).await.ok(), world.head.get(format!("{path}?sensitive=true")).await.ok());
    assert_ne!(masked.etag(), full.etag());
    world.head.get(&path).header("If-None-Match", full.etag()).await.status(200);
    world.head.get(format!("{path}?sensitive=true")).header("If-None-Match", full.etag()).await.status(304);
    world.head.get(&path).header("If-None-Match", format!("\"7.x\", W/{}", masked.etag())).await.status(304);
    world.client(Role::HeadTeacher, world.other).await.get(&path).header("If-None-Match", "*").await.problem(404, "not_found");

    // Of two who saw the same version, one wins.
    let read = world.head.get(&path).await.ok();
    let save = |name: &str| world.head.patch(&path).if_match(&read).merge(&json!({"full_name": name}));
    let (one, two) = tokio::join!(save("Trần Một").send(), save("Trần Hai").send());
    let mut statuses = [one.unwrap().status, two.unwrap().status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412]);
}

#[tokio::test]
async fn a_record_ends_with_a_day_and_a_reason() {
    let world = World::start().await;
    let entered = world.enter("GV001", "Trần Văn An").await;
    let path = format!("/v1/staff/{}", entered.id());
    let save = |change: Value| world.head.patch(&path).if_match(&entered).merge(&change);
    assert_eq!(save(json!({"status": "ended"})).await.problem(422, "invalid").field_errors(), errors(&[("/ended_on", "only_when_ended")]));
    assert_eq!(save(json!({"status": "ended", "ended_on": "2025-08-31"})).await.problem(422, "invalid").field_errors(), errors(&[("/end_reason", "only_when_ended")]));
    let early = json!({"status": "ended", "ended_on": "2014-08-31", "end_reason": "nghỉ hưu"});
    assert_eq!(save(early).await.problem(422, "invalid").field_errors(), errors(&[("/ended_on", "not_after")]));
    // S0-031: a profile is taken out of use, not deleted: it ends.
    let ended = save(json!({"status": "ended", "ended_on": "2025-08-31", "end_reason": "nghỉ hưu"})).await.ok();
    assert_eq!((ended.at("/status"), ended.at("/ended_on"), ended.at("/end_reason")), (&json!("ended"), &json!("2025-08-31"), &json!("nghỉ hưu")));
    world.head.get(&path).await.ok();
    let refused = world.head.delete(&path).await.problem(405, "method_not_allowed");
    assert_eq!(refused.header("allow"), Some("GET, PATCH"));
    assert_eq!(world.head.get("/v1/staff?status=active").await.ok().at("/items"), &json!([]));
}

#[tokio::test]
async fn codes_and_personal_numbers_are_unique_and_the_field_is_named() {
    let world = World::start().await;
    let numbered = |code: &str, number: &str| with(world.teacher(code, "Lê Thị Bình"), json!({"personal_number": number}));
    world.head.post("/v1/staff").json(&numbered("GV001", "048190001234")).await.status(201);
    let again = world.head.post("/v1/staff").json(&world.teacher("GV001", "Lê Thị Chi")).await.problem(409, "conflict");
    assert_eq!(again.field_errors(), errors(&[("/code", "already_used")]));
    let again = world.head.post("/v1/staff").json(&numbered("GV002", "048190001234")).await.problem(409, "conflict");
    assert_eq!(again.field_errors(), errors(&[("/personal_number", "already_used")]));
    // S1-010: the personal number is one of this person: gender and year of birth agree with it.
    let wrong = world.head.post("/v1/staff").json(&numbered("GV003", "048090001235")).await.problem(422, "invalid");
    assert_eq!(wrong.field_errors(), errors(&[("/personal_number", "gender_mismatch")]));
    let wrong = world.head.post("/v1/staff").json(&numbered("GV003", "048191001235")).await.problem(422, "invalid");
    assert_eq!(wrong.field_errors(), errors(&[("/personal_number", "birth_year_mismatch")]));
    let odd = world.head.post("/v1/staff").json(&numbered("GV003", "999190001235")).await.status(201);
    assert_eq!(odd.at("/warnings"), &json!(["unknown_area_prefix"]));
    // Other numbers have the form that their kind says.
    let wrong = json!({"sensitive": {"identifiers": [{"kind": "identifier-type/1/passport", "value": "C1"}, {"kind": "identifier-type/1/vn-cmnd", "value": "20123456"}]}});
    let wrong = world.head.post("/v1/staff").json(&with(world.teacher("GV005", "Lê Thị Em"), wrong)).await.problem(422, "invalid");
    assert_eq!(wrong.field_errors(), errors(&[("/sensitive/identifiers/1/value", "wrong_form")]));
    let free = world.enter("GV004", "Lê Thị Dung").await;
    let taken = world.head.patch(format!("/v1/staff/{}", free.id())).if_match(&free).merge(&json!({"code": "GV001"})).await.problem(409, "conflict");
    assert_eq!(taken.field_errors(), errors(&[("/code", "already_used")]));
}

#[tokio::test]
async fn a_post_with_a_key_is_done_once() {
    let world = World::start().await;
    let post = |key: &str, body: &Value| world.head.post("/v1/staff").header("Idempotency-Key", key).json(body);
    let body = world.teacher("GV001", "Trần Văn An");
    let first = post("key-1", &body).await.status(201);
    let again = post("key-1", &body).await.status(201);
    assert_eq!((again.json.clone(), again.etag(), again.header("location")), (first.json.clone(), first.etag(), first.header("location")));
    post("key-1", &world.teacher("GV002", "Trần Văn An")).await.problem(422, "idempotency_key_reused");
    post("key-2", &body).await.problem(409, "conflict");
    assert_eq!(world.count("select count(*) as count from staff").await, 1);
    // What was refused used up no key.
    post("key-3", &with(body.clone(), json!({"code": ""}))).await.problem(422, "invalid");
    post("key-3", &world.teacher("GV003", "Trần Văn Ba")).await.status(201);
    // A key is the account's own.
    let clerk = world.client(registrar_access::Role::Clerk, world.school).await;
    clerk.post("/v1/staff").header("Idempotency-Key", "key-1").json(&world.teacher("GV005", "Trần Văn Năm")).await.status(201);
    post("", &body).await.problem(400, "bad_parameter");

    let body = world.teacher("GV004", "Trần Văn Tư");
    let answers = futures(8, || post("key-4", &body).send()).await;
    assert!(answers.iter().all(|status| [201, 409].contains(status)) && answers.contains(&201), "{answers:?}");
    assert_eq!(world.count("select count(*) as count from staff where code = 'GV004'").await, 1);
    world.system.clock().advance(chrono::TimeDelta::hours(49));
    let head = world.system.client_of(&world.head_account);
    head.post("/v1/staff").header("Idempotency-Key", "key-1").json(&world.teacher("GV006", "Trần Văn Sáu")).await.status(201);
}

async fn futures<F: Future<Output = anyhow::Result<registrar_testkit::Answer>> + Send + 'static>(count: usize, make: impl Fn() -> F) -> Vec<u16> {
    let tasks: Vec<_> = (0..count).map(|_| tokio::spawn(make())).collect();
    let mut statuses = Vec::new();
    for task in tasks {
        statuses.push(task.await.unwrap().unwrap().status);
    }
    statuses
}

#[tokio::test]
async fn the_history_says_who_changed_what() {
    let world = World::start().await;
    let entered = world.head.post("/v1/staff").json(&with(world.teacher("GV001", "Trần Văn An"), json!({"personal_number": "048190001234"}))).await.status(201);
    let path = format!("/v1/staff/{}", entered.id());
    let clerk_account = world.system.account(registrar_access::Role::Clerk, world.school).await.unwrap();
    let clerk = world.system.client_of(&clerk_account);
    world.system.clock().advance(chrono::TimeDelta::minutes(1));
    let saved = clerk.patch(&path).if_match(&entered).merge(&json!({"full_name": "Trần Văn Ân"})).await.ok();
    let history = world.head.get(format!("{path}/history")).await.ok();
    assert_eq!(history.at("/items/0/changes"), &json!([{"field": "full_name", "old": "Trần Văn An", "new": "Trần Văn Ân"}]));
    assert_eq!((history.at("/items/0/version"), history.at("/items/0/changed_at")), (&json!(2), saved.at("/changed_at")));
    assert_eq!((history.at("/items/0/changed_by"), history.at("/items/0/changed_via")), (&json!(clerk_account.id), &json!("test")));
    assert_eq!(history.at("/items/0/request_id"), saved.header("x-request-id").unwrap());
    assert_eq!((history.at("/items/1/changed_by"), history.at("/items/2")), (&json!(world.head_account.id), &Value::Null));
    let first = history.at("/items/1/changes").as_array().unwrap();
    assert!(first.contains(&json!({"field": "personal_number", "old": null, "new": "048190001234"})), "{first:?}");
    assert_eq!(world.count("select count(*) as count from access_log where fields @> '{personal_number,phone,email,ethnic_group}'").await, 1, "that is a sensitive read");

    let teacher = world.client(registrar_access::Role::Teacher, world.school).await;
    let shown = teacher.get(format!("{path}/history")).await.ok();
    assert!(!shown.text.contains("048190001234") && !shown.text.contains("personal_number"), "{}", shown.text);
    world.client(registrar_access::Role::HeadTeacher, world.other).await.get(format!("{path}/history")).await.problem(404, "not_found");
}

#[tokio::test]
async fn routes_are_published_where_they_are_served() {
    let world = World::start().await;
    let contract = world.system.client().get("/openapi.json").await.ok();
    let paths: Vec<&String> = contract.at("/paths").as_object().unwrap().keys().collect();
    let below = [
        "",
        "/changes",
        "/exports",
        "/exports/{export_id}",
        "/exports/{export_id}/file",
        "/imports",
        "/imports/template",
        "/imports/{import_id}",
        "/imports/{import_id}/confirmation",
        "/imports/{import_id}/errors",
        "/imports/{import_id}/file",
        "/imports/{import_id}/progress",
        "/{staff_id}",
        "/{staff_id}/history",
    ];
    assert_eq!(paths, below.map(|path| format!("/v1/staff{path}")).iter().collect::<Vec<_>>());
}
