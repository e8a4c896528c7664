//! The same suite over both transports: what a school, a vendor and an operator see.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "clippy does not see that functions beside tests are of tests")]

use std::{collections::BTreeSet, future::Future, time::Duration};

use registrar_tests::{Client, Mode, System};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// Grants and disabled accounts work in all services within this time.
const AT_ONCE: Duration = Duration::from_secs(2);
/// An edit shows everywhere within this time on a busy machine.
const SOON: Duration = Duration::from_secs(10);

async fn within<F: Future<Output = bool>>(time: Duration, what: &str, mut check: impl FnMut() -> F) {
    let deadline = tokio::time::Instant::now() + time;
    while !check().await {
        assert!(tokio::time::Instant::now() < deadline, "not within {time:?}: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn embedded() {
    let system = System::start(Mode::Embedded, 1200).await.unwrap();
    suite(&system).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_process_per_service() {
    let system = System::start(Mode::Services, 1200).await.unwrap();
    suite(&system).await;
    system.verify().await.unwrap();
    what_rules_and_dashboard_name_is_measured(&system).await;
}

/// The names of metrics in a text.
fn metrics(text: &str) -> BTreeSet<&str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|word| word.starts_with("registrar_")).collect()
}

async fn what_rules_and_dashboard_name_is_measured(system: &System) {
    let (rules, dashboard) = (include_str!("../../deploy/prometheus/alerts.yaml"), include_str!("../../deploy/grafana/registrar.json"));
    let named: BTreeSet<&str> = metrics(rules).union(&metrics(dashboard)).copied().collect();
    assert!(named.len() > 10, "{named:?}");
    within(SOON, "every metric that a rule or the dashboard names is there", || async {
        let measured = system.metrics().await.unwrap();
        named.is_subset(&metrics(&measured))
    })
    .await;
    let runbooks = include_str!("../../docs/operating.md");
    for alert in rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")) {
        assert!(runbooks.contains(&format!("\n### {alert}\n")), "{alert} has no runbook");
        assert!(rules.contains(&format!("docs/operating.md#{}\"", alert.to_lowercase())), "{alert} does not name its runbook");
    }
}

async fn suite(system: &System) {
    let admin = Client::sign_in(&system.base, "admin").await.unwrap();
    a_renamed_teacher_shows_everywhere(&admin).await;
    a_write_can_be_waited_for(&admin).await;
    a_renamed_and_moved_unit_shows_everywhere(&admin).await;
    an_ended_teacher_ends_everywhere(&admin).await;
    grants_and_accounts_work_at_once(&admin, system).await;
    the_reform_of_2025_is_in_the_hierarchies(&admin).await;
    each_login_sees_its_own(system).await;
}

async fn a_renamed_teacher_shows_everywhere(admin: &Client) {
    let teacher = admin.only("/v1/staff?code=HA-17-001").await.unwrap();
    let (id, unit) = (text(&teacher, "id"), text(&teacher, "unit_id"));
    let classes = admin.get(&format!("/v1/classes?unit_id={unit}&fields=*&limit=200")).await.unwrap().success().unwrap();
    let class = classes.at("/items").as_array().unwrap().iter().find(|class| class["homeroom_teacher"]["id"] == teacher["id"]).unwrap().clone();
    let path = format!("/v1/classes/{}", text(&class, "id"));
    let before = admin.get(&path).await.unwrap().success().unwrap();
    let etag = before.header("etag");
    let feed = drain(admin, "/v1/classes/changes").await;
    let account = admin.only("/v1/accounts?username=teacher").await.unwrap();

    admin.patch(&format!("/v1/staff/{id}"), &json!({"full_name": "Trần Thị Thúy Hoà"})).await.unwrap().success().unwrap();

    // S0-017, S3-005: entered once, shown in every place.
    within(SOON, "the class shows the new name", || async { admin.get(&path).await.unwrap().at("/homeroom_teacher/full_name") == "Trần Thị Thúy Hoà" }).await;
    let after = admin.get(&path).await.unwrap();
    assert_eq!(after.at("/version"), before.at("/version"), "the class itself did not change");
    assert_ne!(after.header("etag"), etag, "what is shown changed");
    let unchanged = admin.send(Method::GET, &path, &[("if-none-match", &after.header("etag"))], None).await.unwrap();
    assert_eq!(unchanged.status, StatusCode::NOT_MODIFIED);
    within(SOON, "the change feed has the class", || async {
        let changes = admin.get(&format!("/v1/classes/changes?cursor={feed}")).await.unwrap();
        changes.at("/items").as_array().unwrap().iter().any(|item| item["id"] == class["id"] && item["homeroom_teacher"]["full_name"] == "Trần Thị Thúy Hoà")
    })
    .await;
    let account_path = format!("/v1/accounts/{}", text(&account, "id"));
    within(SOON, "the account shows the new name", || async { admin.get(&account_path).await.unwrap().at("/display_name") == "Trần Thị Thúy Hoà" }).await;
}

