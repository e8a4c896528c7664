//! What is measured: one process per service, as deployed, over durable private servers, filled through the API.

use std::{fmt::Write, net::SocketAddr, path::Path, time::Instant};

use anyhow::{Context, Result, bail, ensure};
use registrar_personnel::staff::columns::COLUMNS;
use registrar_tests::{Client, Setup, System};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::built;

/// Accounts that sign in at the same time.
pub const SIGNING_IN: usize = 200;

/// Members of staff in one file: with every field, about half of what a file may hold.
const FILE: usize = 50_000;

/// How much of what there is.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Members of staff.
    pub staff: usize,
    /// Schools they work in.
    pub schools: usize,
    /// Grants of the account that has many.
    pub grants: usize,
}

/// A filled installation.
pub struct Installation {
    /// The processes and servers.
    pub system: System,
    /// Its administrator.
    pub administrator: Client,
    /// What is in it.
    pub size: Size,
    folder: TempDir,
}

/// The rows of the largest import.
pub struct Imported {
    /// Rows a second, from sending the file to the end of the job.
    pub rate: f64,
}

impl Installation {
    /// Starts everything, empty but for units and accounts.
    pub async fn start(size: Size) -> Result<Self> {
        let program = built("registrar");
        let system = System::services(&Setup { program, durable: true, ..Setup::default() }).await?;
        let administrator = Client::sign_in(&system.base, "admin").await?;
        let installation = Installation { system, administrator, size, folder: tempfile::tempdir()? };
        installation.fill().await?;
        Ok(installation)
    }

    async fn fill(&self) -> Result<()> {
        let mut units = "code,name,kind,education_levels,opened_on,administrative,professional\n".to_owned();
        let root = self.administrator.only("/v1/units").await?.get("code").and_then(Value::as_str).context("no root")?.to_owned();
        writeln!(units, "SO,Sở GDĐT,department,,2000-01-01,{root}@2000-01-01/..,{root}@2000-01-01/..")?;
        for school in 0..self.size.schools {
            writeln!(units, "T{school:04},Trường Tiểu học số {school},primary,TH,2000-01-01,SO@2000-01-01/..,SO@2000-01-01/..")?;
        }
        self.import("/v1/units", units).await?;
        let mut accounts = "username,display_name,unit_code\n".to_owned();
        for (username, unit) in [("officer", "SO"), ("head", "T0001"), ("many", "SO")] {
            writeln!(accounts, "{username},Người {username},{unit}")?;
        }
        let teachers: Vec<String> = (0..SIGNING_IN).map(|number| format!("teacher{number}")).collect();
        for teacher in &teachers {
            writeln!(accounts, "{teacher},Giáo viên {teacher},T0001")?;
        }
        self.import("/v1/accounts", accounts).await?;
        let mut grants = "username,role,unit_code,valid_from\nofficer,officer,SO,2020-01-01\nhead,head_teacher,T0001,2020-01-01\n".to_owned();
        for number in 0..self.size.grants {
            let roles = ["clerk", "teacher", "viewer", "officer", "head_teacher"];
            let (school, role) = (number % self.size.schools, roles.get(number / self.size.schools % roles.len()).context("no role")?);
            writeln!(grants, "many,{role},T{school:04},{}-01-01", 2000 + number / self.size.schools / roles.len())?;
        }
        self.import("/v1/grants", grants).await?;
        for username in ["officer", "head", "many"].into_iter().chain(teachers.iter().map(String::as_str)) {
            let account = self.administrator.only(&format!("/v1/accounts?username={username}")).await?;
            let id = account.get("id").and_then(Value::as_str).context("no account")?;
            self.administrator.post(&format!("/v1/accounts/{id}/password"), &json!({"password": registrar::demo::PASSWORD})).await?.success()?;
        }
        Ok(())
    }

    /// Imports all members of staff with every field: the row of the template, with what must differ.
    pub async fn staff(&self) -> Result<Imported> {
        let numbers: Vec<usize> = (0..self.size.staff).collect();
        let files = numbers.chunks(FILE).map(|numbers| self.file(numbers)).collect::<Result<Vec<_>>>()?;
        let started = Instant::now();
        for file in files {
            self.import("/v1/staff", file).await?;
        }
        Ok(Imported { rate: self.size.staff as f64 / started.elapsed().as_secs_f64() })
    }

