//! Examples: of every field, parameter and body, by what they are called and what they may hold. The black-box tests
//! check each against its schema.

use serde_json::{Map, Value, json};

use super::{operations, put};

const ID: &str = "0198c5a2-7e1b-7c40-9d52-3f6a8b1c2d4e";
/// Deeper than bodies are nested.
const DEPTH: usize = 6;

/// What fields and parameters of these names hold, where their schema allows it.
const TEXTS: [(&str, &str); 65] = [
    ("access_token", "eyJhbGciOiJFUzI1NiIsImtpZCI6IjEifQ.eyJzdWIiOiIwMTk4In0.MEUCIQ"),
    ("address", "12 Lê Lợi, Hội An"),
    ("age_band", "30-34"),
    ("by", "unit"),
    ("changed_via", "first-party"),
    ("client_id", "first-party"),
    ("code", "HA-17-001"),
    ("column", "C"),
    ("contract_form", "vn-contract-form/1/1"),
    ("current_password", "Hoi-An-2026"),
    ("cursor", "MS43NDIuMTk"),
    ("detail", "is required"),
    ("display_name", "Nguyễn Thị Thuý"),
    ("education_level", "TH"),
    ("email", "thuy.nguyen@example.edu.vn"),
    ("en", "Kinh"),
    ("end_reason", "Nghỉ hưu"),
    ("ethnic_group", "vn-ethnic/2008/01"),
    ("field", "birth_date"),
    ("fields", "id,version"),
    ("format", "xlsx"),
    ("full_name", "Nguyễn Thị Thuý"),
    ("gender", "female"),
    ("grade", "4"),
    ("header", "Ngày sinh"),
    ("hierarchy", "professional"),
    ("identity_status", "verified"),
    ("kind", "primary"),
    ("message", "5A has no homeroom teacher"),
    ("mode", "valid_rows"),
    ("name", "TH Cẩm Thanh"),
    ("next_cursor", "MS43NDIuMTk"),
    ("note", "Dạy thay đến hết học kỳ I"),
    ("parent", "root"),
    ("password", "Hoi-An-2026"),
    ("personal_number", "048190001234"),
    ("phone", "0905123456"),
    ("pointer", "/full_name"),
    ("policy_category", "vn-policy-category/1/war_invalid"),
    ("position", "teacher"),
    ("position_group", "teacher"),
    ("q", "thuy"),
    ("qualification", "vn-qualification/1/02"),
    ("query", "status=active&sort=code"),
    ("reason", "Chuyển nơi ở"),
    ("refresh_token", "q7ZcG1Yx0mX3Jr8vL2bT5nQ9wE4uR6yP"),
    ("role", "head_teacher"),
    ("scheme", "vn-ethnic"),
    ("share", "0.98"),
    ("share_unverified", "0.02"),
    ("sheet", "Sheet1"),
    ("sort", "code"),
    ("source", "personnel"),
    ("state", "done"),
    ("status", "active"),
    ("tenant", "demo"),
    ("title", "Some fields are not valid"),
    ("token_type", "Bearer"),
    ("training_standard", "at"),
    ("username", "thuy.nguyen"),
    ("value", "vn-ethnic/2008/01"),
    ("version", "2008"),
    ("vi", "Kinh"),
    ("website", "https://thcamthanh.example.edu.vn"),
    ("zh", "京族"),
];

/// Adds an example wherever there is none.
pub fn finish(document: &mut Value) {
    if let Some(schemas) = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut) {
        schemas.values_mut().for_each(fields);
    }
    let schemas = document.pointer("/components/schemas").cloned().unwrap_or_default();
    for (_, _, operation) in operations(document) {
        let description = operation.get("description").and_then(Value::as_str).unwrap_or_default().to_owned();
        for parameter in operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten() {
            self::parameter(parameter, &description);
        }
        for (kind, content) in operation.pointer_mut("/requestBody/content").and_then(Value::as_object_mut).into_iter().flatten() {
            let made = if kind.ends_with("json") { content.get("schema").and_then(|schema| composed("", schema, &schemas, 0)) } else { None };
            if let Some(example) = made.filter(|_| content.get("example").is_none()) {
                put(content, "example", example);
            }
        }
    }
}

/// Gives the fields of a schema, and of schemas inside it, examples.
fn fields(schema: &mut Value) {
    for (name, field) in schema.get_mut("properties").and_then(Value::as_object_mut).into_iter().flatten() {
        let has = ["example", "examples", "$ref", "oneOf", "allOf"].iter().any(|member| field.get(*member).is_some());
        if let Some(example) = scalar(name, field).filter(|_| !has) {
            put(field, "examples", json!([example]));
        }
        fields(field);
    }
    for member in ["allOf", "oneOf"] {
        schema.get_mut(member).and_then(Value::as_array_mut).into_iter().flatten().for_each(fields);
    }
    if let Some(items) = schema.get_mut("items") {
        fields(items);
    }
}

fn parameter(parameter: &mut Value, description: &str) {
    let Some(name) = parameter.get("name").and_then(Value::as_str).map(str::to_owned) else { return };
    let orders = if name == "sort" { named(description, "sort") } else { Vec::new() };
    let Some(schema) = parameter.get_mut("schema") else { return };
    // A list says at its head what it can be ordered by.
    if !orders.is_empty() {
        put(schema, "pattern", json!(format!("^-?({})$", orders.join("|"))));
    }
    let inside = schema.get("examples").and_then(|examples| examples.get(0)).or_else(|| schema.get("example")).cloned();
    let said = orders.into_iter().chain(if name == "by" { named(description, "by") } else { Vec::new() }).next();
    let example = said.map(Value::from).or(inside).or_else(|| scalar(&name, schema));
    let Some(example) = example else { return };
    // What need not be given is an example of the schema: viewers fill in that of a parameter, and would narrow every list.
    if parameter.get("required") == Some(&Value::Bool(true)) {
        put(parameter, "example", example);
    } else if let Some(schema) = parameter.get_mut("schema") {
        put(schema, "examples", json!([example]));
    }
}

