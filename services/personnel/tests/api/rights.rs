//! Who may do what with staff records, and what happens when nobody can tell.

use std::time::Duration;

use chrono::TimeDelta;
use diesel::sql_query;
use diesel_async::RunQueryDsl;
use registrar_access::{Authority, AuthorityOptions, Caller, Role};
use registrar_domain::{EducationLevel, Hierarchy, UnitKind};
use registrar_http::rate_limit::RateLimit;
use registrar_testkit::{NewAccount, NewUnit, TestSystem};
use serde_json::{Value, json};

use crate::{
    imports::{counts, import},
    world::{World, column, with},
};

#[tokio::test]
async fn each_role_does_what_the_policy_says_and_no_more() {
    let world = World::start().await;
    let entered = world.head.post("/v1/staff").json(&with(world.teacher("GV001", "Lê Thị Bình"), json!({"personal_number": "048190001234"}))).await.status(201);
    let path = format!("/v1/staff/{}", entered.id());
    for (role, reads, sees_sensitive, writes) in [
        (Role::Administrator, true, true, true),
        (Role::HeadTeacher, true, true, true),
        (Role::Clerk, true, true, true),
        (Role::Officer, true, true, false),
        (Role::Teacher, true, false, false),
        (Role::Integrator, true, false, false),
        (Role::Viewer, false, false, false),
    ] {
        let api = world.client(role, world.school).await;
        let status = |allowed: bool, success: u16| if allowed { success } else { 403 };
        for route in [path.clone(), "/v1/staff".into(), "/v1/staff/changes".into(), format!("{path}/history")] {
            assert_eq!(api.get(&route).await.status, status(reads, 200), "{role:?} {route}");
        }
        assert_eq!(api.get(format!("{path}?sensitive=true")).await.status, status(sees_sensitive, 200), "{role:?}");
        let change = api.patch(&path).header("If-Match", "*").merge(&json!({"email": format!("{}@example.vn", role.as_str())})).await;
        assert_eq!(change.status, status(writes, 200), "{role:?}");
        let body = world.teacher(&format!("{}-1", role.as_str()), "Trần Văn An");
        assert_eq!(api.post("/v1/staff").json(&body).await.status, status(writes, 201), "{role:?}");
        let file = api.post("/v1/staff/imports").body("text/csv", "code\nx\n").await;
        assert_eq!(file.status, status(writes, 422), "{role:?}");
    }
}

#[tokio::test]
async fn without_a_valid_token_nothing_is_told() {
    let world = World::start().await;
    let entered = world.enter("GV001", "Trần Văn An").await;
    let path = format!("/v1/staff/{}", entered.id());
    let nobody = world.system.client();
    for route in [path.clone(), "/v1/staff".into(), "/v1/staff/changes".into(), format!("{path}/history")] {
        let answer = nobody.get(&route).await.problem(401, "unauthenticated");
        assert_eq!(answer.header("www-authenticate"), Some("Bearer realm=\"registrar\""));
    }
    nobody.post("/v1/staff").json(&world.teacher("GV002", "An")).await.problem(401, "unauthenticated");
    nobody.patch(&path).if_match(&entered).merge(&json!({})).await.problem(401, "unauthenticated");
    let now = world.system.clock().now();
    let token = world.head_account.token();
    // The key id is NUL.
    nobody.token("eyJhbGciOiJFUzI1NiIsImtpZCI6Ilx1MDAwMCJ9.e30.AA".to_owned()).get(&path).await.problem(401, "unauthenticated");
    for bad in ["x".to_owned(), format!("{token}x"), world.head_account.token_of(now - TimeDelta::hours(2), now - TimeDelta::hours(1))] {
        nobody.token(bad).get(&path).await.problem(401, "unauthenticated");
    }
    nobody.token(token.clone()).get(&path).await.ok();
    world.system.disable(&world.head_account).await.unwrap();
    nobody.token(token).get(&path).await.problem(401, "unauthenticated");
}

