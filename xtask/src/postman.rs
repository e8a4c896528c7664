//! A Postman collection (v2.1, which Bruno and Insomnia import too) made of the contract: a folder per tag, a request per
//! operation with its parameters and an example body; signing in keeps the token for the others.

use registrar_http::openapi::operations_of;
use serde_json::{Map, Value, json};

const FORMAT: &str = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json";
/// Keeps the tokens that signing in answers.
const KEEP_TOKENS: [&str; 3] = [
    "const session = pm.response.json();",
    "if (session.access_token) pm.collectionVariables.set('token', session.access_token);",
    "if (session.refresh_token) pm.collectionVariables.set('refresh_token', session.refresh_token);",
];

/// The collection of a contract.
pub fn collection(contract: &Value) -> Value {
    let tags = contract.get("tags").and_then(Value::as_array).into_iter().flatten();
    let folders: Vec<Value> = tags
        .map(|tag| {
            let requests: Vec<Value> = operations(contract).filter(|operation| operation.has_tag(tag)).map(|operation| operation.request(contract)).collect();
            json!({ "name": tag.get("name"), "description": tag.get("description"), "item": requests })
        })
        .collect();
    let variable = |key: &str, value: &str| json!({ "key": key, "value": value, "type": "string" });
    json!({
        "info": { "name": contract.pointer("/info/title"), "description": contract.pointer("/info/description"), "schema": FORMAT },
        "auth": { "type": "bearer", "bearer": [{ "key": "token", "value": "{{token}}", "type": "string" }] },
        "variable": [variable("base", "http://127.0.0.1:8080"), variable("token", ""), variable("refresh_token", "")],
        "item": folders,
    })
}

struct Operation<'a> {
    method: &'a str,
    path: &'a str,
    document: &'a Value,
}

fn operations(contract: &Value) -> impl Iterator<Item = Operation<'_>> {
    operations_of(contract).map(|(method, path, document)| Operation { method, path, document })
}

impl Operation<'_> {
    fn has_tag(&self, tag: &Value) -> bool {
        let name = tag.get("name");
        name.is_some() && self.document.pointer("/tags/0") == name
    }

    fn id(&self) -> &str {
        self.document.get("operationId").and_then(Value::as_str).unwrap_or_default()
    }

    fn request(&self, contract: &Value) -> Value {
        let is_public = self.document.get("security").is_some();
        let mut request = json!({
            "method": self.method.to_uppercase(),
            "description": self.document.get("description"),
            "header": self.headers(contract),
            "url": self.url(contract),
        });
        let mut item = json!({ "name": self.document.get("summary") });
        if let (Value::Object(request), Value::Object(item)) = (&mut request, &mut item) {
            if is_public {
                request.insert("auth".to_owned(), json!({ "type": "noauth" }));
            }
            if let Some(body) = self.body() {
                request.insert("body".to_owned(), body);
            }
            if ["identity.sessions.create", "identity.sessions.refresh"].contains(&self.id()) {
                item.insert("event".to_owned(), json!([{ "listen": "test", "script": { "type": "text/javascript", "exec": KEEP_TOKENS } }]));
            }
            item.insert("request".to_owned(), std::mem::take(request).into());
        }
        item
    }

    /// Its parameters at this place, references followed.
    fn parameters<'a>(&'a self, contract: &'a Value, place: &'a str) -> impl Iterator<Item = &'a Value> {
        let all = self.document.get("parameters").and_then(Value::as_array).into_iter().flatten();
        all.filter_map(|parameter| match parameter.get("$ref").and_then(Value::as_str) {
            Some(reference) => contract.pointer(reference.trim_start_matches('#')),
            None => Some(parameter),
        })
        .filter(move |parameter| parameter.get("in").is_some_and(|known| known == place))
    }

    fn url(&self, contract: &Value) -> Value {
        let path = self.path.replace('{', ":").replace('}', "");
        let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
        let query: Vec<Value> = self.parameters(contract, "query").map(|parameter| described(parameter, is_required(parameter))).collect();
        let variable: Vec<Value> = self.parameters(contract, "path").map(|parameter| described(parameter, true)).collect();
        json!({ "raw": format!("{{{{base}}}}{path}"), "host": ["{{base}}"], "path": segments, "query": query, "variable": variable })
    }

    fn headers(&self, contract: &Value) -> Vec<Value> {
        let mut headers: Vec<Value> = self.parameters(contract, "header").map(|parameter| described(parameter, is_required(parameter))).collect();
        // Whatever it is now: a request that is tried by hand has read no version.
        let if_match = headers.iter_mut().find(|header| header.get("key").is_some_and(|key| key == "If-Match"));
        if let Some(value) = if_match.and_then(|header| header.get_mut("value")) {
            *value = json!("*");
        }
        if let Some(kind) = self.content().and_then(|content| content.keys().next_back()) {
            headers.push(json!({ "key": "Content-Type", "value": kind }));
        }
        headers
    }

    fn content(&self) -> Option<&Map<String, Value>> {
        self.document.pointer("/requestBody/content")?.as_object()
    }

    fn body(&self) -> Option<Value> {
        let (kind, content) = self.content()?.iter().next_back()?;
        if !kind.ends_with("json") {
            return Some(json!({ "mode": "file", "file": {} }));
        }
        let mut example = content.get("example").cloned().unwrap_or_else(|| json!({}));
        match self.id() {
            "identity.sessions.create" => example = json!({ "tenant": "demo", "username": "head", "password": "Hoi-An-2026" }),
            "identity.sessions.refresh" => example = json!({ "refresh_token": "{{refresh_token}}" }),
            _ => {}
        }
        let raw = serde_json::to_string_pretty(&example).unwrap_or_default();
        Some(json!({ "mode": "raw", "raw": raw, "options": { "raw": { "language": "json" } } }))
    }
}

