//! Code lists as pickers and readers of codes meet them.

use registrar_testkit::{Answer, Api};
use serde_json::json;

use crate::world::{World, texts};

async fn codes(api: &Api, path: &str) -> Answer {
    api.get(format!("/v1/code-lists/{path}")).await.ok()
}

/// A picker offers the lists and their codes to everyone signed in (S4-024).
#[tokio::test]
async fn whoever_is_signed_in_reads_lists_and_codes() {
    let world = World::start().await;
    let person = world.person("khong.quyen", world.tenant).await;
    let api = &person.api;
    let lists = api.get("/v1/code-lists").await.ok();
    let schemes = texts(&lists, "/items", "scheme");
    assert_eq!(schemes.len(), registrar_codes::lists().len());
    assert!(schemes.contains(&"cn-ethnic".to_owned()) && schemes.is_sorted(), "{schemes:?}");
    let ethnic = codes(api, "vn-ethnic").await;
    assert_eq!(texts(&ethnic, "/versions", "version"), ["1979", "2008"]);
    assert_eq!((ethnic.at("/versions/1/current"), ethnic.at("/versions/1/codes"), ethnic.at("/official")), (&json!(true), &json!(56), &json!(true)));
    let kinh = codes(api, "vn-ethnic/codes/01").await;
    assert_eq!((kinh.at("/value"), kinh.at("/name"), kinh.at("/names/zh")), (&json!("vn-ethnic/2008/01"), &json!("Kinh"), &json!("京族")));
    let page = codes(api, "vn-ethnic/codes?q=h%C3%A0%20nhi").await;
    assert_eq!(texts(&page, "/items", "value"), ["vn-ethnic/2008/33"]);
    let old = codes(api, "vn-ethnic/codes/04?version=1979").await;
    assert_eq!((old.at("/name"), old.at("/valid_to"), old.at("/successors")), (&json!("Hoa"), &json!("2008-11-11"), &json!(["vn-ethnic/2008/06"])));
    world.system.client().get("/v1/code-lists").await.problem(401, "unauthenticated");
    world.system.client().get("/v1/code-lists/vn-ethnic/codes").await.problem(401, "unauthenticated");
}

/// A tree is opened level by level (S4-109), in the version of a day.
#[tokio::test]
async fn areas_open_level_by_level_and_say_what_became_of_them() {
    let world = World::start().await;
    let api = &world.administrator;
    let provinces = codes(api, "vn-area/codes?parent=root&on=2025-06-30&count=true&limit=200").await;
    assert_eq!((provinces.at("/total"), provinces.at("/items/0/has_children"), provinces.at("/next_cursor")), (&json!(63), &json!(true), &json!(null)));
    assert_eq!(codes(api, "vn-area/codes?parent=&on=2025-07-01&count=true").await.at("/total"), &json!(34));
    let districts = codes(api, "vn-area/codes?parent=01&version=2025-06-30").await;
    assert_eq!(districts.at("/items/0/value"), "vn-area/2025-06-30/001");
    let communes = codes(api, "vn-area/codes?parent=001&version=2025-06-30&q=truc%20bach").await;
    assert_eq!((texts(&communes, "/items", "code"), communes.at("/items/0/has_children")), (vec!["00004".to_owned()], &json!(false)));
    assert_eq!(communes.at("/items/0/successors"), &json!(["vn-area/2025-07-01/00004"]));
    let now = codes(api, "vn-area/codes/00004?on=2025-07-01").await;
    assert_eq!((now.at("/name"), now.at("/names/vi")), (&json!("Ba Dinh Ward"), &json!("Phường Ba Đình")));
    assert!(now.at("/predecessors").as_array().unwrap().contains(&json!("vn-area/2025-06-30/00004")));
}

#[tokio::test]
async fn pages_follow_each_other_without_gaps() {
    let world = World::start().await;
    let api = &world.administrator;
    let mut path = "/v1/code-lists/vn-ethnic/codes?version=2008&limit=20&fields=code".to_owned();
    let mut seen = Vec::new();
    loop {
        let page = api.get(&path).await.ok();
        seen.extend(texts(&page, "/items", "code"));
        let Some(next) = page.header("link") else { break };
        path = next.split(['<', '>']).nth(1).unwrap().to_owned();
    }
    assert_eq!(seen, (0..=55).map(|code| format!("{code:02}")).collect::<Vec<_>>());
    let last = codes(api, "vn-ethnic/codes?version=2008&limit=1&sort=-listed").await;
    assert_eq!(texts(&last, "/items", "code"), ["55"]);
    let cursor = last.at("/next_cursor").as_str().unwrap();
    assert_eq!(texts(&codes(api, &format!("vn-ethnic/codes?version=2008&limit=1&sort=-listed&cursor={cursor}")).await, "/items", "code"), ["54"]);
    api.get(format!("/v1/code-lists/vn-ethnic/codes?version=1979&sort=-listed&cursor={cursor}")).await.problem(400, "bad_parameter");
}

#[tokio::test]
async fn answers_speak_the_callers_language_and_are_kept_by_their_etag() {
    let world = World::start().await;
    let api = &world.administrator;
    let path = "/v1/code-lists/vn-religion/codes/02";
    let name = async |language: &'static str| api.get(path).header("Accept-Language", language).await.ok().at("/name").clone();
    assert_eq!([name("vi").await, name("en").await, name("zh").await], [json!("Công giáo"), json!("Catholicism"), json!("天主教")]);
    for path in ["/v1/code-lists", "/v1/code-lists/vn-area", "/v1/code-lists/vn-area/codes?limit=5", path] {
        let read = api.get(path).await.ok();
        let again = api.get(path).header("If-None-Match", read.etag()).await.status(304);
        assert_eq!((again.etag(), read.header("cache-control")), (read.etag(), Some("private, max-age=3600")), "{path}");
    }
}

#[tokio::test]
async fn what_is_not_there_is_refused() {
    let world = World::start().await;
    let api = &world.administrator;
    for nothing in ["vn-ethnicity", "vn-ethnicity/codes", "vn-ethnicity/codes/01", "vn-ethnic/codes/99", "vn-ethnic/codes/55?version=1979"] {
        api.get(format!("/v1/code-lists/{nothing}")).await.problem(404, "not_found");
    }
    for (wrong, pointer, code) in [
        ("vn-ethnic/codes?version=2009", "version", "unknown_version"),
        ("vn-ethnic/codes?version=2008&on=2020-01-01", "on", "excluded"),
        ("vn-ethnic/codes?on=today", "on", "format"),
        ("vn-area/codes?parent=9999", "parent", "unknown_code"),
        ("vn-area/codes?colour=red", "colour", "unknown_parameter"),
        ("vn-area/codes?sort=name", "sort", "not_one_of"),
        ("vn-area/codes?fields=shape", "fields", "unknown_field"),
        ("vn-area?version=1", "version", "unknown_parameter"),
        ("vn-ethnic/codes/01?version=2009", "version", "unknown_version"),
    ] {
        let refused = api.get(format!("/v1/code-lists/{wrong}")).await.problem(400, "bad_parameter");
        assert_eq!(refused.field_errors(), [(pointer.to_owned(), code.to_owned())], "{wrong}");
    }
}
