//! The work that is measured, each kind beside its baseline.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::{
    baseline::{Broker, argon2, pgbench},
    installation::Installation,
    load::{Connection, Load, Requests, load, probe},
    report::{Figure, Limit},
};

/// Connections of a load, and of pgbench.
const CONNECTIONS: usize = 32;

/// What is started, a process each.
pub(super) const SERVICES: [&str; 4] = ["identity", "personnel", "students", "reporting"];

/// The callers whose reads are measured, and what they are.
const CALLERS: [(&str, &str); 3] = [("officer", "officer of the department"), ("head", "head of one school"), ("many", "5,000 grants")];

/// Measures for so long at a time.
pub struct Work<'a> {
    pub(super) installation: &'a Installation,
    time: Duration,
    tenant: String,
    /// The ids of staff by school, in the order of their codes.
    ids: BTreeMap<usize, Vec<String>>,
}

/// A request from somebody, without a body.
pub(super) fn get(path: &str, token: &str, more: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n{more}\r\n").into_bytes()
}

fn connections(next: impl Fn() -> Vec<u8> + Clone + Send + 'static) -> Vec<Box<dyn Requests>> {
    (0..CONNECTIONS).map(|_| Box::new((next.clone(), Vec::new())) as Box<dyn Requests>).collect()
}

/// One after another of a list, from wherever others are in it.
fn taken<T: Clone>(list: &[T], next: &AtomicUsize) -> Result<T> {
    list.get(next.fetch_add(7919, Ordering::Relaxed) % list.len().max(1)).cloned().context("an empty list")
}

impl<'a> Work<'a> {
    /// Learns what there is.
    pub async fn new(installation: &'a Installation, time: Duration) -> Result<Self> {
        let listed = installation.sql("personnel", "select substr(u.code, 2)::int, s.id from staff s join units u on u.id = s.unit_id order by s.code").await?;
        let mut ids: BTreeMap<usize, Vec<String>> = BTreeMap::new();
        for line in listed.lines() {
            let (school, id) = line.split_once('|').context("no id")?;
            ids.entry(school.parse()?).or_default().push(id.to_owned());
        }
        ensure!(ids.values().map(Vec::len).sum::<usize>() == installation.size.staff, "not all staff are there");
        let tenant = installation.sql("personnel", "select id from units where id = tenant_id").await?.trim().to_owned();
        let work = Work { installation, time, tenant, ids };
        work.settled().await?;
        // What a copy of each record leaves to do would be done while others read.
        for service in SERVICES {
            installation.sql(service, "vacuum analyze").await?;
        }
        installation.sql("personnel", "checkpoint").await?;
        Ok(work)
    }

    /// Those whom a caller may read.
    pub(super) fn read_by(&self, caller: &str) -> Vec<String> {
        self.ids.iter().filter(|(school, _)| caller != "head" || **school == 1).flat_map(|(_, ids)| ids.clone()).collect()
    }

    async fn baseline(&self, script: &str) -> Result<f64> {
        pgbench(self.installation, "personnel", &script.replace("{tenant}", &self.tenant), CONNECTIONS, self.time).await
    }

    /// What is measured, and what the machine itself did before and after it: it is not equally fast all the time.
    async fn beside<T>(&self, script: &str, measured: impl Future<Output = Result<T>>) -> Result<(T, f64)> {
        let before = self.baseline(script).await?;
        let measured = measured.await?;
        Ok((measured, before.midpoint(self.baseline(script).await?)))
    }

    async fn load(&self, status: u16, next: impl Fn() -> Vec<u8> + Clone + Send + 'static) -> Result<Load> {
        load(self.installation.address("personnel")?, self.time, status, connections(next)).await
    }

    /// Single records, whole and as known already.
    pub async fn reads(&self) -> Result<Vec<Figure>> {
        let last = self.installation.size.staff - 1;
        let by_key = format!("\\set n random(0, {last})\nselect * from staff where code = 'G' || lpad(:n::text, 6, '0') and tenant_id = '{{tenant}}';\n");
        let mut figures = Vec::new();
        for (caller, who) in CALLERS {
            let token = self.installation.token(caller).await?;
            let ids: &'static [String] = Vec::leak(self.read_by(caller));
            let next: &'static AtomicUsize = Box::leak(Box::default());
            let bearer = token.clone();
            let whole = self.load(200, move || get(&format!("/v1/staff/{}", taken(ids, next).unwrap_or_default()), &bearer, ""));
            let (whole, selected) = self.beside(&by_key, whole).await?;
            figures.push(Figure::rate(&format!("GET /v1/staff/{{id}}, {who}"), &whole, selected, Limit::Least(0.3)));
            let known: &'static [(String, String)] = Vec::leak(self.etags(&token, ids).await?);
            let unchanged = self.load(304, move || {
                let (id, etag) = taken(known, next).unwrap_or_default();
                get(&format!("/v1/staff/{id}"), &token, &format!("If-None-Match: {etag}\r\n"))
            });
            let (unchanged, selected) = self.beside(&by_key, unchanged).await?;
            figures.push(Figure::rate(&format!("the same with If-None-Match: 304, {who}"), &unchanged, selected, Limit::Least(0.6)));
        }
        Ok(figures)
    }

