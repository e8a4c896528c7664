//! The HTTP contract only grows: what a release has published stays, unless a release before said that it is deprecated
//! and its last day is over (docs/api.md, "How the contract may change"). A release is kept as lines of text, one for each
//! thing that somebody may rely on, so that a difference can be read.

use std::collections::{BTreeMap, BTreeSet};

use registrar_http::openapi::operations_of;
use serde_json::Value;

/// When a deprecated operation may go, as published: `x-sunset: 2027-12-31`.
const SUNSET: &str = "x-sunset";

/// What a contract publishes, a line each, sorted. A line ends with the last day of what is deprecated.
pub fn published(contract: &Value) -> Vec<String> {
    let mut lines = BTreeSet::new();
    for (method, path, operation) in operations_of(contract) {
        let (name, end) = (format!("{} {path}", method.to_uppercase()), ending(operation));
        lines.insert(format!("operation {name}{end}"));
        for parameter in operation.get("parameters").and_then(Value::as_array).into_iter().flatten().map(|parameter| resolved(contract, parameter)) {
            let text = |member: &str| parameter.get(member).and_then(Value::as_str).unwrap_or_default();
            let need = if parameter.get("required") == Some(&Value::Bool(true)) { "required" } else { "optional" };
            lines.insert(format!("parameter {name} {} {} {need}{}", text("in"), text("name"), if end.is_empty() { ending(parameter) } else { end.clone() }));
        }
        for (status, _) in members(operation.get("responses")).filter(|(status, _)| status.starts_with('2')) {
            lines.insert(format!("answer {name} {status}{end}"));
        }
    }
    for (name, schema) in members(contract.pointer("/components/schemas")) {
        let is_input = name.ends_with("Input") || !is_answered(name, contract);
        let required: Vec<&str> = schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        for (field, property) in members(schema.get("properties")) {
            let need = if required.contains(&field.as_str()) { "required" } else { "optional" };
            let side = if is_input { "input" } else { "field" };
            lines.insert(format!("{side} {name}.{field} {need}{}", ending(property)));
        }
        for value in schema.get("enum").and_then(Value::as_array).into_iter().flatten() {
            lines.insert(format!("value {name} {value}"));
        }
    }
    lines.into_iter().collect()
}

fn members(value: Option<&Value>) -> impl Iterator<Item = (&String, &Value)> {
    value.and_then(Value::as_object).into_iter().flatten()
}

fn resolved<'a>(contract: &'a Value, value: &'a Value) -> &'a Value {
    value.get("$ref").and_then(Value::as_str).and_then(|place| contract.pointer(place.trim_start_matches('#'))).unwrap_or(value)
}

/// Whether a schema is part of answers: what is only sent may not get new requirements, what is answered may.
fn is_answered(name: &str, contract: &Value) -> bool {
    let place = format!("#/components/schemas/{name}");
    let mut bodies = operations_of(contract).filter_map(|(_, _, operation)| operation.pointer("/requestBody/content"));
    !bodies.any(|content| members(Some(content)).any(|(_, kind)| kind.pointer("/schema/$ref").is_some_and(|known| *known == *place)))
}

/// What a line of something deprecated ends with.
fn ending(value: &Value) -> String {
    if value.get("deprecated") != Some(&Value::Bool(true)) {
        return String::new();
    }
    format!(" until {}", value.get(SUNSET).and_then(Value::as_str).unwrap_or("an announced day"))
}

/// A line without whether it is required and without its last day; whether it is required; its last day.
fn parts(line: &str) -> (String, bool, Option<&str>) {
    let (line, until) = line.split_once(" until ").map_or((line, None), |(line, until)| (line, Some(until)));
    match line.strip_suffix(" required") {
        Some(line) => (line.to_owned(), true, until),
        None => (line.strip_suffix(" optional").unwrap_or(line).to_owned(), false, until),
    }
}

