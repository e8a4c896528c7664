//! A walk over every operation of the contract: each has its refusals, none answers with a 5xx, lists have bounds,
//! names are unique, and the gateway knows every segment.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "clippy does not see that functions beside tests are of tests")]

use std::collections::{BTreeMap, BTreeSet};

use registrar_tests::{Client, Mode, System};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// Operations that need no token.
const PUBLIC: [&str; 2] = ["identity.sessions.create", "identity.sessions.refresh"];
/// Operations that every account may do, whatever it holds.
const ANYBODY: [&str; 4] = ["identity.me.read", "identity.sessions.delete_current", "identity.roles.list", "identity.code_lists.list"];

struct Operation {
    id: String,
    method: Method,
    path: String,
    document: Value,
}

fn document() -> Value {
    serde_json::to_value(registrar_runtime::contract(registrar::services()).unwrap()).unwrap()
}

fn operations() -> Vec<Operation> {
    let document = document();
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in ["get", "post", "put", "patch", "delete"] {
            let Some(operation) = item.get(method) else { continue };
            let id = operation["operationId"].as_str().unwrap_or_default().to_owned();
            operations.push(Operation { id, method: method.to_uppercase().parse().unwrap(), path: path.clone(), document: operation.clone() });
        }
    }
    assert!(operations.len() > 40, "the contract has lost its operations");
    operations
}

impl Operation {
    /// The path with ids that name nothing.
    fn to_nothing(&self) -> String {
        let mut path = String::new();
        for (place, part) in self.path.split(['{', '}']).enumerate() {
            path.push_str(&if place % 2 == 1 { uuid::Uuid::from_u128(0x0198_0000_0000_7000_8000_0000_0000_0000 + place as u128).to_string() } else { part.to_owned() });
        }
        path
    }

    fn has_json_body(&self) -> bool {
        let content = &self.document["requestBody"]["content"];
        content.get("application/json").is_some() || content.get("application/merge-patch+json").is_some()
    }

    fn needs_if_match(&self) -> bool {
        self.document["parameters"].as_array().into_iter().flatten().any(|parameter| parameter["name"] == "If-Match")
    }
}

#[test]
fn operation_ids_and_schema_names_are_unique_and_segments_have_one_owner() {
    let mut ids = BTreeSet::new();
    for operation in operations() {
        let parts: Vec<&str> = operation.id.split('.').collect();
        assert!(parts.len() >= 3, "{} {} has no operation id of the form service.resource.verb", operation.method, operation.path);
        assert!(ids.insert(operation.id.clone()), "{} twice", operation.id);
        let segment = operation.path.trim_start_matches("/v1/").split('/').next().unwrap().to_owned();
        let owners: Vec<&str> = registrar::services().iter().filter(|service| service.segments.contains(&segment.as_str())).map(|service| service.name).collect();
        assert_eq!(owners, [parts[0]], "{}", operation.path);
        assert!(operation.document["summary"].is_string(), "{} has no summary", operation.id);
    }
    // Each service alone publishes the same schema under a name as all together: none silently replaced another's.
    let together = document();
    for service in registrar::services() {
        let name = service.name;
        let alone = serde_json::to_value(registrar_runtime::contract(vec![service]).unwrap()).unwrap();
        for (schema, published) in alone["components"]["schemas"].as_object().unwrap() {
            assert_eq!(published, &together["components"]["schemas"][schema], "{schema} of {name} was replaced");
        }
    }
}

