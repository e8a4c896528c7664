//! Units and who stands above them.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::world::{World, texts};

fn above(hierarchy: &str, unit: Uuid, from: &str, to: Option<&str>) -> Value {
    json!({"hierarchy": hierarchy, "unit_id": unit, "valid_from": from, "valid_to": to})
}

#[tokio::test]
async fn who_manages_a_school_on_a_day_has_one_answer_per_hierarchy() {
    let world = World::start().await;
    let department = world.unit("SO", "department", world.tenant).await;
    let office = world.unit("PGD-HA", "district_office", department).await;
    let commune = world.unit("UBND-20410", "commune", world.tenant).await;
    // rules.md 2.4, S2-013: until 30 June 2025 the district office in both, since then commune and department.
    let superiors = json!([
        above("administrative", office, "2000-01-01", Some("2025-06-30")),
        above("administrative", commune, "2025-07-01", None),
        above("professional", office, "2000-01-01", Some("2025-06-30")),
        above("professional", department, "2025-07-01", None),
    ]);
    let school = world.unit_under("TH-CT", "primary", superiors).await.id();
    let api = &world.administrator;
    let managers = |day: &'static str| async move {
        let answer = api.get(format!("/v1/units/{school}/superiors?on={day}")).await.ok();
        let items = answer.at("/items").as_array().unwrap().clone();
        items.iter().filter(|item| item["depth"] == 1).map(|item| format!("{}: {}", item["hierarchy"].as_str().unwrap(), item["code"].as_str().unwrap())).collect::<Vec<_>>()
    };
    assert_eq!(managers("2025-06-30").await, ["administrative: PGD-HA", "professional: PGD-HA"]);
    assert_eq!(managers("2025-07-01").await, ["administrative: UBND-20410", "professional: SO"]);
    assert_eq!(managers("1999-12-31").await, Vec::<String>::new());
    let chain = api.get(format!("/v1/units/{school}/superiors?on=2025-06-30")).await.ok();
    assert_eq!(texts(&chain, "/items", "code"), ["PGD-HA", "PGD-HA", "SO", "bo"]);

    let below = |query: &'static str| async move { texts(&api.get(format!("/v1/units/{query}")).await.ok(), "/items", "code") };
    let path = |unit: Uuid, query: &str| format!("{unit}/subordinates?{query}").leak() as &'static str;
    assert_eq!(below(path(office, "on=2025-06-30")).await, ["TH-CT"]);
    assert_eq!(below(path(office, "on=2025-07-01")).await, Vec::<String>::new());
    assert_eq!(below(path(commune, "hierarchy=administrative")).await, ["TH-CT"]);
    assert_eq!(below(path(department, "on=2025-06-30&sort=code")).await, ["PGD-HA", "TH-CT"]);
    assert_eq!(below(path(department, "on=2025-06-30&direct=true")).await, ["PGD-HA"]);
    assert_eq!(texts(&api.get(format!("/v1/units?within={department}&on=2025-06-30&sort=code")).await.ok(), "/items", "code"), ["PGD-HA", "SO", "TH-CT"]);
    api.get(format!("/v1/units/{school}/superiors?on=yesterday")).await.problem(400, "bad_parameter");
}

#[tokio::test]
async fn no_unit_stands_above_itself_on_any_day() {
    let world = World::start().await;
    let a = world.unit("A", "department", world.tenant).await;
    let b = world.unit("B", "department", a).await;
    let c = world.unit("C", "department", b).await;
    let api = &world.administrator;
    let place = |unit: Uuid, superiors: Value| api.patch(format!("/v1/units/{unit}")).header("If-Match", "*").merge(&json!({"superiors": superiors}));
    for above_it in [a, b, c] {
        let answer = place(a, json!([above("professional", above_it, "2025-01-01", None)])).await.problem(422, "invalid");
        assert_eq!(answer.field_errors(), [("/superiors/0/unit_id".to_owned(), "cycle".to_owned())]);
    }
    // Before 2000 nothing stood above C, and the other hierarchy is another matter.
    place(a, json!([above("professional", c, "1990-01-01", Some("1999-12-31"))])).await.ok();
    place(a, json!([above("administrative", c, "2025-01-01", None)])).await.ok();
    place(world.tenant, json!([above("professional", a, "2025-01-01", None)])).await.problem(422, "invalid");
    let overlapping = json!([above("professional", b, "2000-01-01", None), above("professional", a, "2025-01-01", None)]);
    assert_eq!(place(c, overlapping).await.problem(422, "invalid").field_errors()[0].1, "overlapping");
    assert_eq!(place(c, json!([above("professional", Uuid::from_u128(1), "2000-01-01", None)])).await.problem(422, "invalid").field_errors()[0].1, "unknown_unit");
    let mut last = c;
    for depth in 0..13 {
        last = world.unit(&format!("D{depth}"), "other", last).await;
    }
    let body = json!({"code": "X", "name": "X", "kind": "other", "opened_on": "2000-01-01", "superiors": [above("professional", last, "2000-01-01", None)]});
    assert_eq!(api.post("/v1/units").json(&body).await.problem(422, "invalid").field_errors()[0].1, "too_deep");
}

