//! Answers: one record with its version, a page of a list, a page of a change feed.

use actix_web::{
    HttpRequest, HttpResponse, Responder,
    body::BoxBody,
    http::{StatusCode, header},
};
use registrar_store::{Page, feed::FeedPage};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{Problem, ProblemKind, conditional, wait_for};

/// A record that has an id and a version.
pub trait Versioned: Serialize {
    /// The aggregate's name, such as `personnel.staff`.
    const AGGREGATE: &'static str;
    /// The record's id.
    fn id(&self) -> Uuid;
    /// The record's version.
    fn version(&self) -> i64;
    /// The entity tag of the record shown as `body`. What shows nothing but itself may tell it without being read whole.
    fn etag(&self, body: &[u8]) -> String {
        conditional::etag(self.version(), body)
    }
}

/// A record that was read, or that the caller has already: 304.
pub enum Reading<T> {
    /// The record.
    Record(Record<T>),
    /// The tag of what the caller has.
    Known(String),
}

impl<T: Versioned> Responder for Reading<T> {
    type Body = BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse<BoxBody> {
        match self {
            Reading::Record(record) => record.respond_to(request),
            Reading::Known(etag) => HttpResponse::NotModified().insert_header((header::ETAG, etag)).finish(),
        }
    }
}

/// One record: 200 (or 201 with its place), `ETag`, `Registrar-Version`; 304 when the caller already has it.
pub struct Record<T> {
    record: T,
    created_at: Option<String>,
}

impl<T> Record<T> {
    /// A record that was read or changed.
    pub fn of(record: T) -> Self {
        Record { record, created_at: None }
    }

    /// A record that was just made, to be found at `location`.
    pub fn created(record: T, location: String) -> Self {
        Record { record, created_at: Some(location) }
    }

    pub(crate) fn inner(&self) -> &T {
        &self.record
    }

    pub(crate) fn location(&self) -> Option<&str> {
        self.created_at.as_deref()
    }
}

impl<T: Versioned> Responder for Record<T> {
    type Body = BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse<BoxBody> {
        let Ok(body) = serde_json::to_vec(&self.record) else {
            return Problem::new(ProblemKind::Internal).respond(request);
        };
        let etag = self.record.etag(&body);
        let token = wait_for::token(T::AGGREGATE, self.record.id(), self.record.version());
        if request.method().is_safe() && conditional::is_known(request, &etag) {
            return Reading::<T>::Known(etag).respond_to(request);
        }
        let mut response = HttpResponse::build(if self.created_at.is_some() { StatusCode::CREATED } else { StatusCode::OK });
        response.insert_header((header::ETAG, etag)).insert_header((wait_for::VERSION, token)).content_type("application/json");
        if let Some(location) = self.created_at {
            response.insert_header((header::LOCATION, location));
        }
        response.body(body)
    }
}

/// A page of a list, as published.
#[derive(Serialize, ToSchema)]
pub struct Listed<T> {
    /// The records of this page.
    #[schema(max_items = 200)]
    pub items: Vec<T>,
    /// Where the next page starts; null on the last page.
    pub next_cursor: Option<String>,
    /// All matching records, with `count=true`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<i64>,
}

/// Bytes for a record of a page, before more are asked for: most summaries have fewer.
const ROOM_FOR_ONE: usize = 320;

/// A page of a list on its way out: only the asked fields of each record, `Link` to the next page.
pub struct Listing {
    body: Vec<u8>,
    next_cursor: Option<String>,
}

impl Listing {
    /// The page with only `fields` of each record; all of them when `None`.
    ///
    /// # Errors
    /// `internal` when a record cannot be written as JSON.
    pub fn of<T: Serialize>(page: Page<T>, fields: Option<&[String]>) -> Result<Self, Problem> {
        let (next_cursor, total) = (page.next.map(|cursor| cursor.encode()), page.total);
        let body = match fields {
            None => {
                let mut body = Vec::with_capacity(page.items.len() * ROOM_FOR_ONE);
                let listed = Listed { items: page.items, next_cursor: next_cursor.clone(), total };
                serde_json::to_writer(&mut body, &listed).map(|()| body)
            }
            Some(fields) => {
                let items: Result<Vec<Value>, _> = page.items.iter().map(|item| narrowed(item, fields)).collect();
                items.and_then(|items| serde_json::to_vec(&Listed { items, next_cursor: next_cursor.clone(), total }))
            }
        };
        let body = body.map_err(|error| {
            tracing::error!(%error, "a record cannot be written as JSON");
            Problem::new(ProblemKind::Internal)
        })?;
        Ok(Listing { body, next_cursor })
    }

    /// A list that fits on one page.
    ///
    /// # Errors
    /// `internal` when a record cannot be written as JSON.
    pub fn whole<T: Serialize>(items: Vec<T>) -> Result<Self, Problem> {
        Listing::of(Page { items, next: None, total: None }, None)
    }
}

fn narrowed<T: Serialize>(item: &T, fields: &[String]) -> serde_json::Result<Value> {
    let mut value = serde_json::to_value(item)?;
    if let Value::Object(record) = &mut value {
        record.retain(|name, _| fields.iter().any(|field| field == name));
    }
    Ok(value)
}

impl Responder for Listing {
    type Body = BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse<BoxBody> {
        let mut response = HttpResponse::Ok();
        if let Some(cursor) = &self.next_cursor {
            response.insert_header((header::LINK, next_link(request, cursor)));
        }
        response.content_type("application/json").body(self.body)
    }
}

/// The `Link` header to the page of this request that starts at `cursor` (RFC 8288).
#[must_use]
pub fn next_link(request: &HttpRequest, cursor: &str) -> String {
    format!("<{}>; rel=\"next\"", with_cursor(request, cursor))
}

/// This request's address with another cursor.
fn with_cursor(request: &HttpRequest, cursor: &str) -> String {
    let others = request.query_string().split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("cursor="));
    let query: Vec<&str> = others.collect();
    let separator = if query.is_empty() { "" } else { "&" };
    format!("{}?{}{separator}cursor={cursor}", request.path(), query.join("&"))
}

/// A page of a change feed, as published.
#[derive(Serialize, ToSchema)]
pub struct Changed<T> {
    /// The latest state of each record changed since the cursor, oldest change first, ended ones included.
    #[schema(max_items = 200)]
    pub items: Vec<T>,
    /// Where to go on, also when nothing changed.
    pub next_cursor: String,
    /// Whether more is waiting now; otherwise ask again later.
    pub more: bool,
}

/// A page of a change feed on its way out.
pub struct Changes<T>(pub FeedPage<T>);

impl<T: Serialize> Responder for Changes<T> {
    type Body = BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse<BoxBody> {
        let next_cursor = self.0.next.encode();
        let link = next_link(request, &next_cursor);
        HttpResponse::Ok().insert_header((header::LINK, link)).json(Changed { items: self.0.items, next_cursor, more: self.0.more })
    }
}
