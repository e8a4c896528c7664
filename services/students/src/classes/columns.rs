//! The columns of class spreadsheets, of imports and exports alike (S1-050 to S1-053, S3-068 to S3-070).

use std::sync::LazyLock;

use registrar_codes::fields::ForeignLanguage;
use registrar_http::imports::columns::{Said, column, columns};
use registrar_spreadsheets::{Columns, Kind};

/// The columns.
pub static COLUMNS: LazyLock<Columns> = LazyLock::new(|| {
    columns(vec![
        column("unit_code", ["Mã đơn vị", "Unit code", "单位代码"]).of(Kind::Digits).required().example("49501401"),
        column("school_year_code", ["Năm học", "School year", "学年"]).required().example("2025-2026"),
        column("name", ["Tên lớp", "Class", "班级"]).required().example("5A1").note([
            "Lớp được tìm lại theo tên trong đơn vị và năm học",
            "The class is found again by its name in its unit and school year",
            "按单位、学年内的名称识别班级",
        ]),
        column("education_level", ["Cấp học", "Education level", "学段"]).listed("registrar-education-level").required().example("TH"),
        column("grade", ["Khối lớp", "Grade", "年级"]).of(Kind::Integer).example("5"),
        column("homeroom_teacher_code", ["Mã giáo viên chủ nhiệm", "Staff code of the homeroom teacher", "班主任教职工号"]).of(Kind::Digits).example("GV001"),
        column("first_foreign_language", ["Ngoại ngữ 1", "First foreign language", "第一外语"]).coded(ForeignLanguage::SCHEMES).example("Tiếng Anh"),
        column("foreign_language_programme", ["Chương trình ngoại ngữ 1", "Programme of the first foreign language", "第一外语课程"]).example("Chương trình 10 năm"),
        column("foreign_language_periods", ["Số tiết ngoại ngữ 1/tuần", "Periods a week of the first foreign language", "第一外语周课时"]).of(Kind::Integer).example("4"),
    ])
});
