use std::collections::HashSet;

use super::*;
use crate::data::{FILES, INDEX, rows};

fn version(scheme: &str, version: &str) -> &'static Version {
    list(scheme).unwrap().version(version).unwrap()
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn names(entries: impl Iterator<Item = &'static Entry>) -> Vec<&'static str> {
    entries.map(|entry| entry.names.0[0]).collect()
}

#[test]
fn every_file_is_read_whole_and_stands_in_the_index() {
    assert!(FILES.is_sorted_by_key(|(scheme, version, _)| (*scheme, *version)), "lists are found by binary search");
    assert_eq!(rows(INDEX).len(), FILES.len());
    for (scheme, name, file) in FILES {
        let version = version(scheme, name);
        assert_eq!(version.entries().len(), file.lines().count() - 1, "{scheme}/{name}");
        assert!(!version.source.is_empty(), "{scheme}/{name}");
    }
    for list in lists() {
        assert_eq!(list.names.known().count(), 3, "{}", list.scheme);
    }
}

#[test]
fn codes_are_unique_named_and_refer_to_what_is_there() {
    let form = jsonschema::validator_for(&serde_json::json!({ "type": "string", "maxLength": 100, "pattern": crate::coded::PATTERN })).unwrap();
    for version in lists().iter().flat_map(CodeList::versions) {
        let mut seen = HashSet::new();
        for entry in version.entries() {
            let value = entry.value();
            assert!(form.is_valid(&value.as_str().into()), "{value}");
            assert!(seen.insert(entry.code), "{value} stands there twice");
            assert!(entry.names.known().count() > 0, "{value} has no name");
            assert!(entry.names.known().all(|(_, name)| registrar_domain::text::clean(name) == name), "{value}");
            assert!(entry.parent.is_none_or(|parent| version.entry(parent).is_some()), "{value} stands below nothing");
            assert_eq!(entry.successors().count(), entry.successors.len(), "{value} was succeeded by nothing");
        }
    }
}

/// The counts of the sources (rules 2.4, 4.2, 4.3 and 5).
#[test]
fn lists_have_as_many_codes_as_their_sources() {
    for (scheme, name, count) in [
        ("vn-ethnic", "1979", 54),
        ("vn-ethnic", "2008", 56),
        ("vn-religion", "2008", 17),
        ("cn-ethnic", "1991", 56),
        ("cn-education", "2006", 40),
        ("cn-political", "1984", 13),
        ("cn-area", "2007", 34),
        ("vn-staff-work", "1", 34),
        ("vn-contract-form", "1", 8),
        ("vn-teacher-grade", "2021", 12),
        ("country", "1", 249),
    ] {
        assert_eq!(version(scheme, name).entries().len(), count, "{scheme}/{name}");
    }
    let areas = |name: &str, length: usize| version("vn-area", name).entries().iter().filter(|entry| entry.code.len() == length).count();
    assert_eq!([2, 3, 5].map(|length| areas("2025-06-30", length)), [63, 696, 10_035]);
    assert_eq!([2, 3, 5].map(|length| areas("2025-07-01", length)), [34, 0, 3321]);
    assert_eq!([2, 3, 5].map(|length| areas("2026-04-30", length)), [34, 0, 3321]);
}

#[test]
fn the_two_lists_of_ethnic_groups_agree_on_seventeen_codes() {
    let old = version("vn-ethnic", "1979");
    let same: Vec<&str> = old.entries().iter().filter(|entry| entry.successors().any(|new| new.code == entry.code)).map(|entry| entry.code).collect();
    assert_eq!(same.len(), 17);
    let (old, new) = (old.entry("04").unwrap(), version("vn-ethnic", "2008").entry("04").unwrap());
    assert_eq!((old.names.0[0], new.names.0[0]), ("Hoa", "Mường"));
    assert_eq!(names(new.predecessors()), ["Mường"]);
    let became: HashSet<&str> = version("vn-ethnic", "1979").entries().iter().flat_map(Entry::successors).map(|entry| entry.code).collect();
    assert_eq!(became.len(), 54, "each group has one code in either list");
}

/// Codes of communes were given to other communes in 2025: 3,315 of 3,321 existed before, and 2,212 name another one now
/// (rules 2.4), 2,159 when case and the placement of tone marks do not matter.
#[test]
fn most_commune_codes_name_another_commune_now() {
    let (old, new) = (version("vn-area", "2025-06-30"), version("vn-area", "2026-04-30"));
    let both = |entry: &'static Entry| old.entry(entry.code).map(|before| (before.names.0[0], entry.names.0[0]));
    let communes: Vec<(&str, &str)> = new.entries().iter().filter(|entry| entry.code.len() == 5).filter_map(both).collect();
    let letters_differ = communes.iter().filter(|(before, now)| before != now).count();
    let names_differ = communes.iter().filter(|(before, now)| comparison_key(before) != comparison_key(now)).count();
    assert_eq!((communes.len(), letters_differ, names_differ), (3315, 2212, 2159));
    assert_eq!((old.entry("00004").unwrap().names.0[0], new.entry("00004").unwrap().names.0[0]), ("Phường Trúc Bạch", "Phường Ba Đình"));
}

#[test]
fn areas_say_what_became_of_them() {
    let (old, new) = (version("vn-area", "2025-06-30"), version("vn-area", "2025-07-01"));
    assert_eq!(names(old.entry("00004").unwrap().successors()), ["Phường Ba Đình"]);
    assert_eq!(names(old.entry("74").unwrap().successors()), ["Thành phố Hồ Chí Minh"]);
    assert_eq!(names(new.entry("79").unwrap().predecessors()), ["Tỉnh Bình Dương", "Tỉnh Bà Rịa - Vũng Tàu", "Thành phố Hồ Chí Minh"]);
    for entry in old.entries().iter().filter(|entry| entry.code.len() != 3) {
        assert!(entry.successors().count() > 0, "{} became nothing", entry.value());
    }
    for entry in new.entries() {
        assert_eq!(entry.successors().count(), 1, "{}", entry.value());
    }
}

#[test]
fn the_version_in_force_depends_on_the_day() {
    let areas = list("vn-area").unwrap();
    let on = |text: &str| areas.current(day(text)).version;
    assert_eq!(["2020-01-01", "2025-06-30", "2025-07-01", "2026-04-29", "2026-04-30"].map(on), ["2025-06-30", "2025-06-30", "2025-07-01", "2025-07-01", "2026-04-30"]);
    let dong_nai = |name: &str| version("vn-area", name).entry("75").unwrap().names.0[0];
    assert_eq!((dong_nai("2025-07-01"), dong_nai("2026-04-30")), ("Tỉnh Đồng Nai", "Thành phố Đồng Nai"));
    assert_eq!(list("vn-ethnic").unwrap().current(day("1960-01-01")).version, "1979");
    assert!(list("vn-areas").is_none() && areas.version("2024").is_none());
}

/// A tree is opened level by level (S4-109): province, district and commune before, province and commune after.
#[test]
fn areas_are_a_tree() {
    let (old, new) = (version("vn-area", "2025-06-30"), version("vn-area", "2025-07-01"));
    assert_eq!((old.children(None).count(), old.children(Some("01")).count(), new.children(None).count(), new.children(Some("01")).count()), (63, 30, 34, 126));
    assert!(old.children(Some("001")).any(|entry| entry.code == "00004"));
    assert_eq!(old.children(Some("00004")).count(), 0);
    assert_eq!(version("vn-religion", "2008").children(None).count(), 17);
}

/// A picker finds a code by any word of its name (S4-024).
#[test]
fn entries_are_found_by_name() {
    let ethnic = version("vn-ethnic", "2008");
    for (label, code) in [("Kinh", "01"), ("京族", "01"), ("  khơ  ME ", "05"), ("Mông", "08"), ("Người nước ngoài", "55")] {
        assert_eq!(ethnic.find_label(label).unwrap().code, code, "{label}");
    }
    assert!(ethnic.find_label("Klingon").is_none());
    let areas = version("vn-area", "2026-04-30");
    assert!(areas.find_label("Xã Hòa An").is_none(), "several provinces have one");
    assert_eq!(areas.find_label("khánh hòa").unwrap().code, "56");
    assert_eq!(names(areas.search("tinh lao cai")), ["Tỉnh Lào Cai"]);
    assert!(areas.search("phuong BA  ĐÌNH").any(|entry| entry.code == "00004"));
}

#[test]
fn subjects_and_titles_carry_what_their_lists_say() {
    let subject = version("vn-subject", "2018").entry("GDTC").unwrap();
    assert_eq!((subject.attribute("periods_lower_secondary"), subject.attribute("assessment_lower_secondary")), (Some("70"), Some("comment")));
    let title = version("vn-teacher-grade", "2021").entry("V.07.03.29").unwrap();
    assert_eq!((title.attribute("salary_table"), title.attribute("coefficient_from"), title.attribute("steps")), (Some("A1"), Some("2.34"), Some("9")));
}

/// Labels of Registrar's own enumerations, for pickers and spreadsheets.
#[test]
fn our_own_enumerations_have_names_for_every_code() {
    use registrar_domain::{EducationLevel, Gender, Hierarchy, UnitKind};
    let enumerations = [
        ("registrar-gender", Gender::CODES),
        ("registrar-education-level", EducationLevel::CODES),
        ("registrar-unit-kind", UnitKind::CODES),
        ("registrar-hierarchy", Hierarchy::CODES),
    ];
    for (scheme, codes) in enumerations {
        let listed: Vec<&str> = version(scheme, "1").entries().iter().map(|entry| entry.code).collect();
        assert_eq!(listed, codes, "{scheme}");
        assert!(version(scheme, "1").entries().iter().all(|entry| entry.names.known().count() == 3), "{scheme}");
    }
}