/// How `current` breaks with what was `released`, seen on a day (`2026-11-22`).
pub fn breaks(released: &[String], current: &[String], today: &str) -> Vec<String> {
    let known: BTreeMap<String, bool> = current.iter().map(|line| parts(line)).map(|(name, required, _)| (name, required)).collect();
    let before: BTreeSet<String> = released.iter().map(|line| parts(line).0).collect();
    let mut breaks = Vec::new();
    for line in released {
        let (name, was_required, until) = parts(line);
        match known.get(&name) {
            None if until.is_some_and(|until| until < today) => {}
            None => breaks.push(format!("{line}: is gone{}", until.map_or(" and was not deprecated", |_| " before its last day"))),
            Some(true) if !was_required && is_sent(&name) => breaks.push(format!("{line}: is required now")),
            Some(false) if was_required && name.starts_with("field ") => breaks.push(format!("{line}: may be missing now")),
            Some(_) => {}
        }
    }
    // What is new must not be needed to do what could be done before.
    for line in current {
        let (name, required, _) = parts(line);
        let owner = name.split(' ').take(3).collect::<Vec<_>>();
        let had_owner = match owner.as_slice() {
            ["parameter", method, path] => before.contains(&format!("operation {method} {path}")),
            ["input", field] => field.split_once('.').is_some_and(|(schema, _)| before.iter().any(|known| known.starts_with(&format!("input {schema}.")))),
            _ => false,
        };
        if required && had_owner && !before.contains(&name) {
            breaks.push(format!("{line}: is new and required"));
        }
    }
    breaks
}

fn is_sent(name: &str) -> bool {
    name.starts_with("parameter ") || name.starts_with("input ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn contract() -> Value {
        json!({
            "paths": { "/v1/notes": {
                "get": { "parameters": [{ "name": "q", "in": "query" }], "responses": { "200": {} } },
                "post": { "requestBody": { "content": { "application/json": { "schema": { "$ref": "#/components/schemas/NoteInput" } } } }, "responses": { "201": {} } },
            } },
            "components": { "schemas": {
                "Note": { "required": ["text"], "properties": { "text": {} } },
                "NoteInput": { "required": ["text"], "properties": { "text": {}, "colour": {} } },
                "Colour": { "enum": ["red"] },
            } },
        })
    }

    fn changed(change: impl FnOnce(&mut Value)) -> Vec<String> {
        let mut now = contract();
        change(&mut now);
        breaks(&published(&contract()), &published(&now), "2026-11-22")
    }

    #[test]
    fn what_only_grows_breaks_nothing() {
        assert!(changed(|_| ()).is_empty());
        let grown = changed(|now| {
            now["paths"]["/v1/other"] = json!({ "get": { "parameters": [{ "name": "day", "in": "query", "required": true }] } });
            now["components"]["schemas"]["Note"]["properties"]["colour"] = json!({});
            now["components"]["schemas"]["NoteInput"]["properties"]["size"] = json!({});
            now["components"]["schemas"]["NoteInput"]["required"] = json!([]);
        });
        assert!(grown.is_empty(), "{grown:?}");
    }

    #[test]
    fn what_others_rely_on_may_not_go() {
        let gone = |place: &str, name: &str| changed(|now| drop(now.pointer_mut(place).unwrap().as_object_mut().unwrap().remove(name)));
        assert_eq!(gone("/paths/~1v1~1notes", "get").len(), 3, "the operation, its parameter, its answer");
        assert_eq!(gone("/components/schemas/Note/properties", "text"), ["field Note.text required: is gone and was not deprecated"]);
        assert_eq!(gone("/components/schemas/Note", "required"), ["field Note.text required: may be missing now"]);
        assert_eq!(gone("/components/schemas/Colour", "enum"), ["value Colour \"red\": is gone and was not deprecated"]);
        let required = changed(|now| now["components"]["schemas"]["NoteInput"]["required"] = json!(["text", "colour"]));
        assert_eq!(required, ["input NoteInput.colour optional: is required now"]);
        let new = changed(|now| now["paths"]["/v1/notes"]["get"]["parameters"] = json!([{ "name": "q", "in": "query" }, { "name": "day", "in": "query", "required": true }]));
        assert_eq!(new, ["parameter GET /v1/notes query day required: is new and required"]);
    }

    #[test]
    fn what_was_deprecated_goes_after_its_last_day() {
        let mut before = contract();
        before["paths"]["/v1/notes"]["get"]["deprecated"] = json!(true);
        before["paths"]["/v1/notes"]["get"][SUNSET] = json!("2026-06-30");
        let mut now = contract();
        now["paths"]["/v1/notes"].as_object_mut().unwrap().remove("get");
        assert!(breaks(&published(&before), &published(&now), "2026-07-01").is_empty());
        let early = breaks(&published(&before), &published(&now), "2026-06-30");
        assert!(early[0].ends_with("before its last day"), "{early:?}");
    }
}
