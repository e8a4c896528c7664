//! Keys that tokens are signed with.

use chrono::TimeDelta;
use registrar_access::token;
use registrar_identity::{init, keys::store::ensure_key};
use registrar_store::StoreError;

use crate::world::{PASSWORD, World, sign_in, tenant, texts};

#[tokio::test]
async fn a_new_key_is_published_before_it_signs() {
    let world = World::start().await;
    let client = world.system.client();
    let published = client.get("/.well-known/jwks.json").await.ok();
    let first = texts(&published, "/keys", "kid");
    assert_eq!((first.len(), published.at("/keys/0/alg").as_str()), (1, Some("ES256")));
    assert!(published.at("/keys/0/d").is_null(), "no private half");
    let secret = world.system.secret().into();
    world.system.clock().advance(TimeDelta::days(30));
    let now = world.system.clock().now();
    let mut conn = world.system.db("identity").get().await.unwrap();
    assert!(ensure_key(&mut conn, &secret, now).await.unwrap());
    assert!(!ensure_key(&mut conn, &secret, now).await.unwrap());
    let keys = texts(&client.get("/.well-known/jwks.json").await.ok(), "/keys", "kid");
    assert_eq!(keys.len(), 2);
    let signer = || async { token::key_id(sign_in(&client, "bo", "admin", PASSWORD).await.status(201).at("/access_token").as_str().unwrap()).unwrap() };
    assert_eq!(signer().await, first[0]);
    world.system.clock().advance(TimeDelta::minutes(1));
    assert_eq!(signer().await, keys[0]);
    assert_ne!(keys[0], first[0]);
}

#[tokio::test]
async fn private_keys_are_sealed_and_a_tenant_is_made_once() {
    let world = World::start().await;
    assert_eq!(world.count("select count(*) as count from private_keys where encode(sealed, 'escape') like '%PRIVATE%'").await, 0);
    let secret = world.system.secret().into();
    let again = init(world.system.db("identity"), &secret, world.system.clock().now(), tenant("bo")).await;
    assert!(matches!(again, Err(StoreError::Conflict { .. })), "{again:?}");
    init(world.system.db("identity"), &secret, world.system.clock().now(), tenant("bo-2")).await.unwrap();
}
