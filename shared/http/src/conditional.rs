//! Versions over HTTP: `ETag` is `"<version>.<what is shown>"`, mostly as a hash. `If-Match` compares the version, because
//! a write changes the record; `If-None-Match` the whole, because a reader sees what is embedded in it too.

use actix_web::{FromRequest, HttpRequest, dev::Payload, http::header};
use futures_util::future::{Ready, ready};
use registrar_store::{Connection, StoreError, history};
use sha2::{Digest, Sha256};
use utoipa::PartialSchema;
use uuid::Uuid;

use crate::{FieldError, Problem, ProblemKind};

/// The version a caller means to change (RFC 9110, 13.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IfMatch {
    /// Whatever it is now (`*`).
    Any,
    /// This one.
    Version(i64),
}

impl IfMatch {
    /// Refuses when the caller saw another version than the current one, naming the fields that have changed since: with
    /// that a client can merge two people's edits instead of losing one (S4-094). `table` holds the record's current state.
    ///
    /// # Errors
    /// `stale`, with an error of the code `changed` for each field.
    pub async fn check(self, conn: &Connection, (aggregate, table): (&'static str, &'static str), id: Uuid, current: i64) -> Result<(), Problem> {
        let IfMatch::Version(seen) = self else { return Ok(()) };
        if seen == current {
            return Ok(());
        }
        let changed = history::changed_since(conn, aggregate, table, id, seen).await?;
        let error = |field: String| FieldError { pointer: format!("/{}", field.replace('.', "/")), code: "changed".into(), detail: format!("was changed since version {seen}") };
        Err(Problem::from(StoreError::Stale { current }).errors(changed.into_iter().map(error).collect()))
    }
}

impl FromRequest for IfMatch {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(parse(request.headers().get(header::IF_MATCH).map(|value| value.to_str().unwrap_or_default())))
    }
}

fn parse(value: Option<&str>) -> Result<IfMatch, Problem> {
    let Some(value) = value.map(str::trim) else { return Err(Problem::new(ProblemKind::PreconditionRequired)) };
    if value == "*" {
        return Ok(IfMatch::Any);
    }
    let version = value.trim_start_matches("W/").trim_matches('"').split('.').next().and_then(|text| text.parse().ok());
    version.map(IfMatch::Version).ok_or_else(|| {
        let error = FieldError { pointer: "If-Match".into(), code: "format".into(), detail: "an ETag as answered, or *".into() };
        Problem::new(ProblemKind::BadParameter).errors(vec![error])
    })
}

/// The entity tag of a record shown as `body`.
#[must_use]
pub fn etag(version: i64, body: &[u8]) -> String {
    format!("\"{version}.{}\"", short_hash(body))
}

/// What tells the published form of a record, with all that is said of it, from that of another release.
#[must_use]
pub fn form_of<T: PartialSchema>() -> String {
    short_hash(&serde_json::to_vec(&T::schema()).unwrap_or_default())
}

fn short_hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// Whether the caller already has this representation.
#[must_use]
pub fn is_known(request: &HttpRequest, etag: &str) -> bool {
    IfNoneMatch::of(request).names(etag)
}

/// The representations a caller has (RFC 9110, 13.1.2).
#[derive(Clone, Debug)]
pub struct IfNoneMatch(Option<String>);

impl IfNoneMatch {
    fn of(request: &HttpRequest) -> Self {
        IfNoneMatch(request.headers().get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok()).map(str::to_owned))
    }

    /// Whether the caller has any: then a version is less to read than the record.
    #[must_use]
    pub fn is_sent(&self) -> bool {
        self.0.is_some()
    }

    /// Whether this one is among them.
    #[must_use]
    pub fn names(&self, etag: &str) -> bool {
        self.0.iter().flat_map(|value| value.split(',')).map(|tag| tag.trim().trim_start_matches("W/")).any(|tag| tag == etag || tag == "*")
    }
}

impl FromRequest for IfNoneMatch {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(IfNoneMatch::of(request)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn if_match_means_the_version_and_its_absence_is_refused() {
        assert_eq!(parse(Some("\"7.abc\"")).unwrap(), IfMatch::Version(7));
        assert_eq!(parse(Some("W/\"7.abc\"")).unwrap(), IfMatch::Version(7));
        assert_eq!(parse(Some("*")).unwrap(), IfMatch::Any);
        assert_eq!(parse(None).unwrap_err().kind(), ProblemKind::PreconditionRequired);
        assert_eq!(parse(Some("\"abc\"")).unwrap_err().kind(), ProblemKind::BadParameter);
    }
}
