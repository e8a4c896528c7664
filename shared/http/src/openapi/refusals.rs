//! The refusals: which an operation can answer with, and what each looks like.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use utoipa::{
    IntoResponses,
    openapi::{Ref, RefOr, Response},
};

use super::{operations, part};
use crate::{Locale, ProblemKind};

/// The refusals that routes share: `responses((status = 200, ...), Refusals)`. Those that an operation cannot answer with
/// are taken out of the published contract again; one with a description of its own stays.
pub struct Refusals;

impl IntoResponses for Refusals {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        statuses().into_iter().map(|status| (status.to_string(), RefOr::Ref(Ref::new(format!("#/components/responses/{}", name(status)))))).collect()
    }
}

/// The statuses of refusals, but for that of a method which no operation has.
fn statuses() -> Vec<u16> {
    let mut statuses: Vec<u16> = ProblemKind::ALL.iter().filter(|kind| **kind != ProblemKind::MethodNotAllowed).map(|kind| kind.status().as_u16()).collect();
    statuses.dedup();
    statuses
}

fn kinds(status: u16) -> impl Iterator<Item = ProblemKind> {
    ProblemKind::ALL.iter().copied().filter(move |kind| kind.status().as_u16() == status)
}

/// Such as `PreconditionFailed`.
fn name(status: u16) -> String {
    let reason = kinds(status).next().and_then(|kind| kind.status().canonical_reason()).unwrap_or_default();
    reason.split_whitespace().collect()
}

/// What an operation is, as far as it decides on its refusals.
struct Facts {
    is_public: bool,
    has_body: bool,
    is_feed: bool,
    needs_version: bool,
    description: String,
}

impl Facts {
    fn of(path: &str, operation: &Value) -> Self {
        let parameters = operation.get("parameters").and_then(Value::as_array);
        Facts {
            description: operation.get("description").and_then(Value::as_str).unwrap_or_default().to_owned(),
            is_public: operation.get("security").is_some(),
            has_body: operation.get("requestBody").is_some(),
            is_feed: path.ends_with("/changes"),
            needs_version: parameters.into_iter().flatten().any(|parameter| parameter.get("name").is_some_and(|name| name == "If-Match")),
        }
    }

    fn can_answer(&self, status: &str) -> bool {
        // What an operation speaks of by itself is not to be known from its form.
        if self.description.contains(status) {
            return true;
        }
        match status {
            "403" | "404" | "409" => !self.is_public,
            "410" => self.is_feed,
            "412" | "428" => self.needs_version,
            "413" | "415" | "422" => self.has_body,
            _ => true,
        }
    }
}

/// Takes out what an operation cannot answer with, and describes the rest.
pub fn finish(document: &mut Value) {
    for (_, path, operation) in operations(document) {
        let facts = Facts::of(path, operation);
        if let Some(responses) = part(operation, "responses") {
            responses.retain(|status, response| response.get("$ref").is_none() || facts.can_answer(status));
        }
    }
    if let Some(responses) = document.get_mut("components").and_then(|components| part(components, "responses")) {
        responses.extend(statuses().into_iter().map(|status| (name(status), response(status))));
    }
}

fn response(status: u16) -> Value {
    let mut headers = json!({
        "Content-Language": { "$ref": "#/components/headers/Content-Language" },
        "X-Request-Id": { "$ref": "#/components/headers/X-Request-Id" },
    });
    if let Value::Object(headers) = &mut headers {
        match status {
            401 => drop(headers.insert("WWW-Authenticate".into(), json!({ "$ref": "#/components/headers/WWW-Authenticate" }))),
            409 | 429 | 503 => drop(headers.insert("Retry-After".into(), json!({ "$ref": "#/components/headers/Retry-After" }))),
            _ => {}
        }
    }
    let titles: Vec<String> = kinds(status).map(|kind| format!("`{}`: {}.", kind.code(), kind.title(Locale::En))).collect();
    let examples: Map<String, Value> = kinds(status).map(|kind| (kind.code().to_owned(), json!({ "summary": kind.title(Locale::En), "value": example(kind) }))).collect();
    json!({
        "description": titles.join(" "),
        "headers": headers,
        "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" }, "examples": examples } },
    })
}

fn example(kind: ProblemKind) -> Value {
    let mut problem = json!({
        "type": format!("urn:registrar:problem:{}", kind.code()),
        "title": kind.title(Locale::En),
        "status": kind.status().as_u16(),
        "request_id": "0198c5a2-7e1b-7c40-9d52-3f6a8b1c2d4e",
    });
    let more = match kind {
        ProblemKind::BadParameter => json!({ "errors": [{ "pointer": "limit", "code": "too_large", "detail": "the greatest allowed: 200" }] }),
        ProblemKind::Invalid => json!({ "errors": [{ "pointer": "/full_name", "code": "required", "detail": "is required" }] }),
        ProblemKind::Conflict => json!({ "errors": [{ "pointer": "/code", "code": "already_used", "detail": "another record has this value" }] }),
        ProblemKind::Stale => json!({ "current_version": 4, "errors": [{ "pointer": "/phone", "code": "changed", "detail": "was changed since version 3" }] }),
        ProblemKind::Forbidden => json!({ "detail": "staff.write" }),
        _ => json!({}),
    };
    if let (Value::Object(problem), Value::Object(more)) = (&mut problem, more) {
        problem.extend(more);
    }
    problem
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_keeps_the_refusals_it_can_answer_with() {
        let facts = Facts::of("/v1/notes/{id}", &json!({ "parameters": [{ "name": "If-Match" }], "requestBody": {} }));
        assert!(["400", "412", "428", "422"].iter().all(|status| facts.can_answer(status)) && !facts.can_answer("410"));
        let facts = Facts::of("/v1/notes/changes", &json!({}));
        assert!(["400", "403", "410"].iter().all(|status| facts.can_answer(status)));
        assert!(["412", "413", "415", "422", "428"].iter().all(|status| !facts.can_answer(status)));
        assert!(!Facts::of("/v1/sessions", &json!({ "security": [{}] })).can_answer("403"));
    }
}
