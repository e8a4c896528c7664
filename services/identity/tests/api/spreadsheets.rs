//! Accounts and grants from and to spreadsheets.

use std::time::Duration;

use registrar_access::Role;
use registrar_identity::{accounts::model::AccountStatus, grants::model::GrantStatus};
use registrar_testkit::{Answer, Api, eventually};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::world::{PASSWORD, World, sign_in, texts};

async fn settled(api: &Api, accepted: Answer) -> Answer {
    let path = accepted.status(202).header("location").unwrap().to_owned();
    eventually(Duration::from_secs(20), || async { ["done", "failed", "held"].contains(&api.get(&path).await.ok().at("/state").as_str().unwrap()) }).await;
    api.get(&path).await.ok()
}

/// Imports a file and answers what became of its rows: created, changed, unchanged, and what was wrong.
async fn import(api: &Api, resource: &str, file: String) -> ([i64; 3], Vec<String>) {
    let done = settled(api, api.post(format!("/v1/{resource}/imports?mode=valid_rows")).body("text/csv", file).await).await;
    assert_eq!(done.at("/state"), "done", "{}", done.text);
    let errors = api.get(format!("/v1/{resource}/imports/{}/errors", done.id())).await.ok();
    let text = |error: &Value| format!("{} {} {}", error["row"], error["field"].as_str().unwrap(), error["code"].as_str().unwrap());
    (["created", "changed", "unchanged"].map(|name| done.json[name].as_i64().unwrap()), errors.at("/items").as_array().unwrap().iter().map(text).collect())
}

async fn export(api: &Api, resource: &str, query: &str, language: &'static str) -> String {
    let body = json!({"format": "csv", "query": query});
    let done = settled(api, api.post(format!("/v1/{resource}/exports")).header("Accept-Language", language).json(&body).await).await;
    api.get(format!("/v1/{resource}/exports/{}/file", done.id())).await.ok().text
}

/// A school with a head teacher and a member of staff, beside another school.
async fn school(world: &World) -> (Uuid, Uuid, Api) {
    let (school, other) = (world.unit("TH-1", "primary", world.tenant).await, world.unit("TH-2", "primary", world.tenant).await);
    world.staff(world.system.new_id(), 1, "Lê Thị Hoa", school).await;
    (school, other, world.holder("hieu.truong", "head_teacher", school).await.api)
}

#[tokio::test]
async fn a_school_enters_the_accounts_of_its_staff_from_a_file() {
    let world = World::start().await;
    let (_, _, head) = school(&world).await;
    // S0-037, S0-038: the file of a school with labels as people write them.
    let file = "Tên đăng nhập,Tên hiển thị,Mã đơn vị,Mã cán bộ,Trạng thái\n\
        hoa.le,Ai đó,TH-1,GV001,\nAn.Tran,Trần Văn An,TH-1,,Đã khóa\nan.tran,Trần An,TH-1,,\nx,Ngắn,TH-1,,\nkhac,Khác,TH-2,,\nla,Lạ lùng,TH-1,GV999,\n";
    let (done, errors) = import(&head, "accounts", file.to_owned()).await;
    assert_eq!((done, errors), ([2, 0, 0], ["4 username repeated", "5 username too_short", "6 unit_code unknown_unit", "7 staff_code unknown_staff"].map(str::to_owned).to_vec()));
    let made = head.get("/v1/accounts?username=hoa.le&fields=*").await.ok();
    // S0-017: the name is that of the staff record.
    assert_eq!((made.at("/items/0/display_name"), made.at("/items/0/status")), (&json!("Lê Thị Hoa"), &json!("active")));
    assert_eq!(head.get("/v1/accounts?username=an.tran").await.ok().at("/items/0/status"), "disabled");
    sign_in(&world.system.client(), "bo", "hoa.le", PASSWORD).await.problem(401, "unauthenticated");
    // Exported and imported again nothing changes, in any language.
    for language in ["vi", "en", "zh"] {
        let exported = export(&head, "accounts", "sort=name", language).await;
        assert_eq!((exported.lines().count(), exported.contains("GV001")), (4, true), "{exported}");
        assert_eq!(import(&head, "accounts", exported).await, ([0, 0, 3], Vec::new()));
    }
    let (changed, errors) = import(&head, "accounts", "username,display_name,unit_code\nan.tran,Trần Văn Ân,TH-1\nadmin,Quản trị,TH-1\n".to_owned()).await;
    assert_eq!((changed, errors), ([0, 1, 0], vec!["3 username forbidden".to_owned()]));
    assert_eq!(head.get("/v1/accounts?username=an.tran").await.ok().at("/items/0/display_name"), "Trần Văn Ân");
}