#[tokio::test]
async fn another_school_does_not_exist_for_its_neighbour() {
    let world = World::start().await;
    let entered = world.enter("GV001", "Trần Văn An").await;
    let path = format!("/v1/staff/{}", entered.id());
    let neighbour = world.client(Role::HeadTeacher, world.other).await;
    neighbour.get(&path).await.problem(404, "not_found");
    neighbour.get(format!("{path}?sensitive=true")).await.problem(404, "not_found");
    neighbour.patch(&path).if_match(&entered).merge(&json!({"code": "X"})).await.problem(404, "not_found");
    assert_eq!(neighbour.get("/v1/staff?count=true").await.ok().at("/total"), 0);
    neighbour.post("/v1/staff").json(&world.teacher("GV002", "An")).await.problem(409, "not_yet_known");
    let own = neighbour.post("/v1/staff").json(&with(world.teacher("GV002", "Lê An"), json!({"unit_id": world.other}))).await.status(201);
    // Nor may they send one of theirs there.
    neighbour.patch(format!("/v1/staff/{}", own.id())).if_match(&own).merge(&json!({"unit_id": world.school})).await.problem(409, "not_yet_known");

    let officer = world.client(Role::Officer, world.department).await;
    assert_eq!(column(&officer.get("/v1/staff?sort=code").await.ok(), "code"), ["GV001", "GV002"]);
    officer.post("/v1/staff").json(&world.teacher("GV003", "An")).await.problem(403, "forbidden");
    let foreign = world.system.new_tenant("Hệ thống khác").await.unwrap();
    let foreign = world.client(Role::Administrator, uuid::Uuid::from(foreign).into()).await;
    foreign.get(&path).await.problem(404, "not_found");
    assert_eq!(foreign.get("/v1/staff?count=true").await.ok().at("/total"), 0);
    assert_eq!(foreign.get("/v1/staff/changes").await.ok().at("/items"), &json!([]));
    world.enter("GV010", "Lê Bình").await;
    let root = json!(uuid::Uuid::from(world.system.root_unit()));
    foreign.post("/v1/staff").json(&with(world.teacher("GV011", "An"), json!({"unit_id": root}))).await.problem(409, "not_yet_known");
}

#[tokio::test]
async fn a_grant_reaches_as_far_as_its_hierarchy_levels_and_days() {
    let world = World::start().await;
    world.enter("GV001", "Trần Văn An").await;
    let total = async |account: NewAccount| {
        let api = world.system.client_of(&world.system.account_with(account).await.unwrap());
        let answer = api.get("/v1/staff?count=true").await;
        if answer.status == 403 { -1 } else { answer.ok().at("/total").as_i64().unwrap() }
    };
    let officer = || NewAccount::new(Role::Officer, world.department);
    assert_eq!(total(officer()).await, 1);
    assert_eq!(total(NewAccount { hierarchy: Hierarchy::Administrative, ..officer() }).await, 1);
    assert_eq!(total(NewAccount { education_levels: vec![EducationLevel::TH], ..officer() }).await, 1);
    assert_eq!(total(NewAccount { education_levels: vec![EducationLevel::THCS], ..officer() }).await, 0);
    assert_eq!(total(NewAccount { valid_until: "2025-09-14".parse().ok(), ..officer() }).await, -1);
    assert_eq!(total(NewAccount { valid_until: "2025-09-15".parse().ok(), ..officer() }).await, 1);
    assert_eq!(total(NewAccount { valid_from: "2025-09-16".parse().unwrap(), ..officer() }).await, -1);
}

