use registrar_domain::Locale;
use serde_json::json;
use utoipa::PartialSchema;

use super::*;
use crate::fields::{Area, EthnicGroup};

#[test]
fn a_value_is_a_code_with_its_list_and_version() {
    let hoa = EthnicGroup::parse(" vn-ethnic/1979/04 ").unwrap();
    assert_eq!((hoa.scheme(), hoa.version(), hoa.code()), ("vn-ethnic", "1979", "04"));
    assert_eq!((hoa.name(Locale::Vi), hoa.name(Locale::Zh), hoa.name(Locale::En)), ("Hoa", "华族", "Hoa"));
    assert_eq!(EthnicGroup::parse("vn-ethnic/2008/04").unwrap().name(Locale::Vi), "Mường");
    assert_eq!(serde_json::to_value(&hoa).unwrap(), json!("vn-ethnic/1979/04"));
    assert_eq!(serde_json::from_value::<EthnicGroup>(json!("vn-ethnic/1979/04")).unwrap(), hoa);
    assert_eq!(CodedValue::parse("country/1/VN").unwrap().name(Locale::Zh), "越南");
}

#[test]
fn what_is_wrong_has_a_stable_code() {
    for (text, code) in [
        ("01", "malformed"),
        ("vn-ethnic/01", "malformed"),
        ("vn-ethnic/2008/", "malformed"),
        ("vn-ethnic/2008/01/02", "malformed"),
        ("vn-ethnicity/2008/01", "unknown_scheme"),
        ("vn-religion/2008/01", "wrong_scheme"),
        ("vn-ethnic/2009/01", "unknown_version"),
        ("vn-ethnic/2008/1", "unknown_code"),
        ("vn-ethnic/1979/55", "unknown_code"),
    ] {
        assert_eq!(EthnicGroup::parse(text).unwrap_err().code(), code, "{text}");
    }
    let refusal = serde_json::from_value::<EthnicGroup>(json!("vn-ethnic/2009/01")).unwrap_err().to_string();
    assert_eq!(refusal, "`vn-ethnic` has no version `2009`; there is 1979, 2008");
}

#[test]
fn people_write_names_and_never_bare_codes() {
    let on = "2026-05-01".parse().unwrap();
    assert_eq!(EthnicGroup::from_label("KINH", on).unwrap().as_str(), "vn-ethnic/2008/01");
    assert_eq!(EthnicGroup::from_label("回族", on).unwrap().as_str(), "cn-ethnic/1991/03");
    assert_eq!(EthnicGroup::from_label("vn-ethnic/1979/04", on).unwrap().as_str(), "vn-ethnic/1979/04");
    assert_eq!(EthnicGroup::from_label("01", on).unwrap_err().code(), "unknown_label");
    assert_eq!(EthnicGroup::from_label("vn-religion/2008/01", on).unwrap_err().code(), "wrong_scheme");
    assert_eq!(Area::from_label("Đồng Nai", on).unwrap().as_str(), "vn-area/2026-04-30/75");
    assert_eq!(Area::from_label("Đồng Nai", "2025-08-01".parse().unwrap()).unwrap().as_str(), "vn-area/2025-07-01/75");
}

#[test]
fn the_schema_takes_the_shape_and_says_where_codes_are() {
    let schema = serde_json::to_value(EthnicGroup::schema()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    assert!(validator.is_valid(&schema["examples"][0]) && validator.is_valid(&json!("vn-teacher-grade/2021/V.07.03.29")));
    for wrong in ["", "01", "vn-ethnic/2008", "vn-ethnic//01", "vn-ethnic/2008/01/", "/2008/01", "vn ethnic/2008/01", "vn-ethnic/2008/0 1"] {
        assert!(!validator.is_valid(&json!(wrong)), "{wrong}");
    }
    let description = schema["description"].as_str().unwrap();
    assert!(description.starts_with("Ethnic group (dân tộc, 民族; S1-014).") && description.contains("`vn-ethnic` or `cn-ethnic`"), "{description}");
}

#[test]
fn every_field_has_lists_that_exist() {
    use crate::fields::*;
    for schemes in [
        EthnicGroup::SCHEMES,
        Religion::SCHEMES,
        Country::SCHEMES,
        MaritalStatus::SCHEMES,
        PolicyCategory::SCHEMES,
        ContractForm::SCHEMES,
        StaffWork::SCHEMES,
        StaffTitle::SCHEMES,
        Qualification::SCHEMES,
        TrainingForm::SCHEMES,
        PoliticalTheoryLevel::SCHEMES,
        StateAdministrationLevel::SCHEMES,
        EducationManagementLevel::SCHEMES,
        ForeignLanguage::SCHEMES,
        ForeignLanguageLevel::SCHEMES,
        ItLevel::SCHEMES,
        TeacherGrade::SCHEMES,
        Subject::SCHEMES,
        Area::SCHEMES,
        LeavingReason::SCHEMES,
        DisabilityKind::SCHEMES,
        PoliticalAffiliation::SCHEMES,
        IdentifierType::SCHEMES,
    ] {
        assert!(schemes.iter().all(|scheme| list(scheme).is_some()), "{schemes:?}");
    }
}
