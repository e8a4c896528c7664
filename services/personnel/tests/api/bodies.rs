//! What may be sent, and how each kind of nonsense is refused.

use serde_json::{Value, json};

use crate::world::{World, errors, with};

#[tokio::test]
async fn every_bad_field_is_named_at_once() {
    let world = World::start().await;
    let body = json!({
        "code": "", "full_name": " ", "birth_date": "1990-13-01", "gender": "woman", "position": 7, "unit_id": "KD", "started_on": null,
        "status": "active", "email": "nowhere", "shoe_size": 42,
    });
    let answer = world.head.post("/v1/staff").json(&body).await.problem(422, "invalid");
    let pointers: Vec<String> = answer.field_errors().into_iter().map(|(pointer, _)| pointer).collect();
    for field in ["/birth_date", "/code", "/email", "/full_name", "/gender", "/position", "/shoe_size", "/started_on", "/unit_id"] {
        assert!(pointers.contains(&field.to_owned()), "{field} is not among {pointers:?}");
    }
    let answer = world.head.post("/v1/staff").json(&json!({})).await.problem(422, "invalid");
    let required = ["/birth_date", "/code", "/full_name", "/gender", "/position", "/started_on", "/status", "/unit_id"];
    assert_eq!(answer.field_errors(), required.map(|pointer| (pointer.to_owned(), "required".to_owned())));
    for body in [json!([]), json!("GV001"), json!(7), Value::Null] {
        let answer = world.head.post("/v1/staff").json(&body).await.problem(422, "invalid");
        assert_eq!(answer.field_errors(), errors(&[("", "wrong_type")]));
    }
    for (field, value) in [("birth_date", json!("2015-08-15")), ("birth_date", json!("2030-01-01")), ("personal_number", json!("123")), ("phone", json!("x"))] {
        let answer = world.head.post("/v1/staff").json(&with(world.teacher("GV001", "An"), json!({field: value}))).await.problem(422, "invalid");
        assert_eq!(answer.field_errors()[0].0, format!("/{field}"));
    }
    assert_eq!(world.count("select count(*) as count from staff").await, 0);
}

#[tokio::test]
async fn a_name_in_nfd_arrives_in_nfc() {
    let world = World::start().await;
    // S1-009: the full name, whichever way the accents were typed.
    let entered = world.enter("GV001", "Nguye\u{302}\u{303}n Thi\u{323} Ho\u{300}a").await;
    assert_eq!(entered.at("/full_name"), "Nguy\u{1ec5}n Th\u{1ecb} H\u{f2}a");
    let found = world.head.get("/v1/staff").query(&[("q", "Nguye\u{302}\u{303}n")]).await.ok();
    assert_eq!(found.at("/items/0/id"), entered.at("/id"));
}

#[tokio::test]
async fn nonsense_is_refused_clearly() {
    let world = World::start().await;
    let post = |body: &[u8]| world.head.post("/v1/staff").body("application/json", body);
    let nul = post(br#"{"full_name": "An\u0000", "code": "\u0000"}"#).await.problem(422, "invalid");
    assert_eq!(nul.field_errors(), errors(&[("/code", "nul_character"), ("/full_name", "nul_character")]));
    let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
    for body in [&b"{"[..], b"", b"\xff\xfe{}", b"{\"code\": \"\xc3\x28\"}", b"{} {}", b"{\"code\": 1e999}", deep.as_bytes(), &deep.as_bytes()[4980..5020]] {
        post(body).await.problem(400, "malformed");
    }
    world.head.post("/v1/staff").body("application/xml", "<staff/>").await.problem(415, "unsupported_media_type");
    let huge = post(br#"{"code": 123456789012345678901234567890}"#).await.problem(422, "invalid");
    assert!(huge.field_errors().contains(&("/code".to_owned(), "wrong_type".to_owned())));
    world.head.get("/v1/staff?q=%00").await.problem(400, "bad_parameter");
    world.head.get("/v1/staff?q=%ff%fe").await.problem(400, "bad_parameter");
    assert_eq!(world.count("select count(*) as count from staff").await, 0);
}

#[tokio::test]
async fn a_body_of_ten_megabytes_is_too_large() {
    let world = World::start().await;
    let body = with(world.teacher("GV001", "An"), json!({"full_name": "a".repeat(10 << 20)}));
    world.head.post("/v1/staff").json(&body).await.problem(413, "too_large");
    let long = with(world.teacher("GV001", "An"), json!({"full_name": "a".repeat(500_000)}));
    assert_eq!(world.head.post("/v1/staff").json(&long).await.problem(422, "invalid").field_errors(), errors(&[("/full_name", "too_long")]));
    world.enter("GV001", "An").await;
}

#[tokio::test]
async fn refusals_speak_the_callers_language() {
    let world = World::start().await;
    for (language, title) in [("vi-VN,vi;q=0.9", "Không tìm thấy"), ("en", "Not found"), ("zh-CN", "未找到"), ("fr, zh;q=0.2", "未找到")] {
        let answer = world.head.get(format!("/v1/staff/{}", world.system.new_id())).header("Accept-Language", language).await.problem(404, "not_found");
        assert_eq!(answer.at("/title"), title);
        assert_eq!(answer.header("content-language"), Some(language.split(['-', ';']).next().filter(|tag| *tag != "fr, zh").unwrap_or("zh")));
        assert_eq!(answer.at("/request_id"), answer.header("x-request-id").unwrap());
    }
    let answer = world.head.post("/v1/staff").header("Accept-Language", "vi").json(&json!({})).await.problem(422, "invalid");
    assert_eq!((answer.at("/title"), answer.at("/errors/0/detail")), (&json!("Dữ liệu không hợp lệ"), &json!("bắt buộc phải có")));
}
