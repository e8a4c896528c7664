//! Signing in, staying signed in, signing out.

use std::net::Ipv4Addr;

use chrono::TimeDelta;
use registrar_http::rate_limit::RateLimit;
use registrar_identity::sessions::store::forget;
use registrar_testkit::{Api, TestSystem};
use serde_json::json;

use crate::world::{PASSWORD, World, sign_in};

async fn refresh(api: &Api, token: &str) -> registrar_testkit::Answer {
    api.post("/v1/sessions/refresh").json(&json!({"refresh_token": token})).await
}

#[tokio::test]
async fn staff_sign_in_and_are_told_who_they_are() {
    let world = World::start().await;
    // S0-040: staff log in; the case of the username does not matter.
    let session = sign_in(&world.system.client(), "bo", "ADMIN", PASSWORD).await.status(201);
    assert_eq!((session.at("/token_type"), session.at("/expires_in"), session.at("/account_id")), (&json!("Bearer"), &json!(300), &json!(world.account)));
    assert_eq!(session.header("cache-control"), Some("no-store"));
    let me = world.administrator.get("/v1/me").await.ok();
    assert_eq!((me.at("/username"), me.at("/tenant/code"), me.at("/roles")), (&json!("admin"), &json!("bo"), &json!(["administrator"])));
    assert_eq!((me.at("/grants/0/unit/id"), me.at("/client_id")), (&json!(world.tenant), &json!("first-party")));
    world.system.client().get("/v1/me").await.problem(401, "unauthenticated");
    world.administrator.get("/v1/me?x=1").await.problem(400, "bad_parameter");
    let roles = world.administrator.get("/v1/roles").await.ok();
    assert_eq!(roles.at("/items").as_array().unwrap().len(), 8);
    // Access tokens end by themselves.
    world.system.clock().advance(TimeDelta::seconds(301));
    world.administrator.get("/v1/me").await.problem(401, "unauthenticated");
}

#[tokio::test]
async fn whoever_may_not_sign_in_is_not_told_why() {
    let world = World::start().await;
    let client = world.system.client();
    let person = world.person("thuy", world.tenant).await;
    let wrong = sign_in(&client, "bo", "thuy", "Mat-khau-2026").await.problem(401, "unauthenticated");
    for (tenant, username) in [("bo", "nobody"), ("so", "thuy")] {
        let answer = sign_in(&client, tenant, username, PASSWORD).await.problem(401, "unauthenticated");
        assert_eq!(answer.at("/detail"), wrong.at("/detail"));
    }
    let etag = world.administrator.get(format!("/v1/accounts/{}", person.id)).await.ok();
    world.administrator.patch(format!("/v1/accounts/{}", person.id)).if_match(&etag).merge(&json!({"status": "disabled"})).await.ok();
    let disabled = sign_in(&client, "bo", "thuy", PASSWORD).await.problem(401, "unauthenticated");
    assert_eq!(disabled.at("/detail"), wrong.at("/detail"));
    client.post("/v1/sessions").json(&json!({"tenant": "bo", "username": "thuy"})).await.problem(422, "invalid");
}

#[tokio::test]
async fn ten_wrong_passwords_lock_an_account_for_a_quarter_of_an_hour() {
    let world = World::start().await;
    let client = world.system.client();
    for _ in 0..10 {
        sign_in(&client, "bo", "admin", "Mat-khau-2026").await.problem(401, "unauthenticated");
    }
    sign_in(&client, "bo", "admin", PASSWORD).await.problem(401, "unauthenticated");
    world.system.clock().advance(TimeDelta::minutes(15));
    sign_in(&client, "bo", "admin", PASSWORD).await.status(201);
}

#[tokio::test]
async fn refresh_tokens_rotate_and_one_used_twice_ends_the_session() {
    let world = World::start().await;
    let client = world.system.client();
    let text = |answer: &registrar_testkit::Answer, field: &str| answer.json[field].as_str().unwrap().to_owned();
    let first = sign_in(&client, "bo", "admin", PASSWORD).await.status(201);
    world.system.clock().advance(TimeDelta::minutes(10));
    let second = refresh(&client, &text(&first, "refresh_token")).await.status(200);
    assert_ne!(text(&first, "refresh_token"), text(&second, "refresh_token"));
    let api = client.token(text(&second, "access_token"));
    api.get("/v1/me").await.ok();
    // Reuse kills the family.
    refresh(&client, &text(&first, "refresh_token")).await.problem(401, "unauthenticated");
    refresh(&client, &text(&second, "refresh_token")).await.problem(401, "unauthenticated");
    api.get("/v1/me").await.problem(401, "unauthenticated");
    refresh(&client, "no token of ours").await.problem(401, "unauthenticated");
    assert_eq!(world.count("select count(*) as count from refresh_tokens where length(digest) <> 32").await, 0);
}

#[tokio::test]
async fn a_refresh_token_lives_thirty_days() {
    let world = World::start().await;
    let client = world.system.client();
    let session = sign_in(&client, "bo", "admin", PASSWORD).await.status(201);
    world.system.clock().advance(TimeDelta::days(30));
    refresh(&client, session.at("/refresh_token").as_str().unwrap()).await.problem(401, "unauthenticated");
}

