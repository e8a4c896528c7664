//! Staff from files.

use std::time::Duration;

use registrar_access::Role;
use registrar_testkit::{Answer, Api, eventually};
use serde_json::{Value, json};

use crate::world::{World, errors};

pub const HEADER: &str = "code,full_name,birth_date,gender,personal_number,position,education_level,unit_code,started_on,ended_on,end_reason";

pub fn file(rows: &[&str]) -> String {
    format!("{HEADER}\n{}\n", rows.join("\n"))
}

pub async fn import(api: &Api, query: &str, file: &str) -> Answer {
    let accepted = api.post(format!("/v1/staff/imports{query}")).body("text/csv", file).await.status(202);
    let path = accepted.header("location").unwrap().to_owned();
    assert_eq!(path, format!("/v1/staff/imports/{}", accepted.id()));
    let is_done = || async { ["done", "failed", "held"].contains(&api.get(&path).await.ok().at("/state").as_str().unwrap()) };
    eventually(Duration::from_secs(20), is_done).await;
    api.get(&path).await.ok()
}

pub fn counts(import: &Answer) -> [i64; 5] {
    ["total", "created", "changed", "unchanged", "failed"].map(|name| import.json[name].as_i64().unwrap())
}

#[tokio::test]
async fn a_file_is_tried_imported_and_imported_again() {
    let world = World::start().await;
    let rows = [
        "GV001,Nguyễn Thị Hòa,1990-05-20,female,048190001234,teacher,TH,KD,2015-08-15,,",
        "GV002,Trần Văn An,1985-01-02,male,,head_teacher,,KD,2010-08-15,,",
        "GV003,Lê Văn Bình,1960-01-02,male,,teacher,TH,KD,1985-08-15,2020-12-31,nghỉ hưu",
    ];
    let tried = import(&world.head, "?mode=dry_run", &file(&rows)).await;
    assert_eq!((counts(&tried), tried.at("/state"), tried.at("/mode")), ([3, 3, 0, 0, 0], &json!("done"), &json!("dry_run")));
    assert_eq!(world.count("select count(*) as count from staff").await, 0);
    assert_eq!(world.count("select count(*) as count from outbox").await, 0);

    let done = import(&world.head, "", &file(&rows)).await;
    assert_eq!(counts(&done), [3, 3, 0, 0, 0]);
    let list = world.head.get("/v1/staff?sort=code&fields=*").await.ok();
    assert_eq!((list.at("/items/0/full_name"), list.at("/items/0/unit_id"), list.at("/items/0/version")), (&json!("Nguyễn Thị Hòa"), &json!(world.school), &json!(1)));
    assert_eq!((list.at("/items/2/status"), list.at("/items/2/end_reason")), (&json!("ended"), &json!("nghỉ hưu")));

    let again = import(&world.head, "", &file(&rows)).await;
    assert_eq!(counts(&again), [3, 0, 0, 3, 0]);
    assert_eq!(world.head.get("/v1/staff?sort=code&fields=*").await.ok().json, list.json, "nothing was written");

    let corrected = [rows[0].replace("Hòa", "Hoa"), rows[1].to_owned()];
    let changed = import(&world.head, "", &file(&corrected.each_ref().map(String::as_str))).await;
    assert_eq!(counts(&changed), [2, 0, 1, 1, 0]);
    let history = world.head.get(format!("/v1/staff/{}/history", list.at("/items/0/id").as_str().unwrap())).await.ok();
    assert_eq!(history.at("/items/0/changes"), &json!([{"field": "full_name", "old": "Nguyễn Thị Hòa", "new": "Nguyễn Thị Hoa"}]));
}

