//! Schemas that follow from others, and those that nothing refers to.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::{operations, part, put, referred};

/// Publishes what lists really answer: with only some fields of each record.
pub fn finish(document: &mut Value) {
    let pages: BTreeSet<String> = operations(document).filter(|(_, _, operation)| narrows(operation)).filter_map(|(_, _, operation)| page(operation)).collect();
    let Some(schemas) = document.get_mut("components").and_then(|components| part(components, "schemas")) else { return };
    name_records(schemas);
    schemas.values_mut().for_each(describe_only);
    for page in pages {
        let Some(items) = schemas.get_mut(&page).and_then(|page| page.pointer_mut("/properties/items/items")) else { continue };
        let Some(whole) = referred(items).map(str::to_owned) else { continue };
        let name = format!("Partial{whole}");
        *items = json!({ "$ref": format!("#/components/schemas/{name}") });
        let Some(mut partial) = schemas.get(&whole).cloned() else { continue };
        if let Value::Object(members) = &mut partial {
            members.remove("required");
            members.insert("description".to_owned(), json!(format!("A `{whole}` in a list: the fields of the summary view, or those that `fields` names.")));
        }
        schemas.insert(name, partial);
    }
}

/// `utoipa` adds the description of an inline field as an object beside its schema, which the field's value is not.
fn describe_only(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.values_mut().for_each(describe_only);
            let Some([schema, added]) = members.get("allOf").and_then(Value::as_array).map(Vec::as_slice) else { return };
            let is_description = added.as_object().is_some_and(|added| added.keys().all(|name| ["type", "description"].contains(&name.as_str())));
            if let (true, Value::Object(schema), Some(description)) = (is_description, schema, added.get("description")) {
                let described = [("description".to_owned(), description.clone())];
                *members = schema.clone().into_iter().chain(described).collect();
            }
        }
        Value::Array(items) => items.iter_mut().for_each(describe_only),
        _ => {}
    }
}

/// Pages hold their records by name, not written out once more.
fn name_records(schemas: &mut Map<String, Value>) {
    let pages: Vec<(String, String)> = schemas.keys().filter_map(|page| Some((page.clone(), page.strip_prefix("Listed_").or(page.strip_prefix("Changed_"))?.to_owned()))).collect();
    for (page, record) in pages {
        let Some(items) = schemas.get_mut(&page).and_then(|page| page.pointer_mut("/properties/items/items")) else { continue };
        if items.get("$ref").is_none() {
            let written = std::mem::replace(items, json!({ "$ref": format!("#/components/schemas/{record}") }));
            schemas.entry(record).or_insert(written);
        }
    }
}

/// Whether an operation is a list of which a caller can ask for some fields.
fn narrows(operation: &Value) -> bool {
    let is_list = operation.get("operationId").and_then(Value::as_str).is_some_and(|id| id.ends_with(".list"));
    is_list && operation.get("parameters").and_then(Value::as_array).is_some_and(|parameters| parameters.iter().any(|parameter| parameter.get("name") == Some(&json!("fields"))))
}

/// The schema of the page that an operation answers with.
fn page(operation: &Value) -> Option<String> {
    referred(operation.pointer("/responses/200/content/application~1json/schema")?).map(str::to_owned)
}

/// Takes out the schemas that nothing refers to, until none is left.
pub fn drop_unused(document: &mut Value) {
    loop {
        let mut used = BTreeSet::new();
        references(document, &mut used);
        let Some(schemas) = document.get_mut("components").and_then(|components| part(components, "schemas")) else { return };
        let before = schemas.len();
        schemas.retain(|name, _| used.contains(name));
        if schemas.len() == before {
            return;
        }
    }
}

fn references(value: &Value, used: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            if let Some(name) = value.get("$ref").and_then(Value::as_str).and_then(|place| place.strip_prefix("#/components/schemas/")) {
                used.insert(name.to_owned());
            }
            members.values().for_each(|member| references(member, used));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, used)),
        _ => {}
    }
}

/// A file: bytes, whatever its media type says of them.
pub fn file(content: &mut Value) {
    put(content, "schema", json!({ "type": "string", "format": "binary" }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_is_no_object() {
        let mut schema = json!({ "properties": { "scope": { "allOf": [{ "type": "string", "description": "Of all." }, { "type": "object", "description": "Of this." }] } } });
        describe_only(&mut schema);
        assert_eq!(schema, json!({ "properties": { "scope": { "type": "string", "description": "Of this." } } }));
        let both = json!({ "allOf": [{ "$ref": "#/components/schemas/A" }, { "type": "object", "properties": { "b": {} } }] });
        let mut kept = both.clone();
        describe_only(&mut kept);
        assert_eq!(kept, both);
    }

    #[test]
    fn a_list_answers_with_partial_records_and_unused_schemas_go() {
        let page_of = |record: Value| json!({ "properties": { "items": { "items": record } } });
        let page = |of: &str| page_of(json!({ "$ref": format!("#/components/schemas/{of}") }));
        let note = json!({ "required": ["id"], "properties": { "id": { "$ref": "#/components/schemas/NoteId" } } });
        let mut document = json!({
            "paths": { "/v1/notes": { "get": {
                "operationId": "notes.notes.list",
                "parameters": [{ "name": "fields" }],
                "responses": { "200": { "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Listed_Note" } } } } },
            } } },
            "components": { "schemas": { "Listed_Note": page_of(note.clone()), "Note": note, "NoteId": {}, "Other": {} } },
        });
        finish(&mut document);
        drop_unused(&mut document);
        let schemas = &document["components"]["schemas"];
        assert_eq!(schemas["Listed_Note"], page("PartialNote"));
        assert_eq!((schemas["PartialNote"].get("required"), &schemas["PartialNote"]["properties"]["id"]["$ref"]), (None, &json!("#/components/schemas/NoteId")));
        assert_eq!(schemas.as_object().unwrap().keys().collect::<Vec<_>>(), ["Listed_Note", "NoteId", "PartialNote"]);
    }
}
