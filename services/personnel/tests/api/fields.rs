//! Every field of a staff record, and where somebody works besides.

use registrar_access::Role;
use serde_json::{Value, json};

use crate::world::{World, errors, with};

/// What is entered of somebody with every field filled in.
pub fn everything() -> Value {
    json!({
        "personal_number": "048190001234", "phone": "0905123456", "email": "hoa@example.edu.vn",
        "personal": {
            "photo": "https://example.edu.vn/anh/gv001.jpg", "birth_place": "Hội An, Quảng Nam", "nationality": "country/1/VN", "native_place": "Duy Xuyên, Quảng Nam",
            "permanent_address": "12 Lê Lợi, Hội An", "permanent_area": "vn-area/2025-07-01/00004", "current_address": "15 Trần Phú, Hội An",
            "current_area": "vn-area/2025-06-30/00004", "marital_status": "vn-marital-status/1/married",
        },
        "sensitive": {
            "ethnic_group": "vn-ethnic/2008/01", "religion": "vn-religion/2008/99", "family_priority": "vn-policy-category/1/martyr_family", "own_priority": "vn-policy-category/1/war_invalid",
            "identifiers": [{"kind": "identifier-type/1/vn-cmnd", "value": "201234567", "issuer": "Công an Quảng Nam", "valid_from": "2005-03-01", "valid_to": "2020-03-01"}],
        },
        "terms": {
            "contract_form": "vn-contract-form/1/1", "contract_on": "2015-08-15", "recruited_on": "2014-09-01", "assigned_work": "Dạy lớp 5", "work": "vn-staff-work/1/03",
            "concurrent_title": "vn-staff-title/1/8",
        },
        "training": {
            "qualification": "vn-qualification/1/16", "training_field": "Giáo dục tiểu học", "specialisation": "Giáo dục tiểu học", "training_institution": "Đại học Sư phạm Đà Nẵng",
            "training_form": "vn-training-form/1/full_time", "graduation_year": 2012, "training_standard": "at", "political_theory": "vn-political-theory-level/1/intermediate",
            "state_administration": "vn-state-administration-level/1/officer", "education_management": "vn-education-management-level/1/certificate",
            "foreign_language": "vn-foreign-language/1/1", "foreign_language_level": "vn-foreign-language-level/2014/3", "it_level": "vn-it-level/1/basic",
            "teacher_grade": "vn-teacher-grade/2021/V.07.03.29",
        },
        "teaching": {"main_subject": "vn-subject/2018/TOAN", "secondary_subject": "vn-subject/2018/TIN", "subject_group": "Tổ 4-5"},
        "identity_status": "verified", "identity_checked_on": "2025-06-01",
    })
}

#[tokio::test]
async fn every_field_is_kept_and_shown_as_it_was_entered() {
    let world = World::start().await;
    let entered = world.head.post("/v1/staff").json(&with(world.teacher("GV001", "Nguyễn Thị Hòa"), everything())).await.status(201);
    let shown = world.head.get(format!("/v1/staff/{}?sensitive=true", entered.id())).await.ok();
    let all = everything();
    for group in ["personal", "sensitive", "terms", "training", "teaching"] {
        assert_eq!(shown.json[group], all[group], "{group}");
    }
    // One assertion per field, with the item that asks for it.
    for (item, pointer) in [
        ("S1-008", "/personal/photo"),
        ("S1-009", "/full_name"),
        ("S1-010", "/personal_number"),
        ("S1-011", "/birth_date"),
        ("S1-012", "/personal/birth_place"),
        ("S1-013", "/gender"),
        ("S1-014", "/sensitive/ethnic_group"),
        ("S1-015", "/sensitive/religion"),
        ("S1-016", "/personal/nationality"),
        ("S1-017", "/personal/native_place"),
        ("S1-018", "/personal/permanent_address"),
        ("S1-019", "/personal/current_address"),
        ("S1-020", "/phone"),
        ("S1-021", "/email"),
        ("S1-022", "/personal/marital_status"),
        ("S1-023", "/sensitive/family_priority"),
        ("S1-024", "/sensitive/own_priority"),
        ("S1-025", "/terms/contract_on"),
        ("S1-026", "/terms/recruited_on"),
        ("S1-027", "/terms/contract_form"),
        ("S1-028", "/terms/assigned_work"),
        ("S1-029", "/position_group"),
        ("S1-030", "/terms/work"),
        ("S1-031", "/position"),
        ("S1-032", "/terms/concurrent_title"),
        ("S1-033", "/training/qualification"),
        ("S1-034", "/training/training_field"),
        ("S1-035", "/training/specialisation"),
        ("S1-036", "/training/training_institution"),
        ("S1-037", "/training/training_form"),
        ("S1-038", "/training/graduation_year"),
        ("S1-039", "/training/training_standard"),
        ("S1-040", "/training/political_theory"),
        ("S1-041", "/training/state_administration"),
        ("S1-042", "/training/education_management"),
        ("S1-043", "/training/foreign_language"),
        ("S1-044", "/training/foreign_language_level"),
        ("S1-045", "/training/it_level"),
        ("S1-046", "/training/teacher_grade"),
        ("S1-047", "/teaching/main_subject"),
        ("S1-048", "/teaching/secondary_subject"),
        ("S1-049", "/teaching/subject_group"),
        ("S2-006", "/identity_status"),
        ("S0-014", "/code"),
    ] {
        assert!(!shown.at(pointer).is_null(), "{item}: {pointer} is empty");
        let told = all.pointer(pointer).cloned();
        assert!(told.is_none_or(|told| told == *shown.at(pointer)), "{item}: {pointer}");
    }
    assert_eq!(world.count("select count(*) as count from staff where training ->> 'graduation_year' = '2012' and contract_form = 'vn-contract-form/1/1'").await, 1);
}

