//! The operations page as an operator's browser meets it, in both modes.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "clippy does not see that functions beside tests are of tests")]

use std::time::Duration;

use registrar::demo::{PASSWORD, TENANT};
use registrar_tests::{Client, Mode, System, until};
use reqwest::{StatusCode, header::HeaderMap, redirect::Policy};
use serde_json::json;

/// The longest anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// What came back.
struct Page {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Page {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    /// The text of the section with this heading.
    fn section(&self, heading: &str) -> &str {
        let start = self.text.find(&format!("<h2>{heading}</h2>")).unwrap_or_else(|| panic!("no section {heading}: {}", self.text));
        let rest = &self.text[start..];
        &rest[..rest.find("</section>").unwrap()]
    }
}

/// A browser that follows no link by itself, and keeps one cookie.
struct Browser {
    http: reqwest::Client,
    base: String,
    cookie: String,
}

impl Browser {
    fn new(base: &str) -> Self {
        Browser { http: reqwest::Client::builder().redirect(Policy::none()).build().unwrap(), base: base.to_owned(), cookie: String::new() }
    }

    async fn get(&self, path: &str) -> Page {
        page(self.http.get(format!("{}{path}", self.base)).header("cookie", &self.cookie)).await
    }

    /// Sends a form, as the page at `origin` would.
    async fn post_from(&self, origin: Option<&str>, path: &str, form: &[(&str, &str)]) -> Page {
        let body = form.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect::<Vec<_>>().join("&");
        let mut request = self.http.post(format!("{}{path}", self.base)).header("cookie", &self.cookie).header("content-type", "application/x-www-form-urlencoded").body(body);
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        page(request).await
    }

    async fn post(&self, path: &str, form: &[(&str, &str)]) -> Page {
        self.post_from(Some(&self.base), path, form).await
    }

    async fn sign_in(&mut self, username: &str, password: &str) -> Page {
        let page = self.post("/ops/sign-in", &[("tenant", TENANT), ("username", username), ("password", password)]).await;
        self.cookie = page.header("set-cookie").split(';').next().unwrap().to_owned();
        page
    }

    async fn signed_in(base: &str, username: &str) -> Self {
        let mut browser = Browser::new(base);
        let page = browser.sign_in(username, PASSWORD).await;
        assert_eq!((page.status, page.header("location")), (StatusCode::SEE_OTHER, "/ops"), "{}", page.text);
        let cookie = page.header("set-cookie");
        assert!(cookie.ends_with("; Path=/ops; HttpOnly; SameSite=Strict"), "{cookie}");
        browser
    }
}

async fn page(request: reqwest::RequestBuilder) -> Page {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    Page { status, headers, text: response.text().await.unwrap() }
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

async fn who_may_see_it(base: &str) {
    let mut browser = Browser::new(base);
    let page = browser.get("/ops").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text.contains("name=\"password\"") && !page.text.contains("<h2>"), "a sign-in form and nothing else: {}", page.text);
    assert!(page.header("content-security-policy").starts_with("default-src 'none'; style-src 'self'; form-action 'self'"), "{:?}", page.headers);
    assert_eq!((page.header("cache-control"), page.header("x-frame-options"), page.header("referrer-policy")), ("no-store", "DENY", "same-origin"));
    assert_eq!(browser.get("/ops/style.css").await.header("content-type"), "text/css; charset=utf-8");

    let wrong = browser.sign_in("admin", "not the password").await;
    assert_eq!((wrong.status, wrong.header("set-cookie")), (StatusCode::UNAUTHORIZED, ""));
    assert!(wrong.text.contains("is not right"), "{}", wrong.text);
    browser.cookie = "registrar-ops=forged.token.here~refresh".to_owned();
    assert!(browser.get("/ops").await.text.contains("name=\"password\""));

    // An officer of the department, and an administrator of another unit than the whole tenant.
    let admin = Client::sign_in(base, "admin").await.unwrap();
    let ward = admin.only("/v1/units?code=UBND-20413").await.unwrap();
    let commune = admin.only("/v1/accounts?username=commune").await.unwrap();
    let grant = json!({"account_id": commune["id"], "role": "administrator", "unit_id": ward["id"], "hierarchy": "administrative"});
    admin.post("/v1/grants", &grant).await.unwrap().success().unwrap();
    for username in ["officer", "commune"] {
        let browser = Browser::signed_in(base, username).await;
        let page = browser.get("/ops").await;
        assert_eq!(page.status, StatusCode::FORBIDDEN, "{username}");
        assert!(page.header("content-type").starts_with("text/html") && !page.text.contains("<h2>"), "{}", page.text);
        assert_eq!(browser.post("/ops/identity/compare", &[]).await.status, StatusCode::FORBIDDEN, "{username}");
        assert_eq!(browser.post("/ops/identity/parked", &[]).await.status, StatusCode::FORBIDDEN, "{username}");
    }

    // The role for it, and nothing else with it.
    let root = admin.only("/v1/units?kind=ministry").await.unwrap();
    let operator = json!({"username": "operator", "display_name": "<b>Vận hành</b>", "password": PASSWORD, "unit_id": root["id"]});
    let operator = admin.post("/v1/accounts", &operator).await.unwrap().success().unwrap();
    admin.post("/v1/grants", &json!({"account_id": operator.at("/id"), "role": "operator", "unit_id": root["id"]})).await.unwrap().success().unwrap();
    let browser = Browser::signed_in(base, "operator").await;
    let page = browser.get("/ops").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text.contains("&lt;b&gt;Vận hành&lt;/b&gt;") && !page.text.contains("<b>"), "{}", page.text);
    assert_eq!(Client::sign_in(base, "operator").await.unwrap().get("/v1/staff").await.unwrap().status, StatusCode::FORBIDDEN);

