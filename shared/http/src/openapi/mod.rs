//! What the published contract has besides the routes themselves. [`finished`] adds to every operation what holds for all
//! of its kind, so that it is said once, here: refusals, headers, limits, examples.

mod examples;
mod operations;
mod refusals;
mod schemas;

use serde::{Serialize, Serializer};
use serde_json::{Value, json};
use utoipa::{
    Modify, OpenApi,
    openapi::{
        self,
        security::{Http, HttpAuthScheme, SecurityScheme},
    },
};

use crate::problem::ProblemDocument;
pub use refusals::Refusals;

/// The document that the routes are added to.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Registrar",
        description = "The records of a school system: entered once, owned by one service, shown everywhere.\n\nConventions, recipes, limits, the list of problems, and how the contract may change: docs/api.md.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
        contact(name = "Registrar developers", email = "developers@registrar.invalid")
    ),
    servers((url = "/", description = "this host")),
    components(schemas(ProblemDocument)),
    modifiers(&Bearer),
    security(("bearer" = []))
)]
pub struct Document;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut openapi::OpenApi) {
        let scheme = Http::builder().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").description(Some("The access token of `POST /v1/sessions`")).build();
        document.components.get_or_insert_default().add_security_scheme("bearer", SecurityScheme::Http(scheme));
    }
}

/// A tag of operations with what it holds.
pub type Tag = (&'static str, &'static str);

/// A contract as it is published. Not as `utoipa` knows it, whose types cannot be read back: a schema without a type is none
/// of theirs.
pub type Contract = Value;

/// The contract with what is common to all operations of a kind.
///
/// # Errors
/// When it cannot be written as JSON.
pub fn finished(document: &openapi::OpenApi, tags: impl IntoIterator<Item = Tag>) -> serde_json::Result<Contract> {
    let mut value = serde_json::to_value(document)?;
    let tags: Vec<Value> = tags.into_iter().map(|(name, description)| json!({ "name": name, "description": description })).collect();
    put(&mut value, "tags", json!(tags));
    schemas::finish(&mut value);
    operations::finish(&mut value);
    refusals::finish(&mut value);
    examples::finish(&mut value);
    schemas::drop_unused(&mut value);
    Ok(value)
}

/// The members that a reader looks for first; the others follow by name.
const FIRST: [&str; 16] =
    ["openapi", "info", "servers", "security", "tags", "paths", "components", "name", "in", "operationId", "summary", "type", "format", "description", "parameters", "requestBody"];

/// A value whose members are written in the order people expect.
struct Ordered<'a>(&'a Value);

impl Serialize for Ordered<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Object(members) => {
                let mut members: Vec<_> = members.iter().collect();
                members.sort_by_key(|(name, _)| FIRST.iter().position(|first| first == name).unwrap_or(FIRST.len()));
                serializer.collect_map(members.into_iter().map(|(name, member)| (name, Ordered(member))))
            }
            Value::Array(items) => serializer.collect_seq(items.iter().map(Ordered)),
            other => other.serialize(serializer),
        }
    }
}

/// The contract as YAML that readers of YAML 1.1 read alike: to them a plain `on` is a truth value.
///
/// # Errors
/// When it cannot be written.
pub fn yaml(contract: &Contract) -> Result<String, yaml_serde::Error> {
    let plain = yaml_serde::to_string(&Ordered(contract))?;
    let lines = plain.lines().map(|line| {
        let (indent, text) = line.split_at(line.len() - line.trim_start().len());
        match text.rsplit_once(": ") {
            Some((name, value)) if is_truth(value) => format!("{indent}{name}: '{value}'\n"),
            _ => match text.strip_suffix(':').filter(|name| is_truth(name)) {
                Some(name) => format!("{indent}'{name}':\n"),
                None => match text.strip_prefix("- ").filter(|item| is_truth(item)) {
                    Some(item) => format!("{indent}- '{item}'\n"),
                    None => format!("{line}\n"),
                },
            },
        }
    });
    Ok(lines.collect())
}

fn is_truth(word: &str) -> bool {
    ["on", "off", "yes", "no", "y", "n"].iter().any(|truth| truth.eq_ignore_ascii_case(word))
}

/// Each operation of a contract with its method (as in the contract: `get`) and path.
pub fn operations_of(contract: &Contract) -> impl Iterator<Item = (&str, &str, &Value)> {
    let paths = contract.get("paths").and_then(Value::as_object).into_iter().flatten();
    paths.flat_map(|(path, item)| item.as_object().into_iter().flatten().map(move |(method, operation)| (method.as_str(), path.as_str(), operation)))
}

/// The same, to be changed.
fn operations(document: &mut Value) -> impl Iterator<Item = (&str, &str, &mut Value)> {
    let paths = document.get_mut("paths").and_then(Value::as_object_mut).into_iter().flatten();
    paths.flat_map(|(path, item)| item.as_object_mut().into_iter().flatten().map(move |(method, operation)| (method.as_str(), path.as_str(), operation)))
}

/// Sets a member of an object.
fn put(object: &mut Value, name: &str, value: Value) {
    if let Value::Object(members) = object {
        members.insert(name.to_owned(), value);
    }
}

/// A member of an object that is an object itself; made when it is not there.
fn part<'a>(object: &'a mut Value, name: &str) -> Option<&'a mut serde_json::Map<String, Value>> {
    object.as_object_mut()?.entry(name).or_insert_with(|| json!({})).as_object_mut()
}

/// The last part of a reference.
fn referred(value: &Value) -> Option<&str> {
    value.get("$ref")?.as_str()?.rsplit('/').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_added_makes_a_contract() {
        let contract = finished(&Document::openapi(), [("notes", "Notes.")]).unwrap();
        let components = &contract["components"];
        assert!(components["headers"]["ETag"].is_object() && components["parameters"]["If-None-Match"].is_object());
        assert!(components["responses"]["PreconditionFailed"].is_object() && components["schemas"]["Problem"].is_object());
        assert_eq!(contract["tags"][0]["name"], "notes");
    }

    #[test]
    fn words_that_older_readers_take_for_truth_values_are_quoted() {
        let text = yaml(&json!({ "on": [{ "summary": "on" }, "off"], "name": "n", "x": "non" })).unwrap();
        assert_eq!(text, "name: 'n'\n'on':\n- summary: 'on'\n- 'off'\nx: non\n");
        assert_eq!(["on", "No", "nothing"].map(is_truth), [true, true, false]);
    }
}