/// The values that a description lists, such as `sort=name|code`.
fn named(description: &str, name: &str) -> Vec<String> {
    let Some((_, values)) = description.split_once(&format!("`{name}=")) else { return Vec::new() };
    let listed: String = values.chars().take_while(|letter| letter.is_ascii_alphanumeric() || "_|".contains(*letter)).collect();
    listed.split('|').filter(|value| !value.is_empty()).map(str::to_owned).collect()
}

/// An example of a value that is no object, no list and not described elsewhere.
fn scalar(name: &str, schema: &Value) -> Option<Value> {
    let kind = match schema.get("type") {
        Some(Value::String(kind)) => kind.as_str(),
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null")?,
        _ => return None,
    };
    let known = TEXTS.iter().find(|(known, _)| *known == name).map(|(_, text)| *text);
    if let Some(options) = schema.get("enum").and_then(Value::as_array) {
        let known = known.map(Value::from).filter(|known| options.contains(known));
        return known.or_else(|| options.first().cloned());
    }
    match (kind, schema.get("format").and_then(Value::as_str)) {
        ("string", Some("uuid")) => Some(json!(ID)),
        ("string", Some("date")) => Some(json!(date(name))),
        ("string", Some("date-time")) => Some(json!("2025-09-05T01:30:00Z")),
        ("string", _) => known.map(Value::from),
        ("boolean", _) => Some(schema.get("default").cloned().unwrap_or(json!(false))),
        ("integer", _) => {
            let bound = |name: &str| schema.get(name).and_then(Value::as_i64);
            let usual = if name.ends_with("year") { 1990 } else { bound("default").unwrap_or(1) };
            Some(json!(usual.max(bound("minimum").unwrap_or(usual)).min(bound("maximum").unwrap_or(i64::MAX))))
        }
        _ => None,
    }
}

fn date(name: &str) -> &'static str {
    match name {
        "birth_date" => "1990-05-20",
        "ended_on" | "ends_on" | "valid_to" | "valid_until" | "to" | "closed_on" => "2026-05-31",
        _ => "2025-09-05",
    }
}

/// An example of a whole value: of an object what is required, or of a patch one field.
fn composed(name: &str, schema: &Value, schemas: &Value, depth: usize) -> Option<Value> {
    if depth > DEPTH {
        return None;
    }
    if let Some(referred) = super::referred(schema) {
        let target = schemas.get(referred)?;
        let preferred = scalar(name, target).filter(|_| target.get("enum").is_some());
        return preferred.or_else(|| composed(name, target, schemas, depth + 1));
    }
    if let Some(example) = schema.get("example").or_else(|| schema.get("examples").and_then(|examples| examples.get(0))) {
        return Some(example.clone());
    }
    for member in ["oneOf", "allOf"] {
        if let Some(options) = schema.get(member).and_then(Value::as_array) {
            return options.iter().find_map(|option| composed(name, option, schemas, depth + 1));
        }
    }
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        return Some(object(schema, properties, schemas, depth));
    }
    if schema.get("type").is_some_and(|kind| kind == "array") {
        return Some(json!([composed(name, schema.get("items")?, schemas, depth + 1)?]));
    }
    scalar(name, schema)
}

fn object(schema: &Value, properties: &Map<String, Value>, schemas: &Value, depth: usize) -> Value {
    let required: Vec<&str> = schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    // What a patch would usually change.
    let usual = ["phone", "display_name", "name", "note", "status"].into_iter().filter(|name| properties.contains_key(*name)).take(1);
    let any = properties.keys().map(String::as_str).take(1);
    let names = if required.is_empty() && depth <= 1 { usual.chain(any).take(1).collect() } else { required };
    let members = names.into_iter().filter_map(|name| Some((name.to_owned(), composed(name, properties.get(name)?, schemas, depth + 1)?)));
    Value::Object(members.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_example_follows_from_name_and_schema() {
        assert_eq!(scalar("gender", &json!({ "type": "string", "enum": ["male", "female"] })), Some(json!("female")));
        assert_eq!(scalar("anything", &json!({ "type": ["string", "null"], "format": "uuid" })), Some(json!(ID)));
        assert_eq!(scalar("birth_year", &json!({ "type": "integer", "maximum": 1980 })), Some(json!(1980)));
        assert_eq!(scalar("anything", &json!({ "type": "string" })), None);
        assert_eq!(named("By `sort=name|code`.", "sort"), ["name", "code"]);
    }

    #[test]
    fn a_body_is_composed_of_what_it_requires() {
        let schemas = json!({
            "Name": { "type": "string", "examples": ["An"] },
            "NoteInput": { "required": ["name", "day"], "properties": { "name": { "$ref": "#/components/schemas/Name" }, "day": { "type": "string", "format": "date" }, "note": { "type": "string" } } },
            "NotePatch": { "properties": { "name": { "$ref": "#/components/schemas/Name" }, "day": { "type": "string", "format": "date" } } },
        });
        let body = |name: &str| composed("", &json!({ "$ref": format!("#/components/schemas/{name}") }), &schemas, 0);
        assert_eq!(body("NoteInput"), Some(json!({ "name": "An", "day": "2025-09-05" })));
        assert_eq!(body("NotePatch"), Some(json!({ "name": "An" })));
    }
}
