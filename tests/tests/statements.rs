//! What requests ask of the database: a statement more is a round trip more, for everybody, each time. Times differ from
//! machine to machine, and these counts do not.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "clippy does not see that functions beside tests are of tests")]

use std::time::Duration;

use registrar_tests::{Client, Collector, Setup, System, until};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// The longest anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often each request is made: the first may have something to do that later ones have not.
const TIMES: u128 = 3;
/// The spans that are statements, and what they are in.
const KINDS: [&str; 9] = ["transaction", "select", "insert", "update", "delete", "with", "set", "commit", "statement"];

/// Requests in traces of their own, of which the collector tells the statements.
struct Requests {
    collector: Collector,
    caller: Client,
    last_trace: u128,
}

/// A request and what is answered.
struct Request<'a> {
    expected: StatusCode,
    method: Method,
    path: &'a str,
    headers: &'a [(&'a str, &'a str)],
    body: fn(u128) -> Option<Value>,
}

impl<'a> Request<'a> {
    fn reading(path: &'a str) -> Self {
        Request { expected: StatusCode::OK, method: Method::GET, path, headers: &[], body: |_| None }
    }
}

impl Requests {
    /// The statements of a request in order of their beginning, a transaction as one more; of several tries the fewest.
    async fn statements(&mut self, request: Request<'_>) -> String {
        let first = self.last_trace + 1;
        self.last_trace += TIMES;
        let traces: Vec<String> = (first..=self.last_trace).map(|trace| format!("{trace:032x}")).collect();
        for (time, trace) in (0..).zip(&traces) {
            let traceparent = format!("00-{trace}-b7ad6b7169203331-01");
            let headers: Vec<(&str, &str)> = [("traceparent", traceparent.as_str())].into_iter().chain(request.headers.iter().copied()).collect();
            let answer = self.caller.send(request.method.clone(), request.path, &headers, (request.body)(time).as_ref()).await.unwrap();
            assert_eq!(answer.status, request.expected, "{} {}: {}", request.method, request.path, answer.body);
        }
        let served = |trace: &str| self.collector.of_trace(trace).into_iter().map(|(_, span)| span).find(|span| span.name.starts_with(request.method.as_str()));
        until(PATIENCE, "the requests' spans", || async { traces.iter().all(|trace| served(trace).is_some()) }).await;
        let statements = |trace: &String| {
            let served = served(trace).unwrap().span_id;
            let mut spans: Vec<_> = self.collector.of_trace(trace).into_iter().map(|(_, span)| span).filter(|span| span.parent_span_id == served).collect();
            spans.sort_by_key(|span| span.start_time_unix_nano);
            spans.into_iter().filter(|span| KINDS.contains(&span.name.as_str())).map(|span| span.name).collect::<Vec<_>>()
        };
        traces.iter().map(statements).min_by_key(Vec::len).unwrap().join(" ")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_take_so_many_statements() {
    let (collector, environment) = Collector::start().await.unwrap();
    let system = System::services(&Setup { environment, ..Setup::default() }).await.unwrap();
    system.load(100).await.unwrap();
    let caller = Client::sign_in(&system.base, "admin").await.unwrap();
    let first = caller.get("/v1/staff?limit=1").await.unwrap().success().unwrap();
    let one = format!("/v1/staff/{}", first.text("/items/0/id"));
    let tag = caller.get(&one).await.unwrap().header("etag");
    let further = format!("/v1/staff?limit=50&cursor={}", first.text("/next_cursor"));
    let student = format!("/v1/students/{}", caller.only("/v1/students").await.unwrap()["id"].as_str().unwrap());
    let mut requests = Requests { collector, caller, last_trace: 0 };

    let merge = [("if-match", "*"), ("content-type", "application/merge-patch+json")];
    let edit: fn(u128) -> Option<Value> = |time| Some(json!({"phone": format!("09012345{time:02}")}));
    let mut found = Vec::new();
    // What the account holds is remembered. A connection of one's own is told the trace first, for the outbox.
    for (request, statements) in [
        (Request::reading(&one), "select"),
        (Request { expected: StatusCode::NOT_MODIFIED, headers: &[("if-none-match", &tag)], ..Request::reading(&one) }, "select"),
        (Request::reading("/v1/staff?limit=50"), "select"),
        (Request::reading(&further), "select"),
        (Request::reading(&student), "select"),
        (Request::reading("/v1/students?limit=50"), "select"),
        (Request::reading("/v1/reports/headcounts?subject=students&by=gender,grade"), "select transaction select select with select select commit"),
        (Request { method: Method::PATCH, headers: &merge, body: edit, ..Request::reading(&one) }, "select select update"),
    ] {
        let name = format!("{} {} {}", request.method, request.path, request.expected);
        let taken = requests.statements(request).await;
        if taken != statements {
            found.push(format!("{name}: {taken:?}, not {statements:?}"));
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}
