//! How complete the records are, and whose identity has been checked.

use registrar_access::Role;
use registrar_domain::{EducationLevel, UnitKind};
use registrar_testkit::{Api, NewAccount, NewUnit, TestSystem};
use serde_json::{Value, json};

use crate::records::{Person, SHE, State, students};

async fn start() -> (TestSystem, Api) {
    let system = TestSystem::start(vec![registrar_reporting::service()]).await.unwrap();
    let api = system.client_of(&system.account(Role::Administrator, system.root_unit()).await.unwrap());
    (system, api)
}

fn row<'a>(items: &'a Value, unit: &str, field: &str) -> &'a Value {
    let is = |row: &&Value| (unit.is_empty() || row["unit"]["name"] == unit) && (field.is_empty() || row["field"] == field);
    items.as_array().unwrap().iter().find(is).unwrap()
}

#[tokio::test]
async fn what_is_missing_is_told_by_school_and_field() {
    let (system, api) = start().await;
    let department = system.unit(NewUnit { code: Some("0".into()), ..NewUnit::new(system.tenant(), UnitKind::Department, "Sở") }).await.unwrap();
    let school = system.unit(NewUnit { code: Some("A".into()), ..NewUnit::new(system.tenant(), UnitKind::Primary, "Trường A").below(department) }).await.unwrap();
    system.unit(NewUnit { code: Some("B".into()), ..NewUnit::new(system.tenant(), UnitKind::Primary, "Trường B").below(department) }).await.unwrap();
    let teacher = |missing: Vec<&'static str>| Person { missing, ..SHE };
    let people = [
        (teacher(vec![]), State::at(school)),
        (teacher(vec!["personal.photo", "phone"]), State::at(school)),
        (teacher(vec!["phone"]), State::at(school)),
        (teacher(vec!["brand.new"]), State::at(department)),
        (teacher(vec!["phone"]), State { ended: true, to: Some(State::at(school).from), ..State::at(school) }),
    ];
    let events: Vec<_> = people.iter().map(|(person, state)| person.staff(system.tenant(), system.new_id(), (1, 1), std::slice::from_ref(state))).collect();
    system.deliver("reporting", &events).await.unwrap();

    // S1-007, S2-007: field by field. Of those who have left nothing is asked any more.
    let answer = api.get(format!("/v1/reports/completeness?subject=staff&unit_id={department}")).await.ok();
    let phone = row(answer.at("/items"), "", "phone");
    assert_eq!(phone, &json!({"field": "phone", "records": 4, "complete": null, "filled": 2, "missing": 2, "share": "0.5000"}));
    assert_eq!(row(answer.at("/items"), "", "personal.photo")["share"], "0.7500");
    assert_eq!(row(answer.at("/items"), "", "email")["share"], "1.0000", "of a field that nobody misses too");
    assert_eq!(row(answer.at("/items"), "", "brand.new")["missing"], 1);
    // 28 fields are known here, and one that is not.
    assert_eq!(answer.at("/total"), &json!({"records": 4, "complete": 1, "filled": 4 * 29 - 4, "missing": 4, "share": "0.9655"}));
    assert_eq!(answer.at("/as_of/1/source"), "personnel");

    // S1-099: by school, those with nobody in them too.
    let answer = api.get(format!("/v1/reports/completeness?subject=staff&unit_id={department}&by=unit")).await.ok();
    let names: Vec<&Value> = answer.at("/items").as_array().unwrap().iter().map(|row| &row["unit"]["name"]).collect();
    assert_eq!(names, ["Sở", "Trường A", "Trường B"]);
    let of = |unit: &str| row(answer.at("/items"), unit, "").clone();
    assert_eq!((&of("Trường A")["records"], &of("Trường A")["complete"], &of("Trường A")["missing"]), (&json!(3), &json!(1), &json!(3)));
    assert_eq!((&of("Trường B")["records"], &of("Trường B")["share"]), (&json!(0), &Value::Null));
    assert_eq!(of("Sở")["scope"], "own");

    let path = format!("/v1/reports/completeness?subject=staff&unit_id={department}&by=unit,field&limit=2");
    let page = api.get(&path).await.ok();
    assert_eq!((page.at("/items").as_array().unwrap().len(), row(page.at("/items"), "Trường A", "phone")["missing"].clone()), (2 * 29, json!(2)));
    let next = api.get(format!("{path}&cursor={}", page.at("/next_cursor").as_str().unwrap())).await.ok();
    assert_eq!((next.at("/items/0/unit/name"), next.at("/next_cursor"), next.at("/total/records")), (&json!("Trường B"), &Value::Null, &json!(4)));
}

