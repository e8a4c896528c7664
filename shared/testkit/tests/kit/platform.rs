//! What the platform does around the routes of every service.

use std::{collections::BTreeMap, time::Duration};

use diesel::sql_query;
use diesel_async::RunQueryDsl;
use registrar_access::Role;
use registrar_domain::unit::UnitKind;
use registrar_runtime::{Events, Options};
use registrar_testkit::{NewUnit, TestSystem, eventually};
use reqwest::Method;

use crate::{count, services::notes};

#[tokio::test]
async fn invented_methods_are_one_series_of_metrics() {
    let system = TestSystem::start(vec![notes()]).await.unwrap();
    for method in ["BREW", "WHEN"] {
        system.client().call(Method::from_bytes(method.as_bytes()).unwrap(), "/v1/notes").await.problem(405, "method_not_allowed");
    }
    system.client().get("/v1/notes").await.problem(401, "unauthenticated");
    let metrics = system.internal_client().unwrap().get("/metrics").await.ok().text;
    assert!(metrics.contains("method=\"other\"") && metrics.contains("method=\"GET\""), "{metrics}");
    assert!(!metrics.contains("BREW") && !metrics.contains("WHEN"), "{metrics}");
}

#[tokio::test]
async fn only_who_signed_in_waits_and_only_for_their_tenants_records() {
    let system = TestSystem::start(vec![notes()]).await.unwrap();
    let school = system.school("Trường Tiểu học Kim Đồng").await.unwrap();
    let tenant = system.new_tenant("Another ministry").await.unwrap();
    let elsewhere = system.unit(NewUnit::new(tenant, UnitKind::Primary, "Elsewhere")).await.unwrap();
    let head = system.client_of(&system.account(Role::HeadTeacher, school).await.unwrap());
    let wait_for = |unit| format!("identity.unit/{unit}@1");
    for unit in [school, elsewhere, system.new_id().into()] {
        system.client().get("/v1/notes").header("Registrar-Wait-For", wait_for(unit)).await.problem(401, "unauthenticated");
    }
    head.get("/v1/notes").header("Registrar-Wait-For", wait_for(school)).await.ok();
    head.get("/v1/notes").header("Registrar-Wait-For", wait_for(elsewhere)).await.problem(409, "not_yet_known");
    head.get("/v1/notes").header("Registrar-Wait-For", wait_for(system.new_id().into())).await.problem(409, "not_yet_known");
    head.get("/v1/notes").header("Registrar-Wait-For", "yesterday").await.problem(400, "bad_parameter");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_kept_long_enough_is_deleted() {
    // The clock of this system stands in the past: nothing is old there.
    let system = TestSystem::start(vec![notes()]).await.unwrap();
    for statement in [
        "insert into idempotency_keys (tenant_id, account_id, client, route, key, body_digest, status, headers, created_at)
         select gen_random_uuid(), gen_random_uuid(), 'test', 'POST /v1/notes', n::text, '', 201, '[]', now() - make_interval(hours => case when n = 0 then 47 else 49 end)
         from generate_series(0, 5001) n",
        "insert into imports (id, tenant_id, resource, account_id, client, request_id, dry_run, state, total, created_at, finished_at)
         select gen_random_uuid(), gen_random_uuid(), 'notes', gen_random_uuid(), 'test', gen_random_uuid(), false, state, 1, now() - interval '40 days', now() - days * interval '1 day'
         from (values ('done', 31), ('failed', 31), ('done', 29), ('running', null), ('held', null)) as t(state, days)",
        "insert into import_parts (import_id, part, content) select id, part, 'x' from imports, generate_series(0, 1) part",
        "insert into import_errors (import_id, line, place, field, code, detail, value)
         select id, line, 1, 'text', 'too_long', 'at most 20', 'what was typed' from imports, generate_series(2, 2600) line where finished_at is not null",
    ] {
        sql_query(statement).execute(&mut system.db("notes").get().await.unwrap()).await.unwrap();
    }
    let databases = BTreeMap::from([("notes".to_owned(), system.database_url("notes").unwrap().into())]);
    let options = Options { identity_url: Some("http://127.0.0.1:9".to_owned()), ..Options::local(databases, Events::InProcess, system.secret().into()) };
    let second = registrar_runtime::start(vec![notes()], registrar_runtime::topology(&[notes()]), options).await.unwrap();
    let left = async |what: &str| count(system.db("notes"), &format!("select count(*) as count from {what}")).await;
    eventually(Duration::from_secs(20), || async { left("imports").await == 3 }).await;
    assert_eq!((left("idempotency_keys").await, left("import_errors").await), (1, 2599));
    assert_eq!(left("imports where finished_at > now() - interval '30 days' or state = 'running'").await, 3);
    assert_eq!(left("imports where state = 'failed' and reason = 'it was not confirmed in a week'").await, 1);
    assert_eq!((left("import_parts").await, left("import_parts p join imports i on i.id = p.import_id where i.state = 'running'").await), (2, 2));
    second.stop().await;
}