#[tokio::test]
async fn a_code_is_one_of_its_list_and_dates_agree() {
    let world = World::start().await;
    let refused = async |fields: Value| world.head.post("/v1/staff").json(&with(world.teacher("GV001", "An"), fields)).await.problem(422, "invalid").field_errors();
    assert_eq!(refused(json!({"sensitive": {"ethnic_group": "01"}})).await, errors(&[("/sensitive/ethnic_group", "pattern")]));
    for (group, field, value) in [
        ("sensitive", "ethnic_group", "vn-ethnic/2008/77"),
        ("sensitive", "ethnic_group", "vn-religion/2008/01"),
        ("terms", "contract_form", "vn-contract-form/1999/1"),
        ("training", "qualification", "nowhere/1/1"),
    ] {
        assert_eq!(refused(json!({group: {field: value}})).await[0].0, format!("/{group}/{field}"), "{value}");
    }
    assert_eq!(refused(json!({"personal": {"photo": "javascript:alert(1)"}})).await, errors(&[("/personal/photo", "pattern")]));
    assert_eq!(refused(json!({"personal": {"shoe_size": 42}})).await, errors(&[("/personal/shoe_size", "unknown_field")]));
    assert_eq!(refused(json!({"training": {"graduation_year": 1980}})).await, errors(&[("/training/graduation_year", "not_after")]));
    assert_eq!(refused(json!({"identity_status": "verified"})).await, errors(&[("/identity_checked_on", "only_when_checked")]));
}

#[tokio::test]
async fn the_sensitive_group_is_for_those_with_the_right_and_hidden_in_the_history() {
    let world = World::start().await;
    let entered = world.head.post("/v1/staff").json(&with(world.teacher("GV001", "Nguyễn Thị Hòa"), everything())).await.status(201);
    let path = format!("/v1/staff/{}", entered.id());
    let teacher = world.client(Role::Teacher, world.school).await;
    for answer in [entered.clone(), teacher.get(&path).await.ok(), teacher.get("/v1/staff?fields=*").await.ok(), teacher.get(format!("{path}/history")).await.ok()] {
        for secret in ["vn-ethnic", "vn-religion", "vn-policy-category", "201234567", "0905123456", "hoa@example"] {
            assert!(!answer.text.contains(secret), "{secret} in {}", answer.text);
        }
    }
    assert_eq!(teacher.get(&path).await.ok().at("/sensitive"), &Value::Null);
    teacher.get(format!("{path}?sensitive=true")).await.problem(403, "forbidden");
    // A patch of another group keeps it, a patch of one member keeps the others.
    let seen = world.head.get(&path).await.ok();
    world.head.patch(&path).if_match(&seen).merge(&json!({"sensitive": {"religion": null}, "personal": {"birth_place": "Đà Nẵng"}})).await.ok();
    let shown = world.head.get(format!("{path}?sensitive=true")).await.ok();
    assert_eq!((shown.at("/sensitive/religion"), shown.at("/sensitive/ethnic_group")), (&Value::Null, &json!("vn-ethnic/2008/01")));
    assert_eq!((shown.at("/personal/birth_place"), shown.at("/personal/nationality")), (&json!("Đà Nẵng"), &json!("country/1/VN")));
    let history = world.head.get(format!("{path}/history")).await.ok();
    let changes = history.at("/items/0/changes").as_array().unwrap();
    assert!(changes.contains(&json!({"field": "religion", "old": "vn-religion/2008/99", "new": null})), "{changes:?}");
}

