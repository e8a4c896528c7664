//! Secrets that change while everybody works: signing keys, and the password of the databases.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "clippy does not see that functions beside tests are of tests")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use registrar::demo::{PASSWORD, TENANT};
use registrar_servers::PostgreSql;
use registrar_tests::{Client, Mode, ROLE, Setup, System, until};
use reqwest::StatusCode;
use serde_json::json;
use tokio::task::JoinHandle;

/// A new key is looked for every half minute and signs a minute later.
const ROTATION: Duration = Duration::from_secs(180);
/// The longest anything else may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// Tokens live five minutes.
const NEARLY_A_LIFE: Duration = Duration::from_secs(240);
/// One request to each service.
const READS: [&str; 4] = ["/v1/units?limit=1", "/v1/staff?limit=1", "/v1/classes?limit=1", "/v1/reports/headcounts?subject=staff"];

/// A session that is continued again and again: each token is a new one.
struct Session {
    anonymous: Client,
    refresh: String,
}

impl Session {
    async fn begin(base: &str) -> Self {
        let anonymous = Client::anonymous(base);
        let credentials = json!({"tenant": TENANT, "username": "admin", "password": PASSWORD});
        let session = anonymous.post("/v1/sessions", &credentials).await.unwrap().success().unwrap();
        Session { anonymous, refresh: session.text("/refresh_token") }
    }

    /// The next access token.
    async fn token(&mut self) -> String {
        let session = self.anonymous.post("/v1/sessions/refresh", &json!({ "refresh_token": self.refresh })).await.unwrap().success().unwrap();
        self.refresh = session.text("/refresh_token");
        session.text("/access_token")
    }
}

/// Two people at work: they read in every service, and one writes, again and again; none of it may fail. One has a new
/// token each time, the other keeps a token for nearly as long as it lives.
struct Work {
    over: Arc<AtomicBool>,
    done: Arc<AtomicUsize>,
    people: Vec<JoinHandle<()>>,
}

impl Work {
    fn begin(base: &str, staff: Option<String>) -> Self {
        let (over, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let person = |number: usize| {
            let (base, staff, over, done) = (base.to_owned(), staff.clone(), over.clone(), done.clone());
            tokio::spawn(async move {
                let mut session = Session::begin(&base).await;
                let token = session.token().await;
                let mut client = session.anonymous.with_token(token);
                let mut since = tokio::time::Instant::now();
                while !over.load(Ordering::SeqCst) {
                    if number == 0 || since.elapsed() > NEARLY_A_LIFE {
                        client = client.with_token(session.token().await);
                        since = tokio::time::Instant::now();
                    }
                    for path in READS {
                        let answer = client.get(path).await.unwrap();
                        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.body);
                    }
                    if let (1, Some(staff)) = (number, &staff) {
                        let name = ["Nguyễn Văn An", "Nguyễn Văn Bình"][done.load(Ordering::SeqCst) % 2];
                        let answer = client.patch(&format!("/v1/staff/{staff}"), &json!({ "full_name": name })).await.unwrap();
                        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
                    }
                    done.fetch_add(1, Ordering::SeqCst);
                }
            })
        };
        Work { people: (0..2).map(person).collect(), over, done }
    }

    /// Waits until everybody has gone on working for a while.
    async fn goes_on(&self) {
        let from = self.done.load(Ordering::SeqCst);
        until(PATIENCE, "the work goes on", || async { self.done.load(Ordering::SeqCst) >= from + 10 || self.people.iter().any(JoinHandle::is_finished) }).await;
        assert!(!self.people.iter().any(JoinHandle::is_finished), "somebody's request failed");
    }

