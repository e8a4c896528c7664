//! What holds for every operation of a kind: headers both ways, files, and the sentences of the conventions.

use serde_json::{Value, json};

use super::{operations, part, put, referred, schemas};

/// Media types that stand for a file.
const FILES: [&str; 2] = ["application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "text/csv"];

/// Nothing that a path names is longer.
const LONGEST_NAME: u32 = 100;
/// The headers that requests carry though no handler names them; the others are described where a handler does.
const EVERYWHERE: [&str; 3] = ["Accept-Language", "If-None-Match", "Registrar-Wait-For"];

/// Completes every operation, and adds the components they refer to.
pub fn finish(document: &mut Value) {
    let records = records(document);
    for (method, path, operation) in operations(document) {
        files(operation);
        answers(operation, &records);
        parameters(operation);
        describe(method, path, operation);
    }
    if let Some(components) = part(document, "components") {
        components.insert("headers".to_owned(), headers());
        let mut shared = shared_parameters();
        if let Value::Object(shared) = &mut shared {
            shared.retain(|name, _| EVERYWHERE.contains(&name.as_str()));
        }
        components.insert("parameters".to_owned(), shared);
    }
}

/// The schemas of records: what has an id and a version.
fn records(document: &Value) -> Vec<String> {
    let schemas = document.pointer("/components/schemas").and_then(Value::as_object).into_iter().flatten();
    let is_record = |schema: &Value| ["id", "version"].iter().all(|name| schema.pointer(&format!("/properties/{name}")).is_some());
    schemas.filter(|(_, schema)| is_record(schema)).map(|(name, _)| name.clone()).collect()
}

fn files(operation: &mut Value) {
    let mut contents: Vec<&mut Value> = Vec::new();
    if let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) {
        contents.extend(responses.values_mut().filter_map(|response| response.get_mut("content")));
    }
    for content in contents {
        FILES.iter().for_each(|kind| content.get_mut(*kind).into_iter().for_each(schemas::file));
    }
    if let Some(content) = operation.pointer_mut("/requestBody/content") {
        FILES.iter().for_each(|kind| content.get_mut(*kind).into_iter().for_each(schemas::file));
    }
}

/// The headers of successful answers.
fn answers(operation: &mut Value, records: &[String]) {
    let has_etag = operation.pointer("/responses/304").is_some();
    let is_public = operation.get("security").is_some();
    let Some(responses) = part(operation, "responses") else { return };
    for (status, response) in responses.iter_mut().filter(|(status, response)| (status.starts_with('2') || *status == "304") && response.get("$ref").is_none()) {
        let body = response.pointer("/content/application~1json/schema").and_then(referred).unwrap_or_default().to_owned();
        let is_record = records.contains(&body);
        let mut names = vec!["X-Request-Id"];
        if !is_public {
            names.extend(["RateLimit", "RateLimit-Policy"]);
        }
        if is_record || has_etag {
            names.push("ETag");
        }
        if is_record {
            names.push("Registrar-Version");
        }
        if is_record && status == "201" {
            names.push("Location");
        }
        if body.starts_with("Listed_") || body.starts_with("Changed_") {
            names.push("Link");
        }
        if let Some(headers) = part(response, "headers") {
            for name in names {
                headers.insert(name.to_owned(), json!({ "$ref": format!("#/components/headers/{name}") }));
            }
            if let Some(location) = headers.get_mut("Location") {
                *location = json!({ "$ref": "#/components/headers/Location" });
            }
        }
    }
}

