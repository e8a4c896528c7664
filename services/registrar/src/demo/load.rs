//! Loads demo data as any vendor would: over HTTP, through the import API.

use std::time::Duration;

use anyhow::{Context, bail};
use chrono::{Datelike, NaiveDate};
use indicatif::{ProgressBar, ProgressStyle};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

use super::{
    LOGINS, PASSWORD, TENANT, files,
    schools::{Population, SHOWN},
};

/// A signed-in caller of the public API.
pub struct Loader {
    client: reqwest::Client,
    base: String,
    username: String,
    password: String,
    token: String,
}

/// What the demo shows.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// A homeroom teacher of the shown school.
    pub staff_id: String,
    /// The teacher's class.
    pub class_id: String,
}

/// How often a request is sent again.
const ATTEMPTS: usize = 3;

fn retry_after(response: &reqwest::Response) -> Duration {
    let seconds = response.headers().get(reqwest::header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    Duration::from_secs(seconds.unwrap_or(1).min(10))
}

impl Loader {
    /// Signs in.
    ///
    /// # Errors
    /// When the services do not let this user in.
    pub async fn sign_in(base: &str, username: &str, password: &str) -> anyhow::Result<Self> {
        let client = reqwest::Client::builder().timeout(Duration::from_secs(120)).build()?;
        let mut loader = Loader { client, base: base.to_owned(), username: username.to_owned(), password: password.to_owned(), token: String::new() };
        loader.renew().await?;
        Ok(loader)
    }

    async fn renew(&mut self) -> anyhow::Result<()> {
        let body = json!({"tenant": TENANT, "username": self.username, "password": self.password});
        let response = self.client.post(format!("{}/v1/sessions", self.base)).json(&body).send().await?;
        let session: Value = response.error_for_status().context("signing in")?.json().await?;
        self.token = session.get("access_token").and_then(Value::as_str).context("no access token")?.to_owned();
        Ok(())
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.base)).bearer_auth(&self.token)
    }

    /// Sends a request that can be sent again: with a new token when the old one has ended in the meantime, and when a
    /// service that cannot decide yet says so.
    async fn send(&mut self, make: impl Fn(&Self) -> RequestBuilder) -> anyhow::Result<Value> {
        let mut response = make(self).send().await?;
        for _ in 0..ATTEMPTS {
            match response.status() {
                StatusCode::UNAUTHORIZED => {
                    // Right after the first start: what the token was signed with may be on its way there.
                    tokio::time::sleep(retry_after(&response)).await;
                    self.renew().await?;
                }
                StatusCode::SERVICE_UNAVAILABLE => tokio::time::sleep(retry_after(&response)).await,
                _ => break,
            }
            response = make(self).send().await?;
        }
        let (status, url) = (response.status(), response.url().clone());
        let text = response.text().await?;
        if !status.is_success() {
            bail!("{status} from {url}: {text}");
        }
        Ok(serde_json::from_str(&text)?)
    }

    async fn get(&mut self, path: &str, wait_for: Option<&str>) -> anyhow::Result<Value> {
        self.send(|caller| match wait_for {
            Some(version) => caller.request(Method::GET, path).header("Registrar-Wait-For", version),
            None => caller.request(Method::GET, path),
        })
        .await
    }

    async fn post(&mut self, path: &str, key: &str, body: &Value) -> anyhow::Result<Value> {
        self.send(|caller| caller.request(Method::POST, path).header("Idempotency-Key", key).json(body)).await
    }

    /// Sends a file and waits for the import's end.
    async fn import(&mut self, resource: &str, file: Vec<u8>, bar: &ProgressBar) -> anyhow::Result<()> {
        let path = format!("/v1/{resource}/imports");
        let import = self.send(|caller| caller.request(Method::POST, &path).header("content-type", "text/csv").body(file.clone())).await?;
        let place = format!("{path}/{}", import.get("id").and_then(Value::as_str).context("an import without an id")?);
        let before = bar.position();
        loop {
            let import = self.get(&place, None).await?;
            let number = |field: &str| import.get(field).and_then(Value::as_u64).unwrap_or_default();
            bar.set_position(before + number("done"));
            match import.get("state").and_then(Value::as_str) {
                Some("done") if number("failed") == 0 => return Ok(()),
                Some("done" | "failed") => bail!("the import of {resource} failed: {import} {}", self.get(&format!("{place}/errors?limit=5"), None).await?),
                _ => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
    }

    /// The only record of this list.
    async fn only(&mut self, path: &str) -> anyhow::Result<Value> {
        let page = self.get(path, None).await?;
        page.pointer("/items/0").cloned().with_context(|| format!("nothing at {path}"))
    }

    /// Waits until the service behind `path` has the record's present version.
    async fn arrived(&mut self, aggregate: &str, record: &Value, path: &str) -> anyhow::Result<()> {
        let field = |name: &str| record.get(name).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned)).unwrap_or_default();
        let version = format!("{aggregate}/{}@{}", field("id"), field("version"));
        for _ in 0..150 {
            match self.get(path, Some(&version)).await {
                Err(error) if error.to_string().contains("not_yet_known") => {}
                answer => return answer.map(|_| ()),
            }
        }
        bail!("{version} did not arrive behind {path}")
    }

    /// Loads everything; what is there already is left as it is.
    ///
    /// # Errors
    /// When a service refuses something.
    pub async fn load(&mut self, population: &Population, today: NaiveDate) -> anyhow::Result<()> {
        let starts = if today.month() >= 8 { today.year() } else { today.year() - 1 };
        let year = format!("{starts}-{}", starts + 1);
        let staff = files::staff(population)?;
        let rows = population.schools.len() + 8 + staff.iter().filter(|byte| **byte == b'\n').count() - 1 + population.classes() + population.students();
        let bar = ProgressBar::new(rows as u64);
        bar.set_style(ProgressStyle::with_template("{msg:24} {bar:40} {human_pos}/{human_len} rows, {per_sec}, {eta} to go")?);
        bar.set_message("units");
        self.import("units", files::units(population)?, &bar).await?;
        let last = population.schools.last().context("no schools")?;
        let unit = self.only(&format!("/v1/units?code={}", last.code)).await?;
        for place in ["/v1/staff?limit=1", "/v1/classes?limit=1"] {
            self.arrived("identity.unit", &unit, place).await?;
        }
        bar.set_message("staff");
        self.import("staff", staff, &bar).await?;
        self.school_year(&year, starts).await?;
        let latest = self.only("/v1/staff?sort=-code&limit=1").await?;
        self.arrived("personnel.staff", &latest, "/v1/classes?limit=1").await?;
        let newest = self.only(&format!("/v1/staff?code={}", files::staff_code(last, 0))).await?;
        self.arrived("personnel.staff", &newest, "/v1/classes?limit=1").await?;
        bar.set_message("classes");
        self.import("classes", files::classes(population, &year)?, &bar).await?;
        bar.set_message("students");
        for file in files::students(population, &year, starts) {
            self.import("students", file?, &bar).await?;
        }
        bar.finish_and_clear();
        self.logins().await
    }

    async fn school_year(&mut self, code: &str, starts: i32) -> anyhow::Result<()> {
        let known = self.get(&format!("/v1/school-years?code={code}"), None).await?;
        if known.pointer("/items/0").is_some() {
            return Ok(());
        }
        let year = json!({"code": code, "name": format!("Năm học {code}"), "starts_on": format!("{starts}-09-05"), "ends_on": format!("{}-05-31", starts + 1)});
        self.post("/v1/school-years", &format!("demo-{code}"), &year).await.map(|_| ())
    }

    /// Makes the demo logins with their grants.
    async fn logins(&mut self) -> anyhow::Result<()> {
        let teacher = self.only(&format!("/v1/staff?code={SHOWN}-001")).await?;
        for (username, role, unit, hierarchy, _) in LOGINS {
            let unit = self.only(&format!("/v1/units?code={unit}")).await?;
            let staff_id = if username == "teacher" { teacher.get("id").cloned() } else { None };
            let account = json!({"username": username, "display_name": username, "password": PASSWORD, "unit_id": unit.get("id"), "staff_id": staff_id});
            let account = without_nulls(account);
            let account = self.post("/v1/accounts", &format!("demo-{username}"), &account).await?;
            let grant = json!({"account_id": account.get("id"), "role": role, "unit_id": unit.get("id"), "hierarchy": hierarchy});
            self.post("/v1/grants", &format!("demo-{username}-{role}"), &grant).await?;
        }
        Ok(())
    }

    /// A homeroom teacher of the shown school and the teacher's class.
    ///
    /// # Errors
    /// When the data are not there.
    pub async fn shown(&mut self) -> anyhow::Result<Loaded> {
        let unit = self.only(&format!("/v1/units?code={SHOWN}")).await?;
        let id = |value: &Value| value.get("id").and_then(Value::as_str).map(str::to_owned).unwrap_or_default();
        let staff = self.only(&format!("/v1/staff?code={SHOWN}-001")).await?;
        let classes = self.get(&format!("/v1/classes?unit_id={}&limit=200&fields=*", id(&unit)), None).await?;
        let own = classes.get("items").and_then(Value::as_array).into_iter().flatten().find(|class| class.pointer("/homeroom_teacher/id") == staff.get("id"));
        Ok(Loaded { staff_id: id(&staff), class_id: id(own.context("no class of the teacher")?) })
    }
}

fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(fields.into_iter().filter(|(_, field)| !field.is_null()).collect()),
        other => other,
    }
}
