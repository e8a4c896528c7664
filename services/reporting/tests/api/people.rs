//! Who is counted where, and by what: the rules that statistics follow.

use diesel::{dsl::sql, sql_types::Text};
use diesel_async::RunQueryDsl;
use registrar_access::Role;
use registrar_testkit::{Api, TestSystem};
use serde_json::{Value, json};

use crate::records::{Person, SHE, State, day, staff, students};

async fn start() -> (TestSystem, Api) {
    let system = TestSystem::start(vec![registrar_reporting::service()]).await.unwrap();
    let api = system.client_of(&system.account(Role::Administrator, system.root_unit()).await.unwrap());
    (system, api)
}

async fn items(api: &Api, query: &str) -> Value {
    api.get(format!("/v1/reports/headcounts?{query}")).await.ok().at("/items").clone()
}

#[tokio::test]
async fn who_moved_counts_at_the_former_school_until_the_move() {
    let (system, api) = start().await;
    let (former, present) = (system.school("Trường cũ").await.unwrap(), system.school("Trường mới").await.unwrap());
    let employments = [
        State { to: Some(day("2025-08-31")), category: "teacher", ..State::at(former) },
        State { from: day("2025-09-01"), category: "manager", position: "deputy_head_teacher", ..State::at(present) },
    ];
    system.deliver("reporting", &[SHE.staff(system.tenant(), system.new_id(), (1, 1), &employments)]).await.unwrap();
    let total = async |unit, on: &str| {
        let answer = api.get(format!("/v1/reports/headcounts?subject=staff&unit_id={unit}&on={on}&by=gender")).await.ok();
        answer.at("/total").as_i64().unwrap()
    };
    // S3-056: heads count at the primary employment of the day; a move never erases the past (rules 4.3).
    for (on, counts) in [("2020-08-14", (0, 0)), ("2025-08-31", (1, 0)), ("2025-09-01", (0, 1))] {
        assert_eq!((total(former, on).await, total(present, on).await), counts, "{on}");
        assert_eq!(total(system.root_unit(), on).await, counts.0 + counts.1, "one head in the whole system on {on}");
    }
    // What somebody was then is what counts then.
    assert_eq!(items(&api, "subject=staff&on=2025-08-31&by=position_group,position").await, json!([{"position_group": "teacher", "position": "teacher", "count": 1}]));
    assert_eq!(items(&api, "subject=staff&by=position").await, json!([{"position": "deputy_head_teacher", "count": 1}]));
}

#[tokio::test]
async fn who_visits_another_school_is_not_counted_there() {
    let (system, api) = start().await;
    let (college, centre) = (system.school("Trường Cao đẳng nghề").await.unwrap(), system.school("Trung tâm GDNN-GDTX").await.unwrap());
    // S3-057: of a college teacher who visits the centre, the event has the primary employment only.
    staff(&system, &[State::at(college), State { contract_form: Some("vn-contract-form/1/4"), ..State::at(centre) }]).await;
    assert_eq!(items(&api, &format!("subject=staff&unit_id={college}&by=gender")).await, json!([{"gender": "female", "count": 1}]));
    // S3-055: teachers on a quota have a contract of less than a year, and are counted under that form.
    assert_eq!(items(&api, &format!("subject=staff&unit_id={centre}&by=contract_form")).await, json!([{"contract_form": "vn-contract-form/1/4", "count": 1}]));
}

