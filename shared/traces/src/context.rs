//! Where a trace goes on: in headers and outboxes as `traceparent` (W3C Trace Context), in the process as spans.

use std::collections::HashMap;

use opentelemetry::{
    Context, KeyValue, global,
    global::{BoxedSpan, BoxedTracer},
    propagation::TextMapPropagator,
    trace::{Span as _, SpanContext, SpanKind, Status, TraceContextExt, Tracer},
};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::{Instrument, Span, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::{NAME, is_on};

/// The header of W3C Trace Context.
const TRACEPARENT: &str = "traceparent";

/// What a span that goes on elsewhere is to the event it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It hands it over.
    Publish,
    /// It takes it.
    Apply,
}

/// Whether a traced request is at work here: only then are spans worth making, since work in the background belongs to
/// nobody's trace.
#[must_use]
pub fn within() -> bool {
    is_on() && !Span::current().is_none()
}

/// Waits for a connection to a database, in a span of its own.
pub async fn connecting<T>(wait: impl Future<Output = T>) -> T {
    let span = if within() { info_span!("connection", db.system.name = "postgresql") } else { Span::none() };
    wait.instrument(span).await
}

/// The trace that is at work here, to be written into a header or an outbox.
#[must_use]
pub fn traceparent() -> Option<String> {
    within().then(|| written(Span::current().context().span().span_context())).flatten()
}

/// Makes a new span part of the trace that a caller names. Without one, or with nonsense, it begins a trace of its own.
pub fn continue_from(span: &Span, traceparent: Option<&str>) {
    if is_on()
        && let Some(parent) = traceparent.and_then(parent)
    {
        // Refused only where no layer makes traces.
        let _ = span.set_parent(parent);
    }
}

/// A span of a trace that began elsewhere; it lasts until it is dropped.
pub struct Continued(BoxedSpan);

/// Goes on with the trace that an event carries; nothing when it carries none, or traces are off.
#[must_use]
pub fn continued(kind: Kind, service: &str, aggregate: &str, event_id: &str, traceparent: Option<&str>) -> Option<Continued> {
    if !is_on() {
        return None;
    }
    let parent = parent(traceparent?)?;
    let tracer: BoxedTracer = global::tracer(NAME);
    let (verb, kind) = match kind {
        Kind::Publish => ("publish", SpanKind::Producer),
        Kind::Apply => ("apply", SpanKind::Consumer),
    };
    let attributes = vec![
        KeyValue::new("messaging.operation.name", verb),
        KeyValue::new("messaging.destination.name", aggregate.to_owned()),
        KeyValue::new("messaging.message.id", event_id.to_owned()),
        KeyValue::new("registrar.service", service.to_owned()),
    ];
    let span = tracer.span_builder(format!("{verb} {aggregate}")).with_kind(kind).with_attributes(attributes);
    Some(Continued(span.start_with_context(&tracer, &parent)))
}

impl Continued {
    /// Where the trace goes on from here.
    #[must_use]
    pub fn traceparent(&self) -> Option<String> {
        written(self.0.span_context())
    }

    /// Marks what it is about as failed.
    pub fn failed(&mut self) {
        self.0.set_status(Status::error(""));
    }
}

fn parent(traceparent: &str) -> Option<Context> {
    let carrier = HashMap::from([(TRACEPARENT.to_owned(), traceparent.to_owned())]);
    let context = TraceContextPropagator::new().extract_with_context(&Context::new(), &carrier);
    context.span().span_context().is_valid().then_some(context.clone())
}

fn written(context: &SpanContext) -> Option<String> {
    context.is_valid().then(|| format!("00-{}-{}-{:02x}", context.trace_id(), context.span_id(), context.trace_flags().to_u8()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_traceparent_is_read_as_it_is_written() {
        let text = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        assert_eq!(written(parent(text).unwrap().span().span_context()).as_deref(), Some(text));
        for nonsense in ["", "00", "00-0-0-01", "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "00-00000000000000000000000000000000-b7ad6b7169203331-01"] {
            assert!(parent(nonsense).is_none(), "{nonsense}");
        }
    }

    #[test]
    fn without_an_address_nothing_is_made() {
        assert!(!is_on() && !within() && traceparent().is_none());
        assert!(continued(Kind::Apply, "students", "personnel.staff", "x", Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")).is_none());
    }
}
