//! A collector of traces.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, ensure};
use opentelemetry_proto::tonic::{collector::trace::v1::ExportTraceServiceRequest, trace::v1::Span};
use prost::Message;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// What an export is answered.
const TAKEN: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n";

/// A collector that keeps all spans, each with the name of the process that sent it.
#[derive(Clone, Default)]
pub struct Collector(Arc<Mutex<Vec<(String, Span)>>>);

impl Collector {
    /// Listens; answers the environment of processes that are to send their traces here, soon.
    ///
    /// # Errors
    /// When there is no port to listen on.
    pub async fn start() -> anyhow::Result<(Self, Vec<(String, String)>)> {
        let (collector, listener) = (Collector::default(), TcpListener::bind("127.0.0.1:0").await?);
        let endpoint = format!("http://{}", listener.local_addr()?);
        let here = collector.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(here.clone().serve(stream));
            }
        });
        let environment = [("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()), ("OTEL_BSP_SCHEDULE_DELAY", "200")];
        Ok((collector, environment.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()))
    }

    /// Takes exports (HTTP/1.1, a body of known length) until the connection ends.
    async fn serve(self, mut stream: TcpStream) -> anyhow::Result<()> {
        let mut bytes = Vec::new();
        while stream.read_buf(&mut bytes).await? > 0 {
            while let Some((export, length)) = export(&bytes)? {
                bytes.drain(..length);
                self.keep(export);
                stream.write_all(TAKEN).await?;
            }
        }
        Ok(())
    }

    fn keep(&self, export: ExportTraceServiceRequest) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for resource in export.resource_spans {
            let attributes = resource.resource.map(|resource| resource.attributes).unwrap_or_default();
            let service = attributes.into_iter().find(|attribute| attribute.key == "service.name").and_then(|attribute| attribute.value);
            let service = format!("{service:?}");
            kept.extend(resource.scope_spans.into_iter().flat_map(|scope| scope.spans).map(|span| (service.clone(), span)));
        }
    }

    /// All that has come.
    #[must_use]
    pub fn spans(&self) -> Vec<(String, Span)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What has come of a trace, by its id in hexadecimal digits.
    #[must_use]
    pub fn of_trace(&self, trace: &str) -> Vec<(String, Span)> {
        self.spans().into_iter().filter(|(_, span)| hexadecimal(&span.trace_id) == trace).collect()
    }
}

/// The first export in these bytes, and how many of them it takes.
fn export(bytes: &[u8]) -> anyhow::Result<Option<(ExportTraceServiceRequest, usize)>> {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n").map(|end| end + 4) else { return Ok(None) };
    let head = String::from_utf8_lossy(bytes.get(..end).unwrap_or_default()).to_lowercase();
    ensure!(head.starts_with("post /v1/traces "), "{head}");
    let length: usize = head.lines().find_map(|line| line.strip_prefix("content-length:")).context("no length")?.trim().parse()?;
    let body = bytes.get(end..end + length);
    Ok(body.map(ExportTraceServiceRequest::decode).transpose()?.map(|export| (export, end + length)))
}

/// An id of a trace or a span as headers have it.
#[must_use]
pub fn hexadecimal(id: &[u8]) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}