#[tokio::test]
async fn whoever_reaches_nearly_all_units_sees_all_but_the_others() {
    let world = World::start().await;
    let school = |number: usize, above| NewUnit::new(world.system.tenant(), UnitKind::Primary, &format!("Trường {number}")).below(above).levels(&[EducationLevel::TH]);
    let mut schools = Vec::new();
    for number in 0..20 {
        schools.push(world.system.unit(school(number, world.department)).await.unwrap());
    }
    let elsewhere = world.system.department("Sở GDĐT khác").await.unwrap();
    let (apart, root) = (world.system.unit(school(20, elsewhere)).await.unwrap(), world.system.root_unit());
    let administrator = world.client(Role::Administrator, root).await;
    let enter = async |code: &str, unit, besides: Value| {
        let fields = with(json!({"unit_id": unit, "education_level": null}), besides);
        administrator.post("/v1/staff").json(&with(world.teacher(code, "Trần Văn An"), fields)).await.status(201)
    };
    enter("GV001", world.school, json!({})).await;
    let last = enter("GV002", schools[19], json!({"education_level": "TH"})).await;
    let hidden = enter("GV003", apart, json!({})).await;
    enter("GV004", root, json!({})).await;
    enter("GV005", apart, json!({"secondary_employments": [{"unit_id": schools[0], "position": "teacher", "started_on": "2025-09-01", "ended_on": "2025-12-31"}]})).await;

    let account = world.system.account(Role::Officer, world.department).await.unwrap();
    let officer = world.system.client_of(&account);
    assert_eq!(column(&officer.get("/v1/staff?sort=code").await.ok(), "code"), ["GV001", "GV002", "GV005"]);
    officer.get(format!("/v1/staff/{}", hidden.id())).await.problem(404, "not_found");
    // What is entered afterwards is reached or not like everything else.
    let newer = world.system.unit(school(21, elsewhere)).await.unwrap();
    let entered = enter("GV006", newer, json!({})).await;
    officer.get(format!("/v1/staff/{}", entered.id())).await.problem(404, "not_found");
    let below = world.system.unit(school(22, world.department)).await.unwrap();
    enter("GV007", below, json!({})).await;
    assert_eq!(column(&officer.get("/v1/staff?sort=code").await.ok(), "code"), ["GV001", "GV002", "GV005", "GV007"]);

    // Who reads nearly everywhere writes only where another grant lets them.
    world.system.grant(&account, &NewAccount::new(Role::HeadTeacher, world.school)).await.unwrap();
    let change = |code: &str, id| officer.patch(format!("/v1/staff/{id}")).header("If-Match", "*").merge(&json!({"code": code}));
    change("GV102", last.id()).await.problem(403, "forbidden");
    let own = officer.get("/v1/staff?code=GV001").await.ok().at("/items/0/id").as_str().unwrap().to_owned();
    change("GV101", own.parse().unwrap()).await.ok();
}

#[tokio::test]
async fn the_personal_number_is_masked_unless_asked_for_and_that_is_logged() {
    let world = World::start().await;
    let entered = world.head.post("/v1/staff").json(&with(world.teacher("GV001", "Lê Thị Bình"), json!({"personal_number": "048190001234"}))).await.status(201);
    let path = format!("/v1/staff/{}", entered.id());
    for answer in [entered.clone(), world.head.get(&path).await.ok(), world.head.get("/v1/staff?fields=*").await.ok(), world.head.get("/v1/staff/changes").await.ok()] {
        assert!(answer.text.contains("234") && !answer.text.contains("048190001234"), "{}", answer.text);
    }
    assert_eq!(world.count("select count(*) as count from access_log").await, 0);
    // S1-010: the number itself, for those who keep the records.
    assert_eq!(world.head.get(format!("{path}?sensitive=true")).await.ok().at("/personal_number"), "048190001234");
    let logged = format!(
        "select count(*) as count from access_log where account_id = '{}' and record_ids = array['{}'::uuid] and fields @> '{{personal_number,phone,email,religion}}' and client = 'test' and aggregate = 'personnel.staff'",
        world.head_account.id,
        entered.id()
    );
    assert_eq!(world.count(&logged).await, 1);
    world.client(Role::Teacher, world.school).await.get(format!("{path}?sensitive=true")).await.problem(403, "forbidden");
    assert_eq!(world.count("select count(*) as count from access_log").await, 1);
    // A patch that does not speak of the number keeps it.
    world.head.patch(&path).if_match(&entered).merge(&json!({"email": "binh@example.vn"})).await.ok();
    assert_eq!(world.head.get(format!("{path}?sensitive=true")).await.ok().at("/personal_number"), "048190001234");
}

