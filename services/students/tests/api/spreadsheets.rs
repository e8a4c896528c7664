//! School years, enrolments and guardians as spreadsheets (S4-144, S4-161).

use registrar_access::Role;
use registrar_domain::{EducationLevel, UnitId, UnitKind};
use registrar_spreadsheets::{Columns, Limits, open};
use registrar_testkit::{Answer, Api, NewAccount, NewUnit};
use serde_json::{Map, Value, json};

use crate::{
    fields::{XLSX, settled},
    imports::{counts, errors_of, import, import_as},
    world::World,
};

/// A list as a file.
async fn export(api: &Api, resource: &str, body: &Value) -> Vec<u8> {
    let job = api.post(format!("/v1/{resource}/exports")).header("Accept-Language", "vi").json(body).await.status(202);
    let path = job.header("location").unwrap();
    assert_eq!(settled(api, path).await.at("/state"), "done");
    api.get(format!("{path}/file")).await.ok().bytes
}

/// An export in each format, imported again.
async fn round_trip(api: &Api, resource: &str, rows: i64, sensitive: bool) {
    let list = async || api.get(format!("/v1/{resource}?fields=*")).await.ok().json;
    let before = list().await;
    for (format, media_type) in [("csv", "text/csv"), ("xlsx", XLSX)] {
        let file = export(api, resource, &json!({"format": format, "sensitive": sensitive})).await;
        let job = api.post(format!("/v1/{resource}/imports")).body(media_type, file).await.status(202);
        let path = job.header("location").unwrap();
        let done = settled(api, path).await;
        assert_eq!(counts(&done), [0, 0, rows, 0], "{resource} {format}: {:?}", errors_of(api, resource, &done).await);
    }
    assert_eq!(list().await, before);
}

/// The rows of a file.
fn rows(file: &[u8], columns: &Columns) -> Vec<Map<String, Value>> {
    let mut file = open(file, columns, &Limits::default()).unwrap();
    let mut rows = Vec::new();
    while let Some(sheet) = file.next_sheet().unwrap() {
        rows.extend(sheet.map(|row| row.unwrap().cells));
    }
    rows
}

async fn administrator(world: &World) -> Api {
    world.system.client_of(&world.system.account(Role::Administrator, world.system.root_unit()).await.unwrap())
}

async fn another_school(world: &World, code: &str) -> (UnitId, Api) {
    let unit = NewUnit { code: Some(code.into()), ..NewUnit::new(world.system.tenant(), UnitKind::Primary, "Trường TH Kim Đồng").levels(&[EducationLevel::TH]) };
    let school = world.system.unit(unit).await.unwrap();
    (school, world.system.client_of(&world.system.account(Role::HeadTeacher, school).await.unwrap()))
}

/// Dry runs, and files of which all rows or none is kept.
async fn modes(api: &Api, resource: &str, good: &str, bad: &str) {
    let total = async || api.get(format!("/v1/{resource}?count=true")).await.ok().at("/total").as_i64().unwrap();
    let before = total().await;
    for (mode, file, state) in [("dry_run", good, "done"), ("all_or_nothing", bad, "failed")] {
        let job = api.post(format!("/v1/{resource}/imports?mode={mode}")).body("text/csv", file).await.status(202);
        assert_eq!(settled(api, job.header("location").unwrap()).await.at("/state"), state, "{mode}");
        assert_eq!(total().await, before, "{mode}");
    }
}

/// The reasons in a language.
async fn reasons(api: &Api, resource: &str, file: &str, language: &str) -> Vec<String> {
    let job = api.post(format!("/v1/{resource}/imports")).header("Accept-Language", language).body("text/csv", file).await.status(202);
    let path = job.header("location").unwrap();
    settled(api, path).await;
    let page = api.get(format!("{path}/errors")).await.ok();
    page.at("/items").as_array().unwrap().iter().map(|item| item["detail"].as_str().unwrap().to_owned()).collect()
}

fn wanted(errors: &[(i64, &str, &str)]) -> Vec<(i64, String, String)> {
    errors.iter().map(|(row, field, code)| (*row, (*field).to_owned(), (*code).to_owned())).collect()
}

