//! Figures of few persons, by what the law calls sensitive.

use registrar_access::Role;
use registrar_domain::{EducationLevel, Hierarchy};
use registrar_testkit::{Api, NewAccount, TestSystem};
use serde_json::{Value, json};

use crate::records::{Person, SHE, State, students};

const KINH: &str = "vn-ethnic/2008/01";
const TAY: &str = "vn-ethnic/2008/02";
const HOA: &str = "vn-ethnic/2008/04";

fn children(number: usize, ethnic_group: &'static str, grade: &'static str, school: &State) -> Vec<(Person, State)> {
    vec![(Person { ethnic_group: Some(ethnic_group), birth_year: 2015, ..SHE }, State { category: grade, ..school.clone() }); number]
}

async fn counts(api: &Api, query: &str) -> (Value, Vec<Value>) {
    let answer = api.get(format!("/v1/reports/headcounts?subject=students&{query}")).await.ok();
    let items = answer.at("/items").as_array().unwrap();
    for row in items {
        assert_eq!(row["count"].is_null(), row["suppressed"] == true, "{row}");
    }
    (answer.at("/total").clone(), items.iter().map(|row| row["count"].clone()).collect())
}

#[tokio::test]
async fn small_figures_by_ethnic_group_are_for_those_who_may_see_the_children() {
    let system = TestSystem::start(vec![registrar_reporting::service()]).await.unwrap();
    let department = system.department("Sở").await.unwrap();
    let (first, second) = (system.school_below(department, "Trường A").await.unwrap(), system.school_below(department, "Trường B").await.unwrap());
    let (at_first, at_second) = (State::at(first), State::at(second));
    let all = [
        children(9, KINH, "4", &at_first),
        children(8, KINH, "5", &at_second),
        children(2, TAY, "4", &at_first),
        children(6, TAY, "5", &at_second),
        children(7, HOA, "5", &at_second),
    ];
    students(&system, &all.concat()).await;
    let caller = async |role, unit| system.client_of(&system.account(role, unit).await.unwrap());

    // Whoever keeps the records sees every child, and so every figure.
    let administrator = caller(Role::Administrator, system.root_unit()).await;
    assert_eq!(counts(&administrator, "by=ethnic_group,grade").await, (json!(32), vec![json!(9), json!(2), json!(8), json!(6), json!(7)]));
    let head = caller(Role::HeadTeacher, first).await;
    assert_eq!(counts(&head, "by=ethnic_group").await, (json!(11), vec![json!(9), json!(2)]));

    // An officer may see students and not their sensitive fields: the two children are told neither by their own figure nor
    // as what is left of a sum.
    let officer = caller(Role::Officer, department).await;
    let (total, cells) = counts(&officer, "by=ethnic_group,grade").await;
    assert_eq!((total, &cells[4]), (json!(32), &json!(7)));
    assert_eq!(&cells[..4], [Value::Null, Value::Null, Value::Null, Value::Null]);
    assert_eq!(counts(&officer, "by=ethnic_group").await.1, [json!(17), json!(8), json!(7)], "none of them is small");
    assert_eq!(counts(&officer, &format!("by=ethnic_group&unit_id={first}")).await, (json!(11), vec![Value::Null, Value::Null]), "the total stays");
    assert_eq!(counts(&officer, "by=unit,ethnic_group").await.1, [Value::Null, Value::Null, Value::Null, Value::Null, json!(7)]);
    assert_eq!(counts(&officer, "by=unit,ethnic_group&limit=2").await.1, [Value::Null, Value::Null], "as much is hidden on a page as on the whole");
    assert_eq!(counts(&officer, "by=gender,grade").await.1, [json!(11), json!(21)], "what is not sensitive is told");
    assert_eq!(counts(&officer, "by=policy_category").await.1, [json!(32)]);
}

#[tokio::test]
async fn a_right_over_one_level_or_an_outdated_one_does_not_open_small_figures() {
    let system = TestSystem::start(vec![registrar_reporting::service()]).await.unwrap();
    let school = system.school("Trường").await.unwrap();
    students(&system, &[children(2, TAY, "4", &State::at(school)), children(9, KINH, "4", &State { level: Some("THCS"), ..State::at(school) })].concat()).await;
    let account = system.account(Role::Viewer, school).await.unwrap();
    system.grant(&account, &NewAccount { education_levels: vec![EducationLevel::TH], ..NewAccount::new(Role::Clerk, school) }).await.unwrap();
    let both = system.client_of(&account);
    // Of primary children the account is the clerk; of the others a viewer.
    assert_eq!(counts(&both, "by=ethnic_group").await.1, [Value::Null, Value::Null]);
    let clerk = NewAccount { education_levels: vec![EducationLevel::TH], hierarchy: Hierarchy::Professional, ..NewAccount::new(Role::Clerk, school) };
    let clerk = system.client_of(&system.account_with(clerk).await.unwrap());
    assert_eq!(counts(&clerk, "by=ethnic_group").await, (json!(2), vec![json!(2)]));
    // Rights that cannot be verified show nothing sensitive; the report itself goes on.
    system.authority_as_of(system.clock().now() - chrono::TimeDelta::seconds(120)).await.unwrap();
    assert_eq!(counts(&clerk, "by=ethnic_group").await, (json!(2), vec![Value::Null]));
}