#[tokio::test]
async fn a_warning_is_part_of_the_answer() {
    let world = World::start().await;
    // An area prefix that no province had: odd, not wrong (rules 2.1).
    let entered = world.head.post("/v1/staff").json(&with(world.teacher("GV001", "An"), json!({"personal_number": "999190001234"}))).await.status(201);
    assert_eq!(entered.at("/warnings"), &json!(["unknown_area_prefix"]));
}

#[tokio::test]
async fn a_move_keeps_where_somebody_worked_before() {
    let world = World::start().await;
    let entered = world.enter("GV001", "Nguyễn Thị Hòa").await;
    let path = format!("/v1/staff/{}", entered.id());
    let administrator = world.client(Role::Administrator, world.system.root_unit()).await;
    let moved = administrator.patch(&path).if_match(&entered).merge(&json!({"unit_id": world.other, "started_on": "2024-08-15"})).await.ok();
    let former = json!({
        "unit_id": world.school, "position": "teacher", "education_level": "TH", "contract_form": null, "started_on": "2015-08-15", "ended_on": "2024-08-14",
        "end_reason": "moved to another unit",
    });
    assert_eq!((moved.at("/former_employments/0"), moved.at("/unit_id")), (&former, &json!(world.other)));
    world.head.get(&path).await.problem(404, "not_found");
    // The same day again: the unit was wrong, and nothing is kept of it but the history.
    let corrected = administrator.patch(&path).if_match(&moved).merge(&json!({"unit_id": world.school})).await.ok();
    assert_eq!(corrected.at("/former_employments").as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_teacher_in_three_schools_is_seen_by_each_and_kept_by_one() {
    let world = World::start().await;
    let third = world.system.school("Trường thứ ba").await.unwrap();
    let entered = world.enter("GV001", "Nguyễn Thị Hòa").await;
    let path = format!("/v1/staff/{}", entered.id());
    let others = [world.client(Role::HeadTeacher, world.other).await, world.client(Role::HeadTeacher, third).await];
    for head in &others {
        head.get(&path).await.problem(404, "not_found");
    }
    let at = |unit| json!({"unit_id": unit, "position": "teacher", "started_on": "2025-09-01"});
    let ended = with(at(third), json!({"ended_on": "2025-09-10"}));
    let saved = world.head.patch(&path).if_match(&entered).merge(&json!({"secondary_employments": [at(world.other), at(third)]})).await.ok();
    // S3-056: the other schools have them as visiting.
    assert_eq!(saved.at("/secondary_employments/0/contract_form"), "vn-contract-form/1/5");
    for head in &others {
        let seen = head.get(&path).await.ok();
        assert_eq!(seen.at("/sensitive"), &Value::Null);
        assert_eq!(head.get("/v1/staff?count=true").await.ok().at("/total"), 1);
        head.get(format!("{path}?sensitive=true")).await.problem(403, "forbidden");
        head.patch(&path).if_match(&seen).merge(&json!({"full_name": "X"})).await.problem(403, "forbidden");
    }
    let listed = others[0].get(format!("/v1/staff?employed_in={}", world.other)).await.ok();
    assert_eq!((listed.at("/items/0/code"), others[0].get(format!("/v1/staff?unit_id={}", world.other)).await.ok().at("/items")), (&json!("GV001"), &json!([])));
    world.head.patch(&path).if_match(&saved).merge(&json!({"secondary_employments": [at(world.other), ended]})).await.ok();
    others[1].get(&path).await.problem(404, "not_found");
    let unknown = world.head.patch(&path).header("If-Match", "*").merge(&json!({"secondary_employments": [at(world.system.new_id().into())]})).await.problem(422, "invalid");
    assert_eq!(unknown.field_errors(), errors(&[("/secondary_employments/0/unit_id", "unknown_unit")]));
}