#[tokio::test]
async fn school_years_come_and_go_as_files() {
    let world = World::new().await;
    let administrator = administrator(&world).await;
    let file = "Mã năm học,Tên năm học,Ngày bắt đầu,Ngày kết thúc\n2025-2026,Năm học 2025-2026,05/09/2025,31/05/2026\n2026-2027,Năm học 2026-2027,05/09/2026,31/05/2027\n";
    let bad =
        "code,name,starts_on,ends_on\n2027-2028,A,2027-09-05,2027-09-05\n2028-2029,B,2028-09-05,2031-05-31\n2029-2030,C,2029-09-05,2030-05-31\n2029-2030,C,2029-09-05,2030-05-31\n";
    modes(&administrator, "school-years", file, bad).await;
    assert_eq!(counts(&import_as(&administrator, "school-years", file).await), [1, 0, 1, 0]);
    assert_eq!(counts(&import_as(&administrator, "school-years", &file.replace("31/05/2027", "30/06/2027")).await), [0, 1, 1, 0]);
    assert_eq!(administrator.get("/v1/school-years?code=2026-2027").await.ok().at("/items/0/ends_on"), "2027-06-30");
    let done = import_as(&administrator, "school-years", bad).await;
    let told = errors_of(&administrator, "school-years", &done).await;
    assert_eq!(told, wanted(&[(2, "ends_on", "not_after"), (3, "ends_on", "too_long"), (5, "code", "repeated")]));
    round_trip(&administrator, "school-years", 3, false).await;
    // Everybody reads them; only who answers for the whole tenant changes them.
    assert_eq!(rows(&export(&world.head, "school-years", &json!({"format": "xlsx"})).await, &registrar_students::school_years::columns::COLUMNS).len(), 3);
    world.head.post("/v1/school-years/imports").body("text/csv", file).await.problem(403, "forbidden");
    let of_school = world.system.client_of(&world.system.account(Role::Administrator, world.school).await.unwrap());
    let done = import_as(&of_school, "school-years", file).await;
    assert_eq!(errors_of(&of_school, "school-years", &done).await, wanted(&[(2, "code", "forbidden"), (3, "code", "forbidden")]));
}

const ENROLMENTS: &str = "Mã học sinh,Mã đơn vị,Năm học,Lớp,Ngày vào lớp\nHS001,TH-SP,2025-2026,5A1,05/09/2025\nHS002,TH-SP,2025-2026,5a1,5/9/2025\n";

#[tokio::test]
async fn enrolments_come_and_go_as_files() {
    let world = World::new().await;
    for class in ["5A1", "5A2"] {
        world.class(class, json!({})).await;
    }
    let (first, second) = (world.student("HS001", "Lê Văn An").await, world.student("HS002", "Phạm Thị Bé").await);
    modes(&world.head, "enrolments", ENROLMENTS, &ENROLMENTS.replace("5a1", "9X")).await;
    assert_eq!(counts(&import(&world, "enrolments", ENROLMENTS).await), [2, 0, 0, 0]);
    assert_eq!(counts(&import(&world, "enrolments", ENROLMENTS).await), [0, 0, 2, 0]);
    let shown = world.head.get(format!("/v1/students/{}", first.id())).await.ok();
    assert_eq!((shown.at("/class/name"), shown.at("/education_level"), shown.at("/version")), (&json!("5A1"), &json!("TH"), &json!(2)), "S1-062");
    assert_eq!(world.head.get("/v1/classes").await.ok().at("/items/0/size"), 2, "S1-052");
    // A move and, in the same file, what it made of the class before; rows in any order.
    let moved = "student_code,unit_code,school_year_code,class_name,enrolled_on,ended_on,end_kind,end_reason\n\
        HS001,TH-SP,2025-2026,5A2,2025-09-10,,,\n\
        HS001,TH-SP,2025-2026,5A1,2025-09-05,2025-09-08,class_move,nghỉ ốm một ngày\n\
        HS002,TH-SP,2025-2026,5A1,2025-09-05,2025-09-12,left,\n";
    assert_eq!(counts(&import(&world, "enrolments", moved).await), [0, 3, 0, 0]);
    assert_eq!(counts(&import(&world, "enrolments", moved).await), [0, 0, 3, 0]);
    assert_eq!(counts(&import(&world, "enrolments", ENROLMENTS).await), [0, 0, 2, 0], "the first file again undoes nothing");
    let of = async |student: &Answer| world.head.get(format!("/v1/enrolments?student_id={}&fields=*", student.id())).await.ok();
    let (of_first, of_second) = (of(&first).await, of(&second).await);
    assert_eq!(
        (of_first.at("/items/0/ended_on"), of_first.at("/items/0/end_kind"), of_first.at("/items/1/class/name")),
        (&json!("2025-09-08"), &json!("class_move"), &json!("5A2"))
    );
    assert_eq!((of_first.at("/items/0/end_reason"), of_second.at("/items/0/end_kind")), (&json!("nghỉ ốm một ngày"), &json!("left")));
    assert_eq!(world.head.get("/v1/students?code=HS002").await.ok().at("/items/0/class"), &Value::Null);
    round_trip(&world.head, "enrolments", 3, false).await;
    world.head.post("/v1/enrolments/exports").json(&json!({"format": "csv", "sensitive": true})).await.problem(422, "invalid");
    let left = export(&world.head, "enrolments", &json!({"format": "csv", "query": "end_kind=left"})).await;
    let left = rows(&left, &registrar_students::enrolments::columns::COLUMNS);
    assert_eq!((left.len(), &left[0]["student_code"], &left[0]["end_kind"]), (1, &json!("HS002"), &json!("left")), "as the list is narrowed");
}