#[test]
fn every_array_of_the_contract_has_a_bound() {
    fn walk(value: &Value, place: &str, unbounded: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                let is_array = fields.get("type").is_some_and(|kind| kind == "array" || kind.as_array().is_some_and(|kinds| kinds.iter().any(|kind| kind == "array")));
                if is_array && fields.contains_key("items") && !fields.contains_key("maxItems") {
                    unbounded.push(place.to_owned());
                }
                fields.iter().for_each(|(name, field)| walk(field, &format!("{place}/{name}"), unbounded));
            }
            Value::Array(items) => items.iter().enumerate().for_each(|(index, item)| walk(item, &format!("{place}/{index}"), unbounded)),
            _ => {}
        }
    }
    let mut unbounded = Vec::new();
    walk(&document(), "", &mut unbounded);
    assert!(unbounded.is_empty(), "arrays without maxItems: {unbounded:#?}");
}

#[test]
fn the_gateway_knows_every_segment() {
    let gateway = include_str!("../../deploy/nginx.conf.template");
    for service in registrar::services() {
        for segment in service.segments {
            let known = gateway.lines().any(|line| line.contains(segment) && line.contains(service.name));
            assert!(known, "{segment} of {} is not in deploy/nginx.conf.template", service.name);
        }
    }
}

#[test]
fn every_published_aggregate_has_a_consumer_and_every_problem_is_documented() {
    let services = registrar::services();
    let topology = registrar_runtime::topology(&services);
    for source in services.iter().flat_map(|service| (service.sources)()) {
        assert!(topology.is_consumed(source.aggregate()), "nobody copies {}", source.aggregate());
    }
    let documented = include_str!("../../docs/api.md");
    for kind in registrar_http::ProblemKind::ALL {
        assert!(documented.contains(&format!("| `{}` | {} |", kind.code(), kind.status().as_u16())), "{} is not in docs/api.md", kind.code());
    }
}

