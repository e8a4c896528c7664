//! The span of each request.

use actix_web::{
    Error, HttpMessage, HttpRequest,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::Method,
};
use tracing::{Span, field::Empty};
use tracing_actix_web::RootSpanBuilder;

use crate::context::request_id;

/// The published form of a request's path, looked for once for span and metrics.
struct Route(String);

/// The form of the path of a request that was answered, also of one that has no span.
pub fn route_of(request: &HttpRequest) -> Option<String> {
    request.extensions().get::<Route>().map(|route| route.0.clone()).or_else(|| request.match_pattern())
}

/// A method as a label of metrics. Anybody may invent methods, and each label is a series that stays.
pub fn method_label(method: &Method) -> &'static str {
    ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"].into_iter().find(|known| *known == method.as_str()).unwrap_or("other")
}

/// The span of a request, which each line of the log about it shows: neither query strings nor addresses, which tell of
/// persons.
pub struct RequestSpan;

impl RootSpanBuilder for RequestSpan {
    fn on_request_start(request: &ServiceRequest) -> Span {
        let (method, route) = (method_label(request.method()), request.match_pattern().unwrap_or_else(|| "none".to_owned()));
        request.extensions_mut().insert(Route(route.clone()));
        let span = tracing::info_span!(
            "request",
            request_id = %request_id(request.request()),
            http.request.method = method,
            http.route = route,
            http.response.status_code = Empty,
            otel.name = format!("{method} {route}"),
            otel.kind = "server",
            otel.status_code = Empty,
        );
        registrar_traces::continue_from(&span, request.headers().get("traceparent").and_then(|value| value.to_str().ok()));
        span
    }

    fn on_request_end<B: MessageBody>(span: Span, outcome: &Result<ServiceResponse<B>, Error>) {
        let status = outcome.as_ref().map_or_else(|error| error.as_response_error().status_code(), ServiceResponse::status);
        span.record("http.response.status_code", status.as_u16());
        if status.is_server_error() {
            span.record("otel.status_code", "ERROR");
        }
    }
}
