//! Lists: pages, orders, filters, search.

use std::collections::BTreeSet;

use chrono::Utc;
use diesel::{QueryableByName, sql_query, sql_types};
use diesel_async::RunQueryDsl;
use registrar_access::{Access, Role};
use registrar_domain::{AccountId, Hierarchy, UnitKind};
use registrar_personnel::staff::store::{self, StaffFilter};
use registrar_store::PageRequest;
use registrar_testkit::NewUnit;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::world::{World, column, errors, with};

#[tokio::test]
async fn pages_lose_and_repeat_nobody_while_records_are_entered() {
    let world = World::start().await;
    for number in 0..120 {
        world.enter(&format!("GV{number:03}"), &format!("Trần Văn {}", ["An", "Bình", "Chi", "Dũng", "Đức"][number % 5])).await;
    }
    for sort in ["name", "-name", "code", "-code"] {
        let mut path = format!("/v1/staff?limit=25&sort={sort}&count=true");
        let mut seen = Vec::new();
        let mut pages = 0;
        loop {
            let page = world.head.get(&path).await.ok();
            assert!(page.at("/total").as_i64().unwrap() >= 120);
            seen.extend(column(&page, "code"));
            pages += 1;
            // On both sides of the cursor.
            world.enter(&format!("A{sort}{pages}"), "Trần Văn An").await;
            world.enter(&format!("Z{sort}{pages}"), "Trần Văn Xuân").await;
            let Some(link) = page.header("link") else { break };
            assert!(link.ends_with("rel=\"next\"") && !page.at("/next_cursor").is_null());
            path = link.trim_start_matches('<').split('>').next().unwrap().to_owned();
        }
        let first: Vec<&String> = seen.iter().filter(|code| code.starts_with("GV")).collect();
        assert_eq!((first.len(), first.iter().collect::<BTreeSet<_>>().len()), (120, 120), "{sort}");
        assert_eq!(seen.len(), seen.iter().collect::<BTreeSet<_>>().len(), "{sort}");
        if sort == "code" {
            assert!(first.is_sorted(), "{first:?}");
        }
    }
}

#[tokio::test]
async fn names_are_in_the_order_of_vietnamese_lists() {
    let world = World::start().await;
    for (number, name) in ["Nguyễn Văn Đức", "Trần Dung", "Lê Thị An", "Lê Bá Dung"].iter().enumerate() {
        world.enter(&format!("GV{number}"), name).await;
    }
    let list = world.head.get("/v1/staff").await.ok();
    assert_eq!(column(&list, "full_name"), ["Lê Thị An", "Lê Bá Dung", "Trần Dung", "Nguyễn Văn Đức"], "by given name; D before Đ");
}

#[tokio::test]
async fn search_ignores_accents_case_and_where_the_tone_mark_stands() {
    let world = World::start().await;
    for (number, name) in ["Nguyễn Thị Hòa", "Nguyễn Thị Hoà", "Nguyễn Thị Hoa", "Đặng Văn Hoàng", "王小明"].iter().enumerate() {
        world.enter(&format!("GV{number}"), name).await;
    }
    let found = async |q: &str| column(&world.head.get("/v1/staff?sort=code").query(&[("q", q)]).await.ok(), "code");
    assert_eq!(found("nguyen thi hoa").await, ["GV0", "GV1", "GV2"]);
    assert_eq!(found("HOÀ Nguyễn").await, ["GV0", "GV1", "GV2"]);
    assert_eq!(found("dang").await, ["GV3"]);
    assert_eq!(found("小明").await, ["GV4"]);
    assert_eq!(found("%").await, Vec::<String>::new());
    assert_eq!(found("  ").await.len(), 5);
}