/// The headers that requests may carry.
fn parameters(operation: &mut Value) {
    let is_public = operation.get("security").is_some();
    let has_etag = operation.pointer("/responses/304").is_some();
    if operation.get("parameters").is_none() {
        put(operation, "parameters", json!([]));
    }
    let Some(parameters) = operation.get_mut("parameters").and_then(Value::as_array_mut) else { return };
    let mut names = vec!["Accept-Language"];
    if has_etag {
        names.push("If-None-Match");
    }
    if !is_public {
        names.push("Registrar-Wait-For");
    }
    for parameter in parameters.iter_mut().filter(|parameter| parameter.get("in").is_some_and(|place| place == "path")) {
        let Some(schema) = parameter.get_mut("schema") else { continue };
        if ["format", "maxLength", "enum"].iter().all(|bound| schema.get(*bound).is_none()) {
            put(schema, "maxLength", json!(LONGEST_NAME));
        }
    }
    // Those that a handler names itself are described here, once.
    let shared = shared_parameters();
    for parameter in parameters.iter_mut() {
        if let Some(known) = parameter.get("name").and_then(Value::as_str).and_then(|name| shared.get(name)) {
            *parameter = known.clone();
        }
    }
    parameters.extend(names.into_iter().map(|name| json!({ "$ref": format!("#/components/parameters/{name}") })));
}

/// Says at each operation what the conventions mean for it.
fn describe(method: &str, path: &str, operation: &mut Value) {
    let id = operation.get("operationId").and_then(Value::as_str).unwrap_or_default().to_owned();
    let takes = |name: &str| {
        let place = json!(format!("#/components/parameters/{name}"));
        let is = |parameter: &Value| parameter.get("name").is_some_and(|known| known == name) || parameter.get("$ref") == Some(&place);
        operation.get("parameters").and_then(Value::as_array).is_some_and(|parameters| parameters.iter().any(is))
    };
    let mut sentences = Vec::new();
    if id.ends_with(".list") && method == "get" {
        sentences.push("Only what the caller's grants reach is shown.");
    }
    if id.ends_with(".exports.read") {
        sentences.push("`state` is `queued`, `running`, `done` or `failed`; ask again every second or so. Only the account that asked for it can read it.");
    }
    if id.ends_with(".imports.read") {
        sentences.push("`done` of `total` rows have been tried; `progress` streams the same. Only the account that sent the file can read it.");
    }
    if id.ends_with(".imports.errors") {
        sentences.push("Sheet, row, column, value and reason of each bad cell, in the language of the request that sent the file.");
    }
    if path.ends_with("/changes") {
        sentences.push("Keep `next_cursor`, also of an empty page, and ask again with it; `more` says whether to do so at once. 410 means start over without a cursor.");
    }
    if takes("If-None-Match") {
        sentences.push("With the `ETag` of an answer before as `If-None-Match` the answer is 304 without a body while it would be the same.");
    }
    if takes("If-Match") {
        sentences.push("`If-Match` names the version that was read: 412 with the fields that changed since when it is not the current one, 428 without it.");
    }
    if takes("Idempotency-Key") {
        sentences.push("With an `Idempotency-Key` it is safe to send again for 48 hours.");
    }
    let is_json = operation.pointer("/requestBody/content").and_then(Value::as_object).is_some_and(|content| content.keys().any(|kind| kind.ends_with("json")));
    if is_json {
        sentences.push("The body has at most 1 MiB; unknown fields are errors.");
    }
    let own = operation.get("description").and_then(Value::as_str).unwrap_or_default();
    let said: Vec<&str> = [own].into_iter().filter(|own| !own.is_empty()).collect();
    let whole = [said, vec![&*sentences.join(" ")].into_iter().filter(|text| !text.is_empty()).collect()].concat().join("\n\n");
    if !whole.is_empty() {
        put(operation, "description", json!(whole));
    }
}

fn header(description: &str, example: &str) -> Value {
    json!({ "description": description, "schema": { "type": "string" }, "example": example })
}