#[tokio::test]
async fn a_file_of_enrolments_names_each_bad_cell() {
    let world = World::new().await;
    for class in ["5A1", "5A2"] {
        world.class(class, json!({})).await;
    }
    world.student("HS001", "Lê Văn An").await;
    let gone = world.student("HS002", "Phạm Thị Bé").await;
    let end = json!({"status": "ended", "ended_on": "2025-09-01", "end_reason": "chuyển đi"});
    world.head.patch(format!("/v1/students/{}", gone.id())).if_match(&gone).merge(&end).await.ok();
    let bad = "student_code,unit_code,school_year_code,class_name,enrolled_on,ended_on,end_kind,leaving_reason,end_reason\n\
        HS001,TH-SP,2025-2026,5A1,2025-09-05,,,,\n\
        HS999,TH-SP,2025-2026,5A1,2025-09-05,,,,\n\
        HS001,NOPE,2025-2026,5A1,2025-09-05,,,,\n\
        HS001,TH-SP,1999-2000,5A1,2025-09-05,,,,\n\
        HS001,TH-SP,2025-2026,9X,2025-09-05,,,,\n\
        HS001,TH-SP,2025-2026,5A2,2025-09-05,,,,\n\
        HS001,TH-SP,2025-2026,5A1,2025-09-05,,,,\n\
        HS002,TH-SP,2025-2026,5A1,2025-09-05,,,,\n\
        HS001,TH-SP,2025-2026,5A2,2025-08-01,2025-08-10,,,\n\
        HS001,TH-SP,2025-2026,5A2,2025-08-02,2025-08-10,unknown,,\n\
        HS001,TH-SP,2025-2026,5A2,2025-08-03,2025-08-10,promoted,vn-leaving-reason/1/01,\n\
        HS001,TH-SP,2025-2026,5A2,2025-08-04,2025-08-01,left,,\n\
        HS001,TH-SP,2025-2026,5A2,2025-08-05,2025-09-20,left,,\n\
        HS001,TH-SP,2025-2026,5A2,2025-08-06,,,,x\n\
        HS001,TH-SP,2025-2026,5A2,2014-08-06,2014-08-07,left,,\n\
        HS001,TH-SP,2025-2026,5A2,,,,,\n\
        HS001,TH-SP,2025-2026,5A2,2025-08-07,2025-09-05,left,,\n";
    let done = import(&world, "enrolments", bad).await;
    assert_eq!(counts(&done), [1, 0, 0, 16]);
    let told = errors_of(&world.head, "enrolments", &done).await;
    let expected = [
        (3, "student_code", "unknown_student"),
        (4, "unit_code", "unknown_unit"),
        (5, "school_year_code", "unknown_school_year"),
        (6, "class_name", "unknown_class"),
        (7, "class_name", "already_enrolled"),
        (8, "enrolled_on", "repeated"),
        (9, "student_code", "ended"),
        (10, "end_kind", "required"),
        (11, "end_kind", "only_for_old_records"),
        (12, "leaving_reason", "only_with"),
        (13, "ended_on", "not_after"),
        (14, "class_name", "already_enrolled"),
        (15, "end_reason", "only_when_ended"),
        (16, "enrolled_on", "not_after"),
        (17, "enrolled_on", "required"),
        (18, "class_name", "already_enrolled"),
    ];
    assert_eq!(told, wanted(&expected));
    let one = "student_code,unit_code,school_year_code,class_name,enrolled_on,ended_on\nHS001,TH-SP,2025-2026,5A2,2025-08-01,2025-08-10\n";
    for (language, reason) in [("vi", "bắt buộc phải có"), ("en", "says how the enrolment ended"), ("zh", "必填")] {
        assert_eq!(reasons(&world.head, "enrolments", one, language).await, [reason], "{language}");
    }
}

