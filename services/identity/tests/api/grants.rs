//! Grants: only what one holds may be handed on.

use serde_json::json;
use uuid::Uuid;

use crate::world::{World, texts};

#[tokio::test]
async fn a_head_gives_within_the_school_and_no_further() {
    let world = World::start().await;
    let (school, other) = (world.unit("TH-1", "primary", world.tenant).await, world.unit("TH-2", "primary", world.tenant).await);
    let head = world.holder("hieu.truong", "head_teacher", school).await;
    let clerk = world.person("van.thu", school).await;
    let give = |unit: Uuid, role: &str, more: serde_json::Value| {
        let mut body = json!({"account_id": clerk.id, "role": role, "unit_id": unit});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        world.grant(&head.api, body)
    };
    clerk.api.get("/v1/units").await.problem(403, "forbidden");
    // S2-012: the head grants permissions to the unit's accounts, S2-011: in writing.
    let given = give(school, "clerk", json!({"note": "Biên bản bàn giao số 12"})).await.status(201);
    assert_eq!(
        (given.at("/given_by"), given.at("/hierarchy"), given.at("/valid_from"), given.at("/note")),
        (&json!(head.id), &json!("professional"), &json!("2025-09-15"), &json!("Biên bản bàn giao số 12"))
    );
    assert_eq!(texts(&clerk.api.get("/v1/units").await.ok(), "/items", "code"), ["TH-1"]);
    give(school, "administrator", json!({})).await.problem(403, "forbidden");
    give(school, "clerk", json!({"hierarchy": "administrative"})).await.problem(403, "forbidden");
    give(other, "clerk", json!({})).await.problem(409, "not_yet_known");
    // S2-013, S2-016: by education level, by class.
    give(school, "teacher", json!({"education_levels": ["TH"], "class_ids": [Uuid::from_u128(1)], "valid_until": "2026-05-31"})).await.status(201);
    // Who may not give gives nothing, and nobody gives to himself.
    world.grant(&clerk.api, json!({"account_id": head.id, "role": "viewer", "unit_id": school})).await.problem(403, "forbidden");
    let own = world.grant(&head.api, json!({"account_id": head.id, "role": "viewer", "unit_id": school})).await.problem(422, "invalid");
    assert_eq!(own.field_errors(), [("/account_id".to_owned(), "own_account".to_owned())]);
    let unknown = world.grant(&head.api, json!({"account_id": Uuid::from_u128(9), "role": "viewer", "unit_id": school})).await.problem(422, "invalid");
    assert_eq!(unknown.field_errors()[0].1, "unknown_account");
    give(school, "clerk", json!({"valid_until": "2025-09-14"})).await.problem(422, "invalid");
    let list = head.api.get(format!("/v1/grants?account_id={}&status=active&sort=-given", clerk.id)).await.ok();
    assert_eq!(texts(&list, "/items", "role"), ["teacher", "clerk"]);
    assert_eq!(texts(&head.api.get("/v1/grants?on=2026-06-01&role=teacher").await.ok(), "/items", "role"), Vec::<String>::new());
}

#[tokio::test]
async fn an_officer_for_one_level_gives_for_that_level() {
    let world = World::start().await;
    let school = world.unit("TH-THCS", "primary_and_lower_secondary", world.tenant).await;
    let deputy = world.person("pho.hieu.truong", school).await;
    let person = world.person("van.thu", school).await;
    world
        .grant(&world.administrator, json!({"account_id": deputy.id, "role": "head_teacher", "unit_id": school, "education_levels": ["THCS"], "valid_until": "2026-05-31"}))
        .await
        .status(201);
    let body = |levels: serde_json::Value, until: &str| json!({"account_id": person.id, "role": "clerk", "unit_id": school, "education_levels": levels, "valid_until": until});
    // S2-013
    world.grant(&deputy.api, body(json!(["THCS"]), "2026-05-31")).await.status(201);
    world.grant(&deputy.api, body(json!(["TH", "THCS"]), "2026-05-31")).await.problem(403, "forbidden");
    world.grant(&deputy.api, body(json!([]), "2026-05-31")).await.problem(403, "forbidden");
    world.grant(&deputy.api, body(json!(["THCS"]), "2026-06-30")).await.problem(403, "forbidden");
}