#[tokio::test]
async fn grants_are_given_and_taken_back_from_a_file_within_what_the_giver_holds() {
    let world = World::start().await;
    let (school, other, head) = school(&world).await;
    let teacher = world.person("hoa.le", school).await;
    world.person("nguoi.khac", other).await;
    // S2-012, S2-013: by role, unit and education level.
    let header = "username,role,unit_code,hierarchy,education_levels,valid_from,valid_until,status,note";
    let rows = [
        "hoa.le,Giáo viên,TH-1,,TH,01/09/2025,31/05/2026,,Biên bản 12",
        "hoa.le,clerk,TH-1,professional,,2025-09-15,,,",
        "hoa.le,administrator,TH-1,,,2025-09-15,,,",
        "hoa.le,teacher,TH-2,,,2025-09-15,,,",
        "nguoi.khac,teacher,TH-1,,,2025-09-15,,,",
        "hieu.truong,teacher,TH-1,,,2025-09-15,,,",
        "hoa.le,viewer,TH-1,,XX,2025-09-15,,,",
        "hoa.le,viewer,TH-1,,,2025-09-15,2025-09-14,,",
        "hoa.le,viewer,TH-1,,,2025-09-15,,ended,",
    ];
    let (done, errors) = import(&head, "grants", format!("{header}\n{}\n", rows.join("\n"))).await;
    let refused = [
        "4 role forbidden",
        "5 unit_code unknown_unit",
        "6 username unknown_account",
        "7 username own_account",
        "8 education_levels invalid",
        "9 valid_until not_after",
        "10 status invalid",
    ];
    assert_eq!((done, errors), ([2, 0, 0], refused.map(str::to_owned).to_vec()));
    let given = head.get(format!("/v1/grants?account_id={}&fields=*", teacher.id)).await.ok();
    assert_eq!(texts(&given, "/items", "role"), ["teacher", "clerk"]);
    assert_eq!((given.at("/items/0/education_levels"), given.at("/items/0/note")), (&json!(["TH"]), &json!("Biên bản 12")));
    // The end moves, what is given stays; taken back, and given again.
    let moved = format!("{header}\n{}\n", rows[0].replace("31/05/2026", "30/04/2026"));
    assert_eq!(import(&head, "grants", moved).await, ([0, 1, 0], Vec::new()));
    let ended = format!("{header}\nhoa.le,clerk,TH-1,professional,,2025-09-15,,Đã thu hồi,\n");
    assert_eq!(import(&head, "grants", ended).await, ([0, 1, 0], Vec::new()));
    assert_eq!(import(&head, "grants", format!("{header}\n{}\n", rows[1])).await, ([1, 0, 0], Vec::new()));
    // S2-011: the file that is handed over; imported again it changes nothing.
    for language in ["vi", "en", "zh"] {
        let exported = export(&head, "grants", "", language).await;
        assert_eq!(exported.lines().count(), 5, "{exported}");
        // One's own grant is not one's own to give, not even as it is.
        let own = exported.lines().filter(|line| !line.contains("hieu.truong")).collect::<Vec<_>>().join("\n");
        assert_eq!(import(&head, "grants", own).await, ([0, 0, 3], Vec::new()));
    }
    let viewer = world.holder("nguoi.xem", "viewer", school).await;
    viewer.api.post("/v1/grants/exports").json(&json!({"format": "csv"})).await.problem(403, "forbidden");
    viewer.api.post("/v1/accounts/imports").body("text/csv", "username\nx\n".to_owned()).await.problem(403, "forbidden");
}

#[test]
fn the_lists_of_the_columns_have_a_name_for_every_code() {
    for (scheme, codes) in [("registrar-role", Role::CODES), ("registrar-account-status", AccountStatus::CODES), ("registrar-grant-status", GrantStatus::CODES)] {
        let listed: Vec<&str> = registrar_codes::list(scheme).unwrap().newest().entries().iter().map(|entry| entry.code).collect();
        assert_eq!(listed, codes, "{scheme}");
    }
}
