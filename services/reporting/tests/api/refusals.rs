//! Who sees which figures, and what is refused.

use registrar_access::Role;
use registrar_domain::{EducationLevel, Hierarchy, UnitKind};
use registrar_testkit::{NewAccount, NewUnit, TestSystem};
use serde_json::json;
use uuid::Uuid;

use crate::records::{State, staff};

async fn start() -> TestSystem {
    TestSystem::start(vec![registrar_reporting::service()]).await.unwrap()
}

#[tokio::test]
async fn a_report_is_for_those_whose_grants_cover_the_unit() {
    let system = start().await;
    let department = system.department("Sở").await.unwrap();
    let school = system.school_below(department, "Trường").await.unwrap();
    let other = system.school("Trường khác").await.unwrap();
    let stranger = system.new_tenant("Hệ thống trường khác").await.unwrap();
    let foreign = system.account(Role::Administrator, Uuid::from(stranger).into()).await.unwrap();
    staff(&system, &[State::at(school), State::at(other)]).await;
    let path = |unit| format!("/v1/reports/headcounts?subject=staff&unit_id={unit}");

    system.client().get(path(school)).await.problem(401, "unauthenticated");
    for role in Role::ALL.iter().copied() {
        let api = system.client_of(&system.account(role, school).await.unwrap());
        let answer = api.get(path(school)).await;
        if matches!(role, Role::Teacher | Role::Integrator | Role::Operator) {
            answer.problem(403, "forbidden");
            continue;
        }
        assert_eq!(answer.ok().at("/total"), 1, "{role:?}");
        // That another school exists is not theirs to know; nor what the whole tenant counts.
        api.get(path(other)).await.problem(409, "not_yet_known");
        api.get(path(Uuid::from(system.root_unit()).into())).await.problem(409, "not_yet_known");
        let own = api.get("/v1/reports/headcounts?subject=staff").await.ok();
        assert_eq!((own.at("/unit/id"), own.at("/total")), (&json!(school), &json!(1)), "without a unit, the caller's own is meant");
    }
    let account = system.account(Role::Officer, department).await.unwrap();
    system.grant(&account, &NewAccount::new(Role::Viewer, school)).await.unwrap();
    let officer = system.client_of(&account);
    assert_eq!(officer.get("/v1/reports/headcounts?subject=staff").await.ok().at("/unit/id"), &json!(department), "the school is below it");
    system.grant(&account, &NewAccount::new(Role::Viewer, other)).await.unwrap();
    let several = officer.get("/v1/reports/headcounts?subject=staff").await.problem(400, "bad_parameter");
    assert_eq!(several.at("/errors/0/pointer"), "unit_id");
    assert_eq!(officer.get(path(school)).await.ok().at("/total"), 1);
    assert_eq!(officer.get(path(department)).await.ok().at("/total"), 1);
    let foreign = system.client_of(&foreign);
    foreign.get(path(school)).await.problem(409, "not_yet_known");
    assert_eq!(foreign.get("/v1/reports/headcounts?subject=staff").await.ok().at("/total"), 0, "tenants do not see each other");
}

#[tokio::test]
async fn a_grant_for_one_level_shows_the_figures_of_that_level() {
    let system = start().await;
    let department = system.department("Sở").await.unwrap();
    let school = NewUnit::new(system.tenant(), UnitKind::PrimaryAndLowerSecondary, "Trường TH-THCS").below(department).levels(&[EducationLevel::TH, EducationLevel::THCS]);
    let school = system.unit(school).await.unwrap();
    let of = |level| State { level, ..State::at(school) };
    staff(&system, &[of(Some("TH")), of(Some("TH")), of(Some("THCS")), of(None), State { level: None, ..State::at(department) }]).await;
    let grant = NewAccount { education_levels: vec![EducationLevel::TH], hierarchy: Hierarchy::Professional, ..NewAccount::new(Role::Officer, department) };
    let officer = system.client_of(&system.account_with(grant).await.unwrap());
    let answer = officer.get(format!("/v1/reports/headcounts?subject=staff&unit_id={department}&by=education_level")).await.ok();
    // Without a level: counted where the school itself is one of the caller's levels, as in lists of staff.
    assert_eq!(answer.at("/items"), &json!([{"education_level": null, "count": 1}, {"education_level": "TH", "count": 2}]));
    assert_eq!(answer.at("/education_levels"), &json!(["TH"]));
}