    // What another site sends, or nobody says where from.
    for origin in [None, Some("null"), Some("https://evil.example")] {
        for (path, form) in [
            ("/ops/identity/compare", vec![]),
            ("/ops/identity/parked", vec![]),
            ("/ops/sign-out", vec![]),
            ("/ops/sign-in", vec![("tenant", TENANT), ("username", "admin"), ("password", PASSWORD)]),
        ] {
            let page = browser.post_from(origin, path, &form).await;
            assert_eq!((page.status, page.header("set-cookie")), (StatusCode::FORBIDDEN, ""), "{origin:?} {path}");
        }
    }
    assert_eq!(browser.get("/ops").await.status, StatusCode::OK, "still signed in");

    let out = browser.post("/ops/sign-out", &[]).await;
    assert_eq!(out.status, StatusCode::SEE_OTHER);
    assert!(out.header("set-cookie").starts_with("registrar-ops=; ") && out.header("set-cookie").ends_with("; Max-Age=0"), "{:?}", out.headers);
    // The session has ended at identity too: its cookie cannot be continued.
    let continued = browser.cookie.split_once('~').unwrap().1.to_owned();
    let refreshed = Client::anonymous(base).post("/v1/sessions/refresh", &json!({ "refresh_token": continued })).await.unwrap();
    assert_eq!(refreshed.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_process_shows_all_services_and_compares_their_copies() {
    let system = System::start(Mode::Embedded, 100).await.unwrap();
    who_may_see_it(&system.base).await;
    let mut browser = Browser::signed_in(&system.base, "admin").await;
    let page = browser.get("/ops").await;
    for service in ["identity", "personnel", "students", "reporting"] {
        assert!(page.section("Services").contains(&format!("<th scope=\"row\">{service}</th>")), "{}", page.text);
    }
    assert_eq!(page.section("Services").matches("does not").count() + page.section("Services").matches("not ").count(), 0, "{}", page.section("Services"));
    assert!(page.text.contains("All services run in this one process."));
    assert!(page.section("Jobs").contains("import of staff") && page.section("Jobs").contains(">done<"), "{}", page.section("Jobs"));
    assert!(page.section("Parked events").contains("None.") && page.section("Copies compared with their owners").contains("Not compared yet."));

    let begun = browser.post("/ops/students/compare", &[]).await;
    assert_eq!((begun.status, begun.header("location")), (StatusCode::SEE_OTHER, "/ops"));
    until(PATIENCE, "the copies of students are compared", || async {
        let page = browser.get("/ops/students").await;
        let section = page.section("Copies compared with their owners");
        section.contains("personnel.staff") && section.contains("identity.grant") && section.contains(">equal<") && section.contains("Compare now")
    })
    .await;
    let one = browser.get("/ops/students").await;
    assert!(!one.section("Services").contains(">personnel<"), "only the one asked for");

    // An access token that has ended is continued, once.
    let refresh = browser.cookie.split_once('~').unwrap().1.to_owned();
    browser.cookie = format!("registrar-ops=ended.access.token~{refresh}");
    let continued = browser.get("/ops").await;
    assert_eq!(continued.status, StatusCode::OK);
    let renewed = continued.header("set-cookie").split(';').next().unwrap().to_owned();
    assert!(renewed.starts_with("registrar-ops=") && !renewed.ends_with(&refresh), "{renewed}");
    browser.cookie = renewed;
    assert!(browser.get("/ops").await.header("set-cookie").is_empty());
    assert_eq!(browser.get("/ops/nobody").await.status, StatusCode::NOT_FOUND);

    // To identity all sign-ins come from the process: whoever tries on and on is stopped before. A window may end meanwhile.
    let mut stranger = Browser::new(&system.base);
    let mut statuses = Vec::new();
    while statuses.last() != Some(&StatusCode::TOO_MANY_REQUESTS) && statuses.len() < 62 {
        statuses.push(stranger.sign_in(&format!("nobody{}", statuses.len()), "not the password").await.status);
    }
    assert_eq!(statuses.last(), Some(&StatusCode::TOO_MANY_REQUESTS));
}

/// What an attacker would want to be shown as it is.
const HOSTILE: &str = "<script>alert(1)</script>";

#[tokio::test(flavor = "multi_thread")]
async fn each_process_shows_its_own_and_parked_events_are_tried_again() {
    let system = System::start(Mode::Services, 400).await.unwrap();
    let admin = Client::sign_in(&system.base, "admin").await.unwrap();
    let postgresql = &system.servers.as_ref().unwrap().postgresql;
    let browser = Browser::signed_in(&system.base, "admin").await;

    // The gateway leads to each service's own page; signed in to one is signed in to all.
    for service in ["identity", "personnel", "students", "reporting"] {
        let page = browser.get(&format!("/ops/{service}")).await;
        assert_eq!(page.status, StatusCode::OK, "{service}: {}", page.text);
        assert!(page.text.contains(&format!("This process runs {service}.")), "{}", page.text);
        assert_eq!(page.section("Services").matches("<th scope=\"row\">").count(), 1);
    }

    // What `registrar verify` found is shown where the copy is.
    let teacher = admin.only("/v1/staff?code=HA-17-001").await.unwrap();
    let id = teacher["id"].as_str().unwrap();
    until(PATIENCE, "every copy equals its owner", || async { system.verify().await.is_ok() }).await;
    postgresql.execute("students", &format!("update staff_copies set full_name = 'Somebody Else' where id = '{id}'")).await.unwrap();
    assert!(system.verify().await.is_err());
    let page = browser.get("/ops/students").await;
    let compared = page.section("Copies compared with their owners");
    assert!(compared.contains("1 differ</span> (1 different)") && compared.contains("the owners run elsewhere"), "{compared}");

    // A copy that refuses an event, with a hostile reason.
    let refuse = format!("alter table staff_copies add constraint \"{HOSTILE}\" check (full_name <> 'Trần Văn Hỏng') not valid");
    postgresql.execute("students", &refuse).await.unwrap();
    admin.patch(&format!("/v1/staff/{id}"), &json!({"full_name": "Trần Văn Hỏng"})).await.unwrap().success().unwrap();
    until(PATIENCE, "the event is parked", || async { browser.get("/ops/students").await.section("Parked events").contains("Try all again") }).await;
    // Not by itself from here on.
    postgresql.execute("students", "update parked set next_attempt_at = now() + interval '1 day'").await.unwrap();
    let page = browser.get("/ops/students").await;
    let parked = page.section("Parked events");
    assert!(parked.contains("refused by &lt;script&gt;alert(1)&lt;/script&gt;") && !page.text.contains("<script"), "{}", page.text);
    assert!(page.section("Recent errors").contains("the event is parked") && !page.text.contains("Hỏng"), "{}", page.section("Recent errors"));
    let event = parked.split("name=\"event\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    assert!(event.starts_with(&format!("personnel.staff/{id}/")), "{event}");

    let again = browser.post("/ops/students/parked", &[("event", &event)]).await;
    assert_eq!((again.status, again.header("location")), (StatusCode::SEE_OTHER, "/ops/students?mended=0&failed=1"));
    assert!(browser.get(again.header("location")).await.text.contains("0 mended, 1 failed again."));
    postgresql.execute("students", &format!("alter table staff_copies drop constraint \"{HOSTILE}\"; update parked set next_attempt_at = now() + interval '1 day'")).await.unwrap();
    assert!(browser.get("/ops/students").await.section("Parked events").contains(&event), "still parked");
    let again = browser.post("/ops/students/parked", &[("event", &event)]).await;
    assert_eq!(again.header("location"), "/ops/students?mended=1&failed=0");
    let copied = postgresql.execute("students", &format!("select full_name from staff_copies where id = '{id}'")).await.unwrap();
    assert_eq!(copied, "Trần Văn Hỏng");
    assert!(browser.get("/ops/students").await.section("Parked events").contains("None."));
    let all = browser.post("/ops/students/parked", &[]).await;
    assert_eq!(all.header("location"), "/ops/students?mended=0&failed=0");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_tenants_administrator_does_not_run_the_installation() {
    let system = System::services(&registrar_tests::Setup::default()).await.unwrap();
    let password = system.folder().join("password");
    let init = ["init", "--tenant", "sandbox", "--name", "Sandbox", "--username", "vendor", "--password-file", password.to_str().unwrap()];
    assert!(system.registrar(&init).await.unwrap().status.success());
    let mut browser = Browser::new(&system.base);
    let page = browser.post("/ops/sign-in", &[("tenant", "sandbox"), ("username", "vendor"), ("password", PASSWORD)]).await;
    browser.cookie = page.header("set-cookie").split(';').next().unwrap().to_owned();
    let client = Client::anonymous(&system.base);
    let me = client.post("/v1/sessions", &json!({"tenant": "sandbox", "username": "vendor", "password": PASSWORD})).await.unwrap();
    assert_eq!(me.status, StatusCode::CREATED);
    for path in ["/ops", "/ops/identity", "/ops/students"] {
        until(PATIENCE, "the other tenant's administrator is known and refused", || async { browser.get(path).await.status == StatusCode::FORBIDDEN }).await;
    }
    assert_eq!(Browser::signed_in(&system.base, "admin").await.get("/ops").await.status, StatusCode::OK);
}
