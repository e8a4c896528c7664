//! Every field of a student's record, and students as spreadsheets.

use std::time::Duration;

use registrar_access::Role;
use registrar_domain::{EducationLevel, UnitKind};
use registrar_testkit::{Answer, Api, NewUnit, eventually};
use serde_json::{Value, json};

use crate::{
    imports::{counts, import},
    world::World,
};

pub const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

fn everything() -> Value {
    json!({
        "personal_number": "049315000001", "phone": "0905123456",
        "personal": {
            "photo": "https://example.edu.vn/anh/hs001.jpg", "birth_place": "Hội An", "nationality": "country/1/VN", "permanent_address": "12 Lê Lợi, Hội An",
            "permanent_area": "vn-area/2025-07-01/00004", "current_address": "15 Trần Phú, Hội An", "current_area": "vn-area/2025-06-30/00004", "cohort": "2021-2026",
        },
        "sensitive": {
            "ethnic_group": "vn-ethnic/2008/02", "religion": "vn-religion/2008/99", "policy_category": "vn-policy-category/1/poor_household", "disability": null, "health": "Hen suyễn",
            "identifiers": [{"kind": "identifier-type/1/vn-moet-code", "value": "7407137235", "issuer": null, "valid_from": null, "valid_to": null}],
        },
    })
}