#[tokio::test]
async fn staff_is_counted_by_age_qualification_and_standard() {
    let (system, api) = start().await;
    let school = system.school("Trường").await.unwrap();
    let teacher = |birth_year, qualification, training_standard| Person { birth_year, qualification, training_standard, ethnic_group: Some("vn-ethnic/2008/01"), ..SHE };
    let people = [teacher(1965, Some("vn-qualification/1/16"), Some("at")), teacher(1990, Some("vn-qualification/1/02"), Some("above")), teacher(1991, None, None)];
    let events: Vec<_> = people.iter().map(|person| person.staff(system.tenant(), system.new_id(), (1, 1), &[State::at(school)])).collect();
    system.deliver("reporting", &events).await.unwrap();
    assert_eq!(
        items(&api, "subject=staff&by=qualification,training_standard").await,
        json!([
            {"qualification": null, "training_standard": null, "count": 1},
            {"qualification": "vn-qualification/1/02", "training_standard": "above", "count": 1},
            {"qualification": "vn-qualification/1/16", "training_standard": "at", "count": 1},
        ])
    );
    // Born on the last day of 1965: 60 by the year, on every day of 2025, and 59 the year before.
    let bands = |on| format!("subject=staff&by=age_band&on={on}");
    assert_eq!(items(&api, &bands("2025-01-01")).await, json!([{"age_band": "vn-age-band/1/30", "count": 2}, {"age_band": "vn-age-band/1/60", "count": 1}]));
    assert_eq!(items(&api, &bands("2024-12-31")).await, json!([{"age_band": "vn-age-band/1/30", "count": 2}, {"age_band": "vn-age-band/1/55", "count": 1}]));
    assert_eq!(
        items(&api, "subject=staff&by=age_band,ethnic_group,education_level").await[0],
        json!({"education_level": "TH", "age_band": "vn-age-band/1/30", "ethnic_group": "vn-ethnic/2008/01", "count": 2})
    );
}

#[tokio::test]
async fn students_are_counted_by_what_is_known_of_them_whichever_came_first() {
    let (system, api) = start().await;
    let school = system.school("Trường").await.unwrap();
    let child = Person { birth_year: 2015, ethnic_group: Some("vn-ethnic/2008/02"), ..SHE };
    let boy = Person { gender: "male", policy_category: Some("vn-policy-category/1/orphan"), birth_year: 2014, ..child.clone() };
    // The gender of the enrolment is a copy, and gives way to what the student's own record says.
    students(
        &system,
        &[
            (child.clone(), State { category: "5", ..State::at(school) }),
            (child, State { category: "5", ..State::at(school) }),
            (boy, State { category: "4", ..State::at(school) }),
        ],
    )
    .await;
    assert_eq!(items(&api, "subject=students&by=grade,age_band").await, json!([{"grade": "4", "age_band": "11", "count": 1}, {"grade": "5", "age_band": "10", "count": 2}]));
    assert_eq!(
        items(&api, "subject=students&by=gender,policy_category").await,
        json!([{"gender": "female", "policy_category": null, "count": 2}, {"gender": "male", "policy_category": "vn-policy-category/1/orphan", "count": 1}])
    );
    let by_unit = items(&api, "subject=students&by=unit,ethnic_group").await;
    assert_eq!((&by_unit[0]["unit"]["id"], &by_unit[0]["ethnic_group"], &by_unit[0]["count"]), (&json!(school), &json!("vn-ethnic/2008/02"), &json!(3)));
    let answer = api.get("/v1/reports/headcounts?subject=students&by=gender").await.ok();
    assert_eq!(answer.at("/as_of/1"), &json!({"source": "students", "as_of": "2025-09-14T01:00:00Z"}));
}

#[tokio::test]
async fn a_newer_version_of_the_same_facts_is_not_worked_out_again() {
    let (system, api) = start().await;
    let (school, other) = (system.school("Trường").await.unwrap(), system.school("Trường khác").await.unwrap());
    let id = system.new_id();
    let said = async |version, unit| system.deliver("reporting", &[SHE.staff(system.tenant(), id, (1, version), &[State::at(unit)])]).await.unwrap();
    let asked = async |query: String| -> String {
        let value = sql::<Text>(&format!("({query})"));
        diesel::select(value).get_result(&mut system.db("reporting").get().await.unwrap()).await.unwrap()
    };
    let place = async || asked(format!("select ctid::text from staff_employments where staff_id = '{id}'")).await;
    said(1, school).await;
    let first = place().await;
    said(2, school).await;
    assert_eq!(place().await, first, "another telephone number changes nothing that is counted");
    assert_eq!(asked(format!("select version::text from staff_statistics where id = '{id}'")).await, "2");
    said(3, other).await;
    assert_ne!(place().await, first);
    let by_unit = items(&api, "subject=staff&by=unit").await;
    let counts: Vec<_> = by_unit.as_array().unwrap().iter().map(|row| (&row["unit"]["id"], &row["count"])).collect();
    assert_eq!(counts, [(&json!(school), &json!(0)), (&json!(other), &json!(1))]);
}
