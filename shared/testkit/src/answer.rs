//! What came back, and what a test expects of it.

#![allow(clippy::panic, reason = "an expectation that is not met fails the test at the line that has it")]

use reqwest::header::HeaderMap;
use serde_json::Value;
use uuid::Uuid;

/// A response.
#[derive(Clone, Debug)]
pub struct Answer {
    /// What was asked, for messages.
    pub(crate) request: String,
    /// Its status.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body as JSON; null when it is none.
    pub json: Value,
    /// Its body as text.
    pub text: String,
    /// Its body.
    pub bytes: Vec<u8>,
}

impl Answer {
    /// The answer, which must be a success.
    ///
    /// # Panics
    /// When it is not.
    #[track_caller]
    pub fn ok(self) -> Self {
        if !(200..300).contains(&self.status) {
            self.fail("a success");
        }
        self
    }

    /// The answer, which must have this status.
    ///
    /// # Panics
    /// When it has another.
    #[track_caller]
    pub fn status(self, status: u16) -> Self {
        if self.status != status {
            self.fail(&status.to_string());
        }
        self
    }

    /// The answer, which must be the problem document (RFC 9457) of this status and kind.
    ///
    /// # Panics
    /// When it is anything else.
    #[track_caller]
    pub fn problem(self, status: u16, code: &str) -> Self {
        let kind = format!("urn:registrar:problem:{code}");
        let is = |name: &str, expected: Value| self.json.get(name) == Some(&expected);
        let document = self.header("content-type") == Some("application/problem+json") && is("type", kind.into()) && is("status", status.into());
        if self.status != status || !document {
            self.fail(&format!("the problem {code} with status {status}"));
        }
        self
    }

    /// Pointer and code of each bad field that a problem names, in order of the pointers.
    #[must_use]
    pub fn field_errors(&self) -> Vec<(String, String)> {
        let text = |error: &Value, name: &str| error.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let errors = self.json.get("errors").and_then(Value::as_array);
        let mut errors: Vec<_> = errors.into_iter().flatten().map(|error| (text(error, "pointer"), text(error, "code"))).collect();
        errors.sort();
        errors
    }

    /// A header's value, when it is there and is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The `ETag`.
    ///
    /// # Panics
    /// When there is none.
    #[track_caller]
    #[must_use]
    pub fn etag(&self) -> String {
        match self.header("etag") {
            Some(etag) => etag.to_owned(),
            None => self.fail("an ETag"),
        }
    }

    /// The `id` of the record that came back.
    ///
    /// # Panics
    /// When there is none.
    #[track_caller]
    #[must_use]
    pub fn id(&self) -> Uuid {
        match self.json.get("id").and_then(Value::as_str).map(Uuid::parse_str) {
            Some(Ok(id)) => id,
            _ => self.fail("a record with an id"),
        }
    }

    /// The value at a JSON pointer, such as `/items/0/name`; null when there is none.
    #[must_use]
    pub fn at(&self, pointer: &str) -> &Value {
        self.json.pointer(pointer).unwrap_or(&Value::Null)
    }

    #[track_caller]
    fn fail(&self, expected: &str) -> ! {
        panic!("expected {expected}\n  {}\n  {} {}", self.request, self.status, self.text)
    }
}
