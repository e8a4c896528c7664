//! What dimensions, their values and the words of reports are called, in (vi, en, zh).

use chrono::NaiveDate;
use registrar_codes::coded;
use registrar_domain::{Hierarchy, Locale};

use crate::headcounts::model::{Dimension, Subject};

/// What stands where a figure is not told.
pub const HIDDEN: &str = "*";
/// Values and bars that are drawn together.
pub const OTHERS: [&str; 3] = ["khác", "others", "其他"];
/// How many.
pub const COUNT: [&str; 3] = ["Số lượng", "Number", "人数"];
/// A unit's code.
pub const UNIT_CODE: [&str; 3] = ["Mã đơn vị", "Unit code", "单位代码"];
/// A unit's name.
pub const UNIT_NAME: [&str; 3] = ["Tên đơn vị", "Unit", "单位名称"];
/// Whether the units below are counted too.
pub const SCOPE: [&str; 3] = ["Phạm vi", "Scope", "范围"];
/// With the units below.
pub const WITHIN: [&str; 3] = ["Cả cấp dưới", "With units below", "含下级"];
/// Without them.
pub const OWN: [&str; 3] = ["Riêng đơn vị", "Unit itself", "仅本单位"];
/// Where there is no value.
const NONE: [&str; 3] = ["(trống)", "(none)", "（空）"];

/// What a dimension is called.
#[must_use]
pub const fn dimension(dimension: Dimension) -> [&'static str; 3] {
    match dimension {
        Dimension::Unit => UNIT_NAME,
        Dimension::EducationLevel => ["Cấp học", "Education level", "学段"],
        Dimension::Gender => ["Giới tính", "Gender", "性别"],
        Dimension::Grade => ["Khối lớp", "Grade", "年级"],
        Dimension::AgeBand => ["Độ tuổi", "Age", "年龄"],
        Dimension::EthnicGroup => ["Dân tộc", "Ethnic group", "民族"],
        Dimension::PolicyCategory => ["Diện chính sách", "Policy category", "优抚类别"],
        Dimension::PositionGroup => ["Nhóm", "Position group", "岗位类别"],
        Dimension::Position => ["Chức vụ", "Position", "岗位"],
        Dimension::ContractForm => ["Hình thức hợp đồng", "Contract form", "合同形式"],
        Dimension::Qualification => ["Trình độ chuyên môn", "Qualification", "学历"],
        Dimension::TrainingStandard => ["Trình độ chuẩn", "Training standard", "学历达标"],
    }
}

/// What a value is called: the name in its code list; the value itself when this program's lists do not have it.
#[must_use]
pub fn value(dimension: Dimension, value: Option<&str>, locale: Locale) -> String {
    let Some(value) = value else { return locale.pick(NONE).to_owned() };
    let coded = match dimension {
        Dimension::EducationLevel => format!("registrar-education-level/1/{value}"),
        Dimension::Gender => format!("registrar-gender/1/{value}"),
        Dimension::Grade => format!("vn-grade/1/{value}"),
        Dimension::Position => format!("registrar-position/1/{value}"),
        Dimension::TrainingStandard => format!("registrar-training-standard/1/{value}"),
        Dimension::PositionGroup => return position_group(value, locale).to_owned(),
        Dimension::AgeBand => return age(value, locale),
        Dimension::Unit | Dimension::EthnicGroup | Dimension::PolicyCategory | Dimension::ContractForm | Dimension::Qualification => value.to_owned(),
    };
    coded::entry(&coded).map_or_else(|| value.to_owned(), |entry| entry.names.pick(locale).to_owned())
}

fn position_group(value: &str, locale: Locale) -> &str {
    match value {
        "manager" => locale.pick(["Cán bộ quản lý", "Managers", "管理人员"]),
        "teacher" => locale.pick(["Giáo viên", "Teachers", "教师"]),
        "employee" => locale.pick(["Nhân viên", "Employees", "职员"]),
        other => other,
    }
}

fn age(value: &str, locale: Locale) -> String {
    let years = match value.rsplit('/').next().unwrap_or_default() {
        whole if whole == value && whole == "21+" => return locale.pick(["Trên 20 tuổi", "Over 20", "20岁以上"]).to_owned(),
        whole if whole == value => whole,
        "10" => return locale.pick(["Dưới 20 tuổi", "Under 20", "20岁以下"]).to_owned(),
        "20" => "20–29",
        "30" => "30–39",
        "40" => "40–49",
        "50" => "50–54",
        "55" => "55–59",
        _ => return locale.pick(["Từ 60 tuổi", "60 and over", "60岁及以上"]).to_owned(),
    };
    match locale {
        Locale::Vi => format!("{years} tuổi"),
        Locale::En => format!("Aged {years}"),
        Locale::Zh => format!("{years}岁"),
    }
}

/// Who a report is of.
#[must_use]
pub const fn subject(subject: Subject) -> [&'static str; 3] {
    match subject {
        Subject::Staff => ["Cán bộ, giáo viên, nhân viên", "Staff", "教职工"],
        Subject::Students => ["Học sinh", "Students", "学生"],
    }
}

/// Along which hierarchy.
#[must_use]
pub fn hierarchy(hierarchy: Hierarchy, locale: Locale) -> &'static str {
    match hierarchy {
        Hierarchy::Administrative => locale.pick(["quản lý hành chính", "administrative hierarchy", "行政隶属"]),
        Hierarchy::Professional => locale.pick(["quản lý chuyên môn", "professional hierarchy", "业务隶属"]),
    }
}

/// A day as people write it.
#[must_use]
pub fn day(day: NaiveDate, locale: Locale) -> String {
    match locale {
        Locale::Vi => format!("ngày {}", day.format("%d/%m/%Y")),
        Locale::En => day.format("%d/%m/%Y").to_string(),
        Locale::Zh => day.format("%Y-%m-%d").to_string(),
    }
}

/// That a chart does not show everything.
#[must_use]
pub fn left_out(locale: Locale, number: usize) -> String {
    match locale {
        Locale::Vi => format!("Và {number} dòng nữa."),
        Locale::En => format!("And {number} more."),
        Locale::Zh => format!("另有{number}行。"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_called_by_their_code_lists() {
        let in_all = |dimension, text: &str| Locale::ALL.map(|locale| value(dimension, Some(text), locale));
        assert_eq!(in_all(Dimension::Gender, "female"), ["Nữ", "Female", "女"]);
        assert_eq!(in_all(Dimension::Grade, "5"), ["Khối 5", "Grade 5", "5年级"]);
        assert_eq!(in_all(Dimension::EthnicGroup, "vn-ethnic/2008/01")[0], "Kinh");
        assert_eq!(in_all(Dimension::AgeBand, "vn-age-band/1/50"), ["50–54 tuổi", "Aged 50–54", "50–54岁"]);
        assert_eq!(in_all(Dimension::AgeBand, "6")[1], "Aged 6");
        assert_eq!(in_all(Dimension::AgeBand, "21+")[1], "Over 20");
        assert_eq!(in_all(Dimension::PositionGroup, "manager")[0], "Cán bộ quản lý");
        assert!(!value(Dimension::TrainingStandard, Some("at"), Locale::En).is_empty());
        assert_eq!(value(Dimension::EthnicGroup, Some("xx/1/1"), Locale::En), "xx/1/1");
        assert_eq!(value(Dimension::Grade, None, Locale::Vi), "(trống)");
    }
}