#[tokio::test]
async fn a_unit_is_entered_read_changed_and_followed() {
    let world = World::start().await;
    let api = &world.administrator;
    let school = world.unit_under("TH-1", "primary", json!([above("professional", world.tenant, "2000-01-01", None)])).await;
    assert_eq!((school.at("/version"), school.at("/status")), (&json!(1), &json!("open")));
    let path = format!("/v1/units/{}", school.id());
    assert_eq!(api.get(&path).await.ok().json, school.json);
    let _ = api.get(&path).header("If-None-Match", school.etag()).await.status(304);
    api.patch(&path).merge(&json!({"name": "x"})).await.problem(428, "precondition_required");
    let renamed = api.patch(&path).if_match(&school).merge(&json!({"name": "Trường Tiểu học Cẩm Thanh", "closed_on": "2026-05-31", "website": "http://ct.edu.vn"})).await.ok();
    assert_eq!((renamed.at("/version"), renamed.at("/status")), (&json!(2), &json!("closed")));
    api.patch(&path).if_match(&school).merge(&json!({"name": "x"})).await.problem(412, "stale");
    assert_eq!(api.patch(&path).if_match(&renamed).merge(&json!({"name": "Trường Tiểu học Cẩm Thanh"})).await.ok().at("/version"), &json!(2));
    api.post("/v1/units").json(&json!({"code": "TH-1", "name": "x", "kind": "primary", "opened_on": "2000-01-01"})).await.problem(409, "conflict");
    let wrong = api.post("/v1/units").json(&json!({"code": "", "name": "x", "kind": "castle", "opened_on": "x", "colour": 1})).await.problem(422, "invalid");
    assert_eq!(wrong.field_errors().iter().map(|(pointer, _)| pointer.as_str()).collect::<std::collections::BTreeSet<_>>(), ["/code", "/colour", "/kind", "/opened_on"].into());
    let found = api.get("/v1/units?q=tieu%20hoc%20cam&education_level=TH&kind=primary&status=closed&count=true").await.ok();
    assert_eq!((found.at("/total"), found.at("/items/0/name")), (&json!(1), &json!("Trường Tiểu học Cẩm Thanh")));
    api.get("/v1/units?colour=red").await.problem(400, "bad_parameter");
    let history = api.get(format!("{path}/history")).await.ok();
    assert_eq!(
        (history.at("/items/0/changed_by"), texts(&history, "/items/0/changes", "field")),
        (&json!(world.account), vec!["closed_on".into(), "name".into(), "status".into(), "website".into()])
    );
    let feed = api.get("/v1/units/changes").await.ok();
    assert_eq!(texts(&feed, "/items", "code"), ["bo", "TH-1"]);
    world.administrator.patch(format!("/v1/units/{}", world.tenant)).header("If-Match", "*").merge(&json!({"closed_on": "2030-01-01"})).await.problem(422, "invalid");
}

