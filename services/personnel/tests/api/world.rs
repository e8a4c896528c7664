//! A department with two schools, and the people who work with their records.

use diesel::{QueryableByName, sql_query, sql_types};
use diesel_async::RunQueryDsl;
use registrar_access::Role;
use registrar_domain::{EducationLevel, UnitId, UnitKind};
use registrar_testkit::{Answer, Api, NewUnit, TestAccount, TestSystem};
use serde_json::{Value, json};

pub struct World {
    pub system: TestSystem,
    pub department: UnitId,
    /// Its code is `KD`.
    pub school: UnitId,
    /// Its code is `LL`.
    pub other: UnitId,
    pub head_account: TestAccount,
    /// The head teacher of the school.
    pub head: Api,
}

impl World {
    pub async fn start() -> Self {
        Self::on(TestSystem::start(vec![registrar_personnel::service()]).await.unwrap()).await
    }

    pub async fn on(system: TestSystem) -> Self {
        let department = system.department("Sở GDĐT").await.unwrap();
        let unit = |code: &str, name| NewUnit { code: Some(code.into()), ..NewUnit::new(system.tenant(), UnitKind::Primary, name).below(department).levels(&[EducationLevel::TH]) };
        let school = system.unit(unit("KD", "Trường TH Kim Đồng")).await.unwrap();
        let other = system.unit(unit("LL", "Trường TH Lương Thế Vinh")).await.unwrap();
        let head_account = system.account(Role::HeadTeacher, school).await.unwrap();
        let head = system.client_of(&head_account);
        World { department, school, other, head, head_account, system }
    }

    /// Somebody else's client.
    pub async fn client(&self, role: Role, unit: UnitId) -> Api {
        self.system.client_of(&self.system.account(role, unit).await.unwrap())
    }

    /// What is entered of a teacher of the school.
    pub fn teacher(&self, code: &str, name: &str) -> Value {
        json!({
            "code": code, "full_name": name, "birth_date": "1990-05-20", "gender": "female", "position": "teacher", "education_level": "TH",
            "unit_id": self.school, "started_on": "2015-08-15", "status": "active",
        })
    }

    pub async fn enter(&self, code: &str, name: &str) -> Answer {
        self.head.post("/v1/staff").json(&self.teacher(code, name)).await.status(201)
    }

    /// Does something to the database that no request does.
    pub async fn alter(&self, statement: &str) {
        sql_query(statement).execute(&mut self.system.db("personnel").get().await.unwrap()).await.unwrap();
    }

    /// How many rows a query counts.
    pub async fn count(&self, query: &str) -> i64 {
        #[derive(QueryableByName)]
        struct Count {
            #[diesel(sql_type = sql_types::BigInt)]
            count: i64,
        }
        let row: Count = sql_query(query).get_result(&mut self.system.db("personnel").get().await.unwrap()).await.unwrap();
        row.count
    }
}

/// The object with these fields set; null removes one.
pub fn with(mut object: Value, fields: Value) -> Value {
    for (name, value) in fields.as_object().unwrap() {
        let object = object.as_object_mut().unwrap();
        if value.is_null() {
            object.remove(name);
        } else {
            object.insert(name.clone(), value.clone());
        }
    }
    object
}

pub fn errors(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(pointer, code)| ((*pointer).to_owned(), (*code).to_owned())).collect()
}

/// One field of each item.
pub fn column(answer: &Answer, field: &str) -> Vec<String> {
    answer.at("/items").as_array().unwrap().iter().map(|item| item[field].as_str().unwrap().to_owned()).collect()
}
