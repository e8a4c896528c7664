//! Accounts.

use registrar_testkit::Answer;
use serde_json::json;
use uuid::Uuid;

use crate::world::{PASSWORD, World, sign_in, texts};

#[tokio::test]
async fn accounts_of_staff_are_made_and_managed_by_the_unit() {
    let world = World::start().await;
    let (school, other) = (world.unit("TH-1", "primary", world.tenant).await, world.unit("TH-2", "primary", world.tenant).await);
    let head = world.holder("hieu.truong", "head_teacher", school).await;
    // S0-037, S0-038: the school makes and manages the accounts of its staff.
    let body = |username: &str, unit: Uuid| json!({"username": username, "display_name": "Trần Văn An", "unit_id": unit, "password": PASSWORD});
    let made = head.api.post("/v1/accounts").header("Idempotency-Key", "k1").json(&body("An.Tran", school)).await.status(201);
    let again = head.api.post("/v1/accounts").header("Idempotency-Key", "k1").json(&body("An.Tran", school)).await.status(201);
    assert_eq!(made.id(), again.id());
    let taken = head.api.post("/v1/accounts").json(&body("an.tran", school)).await.problem(409, "conflict");
    assert_eq!(taken.field_errors(), [("/username".to_owned(), "already_used".to_owned())]);
    head.api.post("/v1/accounts").json(&body("khac", other)).await.problem(409, "not_yet_known");
    let weak = json!({"username": "binh", "display_name": "Lê Bình", "unit_id": school, "password": "matkhaumatkhau"});
    // S4-014
    assert_eq!(head.api.post("/v1/accounts").json(&weak).await.problem(422, "invalid").field_errors(), [("/password".to_owned(), "too_few_classes".to_owned())]);
    assert_eq!(texts(&head.api.get("/v1/accounts?q=tran%20an").await.ok(), "/items", "username"), ["An.Tran"]);
    assert_eq!(texts(&head.api.get("/v1/accounts?username=AN.TRAN").await.ok(), "/items", "display_name"), ["Trần Văn An"]);
    assert_eq!(head.api.get("/v1/accounts/changes").await.ok().at("/items").as_array().unwrap().len(), 2);
    let elsewhere = world.holder("hieu.truong.2", "head_teacher", other).await;
    elsewhere.api.get(format!("/v1/accounts/{}", made.id())).await.problem(404, "not_found");
    // No hash, no username leaves the credentials.
    let states = "select count(*) as count from history where state::text like '%argon2%' or state::text ilike '%an.tran%'";
    assert_eq!(world.count(states).await, 0);
    let renamed = head.api.patch(format!("/v1/accounts/{}", made.id())).if_match(&made).merge(&json!({"display_name": "Trần Văn Ân"})).await.ok();
    assert_eq!(renamed.at("/version"), &json!(2));
    let history = head.api.get(format!("/v1/accounts/{}/history", made.id())).await.ok();
    assert_eq!(history.at("/items/0/changes"), &json!([{"field": "display_name", "old": "Trần Văn An", "new": "Trần Văn Ân"}]));
}

#[tokio::test]
async fn disabling_and_a_new_password_end_the_sessions() {
    let world = World::start().await;
    let person = world.holder("thuy", "clerk", world.tenant).await;
    let path = format!("/v1/accounts/{}", person.id);
    let api = &world.administrator;
    let _ = api.post(format!("{path}/password")).json(&json!({"password": "Mat-khau-2026"})).await.status(204);
    person.api.get("/v1/me").await.problem(401, "unauthenticated");
    let client = world.system.client();
    sign_in(&client, "bo", "thuy", PASSWORD).await.problem(401, "unauthenticated");
    let session = sign_in(&client, "bo", "thuy", "Mat-khau-2026").await.status(201);
    let again = client.token(session.at("/access_token").as_str().unwrap());
    again.get("/v1/me").await.ok();
    let found = api.get(&path).await.ok();
    let disabled = api.patch(&path).if_match(&found).merge(&json!({"status": "disabled"})).await.ok();
    assert_eq!(disabled.at("/valid_after"), &json!("2025-09-15T02:00:02Z"));
    again.get("/v1/me").await.problem(401, "unauthenticated");
    let body = json!({"refresh_token": session.at("/refresh_token")});
    client.post("/v1/sessions/refresh").json(&body).await.problem(401, "unauthenticated");
    api.patch(&path).if_match(&disabled).merge(&json!({"status": "active"})).await.ok();
    client.post("/v1/sessions/refresh").json(&body).await.problem(401, "unauthenticated");
    sign_in(&client, "bo", "thuy", "Mat-khau-2026").await.status(201);
    let own = format!("/v1/accounts/{}", world.account);
    api.patch(&own).header("If-Match", "*").merge(&json!({"status": "disabled"})).await.problem(409, "state");
}