#[tokio::test]
async fn signing_out_ends_the_session_at_once() {
    let world = World::start().await;
    let client = world.system.client();
    let session = sign_in(&client, "bo", "admin", PASSWORD).await.status(201);
    let api = client.token(session.at("/access_token").as_str().unwrap());
    let _ = api.delete("/v1/sessions/current").await.status(204);
    for path in ["/v1/me", "/v1/units", "/v1/accounts", "/v1/grants", "/v1/roles"] {
        api.get(path).await.problem(401, "unauthenticated");
    }
    refresh(&client, session.at("/refresh_token").as_str().unwrap()).await.problem(401, "unauthenticated");
    world.administrator.get("/v1/me").await.ok();
    client.delete("/v1/sessions/current").await.problem(401, "unauthenticated");
}

#[tokio::test]
async fn whoever_knows_the_present_password_sets_another() {
    let world = World::start().await;
    let client = world.system.client();
    let other = sign_in(&client, "bo", "admin", PASSWORD).await.status(201);
    let change = |current: &str, new: &str| world.administrator.put("/v1/me/password").json(&json!({"current_password": current, "password": new}));
    // S4-013, S4-014: the old one is asked for, the new one is held to the rules.
    let wrong = change("Mat-khau-2026", "Mat-khau-2027").await.problem(422, "invalid");
    assert_eq!(wrong.at("/errors/0/pointer"), &json!("/current_password"));
    let weak = change(PASSWORD, "matkhaumatkhau").await.problem(422, "invalid");
    assert_eq!(weak.at("/errors/0/pointer"), &json!("/password"));
    client.put("/v1/me/password").json(&json!({"current_password": PASSWORD, "password": "Mat-khau-2027"})).await.problem(401, "unauthenticated");
    change(PASSWORD, "Mat-khau-2027").await.status(204);
    // This session goes on, the others have ended (S4-017).
    world.administrator.get("/v1/me").await.ok();
    refresh(&client, other.at("/refresh_token").as_str().unwrap()).await.problem(401, "unauthenticated");
    sign_in(&client, "bo", "admin", PASSWORD).await.problem(401, "unauthenticated");
    sign_in(&client, "bo", "admin", "Mat-khau-2027").await.status(201);
}

#[tokio::test]
async fn a_username_is_not_tried_more_than_thirty_times_a_minute() {
    let world = World::start().await;
    let client = world.system.client();
    for _ in 0..30 {
        sign_in(&client, "bo", "nobody", PASSWORD).await.problem(401, "unauthenticated");
    }
    let answer = sign_in(&client, "bo", "nobody", PASSWORD).await.problem(429, "too_many_requests");
    assert_eq!(answer.header("ratelimit-policy"), Some("\"sign-in\";q=30;w=60"));
    sign_in(&client, "bo", "admin", PASSWORD).await.status(201);
    world.system.clock().advance(TimeDelta::minutes(1));
    sign_in(&client, "bo", "nobody", PASSWORD).await.problem(401, "unauthenticated");
}

#[tokio::test]
async fn only_a_trusted_gateway_says_from_where_somebody_calls() {
    for (trusted, fourth) in [(Vec::new(), 429), (vec![Ipv4Addr::LOCALHOST.into()], 401)] {
        let limited = TestSystem::builder(vec![registrar_identity::service()]).options(move |options| {
            options.rate_limit = RateLimit { quota: 3, ..RateLimit::default() };
            options.trusted_proxies = trusted;
        });
        let system = limited.start().await.unwrap();
        let client = system.client();
        let from = |host: u8| client.post("/v1/sessions/refresh").header("X-Forwarded-For", Ipv4Addr::new(198, 51, 100, host)).json(&json!({"refresh_token": "x"}));
        for host in 0..3 {
            from(host).await.problem(401, "unauthenticated");
        }
        assert_eq!(from(3).await.status, fourth);
    }
}

#[tokio::test]
async fn used_refresh_tokens_are_forgotten_after_a_day() {
    let world = World::start().await;
    let client = world.system.client();
    let tokens = "select count(*) as count from refresh_tokens";
    let before = world.count(tokens).await;
    let token = |answer: &registrar_testkit::Answer| answer.json["refresh_token"].as_str().unwrap().to_owned();
    for (hours, forgotten, last) in [(23, 0, 401), (25, 2, 200)] {
        let first = token(&sign_in(&client, "bo", "admin", PASSWORD).await.status(201));
        let second = token(&refresh(&client, &first).await.status(200));
        world.system.clock().advance(TimeDelta::hours(hours));
        let deleted = forget(&mut world.system.db("identity").get().await.unwrap(), world.system.clock().now()).await.unwrap();
        assert_eq!(deleted, forgotten, "after {hours} hours");
        // Within the day it ends the session, later it is as unknown as any other text.
        refresh(&client, &first).await.problem(401, "unauthenticated");
        assert_eq!(refresh(&client, &second).await.status, last, "after {hours} hours");
    }
    assert!(world.count(tokens).await > before, "those not used yet stay");
}