#[tokio::test]
async fn filters_narrow_and_fields_choose() {
    let world = World::start().await;
    world.enter("GV001", "Trần Văn An").await;
    let clerk = with(world.teacher("VT001", "Lê Văn Bình"), json!({"position": "clerk", "education_level": null, "status": "on_leave"}));
    world.head.post("/v1/staff").json(&clerk).await.status(201);
    let codes = async |query: &str| column(&world.head.get(format!("/v1/staff?sort=code&{query}")).await.ok(), "code");
    assert_eq!(codes("position=clerk").await, ["VT001"]);
    assert_eq!(codes("status=active").await, ["GV001"]);
    assert_eq!(codes("education_level=TH").await, ["GV001"]);
    assert_eq!(codes("code=GV001").await, ["GV001"]);
    assert_eq!(codes("code=GV001&position=clerk").await, Vec::<String>::new());
    assert_eq!(codes(&format!("unit_id={}", world.school)).await, ["GV001", "VT001"]);
    assert_eq!(codes(&format!("unit_id={}", world.department)).await, Vec::<String>::new());

    let summary = world.head.get("/v1/staff?code=GV001").await.ok();
    assert!(summary.at("/items/0/birth_date").is_null() && summary.at("/total").is_null());
    assert_eq!(world.head.get("/v1/staff?code=GV001&fields=code,birth_date").await.ok().at("/items/0"), &json!({"code": "GV001", "birth_date": "1990-05-20"}));
    let full = world.head.get("/v1/staff?code=GV001&fields=*").await.ok();
    let record = world.head.get(format!("/v1/staff/{}", full.at("/items/0/id").as_str().unwrap())).await.ok();
    assert_eq!(full.at("/items/0"), &record.json);

    let refused = async |query: &str| world.head.get(format!("/v1/staff?{query}")).await.problem(400, "bad_parameter").field_errors();
    let codes = errors(&[("colour", "unknown_parameter"), ("limit", "too_large"), ("status", "not_one_of"), ("unit_id", "format")]);
    assert_eq!(refused("colour=red&limit=201&status=gone&unit_id=KD").await, codes);
    assert_eq!(refused("sort=shoe_size").await, errors(&[("sort", "not_one_of")]));
    assert_eq!(refused("fields=shoe_size").await, errors(&[("fields", "unknown_field")]));
    assert_eq!(refused("cursor=abc").await, errors(&[("cursor", "bad_cursor")]));
    assert_eq!(refused("limit=1&limit=2").await, errors(&[("limit", "repeated")]));
}

#[tokio::test]
async fn a_list_within_a_unit_follows_the_named_hierarchy() {
    let world = World::start().await;
    let system = &world.system;
    let commune = system.unit(NewUnit::new(system.tenant(), UnitKind::Commune, "UBND phường")).await.unwrap();
    let school = NewUnit::new(system.tenant(), UnitKind::Primary, "Trường").below(world.department).below_in(Hierarchy::Administrative, commune);
    let school = system.unit(school).await.unwrap();
    let administrator = world.client(Role::Administrator, system.root_unit()).await;
    world.enter("GV001", "Trần Văn An").await;
    administrator.post("/v1/staff").json(&with(world.teacher("GV002", "Lê Thị Bình"), json!({"unit_id": school}))).await.status(201);
    let codes =
        async |unit: Value, hierarchy: &str| column(&administrator.get(format!("/v1/staff?sort=code&within={}&hierarchy={hierarchy}", unit.as_str().unwrap())).await.ok(), "code");
    let (department, commune) = (json!(world.department), json!(commune));
    assert_eq!(codes(department.clone(), "professional").await, ["GV001", "GV002"]);
    assert_eq!(codes(department, "administrative").await, ["GV001"]);
    assert_eq!(codes(commune.clone(), "administrative").await, ["GV002"]);
    assert_eq!(codes(commune, "professional").await, Vec::<String>::new());
}

#[derive(QueryableByName)]
struct Planned {
    #[diesel(sql_type = sql_types::BigInt)]
    once: i64,
    #[diesel(sql_type = sql_types::BigInt)]
    anew: i64,
}

/// PostgreSQL plans a prepared statement five times before it may keep a plan.
#[tokio::test]
async fn the_pages_of_a_list_are_planned_once_and_those_of_a_search_for_what_is_sought() {
    let world = World::start().await;
    world.enter("GV0000", "Trần Văn An").await;
    world
        .alter(
            "insert into staff select (jsonb_populate_record(s, jsonb_build_object('id', gen_random_uuid(), 'code', 'GV' || n, 'name_sort', 'an ' || n))).*
             from staff s, generate_series(1001, 5000) n",
        )
        .await;
    world.alter("analyze staff").await;
    let access = Access::administrator(world.system.tenant(), AccountId::from(Uuid::now_v7()), Utc::now(), "test");
    let mut conn = world.system.db("personnel").get().await.unwrap();
    for (sort, name, statement) in [("code", None, "%\"code\" ASC LIMIT 51"), ("name", None, "%\"id\" ASC LIMIT 51"), ("code", Some("An"), "%like%\"code\" ASC LIMIT $%")] {
        let (filter, mut page) = (StaffFilter { name: name.map(str::to_owned), ..StaffFilter::default() }, PageRequest::first(50, sort));
        for _ in 0..9 {
            let found = store::summaries(&conn, &access, &filter, &page).await.unwrap();
            assert_eq!(found.items.len(), 50);
            page.after = found.next;
        }
        // The first page is another statement than those after it.
        let planned =
            "select sum(generic_plans)::bigint as once, sum(custom_plans)::bigint as anew from pg_prepared_statements where statement like '%staff%' and statement like $1";
        let planned: Planned = sql_query(planned).bind::<sql_types::Text, _>(statement).get_result(&mut conn).await.unwrap();
        let expected = if name.is_none() { (3, 6) } else { (0, 9) };
        assert_eq!((planned.once, planned.anew), expected, "{sort} {name:?}");
    }
}