#[tokio::test]
async fn a_record_that_is_filled_in_or_moves_is_counted_anew() {
    let (system, api) = start().await;
    let (first, second) = (system.school("Trường A").await.unwrap(), system.school("Trường B").await.unwrap());
    let id = system.new_id();
    let deliver = async |person: Person, unit, version| {
        system.deliver("reporting", &[person.student(system.tenant(), id, (1, version), &State::at(unit))]).await.unwrap();
    };
    let missing = async |unit| {
        let answer = api.get(format!("/v1/reports/completeness?subject=students&unit_id={unit}")).await.ok();
        (answer.at("/total/records").as_i64().unwrap(), answer.at("/total/missing").as_i64().unwrap())
    };
    deliver(Person { missing: vec!["phone", "personal.photo"], ..SHE }, first, 1).await;
    assert_eq!((missing(first).await, missing(second).await), ((1, 2), (0, 0)));
    deliver(Person { missing: vec!["phone"], ..SHE }, second, 2).await;
    assert_eq!((missing(first).await, missing(second).await, missing(system.root_unit()).await), ((0, 0), (1, 1), (1, 1)));
}

#[tokio::test]
async fn the_share_of_unverified_identities_is_told_by_school() {
    let (system, api) = start().await;
    let school = system.school("Trường").await.unwrap();
    let child = |identity_status| (Person { identity_status, birth_year: 2015, ..SHE }, State { category: "5", ..State::at(school) });
    let children = [vec![child("verified"); 68], vec![child("mismatch")]].concat();
    students(&system, &children).await;
    // S2-004, S2-006: the share of students whose identity is not verified against the population database, 1.4 % here.
    let answer = api.get("/v1/reports/identities?subject=students").await.ok();
    assert_eq!(answer.at("/total"), &json!({"records": 69, "verified": 68, "unverified": 0, "mismatch": 1, "share_unverified": "0.0145"}));
    assert_eq!((answer.at("/items/0/unit/name"), answer.at("/items/0/share_unverified")), (&json!("Trường"), &json!("0.0145")));
    assert_eq!(api.get("/v1/reports/identities?subject=staff").await.ok().at("/total/share_unverified"), &Value::Null);
}

#[tokio::test]
async fn they_are_for_those_whose_grants_cover_the_unit() {
    let (system, _) = start().await;
    let school = NewUnit::new(system.tenant(), UnitKind::PrimaryAndLowerSecondary, "Trường TH-THCS").levels(&[EducationLevel::TH, EducationLevel::THCS]);
    let school = system.unit(school).await.unwrap();
    let other = system.school("Trường khác").await.unwrap();
    students(&system, &[(SHE, State::at(school)), (SHE, State { level: Some("THCS"), ..State::at(school) })]).await;
    let viewer = system.client_of(&system.account(Role::Viewer, school).await.unwrap());
    let teacher = system.client_of(&system.account(Role::Teacher, school).await.unwrap());
    let primary = NewAccount { education_levels: vec![EducationLevel::TH], ..NewAccount::new(Role::Viewer, school) };
    let primary = system.client_of(&system.account_with(primary).await.unwrap());
    for route in ["completeness", "identities"] {
        let path = format!("/v1/reports/{route}?subject=students");
        system.client().get(&path).await.problem(401, "unauthenticated");
        teacher.get(&path).await.problem(403, "forbidden");
        viewer.get(format!("{path}&unit_id={other}")).await.problem(409, "not_yet_known");
        assert_eq!(viewer.get(&path).await.ok().at("/total/records"), 2);
        let answer = primary.get(&path).await.ok();
        assert_eq!((answer.at("/total/records"), answer.at("/education_levels")), (&json!(1), &json!(["TH"])));
        assert_eq!(viewer.get(format!("{path}&limit=201")).await.problem(400, "bad_parameter").at("/errors/0/pointer"), "limit");
    }
    let bad = async |query: &str| viewer.get(format!("/v1/reports/completeness?subject=staff&{query}")).await.problem(400, "bad_parameter").field_errors();
    assert_eq!(bad("by=gender").await, [("by".to_owned(), "not_one_of".to_owned())]);
    assert_eq!(bad("depth=2").await, [("depth".to_owned(), "only_with".to_owned())]);
    assert_eq!(bad("by=unit&cursor=abc").await, [("cursor".to_owned(), "bad_cursor".to_owned())]);
}