#[tokio::test]
async fn files_of_enrolments_keep_to_the_senders_classes_and_students() {
    let world = World::new().await;
    let mine = world.class("5A1", json!({})).await.id();
    world.class("5A2", json!({})).await;
    let student = world.student("HS001", "Lê Văn An").await.id();
    world.student("HS002", "Phạm Thị Bé").await;
    assert_eq!(counts(&import(&world, "enrolments", ENROLMENTS).await), [2, 0, 0, 0]);
    let (other, stranger) = another_school(&world, "TH-KD").await;
    stranger.post("/v1/classes").json(&world.class_body("5A1", json!({"unit_id": other}))).await.status(201);
    // Another school's students are as good as none, whatever they have; its classes are too.
    for (file, field, code) in [
        (ENROLMENTS.replace("TH-SP", "TH-KD"), "student_code", "unknown_student"),
        (ENROLMENTS.replace("HS00", "XX00").replace("TH-SP", "TH-KD"), "student_code", "unknown_student"),
        (ENROLMENTS.to_owned(), "unit_code", "unknown_unit"),
    ] {
        let done = import_as(&stranger, "enrolments", &file).await;
        assert_eq!(errors_of(&stranger, "enrolments", &done).await, wanted(&[(2, field, code), (3, field, code)]));
    }
    // A clerk of another level keeps none of the unit's students.
    let clerk = NewAccount { education_levels: vec![EducationLevel::THCS], ..NewAccount::new(Role::Clerk, world.school) };
    let clerk = world.system.client_of(&world.system.account_with(clerk).await.unwrap());
    let file = "student_code,unit_code,school_year_code,class_name,enrolled_on\nHS001,TH-SP,2025-2026,5A2,2025-09-10\nHS001,TH-SP,2025-2026,5A1,2025-09-05\n";
    let done = import_as(&clerk, "enrolments", file).await;
    assert_eq!(errors_of(&clerk, "enrolments", &done).await, wanted(&[(2, "unit_code", "unknown_unit"), (3, "unit_code", "unknown_unit")]));
    // Who was in the class and is elsewhere now: the export is still true, and nothing of the student can be changed.
    let to = stranger.get("/v1/classes").await.ok().at("/items/0/id").clone();
    administrator(&world).await.post("/v1/enrolments/transfers").json(&json!({"student_id": student, "to_class_id": to, "on": "2025-09-10", "reason": "x"})).await.status(201);
    let ended = world.head.get(format!("/v1/enrolments?class_id={mine}&end_kind=school_transfer&count=true")).await.ok();
    assert_eq!((ended.at("/total"), ended.at("/items/0/ended_on")), (&json!(1), &json!("2025-09-09")));
    round_trip(&world.head, "enrolments", 2, false).await;
    let rewritten = "student_code,unit_code,school_year_code,class_name,enrolled_on,ended_on,end_kind\nHS001,TH-SP,2025-2026,5A1,2025-09-05,2025-09-09,left\n";
    let done = import(&world, "enrolments", rewritten).await;
    assert_eq!(errors_of(&world.head, "enrolments", &done).await, wanted(&[(2, "student_code", "unknown_student")]));
    for role in [Role::Officer, Role::Teacher] {
        let api = world.system.client_of(&world.system.account(role, world.school).await.unwrap());
        api.post("/v1/enrolments/imports").body("text/csv", ENROLMENTS).await.problem(403, "forbidden");
        api.get("/v1/enrolments/imports/template").await.problem(403, "forbidden");
    }
}

const GUARDIANS: &str = "Mã học sinh,Quan hệ với học sinh,Họ và tên phụ huynh,Giới tính,Năm sinh,Số điện thoại,Nghề nghiệp,Liên lạc chính\n\
    HS001,Cha,Lê Văn Bình,Nam,1985,0905 123 457,Nông dân,Có\n\
    HS002,Bố,Lê Văn Bình,Nam,1985,0905123457,Nông dân,\n\
    HS001,Mẹ,Trần Thị Cúc,Nữ,1987,,Giáo viên,\n\
    HS002,Ông,Lê Văn Tư,,,,,\n";