fn is_required(parameter: &Value) -> bool {
    parameter.get("required") == Some(&Value::Bool(true))
}

/// A parameter as Postman lists it; one that may be left out is there to be switched on.
fn described(parameter: &Value, enabled: bool) -> Value {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let example = parameter.get("example").or_else(|| parameter.pointer("/schema/examples/0"));
    let (value, description) = (example.map(text).unwrap_or_default(), parameter.get("description"));
    if enabled {
        json!({ "key": parameter.get("name"), "value": value, "description": description })
    } else {
        json!({ "key": parameter.get("name"), "value": value, "description": description, "disabled": true })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_is_a_request_that_can_be_sent() {
        let contract = serde_json::to_value(registrar_runtime::contract(registrar::services()).unwrap()).unwrap();
        let collection = collection(&contract);
        let requests: Vec<&Value> = collection["item"].as_array().unwrap().iter().flat_map(|folder| folder["item"].as_array().unwrap()).collect();
        assert_eq!(requests.len(), operations(&contract).count());
        for item in requests {
            assert!(item["name"].is_string() && item["request"]["description"].is_string(), "{item}");
            let (url, request) = (&item["request"]["url"], &item["request"]);
            for variable in url["path"].as_array().unwrap().iter().filter_map(|segment| segment.as_str().unwrap().strip_prefix(':')) {
                let known = url["variable"].as_array().unwrap().iter().find(|known| known["key"] == variable).unwrap();
                assert!(!known["value"].as_str().unwrap().is_empty(), "{item}");
            }
            if request["body"]["mode"] == "raw" {
                let body: Value = serde_json::from_str(request["body"]["raw"].as_str().unwrap()).unwrap();
                assert!(!body.as_object().unwrap().is_empty(), "{item}");
            }
        }
    }

    #[test]
    fn a_request_has_its_parameters_and_body() {
        let contract = json!({
            "info": { "title": "Notes", "description": "" },
            "tags": [{ "name": "notes", "description": "Notes." }],
            "components": { "parameters": { "If-Match": { "name": "If-Match", "in": "header", "required": true, "example": "\"1.a\"" } } },
            "paths": { "/v1/notes/{note_id}": { "patch": {
                "tags": ["notes"], "summary": "Change", "operationId": "notes.notes.update",
                "parameters": [{ "name": "note_id", "in": "path", "required": true, "example": "7" }, { "name": "full", "in": "query", "example": true }, { "$ref": "#/components/parameters/If-Match" }],
                "requestBody": { "content": { "application/merge-patch+json": { "example": { "text": "x" } } } },
            } } },
        });
        let request = &collection(&contract)["item"][0]["item"][0]["request"];
        assert_eq!(request["url"]["raw"], "{{base}}/v1/notes/:note_id");
        assert_eq!((&request["url"]["query"][0]["value"], &request["url"]["query"][0]["disabled"]), (&json!("true"), &json!(true)));
        assert_eq!(request["header"], json!([{ "key": "If-Match", "value": "*", "description": null }, { "key": "Content-Type", "value": "application/merge-patch+json" }]));
        assert_eq!(request["body"]["raw"], "{\n  \"text\": \"x\"\n}");
    }
}
