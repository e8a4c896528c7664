//! A tenant as `registrar init` makes it, and short ways to fill it.

use std::{future::Future, pin::Pin};

use chrono::{DateTime, Utc};
use diesel::{QueryableByName, sql_query, sql_types};
use diesel_async::RunQueryDsl;
use prost::Message;
use registrar_domain::UnitKind;
use registrar_events::{Event, contracts::personnel::Staff};
use registrar_identity::{NewTenant, init, service};
use registrar_testkit::{Answer, Api, TestSystem};
use secrecy::SecretString;
use serde_json::{Value, json};
use uuid::Uuid;

/// The password of everyone in the tests.
pub const PASSWORD: &str = "Mat-khau-2025";

/// A tenant with its administrator signed in.
pub struct World {
    pub system: TestSystem,
    pub tenant: Uuid,
    pub account: Uuid,
    pub administrator: Api,
}

/// Someone with an account.
pub struct Person {
    pub id: Uuid,
    pub api: Api,
}

impl World {
    pub async fn start() -> World {
        let system = TestSystem::start(vec![service()]).await.unwrap();
        let (tenant, account) = init(system.db("identity"), &system.secret().into(), system.clock().now(), tenant("bo")).await.unwrap();
        let administrator = signed_in(&system.client(), "bo", "admin").await;
        World { system, tenant: tenant.into(), account: account.into(), administrator }
    }

    /// A unit below others in the professional hierarchy since 2000.
    pub async fn unit(&self, code: &str, kind: &str, above: Uuid) -> Uuid {
        let superiors = json!([{"hierarchy": "professional", "unit_id": above, "valid_from": "2000-01-01"}]);
        self.unit_under(code, kind, superiors).await.id()
    }

    pub async fn unit_under(&self, code: &str, kind: &str, superiors: Value) -> Answer {
        let body = json!({"code": code, "name": format!("Đơn vị {code}"), "kind": kind, "education_levels": ["TH", "THCS"], "opened_on": "2000-01-01", "superiors": superiors});
        self.administrator.post("/v1/units").json(&body).await.status(201)
    }

    /// An account in a unit, signed in.
    pub async fn person(&self, username: &str, unit: Uuid) -> Person {
        let body = json!({"username": username, "display_name": "Nguyễn Thị Thuý", "unit_id": unit, "password": PASSWORD});
        let id = self.administrator.post("/v1/accounts").json(&body).await.status(201).id();
        Person { id, api: signed_in(&self.system.client(), "bo", username).await }
    }

    /// An account that holds a role in a unit.
    pub async fn holder(&self, username: &str, role: &str, unit: Uuid) -> Person {
        let person = self.person(username, unit).await;
        self.grant(&self.administrator, json!({"account_id": person.id, "role": role, "unit_id": unit})).await.status(201);
        person
    }

    pub fn grant(&self, giver: &Api, body: Value) -> Pin<Box<dyn Future<Output = Answer> + Send>> {
        giver.post("/v1/grants").json(&body).into_future()
    }

    pub async fn count(&self, query: &str) -> i64 {
        #[derive(QueryableByName)]
        struct Count {
            #[diesel(sql_type = sql_types::BigInt)]
            count: i64,
        }
        let row: Count = sql_query(query).get_result(&mut self.system.db("identity").get().await.unwrap()).await.unwrap();
        row.count
    }

    /// What personnel says of a staff record.
    pub async fn staff(&self, id: Uuid, version: i64, full_name: &str, unit: Uuid) {
        let staff = Staff {
            code: "GV001".into(),
            full_name: full_name.into(),
            gender: "female".into(),
            position: "teacher".into(),
            unit_id: unit.to_string(),
            status: "active".into(),
            ..Staff::default()
        };
        let occurred_at: DateTime<Utc> = self.system.clock().now();
        let event = Event {
            aggregate: "personnel.staff".into(),
            id,
            tenant_id: self.tenant,
            epoch: 1,
            version,
            ended: false,
            occurred_at,
            payload: staff.encode_to_vec(),
            traceparent: None,
            resync: false,
        };
        self.system.deliver("identity", &[event]).await.unwrap();
        assert_eq!(self.system.parked("identity").await.unwrap(), []);
    }
}

pub fn tenant(code: &str) -> NewTenant {
    NewTenant {
        code: code.into(), name: "Bộ Giáo dục và Đào tạo".into(), kind: UnitKind::Ministry, administrator_username: "admin".into(), password: SecretString::from(PASSWORD)
    }
}

pub async fn sign_in(api: &Api, tenant: &str, username: &str, password: &str) -> Answer {
    api.post("/v1/sessions").json(&json!({"tenant": tenant, "username": username, "password": password})).await
}

pub async fn signed_in(api: &Api, tenant: &str, username: &str) -> Api {
    let session = sign_in(api, tenant, username, PASSWORD).await.status(201);
    api.token(session.at("/access_token").as_str().unwrap())
}

pub fn texts(answer: &Answer, pointer: &str, field: &str) -> Vec<String> {
    answer.at(pointer).as_array().unwrap().iter().map(|item| item[field].as_str().unwrap_or_default().to_owned()).collect()
}
