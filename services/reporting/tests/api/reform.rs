//! On 1 July 2025 the districts were abolished: a school then had two superiors instead of one.

use prost::Message;
use registrar_access::Role;
use registrar_domain::{EducationLevel, Hierarchy, UnitId, UnitKind};
use registrar_events::contracts::identity;
use registrar_reporting::sums::{calendar::Calendar, job};
use registrar_testkit::{Api, NewUnit, Superior, TestSystem};

use crate::records::{State, day, enrolments, event, staff};

const BOTH: [Hierarchy; 2] = [Hierarchy::Administrative, Hierarchy::Professional];

fn until_reform(unit: UnitId) -> impl Iterator<Item = Superior> {
    BOTH.into_iter().map(move |hierarchy| Superior { hierarchy, unit, valid_from: day("2000-01-01"), valid_to: Some(day("2025-06-30")) })
}

fn since_reform(hierarchy: Hierarchy, unit: UnitId) -> Superior {
    Superior { hierarchy, unit, valid_from: day("2025-07-01"), valid_to: None }
}

async fn total(api: &Api, subject: &str, on: &str, hierarchy: &str, unit: UnitId) -> i64 {
    let answer = api.get(format!("/v1/reports/headcounts?subject={subject}&on={on}&hierarchy={hierarchy}&unit_id={unit}")).await.ok();
    let sum: i64 = answer.at("/items").as_array().unwrap().iter().map(|row| row["count"].as_i64().unwrap()).sum();
    assert_eq!(answer.at("/total"), sum, "the rows add up to the total");
    sum
}

#[tokio::test]
async fn a_school_is_counted_under_the_district_until_june_2025_and_under_commune_and_department_since() {
    let system = TestSystem::start(vec![registrar_reporting::service()]).await.unwrap();
    let (tenant, root) = (system.tenant(), system.root_unit());
    let quang_nam = system.department("Sở GDĐT Quảng Nam").await.unwrap();
    let da_nang = system.department("Sở GDĐT Đà Nẵng").await.unwrap();
    let city = system.unit(NewUnit::new(tenant, UnitKind::Province, "UBND thành phố Đà Nẵng")).await.unwrap();
    let commune = system.unit(NewUnit::new(tenant, UnitKind::Commune, "UBND phường Hội An").below_in(Hierarchy::Administrative, city)).await.unwrap();
    let district =
        NewUnit { superiors: until_reform(quang_nam).collect(), closed_on: Some(day("2025-06-30")), ..NewUnit::new(tenant, UnitKind::DistrictOffice, "Phòng GDĐT Hội An") };
    let district = system.unit(district).await.unwrap();
    let superiors = until_reform(district).chain([since_reform(Hierarchy::Administrative, commune), since_reform(Hierarchy::Professional, da_nang)]).collect();
    let school = NewUnit { superiors, ..NewUnit::new(tenant, UnitKind::Primary, "Trường TH Lê Độ").levels(&[EducationLevel::TH]) };
    let school = system.unit(school).await.unwrap();
    let left = State { to: Some(day("2025-06-30")), ended: true, ..State::at(school) };
    let new = State { from: day("2025-07-01"), ..State::at(school) };
    staff(&system, &[State::at(school), State::at(school), left, new.clone(), new]).await;
    enrolments(&system, &vec![State { category: "5", ..State::at(school) }; 30]).await;
    let administrator = system.client_of(&system.account(Role::Administrator, root).await.unwrap());

    // S3-004: rolled up a named hierarchy as it was on the day of the report.
    for (subject, before, after) in [("staff", 3, 4), ("students", 30, 30)] {
        for hierarchy in ["administrative", "professional"] {
            assert_eq!(total(&administrator, subject, "2025-06-30", hierarchy, district).await, before);
            assert_eq!(total(&administrator, subject, "2025-06-30", hierarchy, quang_nam).await, before);
            assert_eq!(total(&administrator, subject, "2025-06-30", hierarchy, da_nang).await, 0);
            assert_eq!(total(&administrator, subject, "2025-07-01", hierarchy, district).await, 0);
            assert_eq!(total(&administrator, subject, "2025-07-01", hierarchy, quang_nam).await, 0);
            assert_eq!(total(&administrator, subject, "2025-06-30", hierarchy, root).await, before);
            assert_eq!(total(&administrator, subject, "2025-07-01", hierarchy, root).await, after);
        }
        assert_eq!(total(&administrator, subject, "2025-07-01", "administrative", commune).await, after);
        assert_eq!(total(&administrator, subject, "2025-07-01", "professional", commune).await, 0);
        assert_eq!(total(&administrator, subject, "2025-07-01", "professional", da_nang).await, after);
        assert_eq!(total(&administrator, subject, "2025-07-01", "administrative", da_nang).await, 0);
    }

    let answer = administrator.get(format!("/v1/reports/headcounts?subject=staff&on=2025-06-30&unit_id={quang_nam}")).await.ok();
    assert_eq!(answer.at("/items/0/unit/name"), "Phòng GDĐT Hội An");
    assert_eq!((answer.at("/items/0/count"), answer.at("/items/1")), (&3.into(), &serde_json::Value::Null));
    let answer = administrator.get(format!("/v1/reports/headcounts?subject=staff&on=2025-07-01&unit_id={da_nang}")).await.ok();
    assert_eq!(answer.at("/items/0/unit/name"), "Trường TH Lê Độ");
    let answer = administrator.get(format!("/v1/reports/headcounts?subject=staff&on=2025-07-01&unit_id={quang_nam}")).await.ok();
    assert_eq!(answer.at("/items"), &serde_json::json!([]), "an office that was closed is not listed as empty");
}

#[tokio::test]
async fn moves_that_arrive_in_another_order_close_a_circle_for_a_while_and_leave_nothing_behind() {
    let system = TestSystem::start(vec![registrar_reporting::service()]).await.unwrap();
    let root = system.root_unit();
    let upper = system.department("Phòng A").await.unwrap();
    let lower = system.school_below(upper, "Trường B").await.unwrap();
    staff(&system, &[State::at(upper), State::at(lower)]).await;
    let api = system.client_of(&system.account(Role::Administrator, root).await.unwrap());
    let moved = async |unit: UnitId, below: UnitId, version| {
        let superior = |hierarchy: Hierarchy| identity::Superior { hierarchy: hierarchy.to_string(), unit_id: below.to_string(), valid_from: "2000-01-01".into(), valid_to: None };
        let unit_state = identity::Unit {
            code: unit.to_string(),
            name: "Đơn vị".into(),
            kind: "other".into(),
            opened_on: "2000-01-01".into(),
            status: "open".into(),
            superiors: BOTH.into_iter().map(superior).collect(),
            ..Default::default()
        };
        system.deliver("reporting", &[event("identity.unit", system.tenant(), unit.into(), (1, version), false, unit_state.encode_to_vec())]).await.unwrap();
        job::catch_up(&mut system.db("reporting").get().await.unwrap(), Calendar::on(day("2025-09-15"))).await.unwrap();
    };
    let counts = async || {
        let total = async |unit| total(&api, "staff", "2025-09-15", "professional", unit).await;
        [total(root).await, total(upper).await, total(lower).await]
    };
    assert_eq!(counts().await, [2, 2, 1]);
    // The school came away from the department before this was placed below the school; that arrives last.
    moved(upper, lower, 5).await;
    moved(lower, root, 5).await;
    assert_eq!(counts().await, [2, 1, 2]);
    moved(lower, upper, 6).await;
    moved(upper, root, 6).await;
    assert_eq!(counts().await, [2, 2, 1]);
}
