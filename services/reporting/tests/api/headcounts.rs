//! What a report looks like.

use diesel_async::RunQueryDsl;
use prost::Message;
use registrar_access::Role;
use registrar_domain::{EducationLevel, UnitKind};
use registrar_events::contracts::identity;
use registrar_testkit::{Api, NewUnit, TestSystem};
use serde_json::{Value, json};

use crate::records::{State, day, enrolments, event, staff};

async fn start() -> TestSystem {
    TestSystem::start(vec![registrar_reporting::service()]).await.unwrap()
}

async fn administrator(system: &TestSystem) -> Api {
    system.client_of(&system.account(Role::Administrator, system.root_unit()).await.unwrap())
}

/// The rows without the units' codes, which differ from run to run.
fn rows(items: &Value) -> Vec<Value> {
    let mut rows = items.as_array().unwrap().clone();
    for row in &mut rows {
        if let Some(unit) = row.get_mut("unit") {
            *unit = unit["name"].clone();
        }
    }
    rows
}

#[tokio::test]
async fn staff_is_counted_by_group_gender_and_level() {
    let system = start().await;
    let school = system.school("Trường TH Cẩm Thanh").await.unwrap();
    let teacher = State::at(school);
    staff(
        &system,
        &[
            teacher.clone(),
            teacher.clone(),
            State { gender: "male", ..teacher.clone() },
            State { category: "manager", ..teacher.clone() },
            State { category: "employee", level: None, ..teacher.clone() },
        ],
    )
    .await;
    let api = administrator(&system).await;
    // S2-005: managers, teachers and employees are told apart.
    let answer = api.get(format!("/v1/reports/headcounts?subject=staff&unit_id={school}&by=position_group,gender,education_level")).await.ok();
    assert_eq!(
        answer.at("/items"),
        &json!([
            {"education_level": null, "gender": "female", "position_group": "employee", "count": 1},
            {"education_level": "TH", "gender": "female", "position_group": "manager", "count": 1},
            {"education_level": "TH", "gender": "female", "position_group": "teacher", "count": 2},
            {"education_level": "TH", "gender": "male", "position_group": "teacher", "count": 1},
        ])
    );
    assert_eq!(
        (answer.at("/total"), answer.at("/on"), answer.at("/hierarchy"), answer.at("/education_levels")),
        (&json!(5), &json!("2025-09-15"), &json!("professional"), &Value::Null)
    );
    assert_eq!(answer.at("/unit/name"), "Trường TH Cẩm Thanh");
    // The fixture's authority data are always recent; the records' newest change is that of the events.
    assert_eq!((answer.at("/as_of/0/source"), answer.at("/as_of/1")), (&json!("identity"), &json!({"source": "personnel", "as_of": "2025-09-14T01:00:00Z"})));
}

#[tokio::test]
async fn students_are_counted_by_grade_in_the_order_of_grades() {
    let system = start().await;
    let school =
        system.unit(NewUnit::new(system.tenant(), UnitKind::LowerAndUpperSecondary, "Trường THCS-THPT").levels(&[EducationLevel::THCS, EducationLevel::THPT])).await.unwrap();
    let of = |level, category| State { level: Some(level), category, ..State::at(school) };
    enrolments(&system, &[of("THPT", "10"), of("THCS", "9"), of("THCS", "6"), of("THPT", "10"), State { category: "", ..of("MN", "") }]).await;
    let api = administrator(&system).await;
    // S3-004: the beginning-of-year report counts students by grade.
    let answer = api.get("/v1/reports/headcounts?subject=students&by=grade").await.ok();
    assert_eq!(answer.at("/items"), &json!([{"grade": null, "count": 1}, {"grade": "6", "count": 1}, {"grade": "9", "count": 1}, {"grade": "10", "count": 2}]));
    assert_eq!(answer.at("/as_of/1/source"), "students");
}