#[tokio::test]
async fn guardians_come_and_go_as_files() {
    let world = World::new().await;
    for code in ["HS001", "HS002"] {
        world.student(code, "Lê Thị An").await;
    }
    modes(&world.head, "guardians", GUARDIANS, &GUARDIANS.replace("HS002,Ông", "HS999,Ông")).await;
    assert_eq!(counts(&import(&world, "guardians", GUARDIANS).await), [3, 1, 0, 0]);
    assert_eq!(counts(&import(&world, "guardians", GUARDIANS).await), [0, 0, 4, 0]);
    let found = world.head.get("/v1/guardians?fields=*&count=true").await.ok();
    let of = |name: &str| found.at("/items").as_array().unwrap().iter().find(|item| item["full_name"] == name).cloned().unwrap();
    let (father, mother, grandfather) = (of("Lê Văn Bình"), of("Trần Thị Cúc"), of("Lê Văn Tư"));
    assert_eq!((found.at("/total"), father["children"].as_array().unwrap().len(), &father["occupation"]), (&json!(3), 2, &json!("Nông dân")), "S1-069: one father of two");
    assert_eq!((&mother["occupation"], &mother["children"][0]["relation"]), (&json!("Giáo viên"), &json!("mother")), "S1-070");
    assert_eq!(father["children"].as_array().unwrap().iter().filter(|child| child["primary_contact"] == true).count(), 1, "S1-067");
    assert_eq!((&grandfather["children"][0]["relation"], &grandfather["children"][0]["legal_representative"]), (&json!("grandparent"), &json!(false)));
    round_trip(&world.head, "guardians", 4, true).await;
    round_trip(&world.head, "guardians", 4, false).await;
    // Found again by its id, somebody is renamed; without it by number.
    let id = father["id"].as_str().unwrap();
    let renamed = format!("id,student_code,relation,full_name,personal_number\n{id},HS001,father,Lê Văn Bính,049085000001\n{id},HS002,father,Lê Văn Bính,049085000001\n");
    assert_eq!(counts(&import(&world, "guardians", &renamed).await), [0, 1, 1, 0]);
    let by_number = "student_code,relation,full_name,personal_number,children.valid_from,children.valid_to\nHS001,father,Lê Văn Bình,049085000001,,2025-09-01\nHS002,father,Lê Văn Bình,049085000001,,\n";
    assert_eq!(counts(&import(&world, "guardians", by_number).await), [0, 1, 1, 0]);
    let full = world.head.get(format!("/v1/guardians/{id}?sensitive=true")).await.ok();
    assert_eq!((full.at("/full_name"), full.at("/personal_number"), full.at("/phone")), (&json!("Lê Văn Bình"), &json!("049085000001"), &json!("0905123457")));
    assert_eq!(full.at("/children").as_array().unwrap().iter().filter(|child| child["valid_to"] == "2025-09-01").count(), 1);
    round_trip(&world.head, "guardians", 4, true).await;
}

#[tokio::test]
async fn a_file_of_guardians_names_each_bad_cell() {
    let world = World::new().await;
    for code in ["HS001", "HS002"] {
        world.student(code, "Lê Thị An").await;
    }
    let bad = "id,student_code,relation,full_name,gender,birth_year,personal_number,email,children.valid_from,children.valid_to\n\
        ,HS001,father,Lê Văn Bình,male,1985,049085000001,,,\n\
        ,HS002,father,Lê Văn Bình,male,1986,049085000001,,,\n\
        ,HS001,father,Lê Văn Bình,male,1985,049085000001,,,\n\
        ,HS999,mother,Trần Thị Cúc,,,,,,\n\
        01890a5d-ac96-774b-bcce-b302099a8057,HS001,mother,Trần Thị Cúc,,,,,,\n\
        ,HS001,mother,Trần Thị Cúc,,,049085000002,mai,,\n\
        ,HS001,mother,Trần Thị Cúc,male,,049187000001,,,\n\
        ,HS001,aunt,Trần Thị Cúc,,,,,,\n\
        ,HS001,,Trần Thị Cúc,,,,,,\n\
        ,HS001,mother,,,,,,,\n\
        ,HS001,mother,Trần Thị Cúc,,2030,,,,\n\
        ,HS001,mother,Trần Thị Cúc,,,,,2025-01-02,2025-01-01\n\
        x,HS001,mother,Trần Thị Cúc,,,,,,\n";
    let done = import(&world, "guardians", bad).await;
    assert_eq!(counts(&done), [1, 0, 0, 12]);
    let told = errors_of(&world.head, "guardians", &done).await;
    let expected = [
        (3, "personal_number", "birth_year_mismatch"),
        (4, "student_code", "repeated"),
        (5, "student_code", "unknown_student"),
        (6, "id", "unknown_guardian"),
        (7, "email", "format"),
        (8, "personal_number", "gender_mismatch"),
        (9, "relation", "not_a_choice"),
        (10, "relation", "required"),
        (11, "full_name", "required"),
        (12, "birth_year", "future"),
        (13, "children.valid_to", "ends_before_it_begins"),
        (14, "id", "invalid"),
    ];
    // A cell may be wrong in two ways.
    let told: Vec<_> = told.into_iter().filter(|(row, _, code)| *row != 7 || code == "format").collect();
    assert_eq!(told, wanted(&expected));
    let contradicting = "student_code,relation,full_name,personal_number,occupation\nHS001,father,Lê Văn Bình,049085000001,Thợ mộc\nHS002,father,Lê Văn Bình,049085000001,\n";
    let done = import(&world, "guardians", contradicting).await;
    assert_eq!(errors_of(&world.head, "guardians", &done).await, wanted(&[(3, "occupation", "contradicts")]));
    for (language, reason) in [("vi", "trái với dòng trước về cùng phụ huynh"), ("zh", "与前面同一监护人的行不一致")] {
        assert_eq!(reasons(&world.head, "guardians", contradicting, language).await, [reason], "{language}");
    }
}

