//! The contract is good enough to generate from: everything is described, bounded and has an example that its own schema
//! accepts.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "clippy does not see that functions beside tests are of tests")]

use serde_json::{Map, Value, json};

fn document() -> Value {
    serde_json::to_value(registrar_runtime::contract(registrar::services()).unwrap()).unwrap()
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

/// Every operation with its name.
fn operations(document: &Value) -> Vec<(String, &Value)> {
    let items = members(&document["paths"]);
    let found: Vec<_> = items.flat_map(|(path, item)| members(item).map(move |(method, operation)| (format!("{method} {path}"), operation))).collect();
    assert!(found.len() > 150, "the contract has lost its operations");
    found
}

fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    value.get("$ref").map_or(value, |place| document.pointer(place.as_str().unwrap().trim_start_matches('#')).unwrap())
}

/// What a schema says against a value.
fn objection(document: &Value, schema: &Value, value: &Value) -> Option<String> {
    let mut root = schema.clone();
    root.as_object_mut().unwrap().insert("components".to_owned(), json!({ "schemas": document["components"]["schemas"] }));
    let validator = registrar_http::contract::compile(&root).unwrap();
    validator.iter_errors(value).next().map(|error| error.to_string())
}

fn is(schema: &Value, kind: &str) -> bool {
    schema.get("type").is_some_and(|known| known == kind || known.as_array().is_some_and(|kinds| kinds.iter().any(|known| known == kind)))
}

/// Whether a value that callers send has bounds.
fn is_bounded(schema: &Value) -> bool {
    let has = |name: &str| schema.get(name).is_some();
    match schema {
        schema if is(schema, "string") => has("maxLength") || has("enum") || has("format"),
        schema if is(schema, "integer") => has("minimum") && has("maximum"),
        schema if is(schema, "array") => has("maxItems"),
        _ => true,
    }
}