    /// One school after another, as registers are.
    fn file(&self, numbers: &[usize]) -> Result<String> {
        let fields: Vec<&str> = COLUMNS.iter().map(|column| column.field.as_str()).filter(|field| !["ended_on", "end_reason"].contains(field)).collect();
        let mut file = fields.join(",") + "\n";
        for number in numbers.iter().copied() {
            for (place, column) in COLUMNS.iter().filter(|column| fields.contains(&column.field.as_str())).enumerate() {
                let separator = if place == 0 { "" } else { "," };
                match column.field.as_str() {
                    "code" => write!(file, "{separator}G{number:06}")?,
                    "full_name" => write!(file, "{separator}Nguyễn Thị {} {}", name(number / 677), name(number))?,
                    "personal_number" => write!(file, "{separator}048190{number:06}")?,
                    "unit_code" => write!(file, "{separator}T{:04}", number * self.size.schools / self.size.staff)?,
                    _ => write!(file, "{separator}\"{}\"", column.example)?,
                }
            }
            file.push('\n');
        }
        Ok(file)
    }

    async fn import(&self, resource: &str, file: String) -> Result<()> {
        let path = format!("{resource}/imports?mode=valid_rows");
        let sent = self.administrator.send_bytes(reqwest::Method::POST, &path, &[("content-type", "text/csv")], Some(file.into_bytes())).await?;
        let job = sent.success()?.header("location");
        loop {
            let import = self.administrator.get(&job).await?.success()?;
            match import.text("/state").as_str() {
                "done" if import.at("/failed") == 0 => return Ok(()),
                "queued" | "running" => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
                _ => bail!("{resource}: {} {}", import.body, self.administrator.get(&format!("{job}/errors?limit=5")).await?.body),
            }
        }
    }

    /// The bearer token of an account.
    pub async fn token(&self, username: &str) -> Result<String> {
        let anonymous = Client::anonymous(&self.system.base);
        let body = json!({"tenant": registrar::demo::TENANT, "username": username, "password": registrar::demo::PASSWORD});
        Ok(anonymous.post("/v1/sessions", &body).await?.success()?.text("/access_token"))
    }

    /// Where a service answers.
    pub fn address(&self, service: &str) -> Result<SocketAddr> {
        self.system.address(service)
    }

    /// A service's database.
    pub fn url(&self, service: &str) -> Result<String> {
        Ok(self.system.servers.as_ref().context("no servers")?.postgresql.url(service))
    }

    /// Runs SQL in a service's database.
    pub async fn sql(&self, service: &str, sql: &str) -> Result<String> {
        self.system.servers.as_ref().context("no servers")?.postgresql.execute(service, sql).await
    }

    /// For files of the run.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What a service's process holds in memory with those that it has started, in MB.
    pub fn memory(&self, service: &str) -> Result<u64> {
        let process = self.system.process(service)?;
        let mut kilobytes = held(process)?;
        // A thread or process that has ended meanwhile holds nothing.
        for thread in std::fs::read_dir(format!("/proc/{process}/task"))?.flatten() {
            let started = std::fs::read_to_string(thread.path().join("children")).unwrap_or_default();
            kilobytes += started.split_whitespace().filter_map(|child| held(child.parse().ok()?).ok()).sum::<u64>();
        }
        Ok(kilobytes >> 10)
    }
}

/// What a process holds in memory, in kB.
fn held(process: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    let kilobytes = line.trim().trim_end_matches("kB").trim().parse()?;
    ensure!(kilobytes > 0, "no memory");
    Ok(kilobytes)
}

/// A short word of letters for a number.
fn name(number: usize) -> String {
    let letter = |part: usize| char::from(b'a' + u8::try_from(part % 26).unwrap_or_default());
    format!("{}{}", letter(number / 26).to_ascii_uppercase(), letter(number))
}
