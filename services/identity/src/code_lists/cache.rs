//! Answers that callers may keep: lists change with the program only.

use actix_web::{
    Error,
    body::{BoxBody, MessageBody, to_bytes},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        StatusCode,
        header::{self, HeaderValue},
    },
    middleware::Next,
    web::Bytes,
};
use registrar_http::{Problem, ProblemKind, conditional};

/// Around the routes of code lists: gives what is found an `ETag`, and answers 304 to whoever has it already. Names
/// depend on the caller's language.
///
/// # Errors
/// Those of the route.
pub async fn tagged<B: MessageBody + 'static>(request: ServiceRequest, next: Next<B>) -> Result<ServiceResponse<BoxBody>, Error> {
    let response = next.call(request).await?;
    if response.status() != StatusCode::OK {
        return Ok(response.map_into_boxed_body());
    }
    let (request, response) = response.into_parts();
    let (mut response, body) = response.into_parts();
    let mut body = to_bytes(body).await.map_err(|_| Problem::new(ProblemKind::Internal))?;
    let etag = conditional::etag(1, &body);
    if conditional::is_known(&request, &etag) {
        response.head_mut().status = StatusCode::NOT_MODIFIED;
        response.headers_mut().remove(header::CONTENT_TYPE);
        body = Bytes::new();
    }
    let etag = HeaderValue::from_str(&etag).map_err(|_| Problem::new(ProblemKind::Internal))?;
    let headers = response.headers_mut();
    headers.insert(header::ETAG, etag);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, max-age=3600"));
    headers.append(header::VARY, HeaderValue::from_static("accept-language"));
    Ok(ServiceResponse::new(request, response.set_body(BoxBody::new(body))))
}