#[tokio::test]
async fn while_authority_is_stale_writes_are_refused_and_reads_go_on() {
    let world = World::start().await;
    let body = with(world.teacher("GV001", "Trần Văn An"), json!({"gender": "male", "personal_number": "048090001234", "phone": "0905123456"}));
    let entered = world.head.post("/v1/staff").json(&body).await.status(201);
    let path = format!("/v1/staff/{}", entered.id());
    let now = world.system.clock().now();
    world.system.authority_as_of(now - TimeDelta::seconds(59)).await.unwrap();
    let entered = world.head.patch(&path).if_match(&entered).merge(&json!({"code": "GV002"})).await.ok();
    world.system.authority_as_of(now - TimeDelta::seconds(61)).await.unwrap();
    let answer = world.head.patch(&path).if_match(&entered).merge(&json!({"code": "GV003"})).await.problem(503, "authority_stale");
    assert!(answer.header("retry-after").is_some());
    world.head.post("/v1/staff").json(&world.teacher("GV004", "An")).await.problem(503, "authority_stale");
    world.head.post("/v1/staff/imports").body("text/csv", "code\nx\n").await.problem(503, "authority_stale");
    world.head.get(format!("{path}?sensitive=true")).await.problem(503, "authority_stale");
    assert_eq!(world.head.get(&path).await.ok().at("/code"), "GV002");
    world.head.get("/v1/staff").await.ok();
    world.head.get("/v1/staff/changes").await.ok();
    let history = world.head.get(format!("{path}/history")).await.ok();
    assert!(!history.text.contains("personal_number") && !history.text.contains("phone"), "the history leaves sensitive fields out");
    world.system.authority_as_of(now).await.unwrap();
    world.head.patch(&path).if_match(&entered).merge(&json!({"code": "GV003"})).await.ok();
}

#[tokio::test]
async fn too_many_requests_are_told_when_to_go_on() {
    let limit = RateLimit { quota: 3, ..RateLimit::default() };
    let system = TestSystem::builder(vec![registrar_personnel::service()]).options(move |options| options.rate_limit = limit).start().await.unwrap();
    let world = World::on(system).await;
    for left in [2, 1, 0] {
        let answer = world.head.get("/v1/staff").await.ok();
        assert_eq!(answer.header("ratelimit-policy"), Some("\"default\";q=3;w=60"));
        assert_eq!(answer.header("ratelimit"), Some(format!("\"default\";r={left};t=60").as_str()));
    }
    let answer = world.head.get("/v1/staff").await.problem(429, "too_many_requests");
    assert_eq!((answer.header("retry-after"), answer.header("ratelimit")), (Some("60"), Some("\"default\";r=0;t=60")));
    world.client(Role::Clerk, world.school).await.get("/v1/staff").await.ok();
    world.system.clock().advance(TimeDelta::seconds(60));
    world.head.get("/v1/staff").await.ok();
}

#[tokio::test]
async fn a_unit_that_is_closed_takes_nobody() {
    let world = World::start().await;
    let closed = registrar_testkit::NewUnit {
        code: Some("PGD".into()),
        closed_on: "2025-06-30".parse().ok(),
        ..registrar_testkit::NewUnit::new(world.system.tenant(), registrar_domain::UnitKind::DistrictOffice, "Phòng GDĐT")
    };
    let closed = world.system.unit(closed).await.unwrap();
    let administrator = world.client(Role::Administrator, world.system.root_unit()).await;
    let answer = administrator.post("/v1/staff").json(&with(world.teacher("GV001", "An"), json!({"unit_id": closed}))).await.problem(422, "invalid");
    assert_eq!(answer.field_errors(), crate::world::errors(&[("/unit_id", "unit_closed")]));
    let unknown = json!({"unit_id": world.system.new_id()});
    let answer = administrator.post("/v1/staff").json(&with(world.teacher("GV001", "An"), unknown)).await.problem(409, "not_yet_known");
    assert!(answer.header("retry-after").is_some());
    // Who was there before it closed is still corrected.
    let file = "code,full_name,birth_date,gender,position,education_level,unit_code,started_on,ended_on,end_reason\n\
        GV009,Trần Văn An,1960-05-20,male,teacher,TH,PGD,1985-08-15,2020-05-20,nghỉ hưu\n";
    assert_eq!(counts(&import(&administrator, "", file).await), [1, 1, 0, 0, 0]);
    let left = administrator.get("/v1/staff?code=GV009").await.ok();
    let path = format!("/v1/staff/{}", left.at("/items/0/id").as_str().unwrap());
    administrator.patch(&path).header("If-Match", "*").merge(&json!({"education_level": "THCS"})).await.ok();
}

