//! One school with a school year, a head teacher, and members of staff as personnel's events tell of them.

use prost::Message;
use registrar_access::Role;
use registrar_domain::{EducationLevel, StaffId, UnitId, UnitKind};
use registrar_events::{Event, contracts::personnel::Staff};
use registrar_testkit::{Answer, Api, NewAccount, NewUnit, TestSystem};
use serde_json::{Value, json};
use uuid::Uuid;

pub struct World {
    pub system: TestSystem,
    pub school: UnitId,
    pub head: Api,
    pub year: Uuid,
}

impl World {
    pub async fn new() -> Self {
        let system = TestSystem::start(vec![registrar_students::service()]).await.unwrap();
        let mut unit = NewUnit::new(system.tenant(), UnitKind::Primary, "Trường Tiểu học Sơn Phong").levels(&[EducationLevel::TH]);
        unit.code = Some("TH-SP".into());
        let school = system.unit(unit).await.unwrap();
        let head = system.client_of(&system.account(Role::HeadTeacher, school).await.unwrap());
        let administrator = system.client_of(&system.account(Role::Administrator, system.root_unit()).await.unwrap());
        let year = json!({"code": "2025-2026", "name": "Năm học 2025-2026", "starts_on": "2025-09-05", "ends_on": "2026-05-31"});
        let year = administrator.post("/v1/school-years").json(&year).await.status(201).id();
        World { system, school, head, year }
    }

    /// A member of staff at this version, as personnel would publish.
    pub fn staff_event(&self, id: Uuid, version: i64, name: &str, status: &str) -> Event {
        let staff = Staff {
            code: "GV001".into(),
            full_name: name.into(),
            gender: "female".into(),
            position: "teacher".into(),
            unit_id: self.school.to_string(),
            status: status.into(),
            ..Staff::default()
        };
        Event {
            aggregate: "personnel.staff".into(),
            id,
            tenant_id: self.system.tenant().into(),
            epoch: 1,
            version,
            ended: status == "ended",
            occurred_at: self.system.clock().now(),
            payload: staff.encode_to_vec(),
            traceparent: None,
            resync: false,
        }
    }

    pub async fn staff(&self, id: Uuid, version: i64, name: &str) {
        self.system.deliver("students", &[self.staff_event(id, version, name, "active")]).await.unwrap();
    }

    pub fn class_body(&self, name: &str, more: Value) -> Value {
        let mut body = json!({"name": name, "unit_id": self.school, "school_year_id": self.year, "education_level": "TH", "grade": 5, "status": "active"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    }

    pub async fn class(&self, name: &str, more: Value) -> Answer {
        self.head.post("/v1/classes").json(&self.class_body(name, more)).await.status(201)
    }

    pub fn student_body(&self, code: &str, name: &str) -> Value {
        json!({"code": code, "full_name": name, "birth_date": "2015-03-01", "gender": "female", "unit_id": self.school, "status": "active"})
    }

    pub async fn student(&self, code: &str, name: &str) -> Answer {
        self.head.post("/v1/students").json(&self.student_body(code, name)).await.status(201)
    }

    pub async fn enrol(&self, student: Uuid, class: Uuid, on: &str) -> Answer {
        self.head.post("/v1/enrolments").json(&json!({"student_id": student, "class_id": class, "enrolled_on": on})).await
    }

    /// A teacher without any grant at this school: a viewer elsewhere, with a staff record.
    pub async fn teacher_elsewhere(&self, staff: Uuid) -> Api {
        let elsewhere = self.system.school("Trường khác").await.unwrap();
        let account = NewAccount { staff: Some(StaffId::from(staff)), ..NewAccount::new(Role::Teacher, elsewhere) };
        self.system.client_of(&self.system.account_with(account).await.unwrap())
    }
}