#[tokio::test]
async fn every_bad_row_is_told_and_the_good_ones_are_kept() {
    let world = World::start().await;
    let rows = [
        "GV001,Nguyễn Thị Hòa,1990-05-20,female,048190001234,teacher,TH,KD,2015-08-15,,",
        ",Trần Văn An,1985-13-02,man,,wizard,TH,KD,2010-08-15,,",
        "GV003,Lê Văn Bình,1960-01-02,male,,teacher,TH,LL,1985-08-15,,",
        "GV004,Lê Văn Chi,1960-01-02,male,,teacher,TH,XX,1985-08-15,,",
        "GV001,Lê Văn Dũng,1960-01-02,male,,teacher,TH,KD,1985-08-15,,",
        "GV006,Lê Thị Em,1990-01-02,female,048190001234,teacher,TH,KD,2015-08-15,,",
        "GV007,Lê Văn Giang,1990-01-02,male,048190001235,teacher,TH,KD,2015-08-15,,",
        "GV008,Lê Văn Hai,1990-01-02,male,,teacher,TH,KD,2015-08-15,,,too,many",
    ];
    let done = import(&world.head, "", &file(&rows)).await;
    assert_eq!(counts(&done), [8, 1, 0, 0, 7]);
    let answer = world.head.get(format!("/v1/staff/imports/{}/errors?limit=200", done.id())).await.ok();
    let told: Vec<(i64, &str, &str)> = answer.at("/items").as_array().unwrap().iter().map(told).collect();
    let lines = |line: i64| told.iter().filter(|(told, ..)| *told == line).map(|(_, field, code)| (*field, *code)).collect::<Vec<_>>();
    let mut second = lines(3);
    second.sort_unstable();
    assert_eq!(second, [("birth_date", "impossible_date"), ("code", "required"), ("gender", "not_a_choice"), ("position", "not_a_choice")]);
    // Another school's code is told no better than one that does not exist.
    assert_eq!((lines(4), lines(5)), (vec![("unit_code", "unknown_unit")], vec![("unit_code", "unknown_unit")]));
    assert_eq!(lines(6), [("code", "repeated")]);
    assert_eq!(lines(7), [("personal_number", "already_used")]);
    assert_eq!(lines(8), [("personal_number", "gender_mismatch")]);
    assert_eq!(lines(9), [("", "no_header")]);
    assert_eq!(world.count("select count(*) as count from staff").await, 1);
    let first = world.head.get(format!("/v1/staff/imports/{}/errors?limit=1", done.id())).await.ok();
    let next = world.head.get(format!("/v1/staff/imports/{}/errors?limit=200&cursor={}", done.id(), first.at("/next_cursor").as_str().unwrap())).await.ok();
    assert_eq!(first.at("/items").as_array().unwrap().len() + next.at("/items").as_array().unwrap().len(), told.len());
}

fn told(error: &Value) -> (i64, &str, &str) {
    (error["row"].as_i64().unwrap(), error["field"].as_str().unwrap(), error["code"].as_str().unwrap())
}

#[tokio::test]
async fn files_that_cannot_be_imported_are_refused_at_once() {
    let world = World::start().await;
    let post = |body: &[u8]| world.head.post("/v1/staff/imports").body("text/csv", body);
    let answer = post(b"code,full_name,colour,code\nGV001,An,red,GV001\n").await.problem(422, "invalid");
    let told = answer.field_errors();
    for expected in errors(&[("", "wrong_columns"), ("colour", "unknown_column"), ("code", "repeated"), ("Date of birth", "required"), ("Unit code", "required")]) {
        assert!(told.contains(&expected), "{expected:?} is not among {told:?}");
    }
    for garbage in [&b"\xff\xfe"[..], b"%PDF-1.7", b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"", b"just a line"] {
        post(garbage).await.problem(422, "invalid");
    }
    assert_eq!(post(HEADER.as_bytes()).await.problem(422, "invalid").field_errors(), errors(&[("", "no_rows")]));
    world.head.post("/v1/staff/imports").json(&json!({})).await.problem(415, "unsupported_media_type");
    world.head.post("/v1/staff/imports?colour=red").body("text/csv", "x").await.problem(400, "bad_parameter");
    world.system.client().post("/v1/staff/imports").body("text/csv", "x").await.problem(401, "unauthenticated");
    world.client(Role::Teacher, world.school).await.post("/v1/staff/imports").body("text/csv", "x").await.problem(403, "forbidden");
    let rows = file(&["GV001,Trần Văn An,1985-01-02,male,,teacher,TH,KD,2010-08-15,,"]);
    let done = import(&world.head, "", &rows).await;
    for path in ["", "/errors", "/progress"] {
        let path = format!("/v1/staff/imports/{}{path}", done.id());
        world.client(Role::HeadTeacher, world.other).await.get(&path).await.problem(404, "not_found");
        world.system.client().get(&path).await.problem(401, "unauthenticated");
    }
    let progress = world.head.get(format!("/v1/staff/imports/{}/progress", done.id())).await.ok();
    assert_eq!(progress.header("content-type"), Some("text/event-stream"));
    assert!(progress.text.starts_with("event: progress\ndata: {") && progress.text.contains("\"state\":\"done\""), "{}", progress.text);
}
