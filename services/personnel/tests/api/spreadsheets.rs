//! Staff from and to spreadsheets as schools have them.

use std::time::Duration;

use registrar_access::Role;
use registrar_domain::Locale;
use registrar_personnel::staff::columns::COLUMNS;
use registrar_spreadsheets::{Format, Limits, Writer, open};
use registrar_testkit::{Answer, Api, eventually};
use serde_json::{Map, Value, json};

use crate::{
    fields::everything,
    imports::{counts, file, import},
    world::{World, with},
};

const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

/// Sends a file and waits until it is done, failed or held.
async fn send(api: &Api, query: &str, media_type: &'static str, bytes: Vec<u8>, language: &str) -> Answer {
    let accepted = api.post(format!("/v1/staff/imports{query}")).header("Accept-Language", language).body(media_type, bytes).await.status(202);
    settled(api, accepted.header("location").unwrap()).await
}

async fn settled(api: &Api, path: &str) -> Answer {
    eventually(Duration::from_secs(30), || async { ["done", "failed", "held"].contains(&api.get(path).await.ok().at("/state").as_str().unwrap()) }).await;
    api.get(path).await.ok()
}

/// A workbook as somebody would fill it in.
fn workbook(rows: &[Value], locale: Locale) -> Vec<u8> {
    let mut writer = Writer::new(Format::Xlsx, std::io::Cursor::new(Vec::new()), &COLUMNS, locale, "staff").unwrap();
    for row in rows {
        writer.row(row.as_object().unwrap()).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

async fn export(api: &Api, body: Value, language: &str) -> Vec<u8> {
    let accepted = api.post("/v1/staff/exports").header("Accept-Language", language).json(&body).await.status(202);
    let path = accepted.header("location").unwrap().to_owned();
    let done = settled(api, &path).await;
    assert_eq!(done.at("/state"), "done", "{}", done.text);
    let answer = api.get(format!("{path}/file")).await.ok();
    assert_eq!(answer.header("content-length").and_then(|length| length.parse().ok()), done.at("/bytes").as_u64());
    answer.bytes
}

/// The rows of a file as its reader sees them.
fn rows(bytes: &[u8]) -> Vec<Map<String, Value>> {
    let mut file = open(bytes, &COLUMNS, &Limits::default()).unwrap();
    let mut rows = Vec::new();
    while let Some(sheet) = file.next_sheet().unwrap() {
        for row in sheet {
            let row = row.unwrap();
            assert!(row.errors.is_empty(), "{:?}", row.errors);
            rows.push(row.cells);
        }
    }
    rows
}

#[tokio::test]
async fn the_template_speaks_the_callers_language_and_is_empty() {
    let world = World::start().await;
    // S4-144, S4-161: a downloaded template is filled in and sent back.
    let template = |language: &'static str| world.head.get("/v1/staff/imports/template").header("Accept-Language", language);
    let vietnamese = template("vi").await.ok();
    assert_eq!(vietnamese.header("content-type"), Some(XLSX));
    assert!(vietnamese.header("content-disposition").unwrap().contains("staff-template.xlsx"));
    for language in ["vi", "en", "zh"] {
        let file = template(language).await.ok().bytes;
        let refused = world.head.post("/v1/staff/imports").body(XLSX, file).await.problem(422, "invalid");
        assert_eq!(refused.at("/errors/0/code"), "no_rows");
    }
    world.client(Role::Teacher, world.school).await.get("/v1/staff/imports/template").await.problem(403, "forbidden");
}

#[tokio::test]
async fn an_export_that_is_imported_again_changes_nothing() {
    let world = World::start().await;
    let everything = with(everything(), json!({"identity_status": null, "identity_checked_on": null}));
    world.head.post("/v1/staff").json(&with(world.teacher("GV001", "Nguyễn Thị Hòa"), everything)).await.status(201);
    world.enter("0002", "Lê Thị Bình").await;
    let ended = json!({"status": "ended", "ended_on": "2025-05-31", "end_reason": "nghỉ hưu"});
    world.head.post("/v1/staff").json(&with(world.teacher("GV003", "Trần Văn Ân"), ended)).await.status(201);
    let before = world.head.get("/v1/staff?sort=code&fields=*").await.ok();
    for (format, media_type) in [("xlsx", XLSX), ("csv", "text/csv")] {
        for language in ["vi", "en", "zh"] {
            let file = export(&world.head, json!({"format": format, "query": "sort=code", "sensitive": true}), language).await;
            let read = rows(&file);
            assert_eq!((read.len(), &read[0]["code"], &read[1]["sensitive.ethnic_group"]), (3, &json!("0002"), &json!("vn-ethnic/2008/01")), "{format} {language}");
            let again = send(&world.head, "", media_type, file, language).await;
            assert_eq!(counts(&again), [3, 0, 0, 3, 0], "{format} {language}");
        }
    }
    assert_eq!(world.head.get("/v1/staff?sort=code&fields=*").await.ok().json, before.json, "nothing was written");
    assert_eq!(world.count("select count(*) as count from access_log where cardinality(record_ids) = 3").await, 6, "every sensitive page is logged");
}

#[tokio::test]
async fn an_export_shows_what_its_reader_may_see_and_asked_for() {
    let world = World::start().await;
    world.head.post("/v1/staff").json(&with(world.teacher("GV001", "Nguyễn Thị Hòa"), everything())).await.status(201);
    let officer = world.client(Role::Administrator, world.system.root_unit()).await;
    officer.post("/v1/staff").json(&with(world.teacher("GV002", "Lê An"), json!({"unit_id": world.other}))).await.status(201);
    let teacher = world.client(Role::Teacher, world.school).await;
    let seen = export(&teacher, json!({"format": "csv", "query": "fields=full_name,personal"}), "vi").await;
    let text = String::from_utf8(seen.clone()).unwrap();
    assert!(text.contains("Họ và tên") && text.contains("Hội An") && !text.contains("Dân tộc") && !text.contains("048190001234") && !text.contains("Môn dạy"), "{text}");
    assert_eq!(rows(&seen).len(), 1, "a colleague of another school is not in it");
    assert_eq!(rows(&export(&officer, json!({"format": "csv", "query": "status=active"}), "en").await).len(), 2);
    let empty = String::from_utf8(export(&officer, json!({"format": "csv", "query": "q=binh"}), "en").await).unwrap();
    assert_eq!(empty.lines().count(), 1, "only the header: {empty}");
    teacher.post("/v1/staff/exports").json(&json!({"format": "csv", "sensitive": true})).await.problem(403, "forbidden");
    world.head.post("/v1/staff/exports").json(&json!({"format": "csv", "query": "colour=red"})).await.problem(400, "bad_parameter");
    world.head.post("/v1/staff/exports").json(&json!({"format": "pdf"})).await.problem(422, "invalid");
    let accepted = world.head.post("/v1/staff/exports").json(&json!({"format": "csv"})).await.status(202);
    let path = accepted.header("location").unwrap();
    for below in ["", "/file"] {
        officer.get(format!("{path}{below}")).await.problem(404, "not_found");
        world.system.client().get(format!("{path}{below}")).await.problem(401, "unauthenticated");
    }
}

#[tokio::test]
async fn what_looks_like_a_formula_is_neutralised_and_comes_back_as_it_was() {
    let world = World::start().await;
    let formula = "=HYPERLINK(\"http://evil.example\",\"click\")";
    let entered = world.head.post("/v1/staff").json(&with(world.teacher("GV001", "Nguyễn Thị Hòa"), json!({"terms": {"assigned_work": formula}}))).await.status(201);
    let csv = export(&world.head, json!({"format": "csv"}), "en").await;
    let text = String::from_utf8(csv.clone()).unwrap();
    assert!(text.contains("\"'=HYPERLINK"), "{text}");
    assert_eq!(counts(&send(&world.head, "", "text/csv", csv, "en").await), [1, 0, 0, 1, 0]);
    let xlsx = export(&world.head, json!({"format": "xlsx"}), "en").await;
    assert_eq!(rows(&xlsx)[0]["terms.assigned_work"], formula, "a text, and no formula: that would be refused");
    assert_eq!(world.head.get(format!("/v1/staff/{}", entered.id())).await.ok().at("/version"), 1);
}

#[tokio::test]
async fn labels_and_dates_are_understood_in_three_languages() {
    let world = World::start().await;
    let csv = |header: &str, row: &str| format!("{header}\n{row}\n").into_bytes();
    for (language, header, row) in [
        ("vi", "STT,Mã cán bộ,Họ và tên *,Ngày sinh,Giới tính,Chức vụ,Mã đơn vị,Ngày bắt đầu,Dân tộc", "1,GV001,Nguyễn Thị Hòa,20/05/1990,nữ,giáo viên,KD,15/8/2015,Kinh"),
        (
            "en",
            "Staff code,Full name,Date of birth,Gender,Position,Unit code,First day of work in the unit,Ethnic group",
            "GV002,Le Thi Binh,1990-05-20,Female,teacher,KD,2015-08-15,01",
        ),
        ("zh", "教职工号,姓名,出生日期,性别,岗位,单位代码,到岗日期,民族", "GV003,王芳,1990年5月20日,女,教师,KD,2015年8月15日,cn-ethnic/1991/01"),
    ] {
        let done = send(&world.head, "", "text/csv", csv(header, row), language).await;
        let errors = world.head.get(format!("/v1/staff/imports/{}/errors", done.id())).await.ok();
        assert_eq!(counts(&done), [1, 1, 0, 0, 0], "{language} {}", errors.text);
    }
    let found = world.head.get("/v1/staff?sort=code&fields=*").await.ok();
    for place in 0..3 {
        let of = |field: &str| found.at(&format!("/items/{place}/{field}")).clone();
        assert_eq!((of("birth_date"), of("gender"), of("position"), of("started_on")), (json!("1990-05-20"), json!("female"), json!("teacher"), json!("2015-08-15")));
    }
    assert_eq!(world.count("select count(*) as count from staff where ethnic_group in ('vn-ethnic/2008/01', 'cn-ethnic/1991/01')").await, 3);
}

#[tokio::test]
async fn errors_are_told_by_cell_and_written_beside_them() {
    let world = World::start().await;
    let good = json!({"code": "GV001", "full_name": "Nguyễn Thị Hòa", "birth_date": "1990-05-20", "gender": "female", "position": "teacher", "unit_code": "KD", "started_on": "2015-08-15"});
    let bad = with(good.clone(), json!({"code": "GV002", "personal_number": "048090001234", "unit_code": "XX"}));
    let worse = with(good.clone(), json!({"code": "GV003", "personal_number": "048090001234"}));
    let done = send(&world.head, "", XLSX, workbook(&[good, bad, worse], Locale::Vi), "vi").await;
    assert_eq!(counts(&done), [3, 1, 0, 0, 2]);
    let path = format!("/v1/staff/imports/{}", done.id());
    let errors = world.head.get(format!("{path}/errors")).await.ok();
    let first = errors.at("/items/0");
    assert_eq!(
        (&first["row"], &first["header"], &first["field"], &first["code"], &first["value"]),
        (&json!(3), &json!("Mã đơn vị"), &json!("unit_code"), &json!("unknown_unit"), &json!("XX"))
    );
    assert_eq!((&first["detail"], first["column"].as_str().unwrap().len()), (&json!("không có đơn vị này trong phạm vi của bạn"), 1));
    assert_eq!((errors.at("/items/1/code"), errors.at("/items/1/detail")), (&json!("gender_mismatch"), &json!("số định danh không khớp giới tính")));
    let annotated = world.head.get(format!("{path}/file")).header("Accept-Language", "vi").await.ok();
    assert_eq!(annotated.header("content-type"), Some(XLSX));
    // The file with its errors can be sent again, and says the same.
    let again = send(&world.head, "", XLSX, annotated.bytes, "vi").await;
    assert_eq!(counts(&again), [3, 0, 0, 1, 2]);
    world.client(Role::HeadTeacher, world.other).await.get(format!("{path}/file")).await.problem(404, "not_found");
    let clean = send(&world.head, "", "text/csv", file(&["GV009,Lê An,1990-05-20,male,,teacher,TH,KD,2015-08-15,,"]).into_bytes(), "vi").await;
    world.head.get(format!("/v1/staff/imports/{}/file", clean.id())).await.problem(404, "not_found");
}

#[tokio::test]
async fn all_or_nothing_keeps_nothing_when_a_row_is_refused() {
    let world = World::start().await;
    let good = "GV001,Lê An,1990-05-20,male,,teacher,TH,KD,2015-08-15,,";
    let refused = send(&world.head, "?mode=all_or_nothing", "text/csv", file(&[good, "GV002,Lê Bình,1990-05-20,male,,teacher,TH,XX,2015-08-15,,"]).into_bytes(), "en").await;
    assert_eq!((refused.at("/state"), refused.at("/reason"), refused.at("/failed")), (&json!("failed"), &json!("1 rows were refused, so none was kept"), &json!(1)));
    assert_eq!(world.count("select count(*) as count from staff").await, 0);
    assert_eq!(world.head.get(format!("/v1/staff/imports/{}/errors", refused.id())).await.ok().at("/items/0/code"), "unknown_unit");
    let done = send(&world.head, "?mode=all_or_nothing", "text/csv", file(&[good]).into_bytes(), "en").await;
    assert_eq!((done.at("/state"), counts(&done)), (&json!("done"), [1, 1, 0, 0, 0]));
    let many: Vec<String> = (0..20_001).map(|number| good.replace("GV001", &format!("N{number}"))).collect();
    let many = file(&many.iter().map(String::as_str).collect::<Vec<_>>());
    world.head.post("/v1/staff/imports?mode=all_or_nothing").body("text/csv", many).await.problem(413, "too_large");
}

#[tokio::test]
async fn an_import_that_would_change_much_of_a_school_waits_to_be_confirmed() {
    let world = World::start().await;
    let people = |name: &str| (0..20).map(|number| format!("GV{number:03},{name},1990-05-20,male,,teacher,TH,KD,2015-08-15,,")).collect::<Vec<_>>();
    let bytes = |rows: &[String]| file(&rows.iter().map(String::as_str).collect::<Vec<_>>()).into_bytes();
    send(&world.head, "", "text/csv", bytes(&people("Lê An")), "en").await;
    let ten = &people("Lê Bình")[..10];
    assert_eq!(send(&world.head, "", "text/csv", bytes(ten), "en").await.at("/state"), "done", "ten records may always be changed");
    let held_for = json!([{"unit_id": world.school, "records": 20, "changed": 20}]);
    let tried = send(&world.head, "?mode=dry_run", "text/csv", bytes(&people("Lê Cường")), "en").await;
    assert_eq!((tried.at("/state"), tried.at("/held_for")), (&json!("done"), &held_for));
    for mode in ["valid_rows", "all_or_nothing"] {
        let held = send(&world.head, &format!("?mode={mode}"), "text/csv", bytes(&people(&format!("Lê {mode}"))), "en").await;
        assert_eq!((held.at("/state"), held.at("/held_for")), (&json!("held"), &held_for), "{mode}");
        assert_eq!(world.count(&format!("select count(*) as count from staff where full_name = 'Lê {mode}'")).await, 0);
        let path = format!("/v1/staff/imports/{}", held.id());
        world.client(Role::HeadTeacher, world.other).await.post(format!("{path}/confirmation")).json(&json!({})).await.problem(404, "not_found");
        world.head.post(format!("{path}/confirmation")).json(&json!({})).await.ok();
        let done = settled(&world.head, &path).await;
        assert_eq!((done.at("/state"), counts(&done), done.at("/attempts")), (&json!("done"), [20, 0, 20, 0, 0], &json!(2)), "{mode}");
        world.head.post(format!("{path}/confirmation")).json(&json!({})).await.problem(409, "state");
    }
}

#[tokio::test]
async fn a_column_that_the_file_does_not_have_stays_and_an_empty_cell_empties() {
    let world = World::start().await;
    let entered = world.head.post("/v1/staff").json(&with(world.teacher("GV001", "Nguyễn Thị Hòa"), everything())).await.status(201);
    let header = "code,full_name,birth_date,gender,position,unit_code,started_on,personal.birth_place";
    let row = |place: &str| format!("{header}\nGV001,Nguyễn Thị Hoà,1990-05-20,female,teacher,KD,2015-08-15,{place}\n").into_bytes();
    assert_eq!(counts(&send(&world.head, "", "text/csv", row("Đà Nẵng"), "en").await), [1, 0, 1, 0, 0]);
    let shown = world.head.get(format!("/v1/staff/{}?sensitive=true", entered.id())).await.ok();
    assert_eq!((shown.at("/personal/birth_place"), shown.at("/personal/native_place")), (&json!("Đà Nẵng"), &json!("Duy Xuyên, Quảng Nam")));
    assert_eq!((shown.at("/sensitive"), shown.at("/education_level")), (&everything()["sensitive"], &json!("TH")));
    send(&world.head, "", "text/csv", row(""), "en").await;
    assert_eq!(world.head.get(format!("/v1/staff/{}", entered.id())).await.ok().at("/personal/birth_place"), &Value::Null);
}

#[tokio::test]
async fn a_file_of_several_parts_stays_whole_until_it_is_clean() {
    let world = World::start().await;
    // About 2.4 MB, kept a megabyte at a time; one row is refused.
    let long = "x".repeat(2000);
    let rows: Vec<String> =
        (0..1200).map(|number| format!("GV{number:04},Trần Văn An,1985-01-02,male,,teacher,TH,{},2010-08-15,,{long}", if number == 1199 { "ZZ" } else { "KD" })).collect();
    let sent = file(&rows.iter().map(String::as_str).collect::<Vec<_>>());
    let refused = import(&world.head, "?mode=dry_run", &sent).await;
    assert_eq!(counts(&refused)[4], 1200, "an end without a day");
    let parts = "select count(*) as count from import_parts";
    assert_eq!(world.count(parts).await, 3);
    let annotated = world.head.get(format!("/v1/staff/imports/{}/file", refused.id())).await.ok().text;
    assert!(annotated.contains("GV0000") && annotated.contains("GV1199") && annotated.len() > sent.len());

    let clean = sent.replace(&long, "").replace(",ZZ,", ",KD,");
    assert_eq!(counts(&import(&world.head, "", &clean).await), [1200, 1200, 0, 0, 0]);
    assert_eq!(world.count(parts).await, 3, "a file without errors is not kept");
}