fn none(missing: &[String]) {
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn every_operation_is_described_with_limits_and_examples() {
    let document = document();
    let mut missing = Vec::new();
    for (name, operation) in operations(&document) {
        for member in ["summary", "description"] {
            if operation[member].as_str().unwrap_or_default().trim().is_empty() {
                missing.push(format!("{name}: {member}"));
            }
        }
        for parameter in operation["parameters"].as_array().into_iter().flatten().map(|parameter| resolved(&document, parameter)) {
            let of = format!("{name}: {} {}", parameter["in"], parameter["name"]);
            if parameter["description"].as_str().unwrap_or_default().is_empty() {
                missing.push(format!("{of}: description"));
            }
            // Headers have the bounds of the server.
            if parameter["in"] != "header" && !is_bounded(&parameter["schema"]) {
                missing.push(format!("{of}: bound"));
            }
            match parameter.get("example").or_else(|| parameter.pointer("/schema/examples/0")) {
                None => missing.push(format!("{of}: example")),
                Some(example) => missing.extend(objection(&document, &parameter["schema"], example).map(|objection| format!("{of}: {objection}"))),
            }
        }
        for (kind, content) in members(&operation["requestBody"]["content"]).filter(|(kind, _)| kind.ends_with("json")) {
            match content.get("example") {
                None => missing.push(format!("{name}: example of {kind}")),
                Some(example) => missing.extend(objection(&document, &content["schema"], example).map(|objection| format!("{name}: {objection} in {example}"))),
            }
        }
        if operation["deprecated"] == true && !(operation["x-deprecated"].is_string() && operation["x-sunset"].is_string()) {
            missing.push(format!("{name}: x-deprecated, x-sunset"));
        }
    }
    none(&missing);
}

#[test]
fn every_operation_has_its_answers_and_refusals() {
    let document = document();
    let mut missing = Vec::new();
    for (name, operation) in operations(&document) {
        let responses = operation["responses"].as_object().unwrap();
        let has = |status: &str| responses.contains_key(status);
        let parameters: Vec<&Value> = operation["parameters"].as_array().into_iter().flatten().map(|parameter| resolved(&document, parameter)).collect();
        let takes = |name: &str| parameters.iter().any(|parameter| parameter["name"] == name);
        let wanted = [
            (vec!["400", "401", "429", "500", "503"], true),
            (vec!["403", "404", "409"], operation.get("security").is_none()),
            (vec!["413", "415", "422"], operation.get("requestBody").is_some()),
            (vec!["412", "428"], takes("If-Match")),
            (vec!["304"], takes("If-None-Match")),
            (vec!["410"], name.ends_with("/changes")),
        ];
        for (statuses, applies) in wanted {
            missing.extend(statuses.iter().filter(|status| applies && !has(status)).map(|status| format!("{name}: {status}")));
        }
        for (status, response) in responses.iter().map(|(status, response)| (status, resolved(&document, response))) {
            if response["description"].as_str().unwrap_or_default().is_empty() {
                missing.push(format!("{name}: description of {status}"));
            }
            if response["headers"]["X-Request-Id"].is_null() {
                missing.push(format!("{name}: headers of {status}"));
            }
        }
    }
    let problem = json!({ "$ref": "#/components/schemas/Problem" });
    for (name, response) in members(&document["components"]["responses"]) {
        let examples = response["content"]["application/problem+json"]["examples"].as_object().unwrap_or_else(|| panic!("{name} has no examples"));
        missing.extend(examples.values().filter_map(|example| objection(&document, &problem, &example["value"])).map(|objection| format!("{name}: {objection}")));
    }
    none(&missing);
}

#[test]
fn every_field_is_described_and_has_an_example() {
    let document = document();
    let sent = sent(&document);
    let mut missing = Vec::new();
    for (name, schema) in members(&document["components"]["schemas"]) {
        let parts = std::iter::once(schema).chain(schema["allOf"].as_array().into_iter().flatten());
        for (field, property) in parts.flat_map(|part| members(&part["properties"])) {
            let of = format!("{name}.{field}");
            let inner: Vec<&Value> = ["oneOf", "allOf"].iter().flat_map(|member| property[member].as_array().into_iter().flatten()).collect();
            if property["description"].is_null() && inner.iter().all(|inner| inner["description"].is_null()) {
                missing.push(format!("{of}: description"));
            }
            if sent.contains(name) && !is_bounded(property) {
                missing.push(format!("{of}: bound"));
            }
            let examples = property["examples"].as_array().cloned().or_else(|| property.get("example").map(|example| vec![example.clone()])).unwrap_or_default();
            missing.extend(examples.iter().filter_map(|example| objection(&document, property, example)).map(|objection| format!("{of}: {objection}")));
            if examples.is_empty() && is_scalar(property) {
                missing.push(format!("{of}: example"));
            }
        }
    }
    none(&missing);
}

fn is_scalar(schema: &Value) -> bool {
    ["string", "integer", "boolean"].iter().any(|kind| is(schema, kind)) && schema.get("enum").is_none()
}

/// The schemas of request bodies, and those inside them.
fn sent(document: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let mut waiting: Vec<&Value> = operations(document).into_iter().map(|(_, operation)| &operation["requestBody"]).collect();
    while let Some(value) = waiting.pop() {
        if let Some(name) = value.get("$ref").and_then(Value::as_str).map(|place| place.rsplit('/').next().unwrap().to_owned())
            && !found.contains(&name)
        {
            waiting.push(&document["components"]["schemas"][&name]);
            found.push(name);
        }
        waiting.extend(value.as_object().into_iter().flat_map(Map::values));
        waiting.extend(value.as_array().into_iter().flatten());
    }
    assert!(found.len() > 20, "{found:?}");
    found
}

#[test]
fn readers_of_older_yaml_read_the_same() {
    let text = registrar_http::openapi::yaml(&registrar_runtime::contract(registrar::services()).unwrap()).unwrap();
    let plain: Vec<&str> = text.lines().filter(|line| line.trim() == "on:" || line.ends_with(": on") || line.ends_with("- on")).collect();
    assert!(plain.is_empty(), "{plain:?}");
    assert!(text.contains("name: 'on'"), "the test looks for what is no longer there");
}
