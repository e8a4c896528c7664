//! A process that is asked to end while everybody works: what it has begun it finishes, what it has answered is kept and
//! reaches the others after the restart.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "clippy does not see that functions beside tests are of tests")]

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use registrar::demo::{PASSWORD, TENANT};
use registrar_tests::{Client, Mode, System, until};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// The longest anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// Connections that write, and connections that read.
const WRITERS: usize = 6;
const READERS: usize = 4;

/// What came back on a connection of its own.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    /// A whole answer with its status.
    Whole(u16),
    /// Nothing: the connection was refused, or closed before anything was answered.
    Nothing,
    /// The beginning of an answer.
    Cut(usize),
}

/// Sends a request and reads all that comes, byte by byte as it is on the wire.
async fn raw(address: SocketAddr, request: &str) -> Answer {
    let Ok(mut stream) = TcpStream::connect(address).await else { return Answer::Nothing };
    let mut bytes = Vec::new();
    if stream.write_all(request.as_bytes()).await.is_ok() {
        // An error here is a connection that was reset: what came before it counts.
        let _ = stream.read_to_end(&mut bytes).await;
    }
    if bytes.is_empty() {
        return Answer::Nothing;
    }
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { return Answer::Cut(bytes.len()) };
    let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")).map_or(0, |length| length.trim().parse::<usize>().unwrap());
    let status = head.split_whitespace().nth(1).unwrap().parse().unwrap();
    if bytes.len() == end + 4 + length { Answer::Whole(status) } else { Answer::Cut(bytes.len()) }
}

fn patch(token: &str, id: &str, name: &str) -> String {
    let body = json!({ "full_name": name }).to_string();
    format!(
        "PATCH /v1/staff/{id} HTTP/1.1\r\nHost: registrar\r\nAuthorization: Bearer {token}\r\nIf-Match: *\r\nContent-Type: application/merge-patch+json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

fn get(token: &str) -> String {
    format!("GET /v1/staff?limit=200&fields=* HTTP/1.1\r\nHost: registrar\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n")
}

/// A name that is a name: letters only.
fn name(writer: usize, number: usize) -> String {
    let letters = |number: usize| number.to_string().bytes().map(|digit| char::from(digit - b'0' + b'a')).collect::<String>();
    format!("Nguyễn Văn A{} B{}", letters(writer), letters(number))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_orderly_end_loses_no_answered_write_and_cuts_no_answer() {
    let mut system = System::start(Mode::Services, 400).await.unwrap();
    let admin = Client::sign_in(&system.base, "admin").await.unwrap();
    let session = admin.post("/v1/sessions", &json!({"tenant": TENANT, "username": "admin", "password": PASSWORD})).await.unwrap().success().unwrap();
    let token = session.text("/access_token");
    let page = admin.get("/v1/staff?limit=50&fields=id").await.unwrap().success().unwrap();
    let ids: Vec<String> = page.at("/items").as_array().unwrap().iter().map(|staff| staff["id"].as_str().unwrap().to_owned()).collect();
    let address = system.address("personnel").unwrap();
    until(PATIENCE, "every copy equals its owner", || async { system.verify().await.is_ok() }).await;

    let (over, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let (token, id, over, answered) = (token.clone(), ids[writer].clone(), over.clone(), answered.clone());
            tokio::spawn(async move {
                // Of each writer's own record: the last name that was answered, and the last that was sent.
                let (mut number, mut last) = (0, 0);
                while !over.load(Ordering::SeqCst) {
                    number += 1;
                    match raw(address, &patch(&token, &id, &name(writer, number))).await {
                        Answer::Whole(200) => last = number,
                        Answer::Nothing => tokio::time::sleep(Duration::from_millis(5)).await,
                        other => panic!("a write came back as {other:?}"),
                    }
                    answered.fetch_max(last, Ordering::SeqCst);
                }
                (id, last, number)
            })
        })
        .collect();
    let readers: Vec<_> = (0..READERS)
        .map(|_| {
            let (token, over) = (token.clone(), over.clone());
            tokio::spawn(async move {
                while !over.load(Ordering::SeqCst) {
                    match raw(address, &get(&token)).await {
                        Answer::Whole(200) => {}
                        Answer::Nothing => tokio::time::sleep(Duration::from_millis(5)).await,
                        other => panic!("a page came back as {other:?}"),
                    }
                }
            })
        })
        .collect();
    until(PATIENCE, "everybody works", || async { answered.load(Ordering::SeqCst) > 20 }).await;

    // A write that cannot be finished yet: its row is held.
    let postgresql = &system.servers.as_ref().unwrap().postgresql;
    let held = ids.last().unwrap().clone();
    let hold = format!("begin; select 1 from staff where id = '{held}' for update; select pg_sleep(3); commit");
    let request = patch(&token, &held, "Lê Thị Chờ");
    let (holding, writing) = (async { postgresql.execute("personnel", &hold).await }, async {
        until(PATIENCE, "the row is held", || async { waiting(&system, "select pg_sleep%").await == "1" }).await;
        raw(address, &request).await
    });
    let ending = async {
        until(PATIENCE, "the write waits for its row", || async { blocked(&system).await != "0" }).await;
        system.terminate("personnel").unwrap();
    };
    let (hold, written, ()) = tokio::join!(holding, writing, ending);
    hold.unwrap();
    assert_eq!(written, Answer::Whole(200), "what was begun before the end is answered");
    system.stop("personnel").await.unwrap();
    system.begin("personnel").await.unwrap();
    over.store(true, Ordering::SeqCst);
    for reader in readers {
        reader.await.unwrap();
    }

    let admin = Client::sign_in(&system.base, "admin").await.unwrap();
    let kept = async |id: &str| admin.get(&format!("/v1/staff/{id}")).await.unwrap().success().unwrap().text("/full_name");
    for (writer, task) in writers.into_iter().enumerate() {
        let (id, last, sent) = task.await.unwrap();
        let kept = kept(&id).await;
        // What was sent last and not answered may have been written or not.
        assert!((last..=sent).any(|number| kept == name(writer, number)), "answered up to {last}, sent up to {sent}, kept: {kept}");
    }
    assert_eq!(kept(&held).await, "Lê Thị Chờ");
    until(PATIENCE, "every copy equals its owner", || async { system.verify().await.is_ok() }).await;
    let copied = system.servers.as_ref().unwrap().postgresql.execute("students", &format!("select full_name from staff_copies where id = '{held}'")).await.unwrap();
    assert_eq!(copied, "Lê Thị Chờ");
}

/// How many statements like this run in personnel's database.
async fn waiting(system: &System, like: &str) -> String {
    let count = format!("select count(*) from pg_stat_activity where datname = 'personnel' and query like '%{like}' and wait_event = 'PgSleep'");
    system.servers.as_ref().unwrap().postgresql.execute("postgres", &count).await.unwrap()
}

/// How many statements of the service wait for the held row.
async fn blocked(system: &System) -> String {
    let count = "select count(*) from pg_stat_activity where datname = 'personnel' and wait_event_type = 'Lock'";
    system.servers.as_ref().unwrap().postgresql.execute("postgres", count).await.unwrap()
}