    async fn end(self) {
        self.over.store(true, Ordering::SeqCst);
        for person in self.people {
            person.await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signing_key_is_replaced_without_anybody_noticing() {
    let system = System::start(Mode::Services, 100).await.unwrap();
    let postgresql = &system.servers.as_ref().unwrap().postgresql;
    let keys = async |service: &'static str| postgresql.execute(service, "select string_agg(kid, ',' order by kid) from signing_keys").await.unwrap();
    let session = tokio::sync::Mutex::new(Session::begin(&system.base).await);
    let signing = async || key_of(&session.lock().await.token().await);
    let before = signing().await;
    let work = Work::begin(&system.base, None);
    work.goes_on().await;

    // The key has signed for its thirty days.
    postgresql.execute("identity", "update signing_keys set not_before = not_before - interval '31 days'").await.unwrap();
    until(ROTATION, "another key is made", || async { keys("identity").await.contains(',') }).await;
    let all = keys("identity").await;
    for service in ["personnel", "students", "reporting"] {
        until(PATIENCE, "every service knows the new key before it signs", || async { keys(service).await == all }).await;
    }
    assert_eq!(signing().await, before, "the old key signs until everybody knows the new one");
    until(ROTATION, "the new key signs", || async { signing().await != before }).await;
    // Tokens of both keys are at work now.
    work.goes_on().await;
    work.end().await;
}

/// The id of the key in a token's header.
fn key_of(token: &str) -> String {
    let header = token.split('.').next().unwrap();
    let bits: Vec<u8> =
        header.bytes().map(|byte| u8::try_from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".find(char::from(byte)).unwrap()).unwrap()).collect();
    let bytes: Vec<u8> = bits
        .chunks(4)
        .flat_map(|group| {
            let number = group.iter().enumerate().fold(0_u32, |number, (place, six)| number | u32::from(*six) << (18 - 6 * place));
            number.to_be_bytes()[1..group.len()].to_vec()
        })
        .collect();
    let header: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    header["kid"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_password_of_the_databases_changes_without_anybody_noticing() {
    // Only a durable PostgreSQL asks for passwords.
    let system = System::services(&Setup { durable: true, password_file: true, ..Setup::default() }).await.unwrap();
    system.load(100).await.unwrap();
    let postgresql = &system.servers.as_ref().unwrap().postgresql;
    let admin = Client::sign_in(&system.base, "admin").await.unwrap();
    let staff = admin.only("/v1/staff").await.unwrap()["id"].as_str().unwrap().to_owned();
    let work = Work::begin(&system.base, Some(staff));
    work.goes_on().await;

    // Between the two steps the database still wants the former password.
    std::fs::write(system.password_file(), "the second password").unwrap();
    new_connections(postgresql, &admin, 6).await;
    postgresql.execute("postgres", &format!("alter role {ROLE} password 'the second password'")).await.unwrap();
    new_connections(postgresql, &admin, 24).await;
    work.goes_on().await;
    work.end().await;

    // It is the file that counts: with the former password nobody gets in.
    std::fs::write(system.password_file(), "the first password").unwrap();
    assert!(system.verify().await.unwrap_err().to_string().contains("password"), "the former password must not work");
}

/// Sends so many requests at once while none of them can end, each on a connection of its own: new ones are made.
async fn new_connections(postgresql: &PostgreSql, admin: &Client, requests: usize) {
    let now = postgresql.execute("personnel", "select clock_timestamp()").await.unwrap();
    let hold = postgresql.execute("personnel", "begin; lock table staff in access exclusive mode; select pg_sleep(1); commit");
    let crowd = async {
        let held = "select count(*) from pg_locks where mode = 'AccessExclusiveLock' and granted and relation = 'staff'::regclass";
        until(PATIENCE, "the table is locked", || async { postgresql.execute("personnel", held).await.unwrap() != "0" }).await;
        let requests: Vec<_> = (0..requests)
            .map(|_| {
                let admin = admin.clone();
                tokio::spawn(async move { admin.get("/v1/staff?status=active&limit=1").await.unwrap().status })
            })
            .collect();
        for request in requests {
            assert_eq!(request.await.unwrap(), StatusCode::OK);
        }
    };
    let (held, ()) = tokio::join!(hold, crowd);
    held.unwrap();
    let fresh = format!("select count(*) from pg_stat_activity where datname = 'personnel' and usename = '{ROLE}' and backend_start > '{now}'");
    assert_ne!(postgresql.execute("personnel", &fresh).await.unwrap(), "0", "no new connection was made");
}
