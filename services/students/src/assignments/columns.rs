//! The columns of spreadsheets of teaching assignments, of imports and exports alike (S1-071).

use std::sync::LazyLock;

use registrar_codes::fields::Subject;
use registrar_http::imports::columns::{Said, column, columns};
use registrar_spreadsheets::{Columns, Kind};

/// The columns.
pub static COLUMNS: LazyLock<Columns> = LazyLock::new(|| {
    columns(vec![
        column("unit_code", ["Mã đơn vị", "Unit code", "单位代码"]).of(Kind::Digits).required().example("49501401"),
        column("school_year_code", ["Năm học", "School year", "学年"]).required().example("2025-2026"),
        column("class_name", ["Lớp", "Class", "班级"]).required().example("5A1"),
        column("staff_code", ["Mã giáo viên", "Staff code of the teacher", "教职工号"]).of(Kind::Digits).required().example("GV001"),
        column("subject", ["Môn học", "Subject", "学科"]).coded(Subject::SCHEMES).required().example("Toán"),
        column("periods_per_week", ["Số tiết/tuần", "Periods a week", "周课时"]).of(Kind::Integer).required().example("5"),
        column("from", ["Từ ngày", "First day", "开始日期"]).of(Kind::Date).required().example("05/09/2025").note([
            "Phân công được tìm lại theo lớp, giáo viên, môn và ngày này",
            "An assignment is found again by class, teacher, subject and this day",
            "按班级、教师、学科和此日期识别",
        ]),
        column("to", ["Đến ngày", "Last day", "结束日期"]).of(Kind::Date).example("31/05/2026"),
    ])
});