#[tokio::test]
async fn a_grant_over_one_level_enters_nobody_of_another() {
    let world = World::start().await;
    let unit = NewUnit { code: Some("LC".into()), ..NewUnit::new(world.system.tenant(), UnitKind::PrimaryAndLowerSecondary, "Trường liên cấp") };
    let school = world.system.unit(unit.below(world.department).levels(&[EducationLevel::TH, EducationLevel::THCS])).await.unwrap();
    let clerk = NewAccount { education_levels: vec![EducationLevel::TH], ..NewAccount::new(Role::Clerk, school) };
    let clerk = world.system.client_of(&world.system.account_with(clerk).await.unwrap());
    let person = |code: &str, level: &str| with(world.teacher(code, "Trần Văn An"), json!({"unit_id": school, "education_level": level}));
    clerk.post("/v1/staff").json(&person("GV001", "THCS")).await.problem(403, "forbidden");
    let entered = clerk.post("/v1/staff").json(&person("GV001", "TH")).await.status(201);
    // One who works for the school as a whole has no level.
    clerk.post("/v1/staff").json(&with(person("VT001", "TH"), json!({"education_level": null}))).await.status(201);
    let path = format!("/v1/staff/{}", entered.id());
    clerk.patch(&path).if_match(&entered).merge(&json!({"education_level": "THCS"})).await.problem(403, "forbidden");

    let file = "code,full_name,birth_date,gender,position,education_level,unit_code,started_on\n\
        GV001,Trần Văn An,1990-05-20,female,teacher,THCS,LC,2015-08-15\n\
        GV002,Lê Thị Bình,1990-05-20,female,teacher,THCS,LC,2015-08-15\n\
        GV003,Lê Thị Cúc,1990-05-20,female,teacher,TH,LC,2015-08-15\n";
    let done = import(&clerk, "", file).await;
    assert_eq!(counts(&done), [3, 1, 0, 0, 2]);
    let errors = clerk.get(format!("/v1/staff/imports/{}/errors", done.id())).await.ok();
    assert_eq!((errors.at("/items/0/field"), errors.at("/items/0/code")), (&json!("education_level"), &json!("forbidden")));
    assert_eq!(world.count("select count(*) as count from staff where education_level = 'THCS'").await, 0);
}

#[tokio::test]
async fn what_an_account_holds_is_remembered_until_it_changes_and_asked_for_by_requests_that_waited() {
    let world = World::start().await;
    let account = world.system.account(Role::Clerk, world.school).await.unwrap();
    let clock = world.system.clock().clock();
    let remembering = |remember: Duration| Authority::new(world.system.db("personnel").clone(), clock.clone(), AuthorityOptions { remember, ..AuthorityOptions::default() });
    let (hour, nothing) = (remembering(Duration::from_secs(3600)), remembering(Duration::ZERO));
    let claims = hour.authenticate(&account.token()).await.unwrap();
    let is_let_in = async |authority: &Authority, waited: bool| authority.access(&claims, Caller { request_id: world.system.new_id(), waited }).await.is_ok();
    assert!(is_let_in(&hour, false).await && is_let_in(&nothing, false).await);

    // Unless something has changed nobody reads it again, and here nobody counts that.
    let mut conn = world.system.db("personnel").get().await.unwrap();
    let uncounted = "alter table accounts disable trigger count_authority_change";
    sql_query(uncounted).execute(&mut conn).await.unwrap();
    world.system.disable(&account).await.unwrap();
    assert!(is_let_in(&hour, true).await && !is_let_in(&nothing, false).await);

    sql_query(uncounted.replace("disable", "enable")).execute(&mut conn).await.unwrap();
    world.system.disable(&account).await.unwrap();
    assert!(is_let_in(&hour, false).await);
    assert!(!is_let_in(&hour, true).await);
    // What one has asked the others know.
    assert!(!is_let_in(&hour, false).await);
}

#[tokio::test]
async fn statements_that_change_what_accounts_hold_are_counted() {
    let world = World::start().await;
    let changes = async || world.count("select changes as count from authority_freshness").await;
    for table in ["units", "accounts", "grants"] {
        for change in ["update {} set version = version returning id", "delete from {} where false returning id", "insert into {} select * from {} where false returning id"] {
            let (before, statement) = (changes().await, change.replace("{}", table));
            world.count(&format!("with changed as ({statement}) select count(*) from changed")).await;
            assert_eq!(changes().await, before + 1, "{statement}");
        }
    }
}
