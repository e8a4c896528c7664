//! Traces (OpenTelemetry): one request from the caller through the database and the outbox to every copy. Off unless an
//! address is given to send them to; then nothing here costs more than looking at a flag.
//!
//! A span says what was done and how long it took: method and route, the kind of a statement, aggregate and id of an
//! event. Never a parameter, a query string or a body: traces hold no names or numbers of persons. Log lines stay where
//! they are; they are not sent.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod context;
mod statements;

use std::{
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use opentelemetry::{global, trace::TracerProvider};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig};
use opentelemetry_sdk::{Resource, trace::SdkTracerProvider};
use tracing::Subscriber;
use tracing_subscriber::{
    Layer,
    filter::{LevelFilter, filter_fn},
    registry::LookupSpan,
};

pub use context::{Continued, Kind, connecting, continue_from, continued, traceparent, within};

/// The name of the instrumentation.
const NAME: &str = "registrar";
/// How long the collector is waited for, each time.
const SEND_WITHIN: Duration = Duration::from_secs(5);

static ON: AtomicBool = AtomicBool::new(false);
static PROVIDER: OnceLock<SdkTracerProvider> = OnceLock::new();

/// Why no traces can be sent.
#[derive(Debug, thiserror::Error)]
#[error("traces cannot be sent to {endpoint}: {reason}")]
pub struct TracesError {
    endpoint: String,
    reason: String,
}

/// Whether traces are made.
#[must_use]
pub fn is_on() -> bool {
    ON.load(Ordering::Relaxed)
}

/// Switches traces on for this process and answers the layer of its subscriber that makes them. They go to `endpoint` (the
/// base URL of a collector that takes OTLP over HTTP) in the name of `service`, unless `OTEL_SERVICE_NAME` says otherwise.
///
/// # Errors
/// When the address is none.
pub fn start<S>(endpoint: &str, service: &str) -> Result<impl Layer<S> + use<S>, TracesError>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    let refused = |reason: String| TracesError { endpoint: endpoint.to_owned(), reason };
    let url = format!("{}/v1/traces", endpoint.trim_end_matches('/'));
    let exporter = SpanExporter::builder().with_http().with_protocol(Protocol::HttpBinary).with_endpoint(url).with_timeout(SEND_WITHIN).build();
    let exporter = exporter.map_err(|error| refused(error.to_string()))?;
    let named = std::env::var_os("OTEL_SERVICE_NAME").is_some();
    let resource = if named { Resource::builder() } else { Resource::builder().with_service_name(service.to_owned()) };
    let provider = SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource.build()).build();
    let tracer = provider.tracer(NAME);
    global::set_tracer_provider(provider.clone());
    // Once for a process.
    let _ = PROVIDER.set(provider);
    diesel::connection::set_default_instrumentation(statements::instrumentation).map_err(|error| refused(error.to_string()))?;
    ON.store(true, Ordering::Relaxed);
    let layer = tracing_opentelemetry::layer().with_tracer(tracer).with_location(false).with_threads(false).with_tracked_inactivity(false);
    let ours = filter_fn(|metadata| metadata.is_span() && metadata.target().starts_with(NAME));
    Ok(layer.with_filter(ours.with_max_level_hint(LevelFilter::INFO)))
}

/// Sends what has not been sent yet; for the end of a process. Blocks for some seconds at most.
pub fn end() {
    if let Some(provider) = PROVIDER.get()
        && let Err(error) = provider.shutdown_with_timeout(SEND_WITHIN)
    {
        tracing::warn!(%error, "the last traces could not be sent");
    }
}