#[tokio::test]
async fn files_of_guardians_keep_to_the_senders_students_and_contacts_to_those_with_the_right() {
    let world = World::new().await;
    for code in ["HS001", "HS002"] {
        world.student(code, "Lê Thị An").await;
    }
    let file = "student_code,relation,full_name,personal_number,phone,email,address\nHS001,father,Lê Văn Bình,049085000001,0905123457,binh@example.vn,12 Lê Lợi\n";
    assert_eq!(counts(&import(&world, "guardians", file).await), [1, 0, 0, 0]);
    let entered = world.head.get("/v1/guardians?fields=*").await.ok();
    let id = entered.at("/items/0/id").as_str().unwrap().to_owned();
    let (other, stranger) = another_school(&world, "TH-KD").await;
    stranger
        .post("/v1/students")
        .json(&{
            let mut body = world.student_body("KD001", "Lê Thị Dung");
            body["unit_id"] = json!(other);
            body
        })
        .await
        .status(201);
    // Neither the id, nor the number, nor name and phone of somebody else's parent opens the record; nor is there a trace.
    let theirs = format!(
        "id,student_code,relation,full_name,personal_number,phone\n{id},KD001,father,Lê Văn Bình,,\n,KD001,father,Lê Văn Bình,049085000001,\n,HS001,father,Lê Văn Bình,,0905123457\n"
    );
    let done = import_as(&stranger, "guardians", &theirs).await;
    let refused = wanted(&[(2, "id", "unknown_guardian"), (3, "personal_number", "already_used"), (4, "student_code", "unknown_student")]);
    assert_eq!(errors_of(&stranger, "guardians", &done).await, refused);
    let namesake = "student_code,relation,full_name,phone\nKD001,father,Lê Văn Bình,0905123457\n";
    assert_eq!(counts(&import_as(&stranger, "guardians", namesake).await), [1, 0, 0, 0]);
    assert_eq!(world.head.get("/v1/guardians?fields=*").await.ok().json, entered.json);
    // Contacts only with `sensitive`, and that only for those with the right to them.
    let officer = world.system.client_of(&world.system.account(Role::Officer, world.school).await.unwrap());
    officer.post("/v1/guardians/exports").json(&json!({"format": "csv", "sensitive": true})).await.problem(403, "forbidden");
    officer.post("/v1/guardians/imports").body("text/csv", file).await.problem(403, "forbidden");
    let secrets = ["049085000001", "0905123457", "binh@example.vn", "12 Lê Lợi"];
    for (api, sensitive) in [(&officer, false), (&world.head, false), (&world.head, true)] {
        let exported = String::from_utf8(export(api, "guardians", &json!({"format": "csv", "sensitive": sensitive})).await).unwrap();
        assert!(exported.contains("Lê Văn Bình") && !exported.contains("KD001"), "{exported}");
        for secret in secrets {
            assert_eq!(exported.contains(secret), sensitive, "{secret} in {exported}");
        }
    }
    let teacher = world.system.client_of(&world.system.account(Role::Teacher, world.school).await.unwrap());
    teacher.post("/v1/guardians/exports").json(&json!({"format": "csv"})).await.problem(403, "forbidden");
}