/// Reads a feed to its end; answers where it ends.
async fn drain(caller: &Client, path: &str) -> String {
    let mut cursor = String::new();
    loop {
        let query = if cursor.is_empty() { "?limit=200".to_owned() } else { format!("?limit=200&cursor={cursor}") };
        let page = caller.get(&format!("{path}{query}")).await.unwrap().success().unwrap();
        cursor = page.text("/next_cursor");
        if page.at("/more") == false {
            return cursor;
        }
    }
}

async fn a_write_can_be_waited_for(admin: &Client) {
    let teacher = admin.only("/v1/staff?code=HA-17-002").await.unwrap();
    for round in 0..5 {
        let name = format!("Lê Văn {}", ["An", "Bình", "Cường", "Dũng", "Giang"][round]);
        let written = admin.patch(&format!("/v1/staff/{}", text(&teacher, "id")), &json!({ "full_name": name })).await.unwrap().success().unwrap();
        let version = written.header("registrar-version");
        let path = format!("/v1/classes?unit_id={}&fields=*&limit=200", text(&teacher, "unit_id"));
        let classes = admin.send(Method::GET, &path, &[("registrar-wait-for", &version)], None).await.unwrap().success().unwrap();
        let own = classes.at("/items").as_array().unwrap().iter().find(|class| class["homeroom_teacher"]["id"] == teacher["id"]);
        assert!(own.is_none_or(|class| class["homeroom_teacher"]["full_name"] == name.as_str()), "{classes:?}");
    }
}

async fn a_renamed_and_moved_unit_shows_everywhere(admin: &Client) {
    let unit = admin.only("/v1/units?code=HA-18").await.unwrap();
    let id = text(&unit, "id");
    let class = admin.only(&format!("/v1/classes?unit_id={id}")).await.unwrap();
    admin.patch(&format!("/v1/units/{id}"), &json!({"name": "TH Đỗ Trọng Hường 2"})).await.unwrap().success().unwrap();
    let path = format!("/v1/classes/{}", text(&class, "id"));
    within(SOON, "the class shows the unit's new name", || async { admin.get(&path).await.unwrap().at("/unit/name") == "TH Đỗ Trọng Hường 2" }).await;
    let headcounts = "/v1/reports/headcounts?subject=students&by=unit&hierarchy=administrative&unit_id=";
    let old = admin.only("/v1/units?code=UBND-20410").await.unwrap();
    let new = admin.only("/v1/units?code=UBND-20413").await.unwrap();
    let counts = |unit: &Value| {
        let path = format!("{headcounts}{}", text(unit, "id"));
        let admin = admin.clone();
        async move { admin.get(&path).await.unwrap().success().unwrap().body.to_string() }
    };
    assert!(counts(&old).await.contains("TH Đỗ Trọng Hường 2"));
    // It moves to another ward today.
    let full = admin.get(&format!("/v1/units/{id}")).await.unwrap().success().unwrap();
    let today = registrar::demo::today();
    let mut superiors = full.at("/superiors").as_array().unwrap().clone();
    for superior in superiors.iter_mut().filter(|superior| superior["hierarchy"] == "administrative" && superior["valid_to"].is_null()) {
        superior["valid_to"] = json!(today.pred_opt().unwrap());
    }
    superiors.push(json!({"hierarchy": "administrative", "unit_id": new["id"], "valid_from": today}));
    admin.patch(&format!("/v1/units/{id}"), &json!({ "superiors": superiors })).await.unwrap().success().unwrap();
    within(SOON, "its students count under the new ward", || async {
        counts(&new).await.contains("TH Đỗ Trọng Hường 2") && !counts(&old).await.contains("TH Đỗ Trọng Hường 2")
    })
    .await;
}

async fn an_ended_teacher_ends_everywhere(admin: &Client) {
    let unit = admin.only("/v1/units?code=HA-19").await.unwrap();
    let teacher = admin.only("/v1/staff?code=HA-19-003").await.unwrap();
    let report = format!("/v1/reports/headcounts?subject=staff&by=unit&unit_id={}", text(&unit, "id"));
    let before = admin.get(&report).await.unwrap().success().unwrap().at("/total").clone();
    let yesterday = registrar::demo::today().pred_opt().unwrap();
    let end = json!({"status": "ended", "ended_on": yesterday, "end_reason": "Nghỉ hưu"});
    admin.patch(&format!("/v1/staff/{}", text(&teacher, "id")), &end).await.unwrap().success().unwrap();
    within(SOON, "one head fewer", || async { admin.get(&report).await.unwrap().at("/total").as_i64() == before.as_i64().map(|count| count - 1) }).await;
}

