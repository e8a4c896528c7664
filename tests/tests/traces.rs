//! One request, followed by its trace through the database, the outbox and the broker to every copy, as a collector
//! receives it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "clippy does not see that functions beside tests are of tests")]

use std::time::Duration;

use opentelemetry_proto::tonic::trace::v1::{Span, span::SpanKind, status::StatusCode as SpanStatus};
use registrar_tests::{Client, Collector, Setup, System, hexadecimal, until};
use reqwest::Method;
use serde_json::json;

/// The longest anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_one_trace_from_the_caller_to_every_copy() {
    let (collector, environment) = Collector::start().await.unwrap();
    let system = System::services(&Setup { environment, ..Setup::default() }).await.unwrap();
    system.load(100).await.unwrap();
    let admin = Client::sign_in(&system.base, "admin").await.unwrap();
    let staff = admin.only("/v1/staff").await.unwrap()["id"].as_str().unwrap().to_owned();

    let (trace, caller) = ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331");
    let traceparent = format!("00-{trace}-{caller}-01");
    let headers = [("if-match", "*"), ("content-type", "application/merge-patch+json"), ("traceparent", traceparent.as_str())];
    let edit = json!({"full_name": "Nguyễn Thị Vết"});
    admin.send(Method::PATCH, &format!("/v1/staff/{staff}"), &headers, Some(&edit)).await.unwrap().success().unwrap();

    let named = |name: &str| collector.of_trace(trace).into_iter().filter(|(_, span)| span.name.starts_with(name)).collect::<Vec<_>>();
    // Two of them copy the member of staff, one what is counted of it. Each process sends its spans when it likes.
    until(PATIENCE, "the edit is published, and applied in three services, in the caller's trace", || async {
        named("apply personnel.staff").len() == 3 && named("publish personnel.staff").len() >= 2 && !named("PATCH ").is_empty()
    })
    .await;
    let spans = collector.of_trace(trace);
    let request = spans.iter().rev().find(|(_, span)| span.name == "PATCH /v1/staff/{staff_id}").unwrap();
    assert_eq!((hexadecimal(&request.1.parent_span_id).as_str(), request.1.kind()), (caller, SpanKind::Server));
    assert!(request.0.contains("registrar-personnel"), "{}", request.0);
    let statements: Vec<&Span> = spans.iter().map(|(_, span)| span).filter(|span| span.parent_span_id == request.1.span_id && span.kind() == SpanKind::Client).collect();
    assert!(statements.iter().any(|span| span.name == "update"), "{:?}", statements.iter().map(|span| &span.name).collect::<Vec<_>>());
    assert!(spans.iter().any(|(_, span)| span.name == "connection" && span.parent_span_id == request.1.span_id));
    let published = named("publish personnel.staff");
    assert_eq!(published.len(), 2, "{published:?}");
    for (publisher, publish) in &published {
        assert_eq!((&publish.parent_span_id, publish.kind(), publisher), (&request.1.span_id, SpanKind::Producer, &request.0));
    }
    let mut consumers: Vec<String> = Vec::new();
    for (consumer, apply) in named("apply personnel.staff") {
        let (_, publish) = published.iter().find(|(_, publish)| publish.span_id == apply.parent_span_id).expect("it crossed the broker");
        assert_eq!((publish.name.replace("publish", "apply"), apply.kind()), (apply.name.clone(), SpanKind::Consumer));
        assert_ne!(apply.status.unwrap_or_default().code(), SpanStatus::Error);
        consumers.push(consumer);
    }
    consumers.sort();
    assert_eq!(consumers.len(), 3);
    for (consumer, service) in consumers.iter().zip(["identity", "reporting", "students"]) {
        assert!(consumer.contains(service), "{consumers:?}");
    }

    // Nothing of what was sent or stored, of anybody, in any span of any trace.
    let all = format!("{:?}", collector.spans());
    for personal in ["Nguyễn", "full_name", "Hoi-An-2026", "Bearer", "$1"] {
        assert!(!all.contains(personal), "a span tells {personal}");
    }
    // Work in the background belongs to no trace.
    assert!(collector.spans().iter().all(|(_, span)| !span.parent_span_id.is_empty() || span.kind() == SpanKind::Server), "a span without a request");
}