    async fn etags(&self, token: &str, ids: &[String]) -> Result<Vec<(String, String)>> {
        let mut connection = Connection::open(self.installation.address("personnel")?).await?;
        let mut known = Vec::new();
        for id in ids.iter().take(2000) {
            ensure!(connection.exchange(&get(&format!("/v1/staff/{id}"), token, "")).await? == 200, "{}", connection.body());
            known.push((id.clone(), connection.header("etag").context("no ETag")?));
        }
        Ok(known)
    }

    /// Pages of the list.
    pub async fn pages(&self) -> Result<Vec<Figure>> {
        let columns = "id, version, code, full_name, gender, position, education_level, status, unit_id";
        let last = self.installation.size.staff - 60;
        let page = format!(
            "\\set n random({}, {last})\nselect {columns} from staff where tenant_id = '{{tenant}}' and code > 'G' || lpad(:n::text, 6, '0') order by code limit 50;\n",
            last / 2
        );
        let mut figures = Vec::new();
        for (caller, who) in CALLERS {
            let token = self.installation.token(caller).await?;
            let cursors = self.cursors(&token, if caller == "head" { 50 } else { 200 }).await?;
            let first = self
                .load(200, {
                    let token = token.clone();
                    move || get("/v1/staff?limit=50&sort=code", &token, "")
                })
                .await?;
            let end = cursors.last().cloned().context("one page only")?;
            let deep: &'static [String] = Vec::leak(cursors.into_iter().rev().take(500).collect());
            let next: &'static AtomicUsize = Box::leak(Box::default());
            let bearer = token.clone();
            let deep = self.load(200, move || get(&format!("/v1/staff?limit=50&sort=code&cursor={}", taken(deep, next).unwrap_or_default()), &bearer, ""));
            let (deep, selected) = self.beside(&page, deep).await?;
            figures.push(Figure::rate(&format!("GET /v1/staff?limit=50, deep, {who}"), &deep, selected, Limit::Least(0.6)));
            let end = self.load(200, move || get(&format!("/v1/staff?limit=50&sort=code&cursor={end}"), &token, "")).await?;
            figures.push(Figure::times(&format!("last page against the first, {who}"), (end.p50, first.p50), Limit::Most(1.2)));
        }
        Ok(figures)
    }

    pub(super) async fn cursors(&self, token: &str, step: usize) -> Result<Vec<String>> {
        let mut connection = Connection::open(self.installation.address("personnel")?).await?;
        let (mut cursors, mut path) = (Vec::new(), format!("/v1/staff?limit={step}&sort=code"));
        loop {
            ensure!(connection.exchange(&get(&path, token, "")).await? == 200, "{}", connection.body());
            let body: Value = serde_json::from_str(&connection.body())?;
            let Some(cursor) = body.get("next_cursor").and_then(Value::as_str) else { return Ok(cursors) };
            path = format!("/v1/staff?limit={step}&sort=code&cursor={cursor}");
            cursors.push(cursor.to_owned());
        }
    }

    /// Edits.
    pub async fn edits(&self) -> Result<Vec<Figure>> {
        self.installation.sql("personnel", COPIES).await?;
        let last = self.installation.size.staff - 1;
        let token = self.installation.token("admin").await?;
        let ids: &'static [String] = Vec::leak(self.read_by("admin"));
        let next: &'static AtomicUsize = Box::leak(Box::default());
        let edit = move || {
            let number = next.load(Ordering::Relaxed);
            patch(&taken(ids, next).unwrap_or_default(), &token, number)
        };
        // After a checkpoint PostgreSQL logs every page whole once: for each of the three, or it would be for the first alone.
        let checkpoint = || self.installation.sql("personnel", "checkpoint");
        checkpoint().await?;
        let edits = async {
            checkpoint().await?;
            let edits = self.load(200, edit).await?;
            checkpoint().await?;
            Ok(edits)
        };
        let (edits, transactions) = self.beside(&EDIT.replace("{last}", &last.to_string()), edits).await?;
        Ok(vec![Figure::rate("PATCH /v1/staff/{id}", &edits, transactions, Limit::Least(0.8))])
    }

