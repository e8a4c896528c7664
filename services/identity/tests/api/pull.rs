//! The internal pull: what the other services decide on, over HTTP.

use base64::{Engine, engine::general_purpose::STANDARD};
use diesel::sql_query;
use diesel_async::RunQueryDsl;
use registrar_events::{
    Event,
    contracts::identity::{Account, Grant, Unit},
};
use registrar_testkit::{Answer, Api};

use crate::world::World;

async fn pull(api: &Api, secret: &str, cursor: &str) -> Answer {
    api.get("/authority/changes").query(&[("cursor", cursor)]).header("Authorization", format!("Bearer {secret}")).await
}

fn events(answer: &Answer) -> Vec<Event> {
    let texts = answer.at("/events").as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned());
    texts.map(|text| Event::from_bytes(&STANDARD.decode(text).unwrap()).unwrap()).collect()
}

#[tokio::test]
async fn other_services_pull_what_they_decide_on() {
    let world = World::start().await;
    let (internal, secret) = (world.system.internal_client().unwrap(), world.system.secret());
    pull(&internal, "a guess", "").await.problem(401, "unauthenticated");
    internal.get("/authority/changes").await.problem(401, "unauthenticated");
    pull(&internal, secret, "nonsense").await.problem(400, "bad_parameter");
    world.system.client().get("/authority/changes").header("Authorization", format!("Bearer {secret}")).await.problem(404, "not_found");

    // Other tests of the run write too, and a feed waits for the oldest transaction of the cluster.
    let mut cursor = String::new();
    let mut all: Vec<Event> = Vec::new();
    registrar_testkit::eventually(std::time::Duration::from_secs(20), || {
        let internal = internal.clone();
        async move { events(&pull(&internal, secret, "").await.ok()).len() == 4 }
    })
    .await;
    loop {
        let page = pull(&internal, secret, &cursor).await.ok();
        all.extend(events(&page));
        cursor = page.at("/cursor").as_str().unwrap().to_owned();
        if page.at("/more") == false {
            assert!(page.at("/as_of").is_string());
            break;
        }
    }
    let mut names: Vec<&str> = all.iter().map(|event| event.aggregate.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["identity.account", "identity.grant", "identity.signing_key", "identity.unit"]);
    let of = |name: &str| all.iter().find(|event| event.aggregate == name).unwrap();
    assert_eq!(of("identity.unit").decode::<Unit>().unwrap().code, "bo");
    let account = of("identity.account").decode::<Account>().unwrap();
    assert_eq!((account.status.as_str(), account.valid_after.as_deref()), ("active", Some("1970-01-01T00:00:00Z")));
    assert_eq!(of("identity.grant").decode::<Grant>().unwrap().valid_from, "2025-09-15");
    assert!(all.iter().all(|event| !String::from_utf8_lossy(&event.to_bytes()).contains("argon2")));
    assert!(events(&pull(&internal, secret, &cursor).await.ok()).is_empty());

    let unit = world.unit("SO", "department", world.tenant).await;
    registrar_testkit::eventually(std::time::Duration::from_secs(20), || {
        let (internal, cursor) = (internal.clone(), cursor.clone());
        async move { events(&pull(&internal, secret, &cursor).await.ok()).iter().map(|event| event.id).eq([unit]) }
    })
    .await;
    let mut conn = world.system.db("identity").get().await.unwrap();
    sql_query("update epoch set value = value + 1").execute(&mut conn).await.unwrap();
    pull(&internal, secret, &cursor).await.problem(410, "gone");
}