#[tokio::test]
async fn managing_accounts_is_no_way_to_more_rights() {
    let world = World::start().await;
    let school = world.unit("TH-1", "primary", world.tenant).await;
    let head = world.holder("hieu.truong", "head_teacher", school).await;
    // An account at home in the school that holds more than its head does.
    let person = world.person("quan.tri", school).await;
    let path = format!("/v1/accounts/{}/password", person.id);
    let _ = head.api.post(&path).json(&json!({"password": "Mat-khau-2026"})).await.status(204);
    world.grant(&world.administrator, json!({"account_id": person.id, "role": "viewer", "unit_id": world.tenant})).await.status(201);
    head.api.post(&path).json(&json!({"password": "Mat-khau-2027"})).await.problem(403, "forbidden");
    sign_in(&world.system.client(), "bo", "quan.tri", "Mat-khau-2026").await.status(201);
}

#[tokio::test]
async fn the_display_name_follows_the_staff_record() {
    let world = World::start().await;
    let (school, other) = (world.unit("TH-1", "primary", world.tenant).await, world.unit("TH-2", "primary", world.tenant).await);
    let head = world.holder("hieu.truong", "head_teacher", school).await;
    let (staff, elsewhere) = (Uuid::from_u128(0x51), Uuid::from_u128(0x52));
    let body = |username: &str, staff: Uuid| json!({"username": username, "display_name": "Ai đó", "unit_id": school, "staff_id": staff});
    head.api.post("/v1/accounts").json(&body("hoa", staff)).await.problem(409, "not_yet_known");
    world.staff(staff, 1, "Nguyễn Thị Hòa", school).await;
    world.staff(elsewhere, 1, "Trần Văn An", other).await;
    let made = head.api.post("/v1/accounts").json(&body("hoa", staff)).await.status(201);
    assert_eq!(made.at("/display_name"), &json!("Nguyễn Thị Hòa"));
    head.api.post("/v1/accounts").json(&body("an.tran", elsewhere)).await.problem(409, "not_yet_known");
    // S0-017: changed once, shown everywhere.
    world.staff(staff, 2, "Nguyễn Thị Hoa", school).await;
    let name = |answer: Answer| answer.at("/display_name").as_str().unwrap().to_owned();
    let path = format!("/v1/accounts/{}", made.id());
    assert_eq!(name(head.api.get(&path).await.ok()), "Nguyễn Thị Hoa");
    world.staff(staff, 1, "Nguyễn Thị Hòa", school).await;
    assert_eq!(name(head.api.get(&path).await.ok()), "Nguyễn Thị Hoa");
    let history = head.api.get(format!("{path}/history")).await.ok();
    assert_eq!((history.at("/items/0/changed_via"), history.at("/items/0/changed_by")), (&json!("events"), &json!(Uuid::nil())));
    assert_eq!(texts(&head.api.get("/v1/accounts?q=hoa").await.ok(), "/items", "username"), ["hoa"]);
}

#[tokio::test]
async fn a_staff_record_has_one_account_and_nobody_takes_another_ones() {
    let world = World::start().await;
    let school = world.unit("TH-1", "primary_and_lower_secondary", world.tenant).await;
    let head = world.holder("hieu.truong", "head_teacher", school).await;
    let (an, binh) = (Uuid::from_u128(1), Uuid::from_u128(2));
    world.staff(an, 1, "Trần Văn An", school).await;
    world.staff(binh, 1, "Lê Thị Bình", school).await;
    let body = |username: &str, staff: Uuid| json!({"username": username, "display_name": "Thầy cô", "unit_id": school, "staff_id": staff});
    head.api.post("/v1/accounts").json(&body("an.tran", an)).await.status(201);
    let second = head.api.post("/v1/accounts").json(&body("an.tran.2", an)).await.problem(409, "conflict");
    assert_eq!(second.field_errors(), [("/staff_id".to_owned(), "already_used".to_owned())]);
    let own = format!("/v1/accounts/{}", head.id);
    head.api.patch(&own).header("If-Match", "*").merge(&json!({"staff_id": binh})).await.problem(409, "state");
    // Who manages accounts for one level links nobody who may teach at another.
    let deputy = world.person("pho.hieu.truong", school).await;
    let grant = json!({"account_id": deputy.id, "role": "head_teacher", "unit_id": school, "education_levels": ["TH"]});
    world.grant(&world.administrator, grant).await.status(201);
    deputy.api.post("/v1/accounts").json(&body("binh.le", binh)).await.problem(403, "forbidden");
    // What is not known here and what is not one's own are told apart by nobody.
    let other = world.unit("TH-2", "primary", world.tenant).await;
    let chi = Uuid::from_u128(3);
    world.staff(chi, 1, "Võ Thị Chi", other).await;
    let foreign = head.api.post("/v1/accounts").json(&body("chi.vo", chi)).await.problem(409, "not_yet_known");
    assert!(!foreign.text.contains(&other.to_string()), "{}", foreign.text);
}