#[tokio::test]
async fn units_are_placed_only_where_one_writes_units() {
    let world = World::start().await;
    let (mine, other) = (world.unit("SO-1", "department", world.tenant).await, world.unit("SO-2", "department", world.tenant).await);
    let person = world.holder("quan.tri", "administrator", mine).await;
    let school =
        |code: &str, unit: Uuid| json!({"code": code, "name": "x", "kind": "primary", "opened_on": "2000-01-01", "superiors": [above("professional", unit, "2000-01-01", None)]});
    let made = person.api.post("/v1/units").json(&school("TH-1", mine)).await.status(201);
    person.api.post("/v1/units").json(&school("TH-2", other)).await.problem(422, "invalid");
    let without = json!({"code": "TH-3", "name": "x", "kind": "primary", "opened_on": "2000-01-01"});
    person.api.post("/v1/units").json(&without).await.problem(403, "forbidden");
    let path = format!("/v1/units/{}", made.id());
    // Neither moved out of nor into what one does not manage.
    person.api.patch(&path).if_match(&made).merge(&json!({"superiors": []})).await.problem(403, "forbidden");
    person.api.patch(&path).if_match(&made).merge(&school("TH-1", other)).await.problem(422, "invalid");
    person
        .api
        .patch(format!("/v1/units/{mine}"))
        .header("If-Match", "*")
        .merge(&json!({"superiors": [above("professional", made.id(), "2000-01-01", None)]}))
        .await
        .problem(403, "forbidden");
    person.api.get(format!("/v1/units/{other}")).await.problem(404, "not_found");
    assert_eq!(texts(&person.api.get("/v1/units?sort=code").await.ok(), "/items", "code"), ["SO-1", "TH-1"]);
    let clerk = world.holder("van.thu", "clerk", mine).await;
    clerk.api.post("/v1/units").json(&school("TH-4", mine)).await.problem(403, "forbidden");
}

#[tokio::test]
async fn dates_are_of_the_years_that_every_program_knows() {
    let world = World::start().await;
    let body = |opened: &str, from: &str| {
        let superiors = json!([{"hierarchy": "professional", "unit_id": world.tenant, "valid_from": from}]);
        json!({"code": "TH-9", "name": "Trường", "kind": "primary", "education_levels": ["TH"], "opened_on": opened, "superiors": superiors})
    };
    for (opened, from, field) in [("0000-01-01", "2000-01-01", "/opened_on"), ("2000-01-01", "0000-01-01", "/superiors/0/valid_from"), ("+12000-01-01", "2000-01-01", "/opened_on")]
    {
        let refused = world.administrator.post("/v1/units").json(&body(opened, from)).await.problem(422, "invalid");
        assert_eq!(refused.field_errors()[0].0, field);
    }
}

/// A unit says how to reach it and where it lies (S1-110).
#[tokio::test]
async fn a_unit_has_contacts_and_an_area() {
    let world = World::start().await;
    let api = &world.administrator;
    let contacts = json!({
        "website": "http://thcskimdong.hoian.edu.vn", "phone": "0235 3861 234", "email": "kimdong@hoian.edu.vn",
        "address": " 15  Trần Hưng Đạo, phường Hội An ", "area": "vn-area/2025-07-01/20410",
    });
    let path = format!("/v1/units/{}", world.unit("THCS-KD", "lower_secondary", world.tenant).await);
    let school = api.patch(&path).header("If-Match", "*").merge(&contacts).await.ok();
    assert_eq!((school.at("/area"), school.at("/address")), (&contacts["area"], &json!("15 Trần Hưng Đạo, phường Hội An")));
    assert_eq!((school.at("/email"), school.at("/website")), (&contacts["email"], &contacts["website"]));
    assert_eq!(api.get(&path).await.ok().json, school.json);
    for (field, value, code) in [
        ("area", json!("20410"), "pattern"),
        ("area", json!("vn-area/2025-07-01/99999"), "invalid"),
        ("area", json!("vn-ethnic/2008/01"), "invalid"),
        ("phone", json!("call us"), "pattern"),
        ("email", json!("nobody"), "pattern"),
        ("address", json!("15 Trần Hưng Đạo\nHội An"), "invalid"),
        ("address", json!("x".repeat(501)), "too_long"),
        ("area_code", json!("20410"), "unknown_field"),
    ] {
        let refused = api.patch(&path).header("If-Match", "*").merge(&json!({ field: value })).await.problem(422, "invalid");
        assert!(refused.field_errors().contains(&(format!("/{field}"), code.to_owned())), "{value}: {:?}", refused.field_errors());
    }
    let emptied = api.patch(&path).header("If-Match", "*").merge(&json!({"area": null, "phone": null})).await.ok();
    assert_eq!((emptied.at("/area"), emptied.at("/phone")), (&json!(null), &json!(null)));
}