/// Checks an answer: the status, a problem document in the form that is promised.
fn refused(operation: &Operation, what: &str, answer: &registrar_tests::Answer, statuses: &[u16]) {
    let place = format!("{} {} ({}) {what}: {} {}", operation.method, operation.path, operation.id, answer.status, answer.body);
    assert!(statuses.contains(&answer.status.as_u16()), "{place}, expected {statuses:?}");
    assert_eq!(answer.header("content-type"), "application/problem+json", "{place}");
    assert!(answer.text("/type").starts_with("urn:registrar:problem:"), "{place}");
    assert_eq!(answer.at("/request_id").as_str().map(str::to_owned), Some(answer.header("x-request-id")), "{place}");
    let said = answer.body.to_string();
    for leak in ["select ", "insert ", "diesel", "panicked", "src/", "postgres"] {
        assert!(!said.to_lowercase().contains(leak), "{place} tells of the inside");
    }
    assert!(operation.document["responses"].get(answer.status.as_str()).is_some(), "{place} is not documented");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_has_its_refusals() {
    let system = System::start(Mode::Embedded, 100).await.unwrap();
    let admin = Client::sign_in(&system.base, "admin").await.unwrap();
    let root = admin.only("/v1/units?kind=ministry").await.unwrap();
    let nobody = json!({"username": "nobody", "display_name": "Nobody", "password": registrar::demo::PASSWORD, "unit_id": root["id"]});
    admin.post("/v1/accounts", &nobody).await.unwrap().success().unwrap();
    let nobody = Client::sign_in(&system.base, "nobody").await.unwrap();
    let anonymous = Client::anonymous(&system.base);
    let class = admin.get("/v1/classes?limit=1&fields=*").await.unwrap().success().unwrap();
    let (class, teacher) = (class.at("/items/0/id"), class.at("/items/0/homeroom_teacher/id"));
    let taught = json!({"class_id": class, "staff_id": teacher, "subject": "vn-subject/2018/TOAN", "periods_per_week": 4, "from": registrar::demo::today(), "status": "active"});
    admin.post("/v1/assignments", &taught).await.unwrap().success().unwrap();
    let student = admin.get("/v1/students?limit=1").await.unwrap().success().unwrap();
    let parent = json!({"full_name": "Trần Thị Mai", "children": [{"student_id": student.at("/items/0/id"), "relation": "mother"}]});
    admin.post("/v1/guardians", &parent).await.unwrap().success().unwrap();
    let mut walked = BTreeMap::new();
    for operation in operations() {
        walk(&operation, &admin, &nobody, &anonymous).await;
        if operation.needs_if_match() {
            versions(&operation, &admin).await;
        }
        *walked.entry(operation.id.split('.').next().unwrap().to_owned()).or_insert(0) += 1;
    }
    println!("operations walked: {walked:?}");
}

async fn walk(operation: &Operation, admin: &Client, nobody: &Client, anonymous: &Client) {
    let (method, path) = (&operation.method, operation.to_nothing());
    let public = PUBLIC.contains(&operation.id.as_str());
    let json_type = if *method == Method::PATCH { "application/merge-patch+json" } else { "application/json" };
    let matched = [("if-match", "*"), ("content-type", json_type)];
    let body = operation.has_json_body().then(|| json!({}));
    if !public {
        let answer = anonymous.send(method.clone(), &path, &matched, body.as_ref()).await.unwrap();
        refused(operation, "without a token", &answer, &[401]);
    }
    if operation.has_json_body() {
        bodies(operation, admin, &path, json_type).await;
    } else if *method == Method::GET {
        let answer = admin.get(&format!("{path}?no_such_parameter=1")).await.unwrap();
        refused(operation, "with an unknown parameter", &answer, &[400, 404]);
        let answer = admin.get(&format!("{path}?limit=0&limit=%00&cursor=x")).await.unwrap();
        refused(operation, "with bad parameters", &answer, &[400, 404]);
    } else if operation.id.ends_with(".imports.create") {
        for (what, file, statuses) in [("with an empty file", "", [422, 422]), ("with a strange header", "no,such\n1,2\n", [422, 422]), ("with bytes", "\u{0}", [422, 400])] {
            let answer = admin.send_bytes(method.clone(), &path, &[("content-type", "text/csv")], Some(file.into())).await.unwrap();
            refused(operation, what, &answer, &statuses);
        }
        let answer = admin.send_bytes(method.clone(), &path, &[("content-type", "application/pdf")], Some(b"%PDF".to_vec())).await.unwrap();
        refused(operation, "with another type", &answer, &[415]);
    }
    if !public && !ANYBODY.contains(&operation.id.as_str()) && !operation.has_json_body() {
        let headers: &[(&str, &str)] = if operation.id.ends_with(".imports.create") { &[("content-type", "text/csv")] } else { &matched };
        let answer = nobody.send_bytes(method.clone(), &path, headers, operation.id.ends_with(".imports.create").then(|| b"code\nx\n".to_vec())).await.unwrap();
        refused(operation, "without any grant", &answer, &[400, 403, 404]);
    }
    if operation.path.contains('{') && *method == Method::GET {
        let answer = admin.get(&path).await.unwrap();
        refused(operation, "of nothing", &answer, &[400, 404]);
        let answer = admin.get(&path.replace(|letter: char| letter.is_ascii_digit(), "x")).await.unwrap();
        assert!(answer.status.is_client_error(), "{}: {}", operation.id, answer.status);
    }
}

/// A record that is there: unchanged since it was read, and guarded against a lost update.
async fn versions(operation: &Operation, admin: &Client) {
    let (list, _) = operation.path.rsplit_once("/{").unwrap();
    let page = admin.get(&format!("{list}?limit=1")).await.unwrap().success().unwrap();
    let path = format!("{list}/{}", page.text("/items/0/id"));
    let read = admin.get(&path).await.unwrap().success().unwrap();
    let etag = read.header("etag");
    assert!(etag.starts_with(&format!("\"{}.", read.at("/version"))), "{}: {etag}", operation.id);
    let again = admin.send(Method::GET, &path, &[("if-none-match", &etag)], None).await.unwrap();
    assert_eq!(again.status, StatusCode::NOT_MODIFIED, "{}", operation.id);
    let change =
        async |seen: &str| admin.send(operation.method.clone(), &path, &[("if-match", seen), ("content-type", "application/merge-patch+json")], Some(&json!({}))).await.unwrap();
    let stale = change("\"0.0\"").await;
    refused(operation, "of a former version", &stale, &[412]);
    assert_eq!(stale.at("/current_version"), read.at("/version"), "{}", operation.id);
    // What changes nothing writes nothing.
    let unchanged = change(&etag).await.success().unwrap();
    assert_eq!((unchanged.at("/version"), unchanged.header("etag")), (read.at("/version"), etag), "{}", operation.id);
}

/// Bodies that must be refused, each with the same clear errors.
async fn bodies(operation: &Operation, admin: &Client, path: &str, json_type: &str) {
    let headers = [("if-match", "*"), ("content-type", json_type)];
    let send = |bytes: Vec<u8>| admin.send_bytes(operation.method.clone(), path, &headers, Some(bytes));
    let nested = format!("{}{}", "[".repeat(50), "]".repeat(50)).into_bytes();
    let unreadable: [(&str, Vec<u8>); 5] = [
        ("malformed JSON", b"{\"a\":".to_vec()),
        ("invalid UTF-8", b"{\"a\":\"\xff\"}".to_vec()),
        ("deep nesting", nested),
        ("a huge number", b"{\"a\":1e99999}".to_vec()),
        ("no body", Vec::new()),
    ];
    for (what, bytes) in unreadable {
        refused(operation, what, &send(bytes).await.unwrap(), &[400]);
    }
    for (what, body) in [
        ("an unknown field", json!({"no_such_field": 1})),
        ("another type", json!([1, 2])),
        ("a NUL character", json!({"full_name": "A\u{0}B", "name": "A\u{0}B", "username": "a\u{0}"})),
        ("wrong types", json!({"name": {"a": 1}, "full_name": 7, "code": [], "status": 1, "staff_id": 3, "student_id": false, "account_id": 9})),
    ] {
        let answer = send(body.to_string().into_bytes()).await.unwrap();
        refused(operation, what, &answer, &[422]);
        assert!(!answer.at("/errors").as_array().unwrap().is_empty(), "{}: {what} names no field", operation.id);
    }
    let large = json!({"full_name": "x".repeat(10_000_000)}).to_string().into_bytes();
    refused(operation, "10 MB", &send(large).await.unwrap(), &[413]);
    let typed = admin.send_bytes(operation.method.clone(), path, &[("if-match", "*"), ("content-type", "text/plain")], Some(b"{}".to_vec())).await.unwrap();
    refused(operation, "another content type", &typed, &[415]);
    if operation.needs_if_match() {
        let answer = admin.send(operation.method.clone(), path, &[("content-type", json_type)], Some(&json!({}))).await.unwrap();
        refused(operation, "without If-Match", &answer, &[428]);
        let answer = admin.send(operation.method.clone(), path, &headers, Some(&json!({}))).await.unwrap();
        refused(operation, "of nothing", &answer, &[404]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_root_of_the_host_answers() {
    let system = System::start(Mode::Embedded, 100).await.unwrap();
    let anonymous = Client::anonymous(&system.base);
    for (path, status) in [("/docs/", 200), ("/openapi.yaml", 200), ("/.well-known/jwks.json", 200), ("/", 404), ("/v1", 404), ("/v1/nothing", 404), ("/../etc/passwd", 404)] {
        let answer = anonymous.get(path).await.unwrap();
        assert_eq!(answer.status.as_u16(), status, "{path}");
        assert!(status == 200 || answer.header("content-type") == "application/problem+json", "{path}");
    }
    let put = anonymous.send(Method::PUT, "/v1/sessions", &[], Some(&json!({}))).await.unwrap();
    assert!(put.status == StatusCode::METHOD_NOT_ALLOWED || put.status == StatusCode::NOT_FOUND, "{}", put.status);
}