fn headers() -> Value {
    json!({
        "Content-Language": header("The language of the title: vi, en or zh.", "en"),
        "ETag": header("The version, a dot, and what tells one representation of it from another.", "\"3.5f1d0b2a9c8e7d64\""),
        "Link": header("The next page (RFC 8288).", "</v1/staff?limit=50&cursor=eyJz>; rel=\"next\""),
        "Location": header("Where it is.", "/v1/staff/0198c5a2-7e1b-7c40-9d52-3f6a8b1c2d4e"),
        "RateLimit": header("What is left of the quota (r), and the seconds until it is full again (t).", "\"default\";r=5999;t=42"),
        "RateLimit-Policy": header("The quota (q) in a window of seconds (w).", "\"default\";q=6000;w=60"),
        "Registrar-Version": header("What was written, for `Registrar-Wait-For`.", "personnel.staff/0198c5a2-7e1b-7c40-9d52-3f6a8b1c2d4e@3"),
        "Retry-After": { "description": "Seconds after which to try again.", "schema": { "type": "integer", "minimum": 0 }, "example": 2 },
        "WWW-Authenticate": header("How to authenticate.", "Bearer realm=\"registrar\""),
        "X-Request-Id": { "description": "The id of this request, to be quoted when asking for help.", "schema": { "type": "string", "format": "uuid" }, "example": "0198c5a2-7e1b-7c40-9d52-3f6a8b1c2d4e" },
    })
}

fn parameter(name: &str, required: bool, description: &str, mut schema: Value, example: &str) -> Value {
    put(&mut schema, "examples", json!([example]));
    json!({ "name": name, "in": "header", "required": required, "description": description, "schema": schema })
}

fn shared_parameters() -> Value {
    let version = r"^[a-z_]+\.[a-z_]+/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}@[0-9]{1,18}$";
    json!({
        "Accept-Language": parameter("Accept-Language", false, "The language of titles, details and files: vi, en or zh; en when left out.", json!({ "type": "string" }), "vi"),
        "Idempotency-Key": parameter("Idempotency-Key", false, "Makes it safe to send this again: 1 to 255 visible ASCII characters, new for each new request.", json!({ "type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$" }), "9f1c2b8e-enter-HA-17-031"),
        "If-Match": parameter("If-Match", true, "The `ETag` that was read, or `*` for whatever it is now.", json!({ "type": "string", "maxLength": 100, "pattern": r#"^(\*|"[0-9]{1,18}\.[0-9a-f]{1,64}")$"# }), "\"3.5f1d0b2a9c8e7d64\""),
        "If-None-Match": parameter("If-None-Match", false, "The `ETag` of what the caller has.", json!({ "type": "string" }), "\"3.5f1d0b2a9c8e7d64\""),
        "Registrar-Wait-For": parameter("Registrar-Wait-For", false, "The `Registrar-Version` of a write, to be answered when this service knows it; 409 `not_yet_known` when that takes over 2 s.", json!({ "type": "string", "maxLength": 200, "pattern": version }), "personnel.staff/0198c5a2-7e1b-7c40-9d52-3f6a8b1c2d4e@3"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_gets_what_holds_for_its_kind() {
        let answer = json!({ "description": "It", "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Note" } } } });
        let mut document = json!({
            "paths": { "/v1/notes/{id}": {
                "get": { "operationId": "notes.notes.read", "responses": { "200": answer, "304": { "description": "" } } },
                "patch": { "operationId": "notes.notes.update", "description": "Own.", "parameters": [{ "name": "If-Match" }], "requestBody": { "content": { "application/merge-patch+json": {} } }, "responses": { "200": answer } },
            } },
            "components": { "schemas": { "Note": { "properties": { "id": {}, "version": {} } } } },
        });
        finish(&mut document);
        let (read, update) = (&document["paths"]["/v1/notes/{id}"]["get"], &document["paths"]["/v1/notes/{id}"]["patch"]);
        assert_eq!(read["responses"]["304"]["headers"]["ETag"]["$ref"], "#/components/headers/ETag");
        assert_eq!(read["parameters"][1]["$ref"], "#/components/parameters/If-None-Match");
        assert_eq!(update["parameters"][0]["schema"]["examples"], json!(["\"3.5f1d0b2a9c8e7d64\""]));
        let said = update["description"].as_str().unwrap();
        assert!(said.starts_with("Own.\n\n`If-Match` names") && said.ends_with("1 MiB; unknown fields are errors."), "{said}");
        assert!(document["components"]["headers"]["Link"]["description"].is_string());
    }
}
