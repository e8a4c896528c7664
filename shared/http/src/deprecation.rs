//! What is going to end says so in every answer: `Deprecation` (RFC 9745), `Sunset` (RFC 8594) and a link to the policy.
//! An operation is deprecated in its annotation, with `x-deprecated` and `x-sunset` as days among its extensions.

use std::collections::HashMap;

use actix_web::http::Method;
use chrono::{NaiveDate, NaiveTime};
use serde_json::Value;

use crate::openapi::{Contract, operations_of};

/// Where the policy is told.
const POLICY: &str = "</docs/>; rel=\"deprecation\"";

/// The headers of deprecated operations, by method and path pattern.
#[derive(Default)]
pub struct Deprecations(HashMap<(String, String), Vec<(&'static str, String)>>);

impl Deprecations {
    /// Those of a contract.
    #[must_use]
    pub fn of(document: &Contract) -> Self {
        let mut found = HashMap::new();
        for (method, path, operation) in operations_of(document) {
            if operation.get("deprecated") == Some(&Value::Bool(true)) {
                found.insert((method.to_uppercase(), path.to_owned()), headers(operation));
            }
        }
        Deprecations(found)
    }

    /// What answers of an operation carry besides.
    pub fn headers(&self, method: &Method, pattern: impl FnOnce() -> Option<String>) -> &[(&'static str, String)] {
        if self.0.is_empty() {
            return &[];
        }
        pattern().and_then(|pattern| self.0.get(&(method.to_string(), pattern))).map_or(&[], Vec::as_slice)
    }
}

fn headers(operation: &Value) -> Vec<(&'static str, String)> {
    let day = |name: &str| operation.get(name).and_then(Value::as_str)?.parse::<NaiveDate>().ok().map(|day| day.and_time(NaiveTime::MIN).and_utc());
    let mut headers = vec![("link", POLICY.to_owned())];
    if let Some(since) = day("x-deprecated") {
        headers.push(("deprecation", format!("@{}", since.timestamp())));
    }
    if let Some(until) = day("x-sunset") {
        headers.push(("sunset", until.format("%a, %d %b %Y %H:%M:%S GMT").to_string()));
    }
    headers
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_deprecated_operation_says_since_when_and_until_when() {
        let operation = json!({ "deprecated": true, "x-deprecated": "2026-11-22", "x-sunset": "2027-12-31", "responses": {} });
        let document = json!({ "paths": { "/v1/notes/{note_id}": { "get": operation, "patch": { "responses": {} } } } });
        let deprecations = Deprecations::of(&document);
        let of = |method: Method| deprecations.headers(&method, || Some("/v1/notes/{note_id}".to_owned()));
        assert!(of(Method::PATCH).is_empty());
        let said: Vec<(&str, &str)> = of(Method::GET).iter().map(|(name, value)| (*name, value.as_str())).collect();
        assert_eq!(said, [("link", POLICY), ("deprecation", "@1795305600"), ("sunset", "Fri, 31 Dec 2027 00:00:00 GMT")]);
    }
}