fn with(mut body: Value, more: Value) -> Value {
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

#[tokio::test]
async fn every_field_is_kept_and_the_sensitive_ones_are_for_those_with_the_right() {
    let world = World::new().await;
    let entered = world.head.post("/v1/students").json(&with(world.student_body("HS001", "Lê Thị An"), everything())).await.status(201);
    let path = format!("/v1/students/{}", entered.id());
    let shown = world.head.get(format!("{path}?sensitive=true")).await.ok();
    let all = everything();
    for (item, pointer) in [
        ("S1-054", "/personal/photo"),
        ("S1-055", "/full_name"),
        ("S1-056", "/personal_number"),
        ("S1-057", "/code"),
        ("S1-058", "/birth_date"),
        ("S1-059", "/gender"),
        ("S1-060", "/sensitive/ethnic_group"),
        ("S1-061", "/sensitive/religion"),
        ("S1-063", "/personal/cohort"),
        ("S1-064", "/personal/current_address"),
        ("S1-065", "/personal/permanent_address"),
        ("S1-066", "/personal/birth_place"),
        ("S1-067", "/phone"),
        ("S1-068", "/sensitive/policy_category"),
    ] {
        assert!(!shown.at(pointer).is_null(), "{item}: {pointer} is empty");
        assert!(all.pointer(pointer).is_none_or(|told| told == shown.at(pointer)), "{item}: {pointer}");
    }
    assert_eq!((shown.json["personal"].clone(), shown.json["sensitive"].clone()), (all["personal"].clone(), all["sensitive"].clone()));
    let viewer = world.system.client_of(&world.system.account(Role::Officer, world.school).await.unwrap());
    for answer in [entered.clone(), viewer.get(&path).await.ok(), viewer.get("/v1/students?fields=*").await.ok(), viewer.get(format!("{path}/history")).await.ok()] {
        for secret in ["vn-ethnic", "vn-religion", "vn-policy-category", "7407137235", "0905123456", "049315000001", "Hen suyễn"] {
            assert!(!answer.text.contains(secret), "{secret} in {}", answer.text);
        }
    }
    viewer.get(format!("{path}?sensitive=true")).await.problem(403, "forbidden");
    let listed = world.head.get("/v1/students?cohort=2021-2026&identity_status=unverified").await.ok();
    assert_eq!(listed.at("/items/0/id"), entered.at("/id"));
    let refused = world.head.patch(&path).if_match(&entered).merge(&json!({"personal": {"cohort": "2026-2021"}})).await.problem(422, "invalid");
    assert_eq!(refused.field_errors()[0].0, "/personal/cohort");
}

pub async fn settled(api: &Api, path: &str) -> Answer {
    eventually(Duration::from_secs(30), async || ["done", "failed", "held"].contains(&api.get(path).await.ok().at("/state").as_str().unwrap())).await;
    api.get(path).await.ok()
}

#[tokio::test]
async fn lists_that_are_exported_and_imported_again_change_nothing() {
    let world = World::new().await;
    world.staff(world.system.new_id(), 1, "Trần Thị Lan").await;
    let classes = "Mã đơn vị,Năm học,Tên lớp,Cấp học,Khối lớp,Mã giáo viên chủ nhiệm,Ngoại ngữ 1,Số tiết ngoại ngữ 1/tuần\nTH-SP,2025-2026,5A1,TH,5,GV001,Tiếng Anh,4\n";
    assert_eq!(counts(&import(&world, "classes", classes).await), [1, 0, 0, 0]);
    let assignments =
        "Mã đơn vị,Năm học,Lớp,Mã giáo viên,Môn học,Số tiết/tuần,Từ ngày\nTH-SP,2025-2026,5A1,GV001,Toán,5,05/09/2025\nTH-SP,2025-2026,5A1,GV001,Tiếng Việt,7,05/09/2025\n";
    // S1-071: who teaches what, as schools write it down.
    assert_eq!(counts(&import(&world, "assignments", assignments).await), [2, 0, 0, 0]);
    assert_eq!(counts(&import(&world, "assignments", &assignments.replace(",7,", ",8,")).await), [0, 1, 1, 0]);
    let students = "STT,Mã học sinh,Họ và tên,Ngày sinh,Giới tính,Mã đơn vị,Năm học,Lớp,Ngày vào lớp,Dân tộc,Niên khoá,Số điện thoại liên lạc\n\
        1,HS001,Lê Văn An,01/03/2015,Nam,TH-SP,2025-2026,5A1,05/09/2025,Tày,2021-2026,0905 123 456\n\
        2,HS002,Phạm Thị Bé,1/4/2015,Nữ,TH-SP,2025-2026,5a1,5/9/2025,Kinh,,\n\
        3,HS003,Võ Thị Cúc,1/5/2015,Nữ,TH-SP,,,,,,\n";
    let done = import(&world, "students", students).await;
    assert_eq!(counts(&done), [3, 0, 0, 0]);
    let found = world.head.get("/v1/students?sort=code&fields=*").await.ok();
    assert_eq!((found.at("/items/0/class/name"), found.at("/items/0/personal/cohort"), found.at("/items/2/class")), (&json!("5A1"), &json!("2021-2026"), &Value::Null));
    for (resource, rows) in [("classes", 1), ("students", 3), ("assignments", 2)] {
        for (format, media_type) in [("csv", "text/csv"), ("xlsx", XLSX)] {
            let sensitive = resource == "students";
            let job = world.head.post(format!("/v1/{resource}/exports")).header("Accept-Language", "vi").json(&json!({"format": format, "sensitive": sensitive})).await.status(202);
            let path = job.header("location").unwrap();
            assert_eq!(settled(&world.head, path).await.at("/rows"), rows);
            let file = world.head.get(format!("{path}/file")).await.ok().bytes;
            let job = world.head.post(format!("/v1/{resource}/imports")).body(media_type, file).await.status(202);
            assert_eq!(counts(&settled(&world.head, job.header("location").unwrap()).await), [0, 0, rows, 0], "{resource} {format}");
        }
    }
    assert_eq!(world.head.get("/v1/students?sort=code&fields=*").await.ok().json, found.json);
    let class = world.head.get("/v1/classes?fields=*").await.ok();
    // S3-069, S3-070: the first foreign language and its periods.
    assert_eq!((class.at("/items/0/first_foreign_language"), class.at("/items/0/foreign_language_periods")), (&json!("vn-foreign-language/1/1"), &json!(4)));
}

#[tokio::test]
async fn fathers_and_mothers_come_with_the_children_and_are_people_of_their_own() {
    let world = World::new().await;
    let header = "Mã học sinh,Họ và tên,Ngày sinh,Giới tính,Mã đơn vị,Họ tên cha,Nghề nghiệp cha,Điện thoại cha,Số định danh cá nhân của cha,Họ tên mẹ,Nghề nghiệp mẹ";
    let file = |occupation: &str| {
        format!(
            "{header}\nHS001,Lê Văn An,01/03/2015,Nam,TH-SP,Lê Văn Bình,{occupation},0905 123 457,049085000001,Trần Thị Cúc,Giáo viên\n\
             HS002,Lê Thị Bé,01/03/2017,Nữ,TH-SP,Lê Văn Bình,{occupation},0905 123 457,049085000001,,\n"
        )
    };
    assert_eq!(counts(&import(&world, "students", &file("Nông dân")).await), [2, 0, 0, 0]);
    let found = world.head.get("/v1/guardians?fields=*&sort=name&count=true").await.ok();
    // S1-069, S1-070: name and occupation of father and mother; the father of two is one record.
    let of = |name: &str| found.at("/items").as_array().unwrap().iter().find(|item| item["full_name"] == name).cloned().unwrap();
    let (father, mother) = (of("Lê Văn Bình"), of("Trần Thị Cúc"));
    assert_eq!((found.at("/total"), &father["occupation"], &mother["occupation"]), (&json!(2), &json!("Nông dân"), &json!("Giáo viên")));
    assert_eq!((father["children"].as_array().unwrap().len(), &father["children"][0]["relation"], &mother["children"][0]["relation"]), (2, &json!("father"), &json!("mother")));
    assert_eq!(counts(&import(&world, "students", &file("Nông dân")).await), [0, 0, 2, 0]);
    assert_eq!(counts(&import(&world, "students", &file("Thợ mộc")).await), [0, 1, 1, 0], "one record, changed once");
    let job = world.head.post("/v1/students/exports").json(&json!({"format": "xlsx", "sensitive": true})).await.status(202);
    let path = job.header("location").unwrap();
    settled(&world.head, path).await;
    let exported = world.head.get(format!("{path}/file")).await.ok().bytes;
    let job = world.head.post("/v1/students/imports").body(XLSX, exported).await.status(202);
    assert_eq!(counts(&settled(&world.head, job.header("location").unwrap()).await), [0, 0, 2, 0]);
    // Knowing a parent's number is no right to the record: another school neither changes nor reads it.
    let code = Some("TH-KD".into());
    let elsewhere = NewUnit { code, ..NewUnit::new(world.system.tenant(), UnitKind::Primary, "Trường TH Kim Đồng").levels(&[EducationLevel::TH]) };
    let stranger = world.system.client_of(&world.system.account(Role::HeadTeacher, world.system.unit(elsewhere).await.unwrap()).await.unwrap());
    let theirs = format!("{header}\nKD001,Lê Thị Dung,01/03/2016,Nữ,TH-KD,Kẻ Lạ,Trộm,0911 111 111,049085000001,,\n");
    let job = stranger.post("/v1/students/imports").body("text/csv", theirs).await.status(202);
    let path = job.header("location").unwrap();
    assert_eq!(counts(&settled(&stranger, path).await), [0, 0, 0, 1]);
    let told = stranger.get(format!("{path}/errors")).await.ok();
    assert_eq!((told.at("/items/0/field"), told.at("/items/0/code")), (&json!("father.personal_number"), &json!("already_used")));
    let father = world.head.get(format!("/v1/guardians/{}?sensitive=true", father["id"].as_str().unwrap())).await.ok();
    assert_eq!((father.at("/full_name"), father.at("/phone"), father.at("/children/2")), (&json!("Lê Văn Bình"), &json!("0905123457"), &Value::Null));
    let wrong = file("Nông dân").replace("049085000001", "049185000001");
    assert_eq!(counts(&import(&world, "students", &wrong).await), [0, 0, 0, 2], "the number of a woman");
}
