//! Units from files.

use std::time::Duration;

use registrar_testkit::{Answer, Api, eventually};
use serde_json::json;

use crate::world::{World, texts};

const HEADER: &str = "code,name,kind,education_levels,website,area,opened_on,closed_on,administrative,professional";

async fn import(api: &Api, query: &str, rows: &[&str]) -> Answer {
    import_file(api, query, format!("{HEADER}\n{}\n", rows.join("\n"))).await
}

async fn import_file(api: &Api, query: &str, file: String) -> Answer {
    let accepted = api.post(format!("/v1/units/imports{query}")).body("text/csv", file).await.status(202);
    let path = accepted.header("location").unwrap().to_owned();
    eventually(Duration::from_secs(20), || async { ["done", "failed"].contains(&api.get(&path).await.ok().at("/state").as_str().unwrap()) }).await;
    api.get(&path).await.ok()
}

fn counts(import: &Answer) -> [i64; 5] {
    ["total", "created", "changed", "unchanged", "failed"].map(|name| import.json[name].as_i64().unwrap())
}

async fn errors(api: &Api, import: &Answer) -> Vec<String> {
    let list = api.get(format!("/v1/units/imports/{}/errors", import.id())).await.ok();
    list.at("/items").as_array().unwrap().iter().map(|error| format!("{} {} {}", error["row"], error["field"].as_str().unwrap(), error["code"].as_str().unwrap())).collect()
}

const ROWS: [&str; 5] = [
    "SO-QN,Sở GDĐT Quảng Nam,department,,,,1997-01-01,2025-06-30,bo@1997-01-01/2025-06-30,bo@1997-01-01/2025-06-30",
    "SO-DN,Sở GDĐT Đà Nẵng,department,,,,1997-01-01,,bo@1997-01-01/..,bo@1997-01-01/..",
    "PGD-HA,Phòng GDĐT Hội An,district_office,,,,1999-01-01,2025-06-30,SO-QN@1999-01-01/2025-06-30,SO-QN@1999-01-01/2025-06-30",
    "UBND-20410,UBND phường Hội An,commune,,,vn-area/2025-07-01/20410,2025-07-01,,bo@2025-07-01/..,SO-DN@2025-07-01/..",
    "THCS-KD,Trường THCS Kim Đồng,lower_secondary,THCS,http://kimdong.edu.vn,vn-area/2025-07-01/20410,2000-01-01,,PGD-HA@2000-01-01/2025-06-30 UBND-20410@2025-07-01/..,PGD-HA@2000-01-01/2025-06-30 SO-DN@2025-07-01/..",
];

#[tokio::test]
async fn the_same_file_changes_nothing_a_second_time() {
    let world = World::start().await;
    let api = &world.administrator;
    assert_eq!(counts(&import(api, "?mode=dry_run", &ROWS).await), [5, 5, 0, 0, 0]);
    assert_eq!(world.count("select count(*) as count from units").await, 1);
    assert_eq!(counts(&import(api, "", &ROWS).await), [5, 5, 0, 0, 0]);
    let list = api.get("/v1/units?sort=code&fields=*").await.ok();
    assert_eq!(texts(&list, "/items", "code"), ["PGD-HA", "SO-DN", "SO-QN", "THCS-KD", "UBND-20410", "bo"]);
    let school = list.at("/items/3");
    assert_eq!((&school["education_levels"], &school["superiors"].as_array().unwrap().len().into()), (&json!(["THCS"]), &json!(4)));
    let chain = api.get(format!("/v1/units/{}/superiors?on=2025-06-30", school["id"].as_str().unwrap())).await.ok();
    assert_eq!(texts(&chain, "/items", "code"), ["PGD-HA", "SO-QN", "bo", "PGD-HA", "SO-QN", "bo"]);
    assert_eq!(counts(&import(api, "", &ROWS).await), [5, 0, 0, 5, 0]);
    assert_eq!(api.get("/v1/units?sort=code&fields=*").await.ok().json, list.json);
    let corrected = ROWS[4].replace("SO-DN@2025-07-01/..", "UBND-20410@2025-07-01/..");
    assert_eq!(counts(&import(api, "", &[ROWS[0], &corrected]).await), [2, 0, 1, 1, 0]);
}

#[tokio::test]
async fn a_file_has_contacts_and_areas() {
    let world = World::start().await;
    let api = &world.administrator;
    let file = "code,name,kind,phone,email,address,area,opened_on\nSO-DN,Sở GDĐT Đà Nẵng,department,02363821066,so@danang.gov.vn,24 Trần Phú,vn-area/2025-07-01/48,1997-01-01\n";
    assert_eq!(counts(&import_file(api, "", file.to_owned()).await), [1, 1, 0, 0, 0]);
    let list = api.get("/v1/units?code=SO-DN&fields=*").await.ok();
    assert_eq!((list.at("/items/0/area"), list.at("/items/0/address")), (&json!("vn-area/2025-07-01/48"), &json!("24 Trần Phú")));
}

#[tokio::test]
async fn each_bad_row_is_named() {
    let world = World::start().await;
    let api = &world.administrator;
    let rows = [
        "A,Đơn vị A,department,,,,2000-01-01,,,bo@2000-01-01/..",
        "A,Đơn vị A,department,,,,2000-01-01,,,bo@2000-01-01/..",
        "B,Đơn vị B,department,TH;XX,,,2000-01-01,,,A@2000-01-01/..",
        "C,Đơn vị C,department,,,,2000-01-01,,,D@2000-01-01/..",
        "D,Đơn vị D,department,,,,2000-01-01,,,A@2000",
        "E,Đơn vị E,castle,,,,2000-01-01,,,",
        "F,Đơn vị F,department,,,vn-area/2025-07-01/99,2000-01-01,,,",
        "G,Đơn vị G,department,,,,2000-01-01,,A@2000-01-01/.. bo@2010-01-01/..,",
        "bo,Bộ,ministry,,,,2000-01-01,,,A@2000-01-01/..",
    ];
    let done = import(api, "", &rows).await;
    assert_eq!(counts(&done), [9, 1, 0, 0, 8]);
    let expected = [
        "3 code repeated",
        "4 education_levels invalid",
        "5 professional unknown_unit",
        "6 professional invalid",
        "7 kind not_a_choice",
        "8 area invalid",
        "9 administrative overlapping",
        "10 professional root_has_no_superior",
    ];
    let mut found = errors(api, &done).await;
    found.sort_by_key(|error| error.split(' ').next().unwrap().parse::<i32>().unwrap());
    assert_eq!(found, expected);
}

#[tokio::test]
async fn a_file_places_units_only_where_its_sender_may() {
    let world = World::start().await;
    let (mine, _) = (world.unit("SO-1", "department", world.tenant).await, world.unit("SO-2", "department", world.tenant).await);
    let person = world.holder("quan.tri", "administrator", mine).await;
    let rows = [
        "TH-1,Trường 1,primary,TH,,,2000-01-01,,,SO-1@2000-01-01/..",
        "TH-1a,Điểm trường 1a,campus,TH,,,2000-01-01,,,TH-1@2000-01-01/..",
        "TH-2,Trường 2,primary,TH,,,2000-01-01,,,SO-2@2000-01-01/..",
        "TH-3,Trường 3,primary,TH,,,2000-01-01,,,",
        "SO-2,Sở 2,department,,,,2000-01-01,,,",
    ];
    let done = import(&person.api, "", &rows).await;
    assert_eq!(counts(&done), [5, 2, 0, 0, 3]);
    assert_eq!(errors(&person.api, &done).await, ["4 professional forbidden", "5 code forbidden", "6 code forbidden"]);
}