#[tokio::test]
async fn a_grant_is_ended_and_stays_ended() {
    let world = World::start().await;
    let school = world.unit("TH-1", "primary", world.tenant).await;
    let head = world.holder("hieu.truong", "head_teacher", school).await;
    let clerk = world.person("van.thu", school).await;
    let given = world.grant(&head.api, json!({"account_id": clerk.id, "role": "clerk", "unit_id": school, "valid_until": "2025-12-31"})).await.status(201);
    let path = format!("/v1/grants/{}", given.id());
    head.api.patch(&path).if_match(&given).merge(&json!({"role": "teacher"})).await.problem(422, "invalid");
    let longer = head.api.patch(&path).if_match(&given).merge(&json!({"valid_until": null})).await.ok();
    assert_eq!((longer.at("/valid_until"), longer.at("/version")), (&json!(null), &json!(2)));
    clerk.api.patch(&path).if_match(&longer).merge(&json!({"status": "ended"})).await.problem(403, "forbidden");
    let ended = head.api.patch(&path).if_match(&longer).merge(&json!({"status": "ended"})).await.ok();
    clerk.api.get("/v1/units").await.problem(403, "forbidden");
    head.api.patch(&path).if_match(&ended).merge(&json!({"status": "active"})).await.problem(409, "state");
    let history = head.api.get(format!("{path}/history")).await.ok();
    assert_eq!(history.at("/items").as_array().unwrap().len(), 3);
    assert!(texts(&head.api.get("/v1/grants/changes").await.ok(), "/items", "status").contains(&"ended".to_owned()));
    // The head's own grant was given by the administrator: the head cannot make it longer.
    let own = head.api.get(format!("/v1/grants?account_id={}", head.id)).await.ok();
    let own = format!("/v1/grants/{}", own.at("/items/0/id").as_str().unwrap());
    let shorter = world.administrator.patch(&own).header("If-Match", "*").merge(&json!({"valid_until": "2025-12-31"})).await.ok();
    head.api.patch(&own).if_match(&shorter).merge(&json!({"valid_until": "2026-12-31"})).await.problem(422, "invalid");
    // What is above the head's own rights is not the head's to take back.
    let above = world.grant(&world.administrator, json!({"account_id": clerk.id, "role": "administrator", "unit_id": school})).await.status(201);
    head.api.patch(format!("/v1/grants/{}", above.id())).if_match(&above).merge(&json!({"status": "ended"})).await.problem(403, "forbidden");
}

#[tokio::test]
async fn a_grant_lasts_no_longer_than_the_giver_stands_above() {
    let world = World::start().await;
    let district = world.unit("PGD", "district_office", world.tenant).await;
    let superiors = json!([{"hierarchy": "professional", "unit_id": district, "valid_from": "2000-01-01", "valid_to": "2025-12-31"}]);
    let school = world.unit_under("TH-1", "primary", superiors).await.id();
    let officer = world.holder("can.bo", "administrator", district).await;
    let clerk = world.person("van.thu", school).await;
    let body = |until: serde_json::Value| json!({"account_id": clerk.id, "role": "clerk", "unit_id": school, "valid_until": until});
    world.grant(&officer.api, body(json!(null))).await.problem(403, "forbidden");
    world.grant(&officer.api, body(json!("2026-01-01"))).await.problem(403, "forbidden");
    world.grant(&officer.api, body(json!("2025-12-31"))).await.status(201);
    world.grant(&world.administrator, body(json!(null))).await.status(201);
}
