//! The columns of student spreadsheets, of imports and exports alike (S1-054 to S1-070).

use std::sync::LazyLock;

use registrar_codes::fields::{Country, DisabilityKind, EthnicGroup, PolicyCategory, Religion};
use registrar_http::imports::columns::{Said, column, columns};
use registrar_spreadsheets::{Column, Columns, Kind};

use crate::enrolments;

/// The columns.
pub static COLUMNS: LazyLock<Columns> = LazyLock::new(|| columns([person(), class(), details(), parents()].concat()));

/// The fields of those that hold sensitive data.
pub const SENSITIVE: [&str; 11] = [
    "personal_number",
    "phone",
    "sensitive.ethnic_group",
    "sensitive.religion",
    "sensitive.policy_category",
    "sensitive.disability",
    "sensitive.health",
    "father.phone",
    "father.personal_number",
    "mother.phone",
    "mother.personal_number",
];

fn person() -> Vec<Column> {
    vec![
        column("code", ["Mã học sinh", "Student code", "学号"]).of(Kind::Digits).required().example("7407137235").note([
            "Hồ sơ được tìm lại theo mã này",
            "The record is found again by it",
            "按此编号识别记录",
        ]),
        column("full_name", ["Họ và tên", "Full name", "姓名"]).required().example("Lê Văn An"),
        column("birth_date", ["Ngày sinh", "Date of birth", "出生日期"]).of(Kind::Date).required().example("01/03/2015"),
        column("gender", ["Giới tính", "Gender", "性别"]).listed("registrar-gender").required().example("Nam"),
        column("personal_number", ["Số định danh cá nhân (CCCD)", "Personal number", "身份证件号码"]).of(Kind::Digits).example("049215000001").note([
            "12 số, để ô ở dạng văn bản",
            "12 digits; keep the cell as text",
            "单元格请设为文本",
        ]),
    ]
}

fn class() -> Vec<Column> {
    [
        column("unit_code", ["Mã đơn vị", "Unit code", "单位代码"]).of(Kind::Digits).required().example("49501401"),
        column("school_year_code", ["Năm học", "School year", "学年"]).example("2025-2026"),
        column("class_name", ["Lớp", "Class", "班级"]).example("5A1").note([
            "Để trống khi chưa xếp lớp; lớp khác từ ngày sau là chuyển lớp",
            "Empty while in no class; another class from a later day is a transfer",
            "未分班时留空；之后日期的另一班级即为转班",
        ]),
        column("enrolled_on", ["Ngày vào lớp", "First day in the class", "入班日期"]).of(Kind::Date).example("05/09/2025"),
    ]
    .into_iter()
    .chain(enrolments::columns::end())
    .collect()
}

fn details() -> Vec<Column> {
    vec![
        column("personal.photo", ["Ảnh thẻ", "Photo", "照片"]).note(["Liên kết đến ảnh", "A link to it", "照片链接"]).example("https://example.edu.vn/anh/hs001.jpg"),
        column("personal.birth_place", ["Nơi sinh", "Place of birth", "出生地"]).example("Hội An, Quảng Nam"),
        column("personal.nationality", ["Quốc tịch", "Nationality", "国籍"]).coded(Country::SCHEMES).example("Việt Nam"),
        column("personal.permanent_address", ["Nơi thường trú", "Permanent residence", "户籍地址"]).example("12 Lê Lợi, Hội An"),
        column("personal.permanent_area", ["Mã địa bàn thường trú", "Area of the permanent residence", "户籍行政区划"]).example("vn-area/2025-07-01/20413"),
        column("personal.current_address", ["Chỗ ở hiện nay", "Current residence", "现住址"]).example("12 Lê Lợi, Hội An"),
        column("personal.current_area", ["Mã địa bàn nơi ở", "Area of the current residence", "现住行政区划"]).example("vn-area/2025-07-01/20413"),
        column("personal.cohort", ["Niên khoá", "Cohort", "届"]).example("2021-2026"),
        column("phone", ["Số điện thoại liên lạc", "Contact phone", "联系电话"]).of(Kind::Digits).example("0905123456"),
        column("sensitive.ethnic_group", ["Dân tộc", "Ethnic group", "民族"]).coded(EthnicGroup::SCHEMES).example("Kinh"),
        column("sensitive.religion", ["Tôn giáo", "Religion", "宗教"]).coded(Religion::SCHEMES).example("Không tôn giáo"),
        column("sensitive.policy_category", ["Diện chính sách", "Policy category", "优抚类别"]).coded(PolicyCategory::SCHEMES),
        column("sensitive.disability", ["Khuyết tật", "Disability", "残疾类型"]).coded(DisabilityKind::SCHEMES),
        column("sensitive.health", ["Sức khoẻ", "Health", "健康状况"]),
    ]
}

fn parents() -> Vec<Column> {
    vec![
        column("father.full_name", ["Họ tên cha", "Father's name", "父亲姓名"]).example("Lê Văn Bình"),
        column("father.occupation", ["Nghề nghiệp cha", "Father's occupation", "父亲职业"]).example("Nông dân"),
        column("father.phone", ["Điện thoại cha", "Father's phone", "父亲电话"]).of(Kind::Digits).example("0905123457"),
        column("father.personal_number", ["Số định danh cá nhân của cha", "Father's personal number", "父亲身份证件号码"]).of(Kind::Digits).example("049085000001"),
        column("mother.full_name", ["Họ tên mẹ", "Mother's name", "母亲姓名"]).example("Trần Thị Cúc"),
        column("mother.occupation", ["Nghề nghiệp mẹ", "Mother's occupation", "母亲职业"]).example("Giáo viên"),
        column("mother.phone", ["Điện thoại mẹ", "Mother's phone", "母亲电话"]).of(Kind::Digits).example("0905123458"),
        column("mother.personal_number", ["Số định danh cá nhân của mẹ", "Mother's personal number", "母亲身份证件号码"]).of(Kind::Digits).example("049187000001"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_have_names_of_their_own_and_lists_that_there_are() {
        assert_eq!(COLUMNS.iter().count(), 35);
        for column in COLUMNS.iter() {
            if let Kind::Choice(choices) = &column.kind {
                assert!(choices.iter().count() > 0, "{} has no list", column.field);
            }
        }
        assert!(SENSITIVE.iter().all(|field| COLUMNS.iter().any(|column| column.field == *field)));
    }
}