#[tokio::test]
async fn every_bad_parameter_is_named() {
    let system = start().await;
    let api = system.client_of(&system.account(Role::Administrator, system.root_unit()).await.unwrap());
    let refused = async |query: &str| api.get(format!("/v1/reports/headcounts?{query}")).await.problem(400, "bad_parameter").field_errors();
    let errors = |list: &[(&str, &str)]| list.iter().map(|(pointer, code)| ((*pointer).to_owned(), (*code).to_owned())).collect::<Vec<_>>();
    assert_eq!(refused("subject=staff&colour=red&limit=1001").await, errors(&[("colour", "unknown_parameter"), ("limit", "too_large")]));
    assert_eq!(refused("on=yesterday&hierarchy=other&unit_id=7").await, errors(&[("hierarchy", "not_one_of"), ("on", "format"), ("subject", "required"), ("unit_id", "format")]));
    assert_eq!(refused("subject=pupils").await, errors(&[("subject", "not_one_of")]));
    assert_eq!(refused("subject=staff&by=unit,shoe_size").await, errors(&[("by", "not_one_of")]));
    assert_eq!(refused("subject=staff&by=grade").await, errors(&[("by", "not_of_subject")]));
    assert_eq!(refused("subject=staff&by=gender,gender").await, errors(&[("by", "repeated")]));
    assert_eq!(refused("subject=staff&by=unit,gender,position_group").await, errors(&[("by", "too_many")]));
    assert_eq!(refused("subject=staff&by=gender&depth=2").await, errors(&[("depth", "only_with")]));
    assert_eq!(refused("subject=staff&cursor=abc").await, errors(&[("cursor", "bad_cursor")]));
    api.get("/v1/reports/headcounts?subject=staff%00").await.problem(400, "bad_parameter");
    api.post("/v1/reports/headcounts").await.problem(405, "method_not_allowed");
    api.get("/v1/reports/shoes").await.problem(404, "not_found");
    let unknown = system.new_id();
    api.get(format!("/v1/reports/headcounts?subject=staff&unit_id={unknown}")).await.problem(409, "not_yet_known");
}

#[tokio::test]
async fn the_route_is_published_where_it_is_served() {
    let system = start().await;
    let contract = system.client().get("/openapi.json").await.ok();
    let paths: Vec<&String> = contract.at("/paths").as_object().unwrap().keys().collect();
    assert_eq!(paths, ["/v1/reports/completeness", "/v1/reports/headcounts", "/v1/reports/identities"]);
    assert_eq!(contract.at("/paths/~1v1~1reports~1headcounts/get/operationId"), "reporting.headcounts.read");
}

#[tokio::test]
async fn a_grant_counts_along_its_own_hierarchy_only() {
    let system = start().await;
    let commune = system.unit(NewUnit::new(system.tenant(), UnitKind::Commune, "UBND phường Hội An")).await.unwrap();
    let school = NewUnit::new(system.tenant(), UnitKind::Primary, "Trường").levels(&[EducationLevel::TH]).below_in(Hierarchy::Administrative, commune);
    let school = system.unit(school).await.unwrap();
    staff(&system, &[State::at(school)]).await;
    let holder = async |hierarchy| {
        let grant = NewAccount { hierarchy, ..NewAccount::new(Role::Viewer, commune) };
        system.client_of(&system.account_with(grant).await.unwrap())
    };
    let along = |hierarchy: Hierarchy| format!("/v1/reports/headcounts?subject=staff&unit_id={commune}&hierarchy={hierarchy}");
    let administrative = holder(Hierarchy::Administrative).await;
    assert_eq!(administrative.get(along(Hierarchy::Administrative)).await.ok().at("/total"), 1);
    let professional = holder(Hierarchy::Professional).await;
    professional.get(along(Hierarchy::Administrative)).await.problem(403, "forbidden");
    assert_eq!(professional.get(along(Hierarchy::Professional)).await.ok().at("/total"), 0);
    // Whoever names no hierarchy means that of their grants.
    let unnamed = "/v1/reports/headcounts?subject=staff";
    for (holder, hierarchy, total) in [(&administrative, "administrative", 1), (&professional, "professional", 0)] {
        let answer = holder.get(unnamed).await.ok();
        assert_eq!((answer.at("/hierarchy"), answer.at("/total")), (&json!(hierarchy), &json!(total)));
    }
    assert_eq!(administrative.get("/v1/reports/completeness?subject=staff").await.ok().at("/hierarchy"), "administrative");
    let everything = system.client_of(&system.account(Role::Administrator, system.root_unit()).await.unwrap());
    assert_eq!(everything.get(unnamed).await.ok().at("/hierarchy"), "professional");
    // A school has nothing below it, whichever way one looks.
    let head = system.client_of(&system.account(Role::HeadTeacher, school).await.unwrap());
    for hierarchy in [Hierarchy::Administrative, Hierarchy::Professional] {
        assert_eq!(head.get(format!("/v1/reports/headcounts?subject=staff&hierarchy={hierarchy}")).await.ok().at("/total"), 1);
    }
}
