use proptest::prelude::*;
use unicode_normalization::UnicodeNormalization;

use super::{clean, comparison_key, search_key, sort_key};

#[test]
fn clean_trims_collapses_and_composes() {
    assert_eq!(clean("  Nguyễn\u{a0}\u{a0}Thị\t\n Hoa\u{3000}"), "Nguyễn Thị Hoa");
    assert_eq!(clean("Nguye\u{302}\u{303}n"), "Nguyễn");
    assert_eq!(clean("\u{feff}王\u{200b}小明"), "王小明");
    assert_eq!(clean(" \u{a0} "), "");
}

#[test]
fn tone_placement_is_folded_for_oa_oe_uy() {
    let pairs = [
        ("òa", "oà"),
        ("ỏa", "oả"),
        ("õa", "oã"),
        ("óa", "oá"),
        ("ọa", "oạ"),
        ("òe", "oè"),
        ("ỏe", "oẻ"),
        ("õe", "oẽ"),
        ("óe", "oé"),
        ("ọe", "oẹ"),
        ("ùy", "uỳ"),
        ("ủy", "uỷ"),
        ("ũy", "uỹ"),
        ("úy", "uý"),
        ("ụy", "uỵ"),
    ];
    for (old, new) in pairs {
        for onset in ["", "h", "th", "ngh"] {
            assert_eq!(comparison_key(&format!("{onset}{old}")), format!("{onset}{new}"));
            assert_eq!(comparison_key(&format!("{onset}{new}")), format!("{onset}{new}"));
        }
    }
    assert_eq!(comparison_key("HÒA"), comparison_key("hoà"));
    assert_eq!(comparison_key("Nguyễn Thị Thúy"), comparison_key("NGUYỄN THỊ  THUÝ"));
}

#[test]
fn misplaced_tones_of_old_keyboards_are_folded() {
    for (typed, meant) in [
        ("Hòang", "hoàng"),
        ("Tòan", "toàn"),
        ("Nguỹên", "nguyễn"),
        ("Trừơng", "trường"),
        ("Túân", "tuấn"),
        ("Qúy", "quý"),
        ("Qúôc", "quốc"),
        ("Gìa", "già"),
        ("ngòai", "ngoài"),
        ("khủyu", "khuỷu"),
    ] {
        assert_eq!(comparison_key(typed), meant, "{typed}");
    }
}

#[test]
fn well_spelt_text_is_its_own_key() {
    for word in [
        "của",
        "mía",
        "lửa",
        "hài",
        "kéo",
        "quà",
        "quỳnh",
        "huỳnh",
        "quyền",
        "quái",
        "già",
        "giữa",
        "giêng",
        "gìn",
        "ngoài",
        "ngoéo",
        "xoáy",
        "khuỷu",
        "cứu",
        "thuở",
        "huế",
        "đường",
        "nghĩa",
        "tuyết",
        "hoặc",
        "yến",
        "oanh",
    ] {
        assert_eq!(comparison_key(word), word);
    }
}

#[test]
fn accents_distinguish_names_but_not_searches() {
    assert_ne!(comparison_key("Hoa"), comparison_key("Hoà"));
    assert_ne!(comparison_key("Đung"), comparison_key("Dung"));
    assert_eq!(search_key("Đặng Thị  Thuý"), "dang thi thuy");
    assert_eq!(search_key("ĐẶNG THỊ THÚY"), "dang thi thuy");
    assert_eq!(search_key("王小明 Ünal"), "王小明 unal");
    assert_eq!(search_key("が각"), "が각");
}

#[test]
fn names_sort_by_given_name_then_family() {
    let mut names =
        ["Trần Văn Ân", "Nguyễn Văn Anh", "Lê Thị An", "Đỗ Văn An", "Bùi Hạ", "Vũ Thị Hà", "Đặng Văn Bình", "Dương Văn Bình", "Nguyễn Đức", "Nguyễn Dũng", "Hồ Văn An", "Hồ An"];
    names.sort_by_key(|name| sort_key(name));
    assert_eq!(
        names,
        ["Đỗ Văn An", "Hồ An", "Hồ Văn An", "Lê Thị An", "Nguyễn Văn Anh", "Trần Văn Ân", "Dương Văn Bình", "Đặng Văn Bình", "Nguyễn Dũng", "Nguyễn Đức", "Vũ Thị Hà", "Bùi Hạ",]
    );
    assert_eq!(sort_key("Nguyễn Thị Hòa"), sort_key("NGUYỄN THỊ HOÀ"));
}

/// Text made of what Vietnamese names, Chinese names and careless copying consist of, besides anything at all.
fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), "[ \u{a0}\t\u{200b}\u{ad}a-zA-ZđĐàảãáạằẳẵắặâêôơưĂƠƯ\u{300}\u{301}\u{303}\u{309}\u{323}\u{302}\u{306}\u{31b}\u{331}王小明İßΣς]{0,24}",]
}

proptest! {
    #[test]
    fn keys_are_idempotent(text in any_text()) {
        for key in [clean, comparison_key, search_key] {
            let once = key(&text);
            prop_assert_eq!(key(&once), once);
        }
    }

    #[test]
    fn composed_and_decomposed_input_give_the_same(text in any_text()) {
        let composed: String = text.nfc().collect();
        let decomposed: String = text.nfd().collect();
        for key in [clean, comparison_key, search_key, sort_key] {
            prop_assert_eq!(key(&composed), key(&decomposed));
        }
    }

    #[test]
    fn keys_follow_from_one_another(text in any_text()) {
        prop_assert_eq!(comparison_key(&clean(&text)), comparison_key(&text));
        prop_assert_eq!(search_key(&comparison_key(&text)), search_key(&text));
        prop_assert_eq!(sort_key(&comparison_key(&text)), sort_key(&text));
    }

    #[test]
    fn cleaned_text_is_composed_and_evenly_spaced(text in any_text()) {
        let cleaned = clean(&text);
        prop_assert_eq!(cleaned.nfc().collect::<String>(), cleaned.clone());
        prop_assert!(!cleaned.contains("  "));
        prop_assert_eq!(cleaned.trim(), cleaned.as_str());
    }

    #[test]
    fn spacing_and_case_do_not_matter(words in prop::collection::vec("[a-zđăâêôơưàảãáạ]{1,6}", 1..5)) {
        let spread = format!("\u{a0} {} ", words.join(" \u{3000}\t"));
        prop_assert_eq!(comparison_key(&spread.to_uppercase()), comparison_key(&words.join(" ")));
    }
}