    /// From the commit in personnel to the commit of the copy in students.
    pub async fn fan_out(&self) -> Result<Vec<Figure>> {
        let url = &self.installation.system.servers.as_ref().context("no servers")?.rabbitmq.url();
        let mut broker = Broker::open(url).await?;
        let bare = broker.latency(100, self.time).await?;
        self.settled().await?;
        let token = self.installation.token("admin").await?;
        let mut connection = Connection::open(self.installation.address("personnel")?).await?;
        let mut tick = tokio::time::interval(Duration::from_millis(10));
        let ids: Vec<String> = self.read_by("admin").into_iter().step_by(17).take(100 * usize::try_from(self.time.as_secs())?).collect();
        let started = self.now().await?;
        for (number, id) in ids.iter().enumerate() {
            tick.tick().await;
            ensure!(connection.exchange(&patch(id, &token, number + 1_000_000)).await? == 200, "{}", connection.body());
        }
        self.settled().await?;
        let edits = Load::of(self.travelled(&started).await?, self.time)?;
        let bare_rate = broker.sustained(256, 50_000).await?;
        let rows = 50_000.min(self.installation.size.staff);
        let started = self.now().await?;
        self.installation
            .sql("personnel", &format!("update staff set phone = '0911' || lpad((version % 1000000)::text, 6, '0') where id in (select id from staff order by code limit {rows})"))
            .await?;
        self.settled().await?;
        let longest = self.travelled(&started).await?.into_iter().max().context("nothing travelled")?;
        let sustained = rows as f64 / longest.as_secs_f64();
        Ok(vec![
            Figure::times("fan-out at 100 edits/s, p50", (edits.p50, bare.p50), Limit::Most(8.0)),
            Figure::times("fan-out at 100 edits/s, p99", (edits.p99, bare.p99), Limit::Most(6.0)),
            Figure::of("fan-out sustained", sustained, bare_rate, "events/s", Limit::Least(0.3)),
        ])
    }

    async fn now(&self) -> Result<String> {
        Ok(self.installation.sql("personnel", "select clock_timestamp()").await?.trim().to_owned())
    }

