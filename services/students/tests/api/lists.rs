//! Lists of students.

use chrono::Utc;
use diesel::{QueryableByName, sql_query, sql_types};
use diesel_async::RunQueryDsl;
use registrar_access::Access;
use registrar_domain::AccountId;
use registrar_store::PageRequest;
use registrar_students::students::store::{self, StudentFilter};
use uuid::Uuid;

use crate::world::World;

#[derive(QueryableByName)]
struct Planned {
    #[diesel(sql_type = sql_types::BigInt)]
    once: i64,
}

const MANY: &str = "
    insert into students select (jsonb_populate_record(s, jsonb_build_object('id', gen_random_uuid(), 'code', 'HS' || n, 'name_sort', 'an ' || n))).*
    from students s, generate_series(1001, 5000) n";

#[tokio::test]
async fn the_pages_of_a_list_are_planned_once() {
    let world = World::new().await;
    world.student("HS0000", "Trần Văn An").await;
    let mut conn = world.system.db("students").get().await.unwrap();
    for statement in [MANY, "analyze students"] {
        sql_query(statement).execute(&mut conn).await.unwrap();
    }
    let access = Access::administrator(world.system.tenant(), AccountId::from(Uuid::now_v7()), Utc::now(), "test");
    for sort in ["code", "name"] {
        let mut page = PageRequest::first(50, sort);
        for _ in 0..9 {
            page.after = store::list(&conn, &access, &StudentFilter::default(), &page).await.unwrap().next;
        }
        // PostgreSQL plans a prepared statement five times before it may keep a plan; the first page is another statement.
        let planned = "select sum(generic_plans)::bigint as once from pg_prepared_statements where statement like '%LIMIT 51' and statement like $1";
        let order = if sort == "code" { "%\"code\" ASC%" } else { "%\"id\" ASC%" };
        let planned: Planned = sql_query(planned).bind::<sql_types::Text, _>(order).get_result(&mut conn).await.unwrap();
        assert_eq!(planned.once, 3, "{sort}");
    }
}