#[tokio::test]
async fn rows_per_unit_add_up_and_name_units_with_nobody_in_them() {
    let system = start().await;
    let department = system.unit(NewUnit { code: Some("0".into()), ..NewUnit::new(system.tenant(), UnitKind::Department, "Sở") }).await.unwrap();
    let empty = NewUnit { code: Some("B".into()), ..NewUnit::new(system.tenant(), UnitKind::Primary, "Trống").below(department) };
    system.unit(empty).await.unwrap();
    let school = NewUnit { code: Some("A".into()), ..NewUnit::new(system.tenant(), UnitKind::Primary, "Trường").below(department) };
    let school = system.unit(school).await.unwrap();
    let campus = system.unit(NewUnit::new(system.tenant(), UnitKind::Campus, "Điểm trường").below(school)).await.unwrap();
    staff(&system, &[State::at(department), State::at(school), State::at(school), State::at(campus)]).await;
    let api = administrator(&system).await;

    // S1-099: whoever oversees schools sees which of them has entered nobody.
    let answer = api.get(format!("/v1/reports/headcounts?subject=staff&unit_id={department}")).await.ok();
    let of = |name: &str, scope: &str, count: i64| json!({"unit": name, "scope": scope, "count": count});
    assert_eq!(rows(answer.at("/items")), [of("Sở", "own", 1), of("Trường", "within", 3), of("Trống", "within", 0)], "in the order of the codes");
    assert_eq!(answer.at("/total"), 4);

    let answer = api.get(format!("/v1/reports/headcounts?subject=staff&unit_id={department}&depth=2&by=unit,gender")).await.ok();
    let mut found: Vec<String> = rows(answer.at("/items")).iter().map(|row| format!("{} {} {}", row["unit"], row["scope"], row["count"])).collect();
    found.sort();
    assert_eq!(found, [r#""Sở" "own" 1"#, r#""Trường" "own" 2"#, r#""Điểm trường" "within" 1"#]);
    let answer = api.get("/v1/reports/headcounts?subject=staff").await.ok();
    assert_eq!(rows(answer.at("/items")), [of("Sở", "within", 4)], "without a unit: the whole tenant");
}

#[tokio::test]
async fn who_also_teaches_elsewhere_is_counted_at_home_only() {
    let system = start().await;
    let (home, other) = (system.school("Trường nhà").await.unwrap(), system.school("Trường bạn").await.unwrap());
    let teacher = system.new_id();
    let assignment = registrar_events::contracts::students::Assignment {
        staff_id: teacher.to_string(),
        class_id: system.new_id().to_string(),
        subject: "MUSIC".into(),
        from: "2025-09-05".into(),
        status: "active".into(),
        ..Default::default()
    };
    let events =
        [State::at(home).staff(system.tenant(), teacher, (1, 1)), event("students.assignment", system.tenant(), system.new_id(), (1, 1), false, assignment.encode_to_vec())];
    system.deliver("reporting", &events).await.unwrap();
    assert!(system.parked("reporting").await.unwrap().is_empty());
    let api = administrator(&system).await;
    // S3-056: the school of the payroll post counts the teacher, the visited one does not.
    for (unit, count) in [(home, 1), (other, 0), (system.root_unit(), 1)] {
        let answer = api.get(format!("/v1/reports/headcounts?subject=staff&unit_id={unit}&by=gender")).await.ok();
        assert_eq!(answer.at("/total"), count);
    }
}

#[tokio::test]
async fn a_record_of_a_unit_that_has_not_arrived_counts_when_it_does() {
    let system = start().await;
    let id = system.new_id();
    staff(&system, &[State::at(id.into())]).await;
    let api = administrator(&system).await;
    let total = async || api.get("/v1/reports/headcounts?subject=staff").await.ok().at("/total").clone();
    assert_eq!(total().await, 0);
    let superiors = ["administrative", "professional"].map(|hierarchy| identity::Superior {
        hierarchy: hierarchy.into(),
        unit_id: system.root_unit().to_string(),
        valid_from: "2000-01-01".into(),
        valid_to: None,
    });
    let unit = identity::Unit {
        code: "late".into(),
        name: "Trường đến muộn".into(),
        kind: "primary".into(),
        opened_on: "2000-01-01".into(),
        status: "open".into(),
        superiors: superiors.to_vec(),
        ..Default::default()
    };
    system.deliver("reporting", &[event("identity.unit", system.tenant(), id, (1, 1), false, unit.encode_to_vec())]).await.unwrap();
    assert_eq!(total().await, 1);
}

#[tokio::test]
async fn a_report_is_read_page_by_page_without_loss() {
    let system = start().await;
    let mut states = Vec::new();
    for number in 0..25 {
        let unit = NewUnit { code: Some(format!("{:02}", number % 7)), ..NewUnit::new(system.tenant(), UnitKind::Primary, &format!("Trường {number}")) };
        let school = system.unit(unit).await.unwrap();
        states.extend([State::at(school), State { gender: "male", ..State::at(school) }]);
    }
    staff(&system, &states).await;
    let api = administrator(&system).await;
    let whole = api.get("/v1/reports/headcounts?subject=staff&by=unit,gender").await.ok();
    assert_eq!((whole.at("/total"), whole.at("/next_cursor")), (&json!(50), &Value::Null));
    let mut paged = Vec::new();
    let mut path = "/v1/reports/headcounts?subject=staff&by=unit,gender&limit=7".to_owned();
    loop {
        let page = api.get(&path).await.ok();
        assert_eq!(page.at("/total"), 50);
        paged.extend(page.at("/items").as_array().unwrap().clone());
        let Some(link) = page.header("link") else { break };
        path = link.trim_start_matches('<').split('>').next().unwrap().to_owned();
    }
    assert_eq!(&Value::Array(paged), whole.at("/items"));
    let page = api.get("/v1/reports/headcounts?subject=staff&by=unit,gender&limit=7").await.ok();
    let cursor = page.at("/next_cursor").as_str().unwrap().to_owned();
    api.get(format!("/v1/reports/headcounts?subject=staff&by=unit,gender&on=2025-01-01&limit=7&cursor={cursor}")).await.problem(400, "bad_parameter");
}

#[tokio::test]
async fn somebody_leaves_and_comes_back_and_a_restored_owner_wins() {
    let system = start().await;
    let (school, id, tenant) = (system.school("Trường").await.unwrap(), system.new_id(), system.tenant());
    let api = administrator(&system).await;
    let total = async |on: &str| api.get(format!("/v1/reports/headcounts?subject=staff&on={on}&by=gender")).await.ok().at("/total").as_i64().unwrap();
    let deliver = async |event| system.deliver("reporting", &[event]).await.unwrap();
    let left = State { to: Some(day("2025-05-31")), ended: true, ..State::at(school) };
    deliver(left.staff(tenant, id, (1, 4))).await;
    assert_eq!((total("2020-08-14").await, total("2025-05-31").await, total("2025-06-01").await), (0, 1, 0));
    deliver(State::at(school).staff(tenant, id, (1, 3))).await;
    assert_eq!(total("2025-06-01").await, 0, "a late event brings nobody back");
    deliver(State::at(school).staff(tenant, id, (2, 1))).await;
    assert_eq!(total("2025-06-01").await, 1, "another generation of the owner's database wins");
    deliver(State { ended: true, ..State::at(school) }.staff(tenant, id, (2, 2))).await;
    assert_eq!((total("2025-05-31").await, total("2025-06-01").await), (0, 0), "withdrawn, as if never entered");
}

#[tokio::test]
async fn a_copy_edited_by_hand_is_mended_by_a_resync_and_so_are_the_figures() {
    use diesel_async::RunQueryDsl;
    let system = start().await;
    let (school, id, tenant) = (system.school("Trường").await.unwrap(), system.new_id(), system.tenant());
    let event = State::at(school).staff(tenant, id, (1, 1));
    system.deliver("reporting", std::slice::from_ref(&event)).await.unwrap();
    let api = administrator(&system).await;
    let by_gender = async || api.get("/v1/reports/headcounts?subject=staff&by=gender").await.ok().at("/items").clone();
    let before = by_gender().await;
    diesel::sql_query("update staff_statistics set employments = jsonb_set(employments, '{0,dimensions,0}', '\"male\"')")
        .execute(&mut system.db("reporting").get().await.unwrap())
        .await
        .unwrap();
    assert_eq!(by_gender().await, json!([{"gender": "male", "count": 1}]));
    let replicas = (registrar_reporting::service().replicas)();
    let replica = replicas.iter().find(|replica| replica.aggregate() == "personnel.staff_statistics").unwrap();
    let held = replica.held(&mut system.db("reporting").get().await.unwrap(), &[id]).await.unwrap();
    assert_ne!(held[0].row, replica.expected(&event).unwrap(), "verify sees it");
    system.deliver("reporting", &[registrar_events::Event { resync: true, ..event.clone() }]).await.unwrap();
    assert_eq!(by_gender().await, before);
    let held = replica.held(&mut system.db("reporting").get().await.unwrap(), &[id]).await.unwrap();
    assert_eq!(held[0].row, replica.expected(&event).unwrap());
}

/// Where there are more than 300 the rows are found in another way.
#[tokio::test]
async fn pages_of_many_units_go_on_in_the_order_of_codes() {
    let system = start().await;
    let department = system.department("Sở GDĐT").await.unwrap();
    let schools = format!(
        "insert into units (id, tenant_id, code, name, name_search, kind, education_levels, opened_on, status, superiors)
         select gen_random_uuid(), '{}', 'T' || lpad((n * 7919 % 1009)::text, 4, '0'), 'Trường', 'truong', 'primary', '{{TH}}', '2000-01-01', 'open',
                jsonb_build_array(jsonb_build_object('hierarchy', 'professional', 'unit_id', '{department}', 'valid_from', '2000-01-01', 'valid_to', null))
         from generate_series(1, 320) n",
        system.root_unit()
    );
    diesel::sql_query(schools).execute(&mut system.db("reporting").get().await.unwrap()).await.unwrap();
    let mut expected: Vec<String> = (1..=320).map(|n| format!("T{:04}", n * 7919 % 1009)).collect();
    expected.sort();

    let api = administrator(&system).await;
    let (mut codes, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = api.get(format!("/v1/reports/headcounts?subject=staff&by=unit&limit=90&unit_id={department}{cursor}")).await.ok();
        let rows = page.at("/items").as_array().unwrap();
        assert!(rows.len() == 90 || page.at("/next_cursor").is_null());
        codes.extend(rows.iter().map(|row| row["unit"]["code"].as_str().unwrap().to_owned()));
        let Some(next) = page.at("/next_cursor").as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(codes, expected);
}