async fn grants_and_accounts_work_at_once(admin: &Client, system: &System) {
    let school = admin.only("/v1/units?code=HA-20").await.unwrap();
    let account = json!({"username": "newcomer", "display_name": "Newcomer", "password": registrar::demo::PASSWORD, "unit_id": school["id"]});
    let account = admin.post("/v1/accounts", &account).await.unwrap().success().unwrap();
    let newcomer = Client::sign_in(&system.base, "newcomer").await.unwrap();
    let (staff, classes, reports) = ("/v1/staff?limit=1", "/v1/classes?limit=1", format!("/v1/reports/headcounts?subject=staff&unit_id={}", text(&school, "id")));
    let all = |status: StatusCode| {
        let (newcomer, reports) = (newcomer.clone(), reports.clone());
        async move {
            let mut same = true;
            for path in [staff, classes, &reports] {
                same &= newcomer.get(path).await.unwrap().status == status;
            }
            same
        }
    };
    let grant = json!({"account_id": account.at("/id"), "role": "head_teacher", "unit_id": school["id"]});
    let grant = admin.post("/v1/grants", &grant).await.unwrap().success().unwrap();
    within(AT_ONCE, "a grant given works", || all(StatusCode::OK)).await;
    let others = newcomer.get("/v1/staff?limit=200&fields=unit_id").await.unwrap();
    assert!(others.at("/items").as_array().unwrap().iter().all(|staff| staff["unit_id"] == school["id"]), "only the own school");
    admin.patch(&format!("/v1/grants/{}", grant.text("/id")), &json!({"status": "ended"})).await.unwrap().success().unwrap();
    within(AT_ONCE, "a grant taken works", || async {
        newcomer.get(staff).await.unwrap().status == StatusCode::FORBIDDEN && newcomer.get(classes).await.unwrap().status == StatusCode::FORBIDDEN
    })
    .await;
    admin.patch(&format!("/v1/accounts/{}", account.text("/id")), &json!({"status": "disabled"})).await.unwrap().success().unwrap();
    within(AT_ONCE, "a disabled account is out", || all(StatusCode::UNAUTHORIZED)).await;
    assert!(Client::sign_in(&system.base, "newcomer").await.is_err());
}

async fn the_reform_of_2025_is_in_the_hierarchies(admin: &Client) {
    // rules.md 2.4: until 30 June 2025 the district office, since then commune and department.
    let school = admin.only("/v1/units?code=HA-17").await.unwrap();
    let superior = |on: &str, hierarchy: &str| {
        let (path, hierarchy, admin) = (format!("/v1/units/{}/superiors?on={on}", text(&school, "id")), hierarchy.to_owned(), admin.clone());
        async move {
            let answer = admin.get(&path).await.unwrap().success().unwrap();
            let found = answer.at("/items").as_array().unwrap().iter().find(|superior| superior["hierarchy"] == hierarchy.as_str() && superior["depth"] == 1).unwrap().clone();
            text(&found, "name")
        }
    };
    assert_eq!(superior("2025-06-30", "administrative").await, "Phòng GDĐT thành phố Hội An");
    assert_eq!(superior("2025-06-30", "professional").await, "Phòng GDĐT thành phố Hội An");
    assert_eq!(superior("2025-07-01", "administrative").await, "UBND phường Hội An Đông");
    assert_eq!(superior("2025-07-01", "professional").await, "Sở GDĐT Đà Nẵng");
}

async fn each_login_sees_its_own(system: &System) {
    let schools = |caller: Client| async move {
        let page = caller.get("/v1/units?kind=primary&limit=200&count=true").await.unwrap().success().unwrap();
        page.at("/total").as_i64().unwrap()
    };
    assert_eq!(schools(Client::sign_in(&system.base, "officer").await.unwrap()).await, 11);
    let commune = schools(Client::sign_in(&system.base, "commune").await.unwrap()).await;
    assert!((1..11).contains(&commune), "{commune}");
    let teacher = Client::sign_in(&system.base, "teacher").await.unwrap();
    let students = teacher.get("/v1/students?limit=200&fields=class").await.unwrap().success().unwrap();
    let classes: std::collections::BTreeSet<String> = students.at("/items").as_array().unwrap().iter().map(|student| text(&student["class"], "id")).collect();
    assert_eq!(classes.len(), 1, "a homeroom teacher sees the own class");
    let viewer = Client::sign_in(&system.base, "viewer").await.unwrap();
    assert_eq!(viewer.get("/v1/students").await.unwrap().status, StatusCode::FORBIDDEN);
}