    /// Waits until every service has every version of every member of staff, and has nothing left to do with them: what is
    /// measured next has the machine to itself.
    pub(super) async fn settled(&self) -> Result<()> {
        const COPIES: [(&str, &str); 3] = [("students", "staff_copies"), ("identity", "staff_names"), ("reporting", "staff_statistics")];
        let deadline = Instant::now() + Duration::from_secs(600);
        let sum = |table: &str| format!("select sum(version) from {table}");
        let entered = self.installation.sql("personnel", &sum("staff")).await?;
        for (service, copy) in COPIES {
            while self.installation.sql(service, &sum(copy)).await? != entered || self.pending(service).await? {
                ensure!(Instant::now() < deadline, "{service} does not catch up");
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
        Ok(())
    }

    async fn pending(&self, service: &str) -> Result<bool> {
        let left = if service == "reporting" { "headcount_pending" } else { "outbox" };
        Ok(self.installation.sql(service, &format!("select exists (select from {left})")).await?.trim() == "t")
    }

    /// How long each edit since then took to be committed there; one cluster has one clock.
    async fn travelled(&self, since: &str) -> Result<Vec<Duration>> {
        let committed = |table: &str| format!("select id, extract(epoch from pg_xact_commit_timestamp(xmin)) from {table} where pg_xact_commit_timestamp(xmin) > '{since}'");
        let parse = |text: String| {
            let line = |line: &str| Some((line.split_once('|')?.0.to_owned(), line.split_once('|')?.1.parse::<f64>().ok()?));
            text.lines().filter_map(line).collect::<BTreeMap<String, f64>>()
        };
        let (entered, shown) = (parse(self.installation.sql("personnel", &committed("staff")).await?), parse(self.installation.sql("students", &committed("staff_copies")).await?));
        Ok(entered.iter().filter_map(|(id, at)| Some(Duration::from_secs_f64((shown.get(id)? - at).max(0.0)))).collect())
    }

    /// Signing in, and what others notice of it.
    pub async fn sign_ins(&self) -> Result<Vec<Figure>> {
        // A hundred probes a second: their slowest hundredth is steady only over many seconds.
        let time = self.time * 3;
        let alone = argon2(self.time).await?;
        let token = self.installation.token("officer").await?;
        let ids: &'static [String] = Vec::leak(self.read_by("officer"));
        let next: &'static AtomicUsize = Box::leak(Box::default());
        let some = |time: Duration| {
            let token = token.clone();
            let reads = Box::new((move || get(&format!("/v1/staff/{}", taken(ids, next).unwrap_or_default()), &token, ""), Vec::new()));
            let address = self.installation.address("personnel");
            async move { probe(address?, time, Duration::from_millis(10), 200, reads).await }
        };
        let before = some(time).await?;
        let usernames: &'static AtomicUsize = Box::leak(Box::default());
        let sign_in = move || sign_in(usernames.fetch_add(1, Ordering::Relaxed));
        let signing_in: Vec<Box<dyn Requests>> = (0..8).map(|_| Box::new((sign_in, Vec::new())) as Box<dyn Requests>).collect();
        let (signed_in, meanwhile) = tokio::join!(load(self.installation.address("identity")?, time, 201, signing_in), some(time));
        Ok(vec![
            Figure::rate("sign-in", &signed_in?, alone, Limit::Least(0.8)),
            Figure::times("p99 of other requests meanwhile against before", (meanwhile?.p99, before.p99), Limit::Most(2.0)),
        ])
    }

    /// The import that filled the installation, beside `COPY` of the same rows into a table like theirs.
    pub async fn import(&self, rate: f64) -> Result<Vec<Figure>> {
        let file = "/tmp/registrar-bench-staff.copy";
        self.installation.sql("personnel", &format!("copy staff to '{file}'; create table bench_copy (like staff including all)")).await?;
        let started = Instant::now();
        self.installation.sql("personnel", &format!("copy bench_copy from '{file}'")).await?;
        let copy = self.installation.size.staff as f64 / started.elapsed().as_secs_f64();
        self.installation.sql("personnel", "drop table bench_copy").await?;
        std::fs::remove_file(file)?;
        Ok(vec![Figure::of("import, all fields", rate, copy, "rows/s", Limit::Least(0.1)), Figure::of("import, rows a second", rate, 5000.0, "rows/s", Limit::Least(1.0))])
    }

    /// What each process holds.
    pub fn memory(installation: &Installation, most: f64) -> Result<Vec<Figure>> {
        SERVICES.into_iter().map(|service| Ok(Figure::of(&format!("memory of {service}"), installation.memory(service)? as f64, most, "MB", Limit::Most(1.0)))).collect()
    }
}

pub(super) fn sign_in(number: usize) -> Vec<u8> {
    let number = number % super::installation::SIGNING_IN;
    let body = format!("{{\"tenant\":\"{}\",\"username\":\"teacher{number}\",\"password\":\"{}\"}}", registrar::demo::TENANT, registrar::demo::PASSWORD);
    // Each at home: so many from one address would be refused.
    format!("POST /v1/sessions HTTP/1.1\r\nHost: bench\r\nX-Forwarded-For: 192.0.2.{number}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len())
        .into_bytes()
}

pub(super) fn patch(id: &str, token: &str, number: usize) -> Vec<u8> {
    let body = format!("{{\"phone\":\"09{:08}\"}}", number % 100_000_000);
    format!(
        "PATCH /v1/staff/{id} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\nIf-Match: *\r\nContent-Type: application/merge-patch+json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// Tables like ours without triggers, for the transaction of [`EDIT`].
const COPIES: &str = "
    create table bench_staff (like staff including all);
    insert into bench_staff select * from staff;
    create table bench_history (like history including all);
    create table bench_outbox (like outbox including all);
    analyze bench_staff";

/// What an edit cannot do without.
const EDIT: &str = "\\set n random(0, {last})
begin;
select * from bench_staff where code = 'G' || lpad(:n::text, 6, '0') and tenant_id = '{tenant}' for update;
update bench_staff set phone = '0912345678', version = version + 1, change_xid = pg_current_xact_id()::text::bigint, changed_at = now() where code = 'G' || lpad(:n::text, 6, '0') and tenant_id = '{tenant}';
insert into bench_history select 'personnel.staff', id, tenant_id, version, to_jsonb(bench_staff) from bench_staff where code = 'G' || lpad(:n::text, 6, '0') and tenant_id = '{tenant}';
insert into bench_outbox (aggregate, id, version) select 'personnel.staff', id, version from bench_staff where code = 'G' || lpad(:n::text, 6, '0') and tenant_id = '{tenant}';
commit;
";
