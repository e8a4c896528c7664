//! The columns of spreadsheets of enrolments, of imports and exports alike (S1-062).

use std::sync::LazyLock;

use registrar_codes::fields::LeavingReason;
use registrar_http::imports::columns::{Said, column, columns};
use registrar_spreadsheets::{Column, Columns, Kind};

/// The columns.
pub static COLUMNS: LazyLock<Columns> = LazyLock::new(|| {
    let enrolment = [
        column("student_code", ["Mã học sinh", "Student code", "学号"]).of(Kind::Digits).required().example("7407137235"),
        column("unit_code", ["Mã đơn vị", "Unit code", "单位代码"]).of(Kind::Digits).required().example("49501401"),
        column("school_year_code", ["Năm học", "School year", "学年"]).required().example("2025-2026"),
        column("class_name", ["Lớp", "Class", "班级"]).required().example("5A1"),
        column("enrolled_on", ["Ngày vào lớp", "First day in the class", "入班日期"]).of(Kind::Date).required().example("05/09/2025").note([
            "Ghi danh được tìm lại theo học sinh, lớp và ngày này; lớp khác từ ngày sau là chuyển lớp hoặc lên lớp",
            "An enrolment is found again by student, class and this day; another class from a later day is a transfer or a promotion",
            "按学生、班级和此日期识别；之后日期的另一班级即为转班或升级",
        ]),
    ];
    columns(enrolment.into_iter().chain(end()).collect())
});

/// Those of the end, which files of students have too.
#[must_use]
pub fn end() -> Vec<Column> {
    vec![
        column("ended_on", ["Ngày rời lớp", "Last day in the class", "离班日期"]).of(Kind::Date).example("31/05/2026").note([
            "Để trống thì giữ nguyên",
            "Empty leaves it as it is",
            "留空则保持不变",
        ]),
        column("end_kind", ["Hình thức rời lớp", "How they left the class", "离班类型"]).listed("registrar-enrolment-end").example("Lên lớp").note([
            "Bắt buộc khi có ngày rời lớp",
            "Required with the last day",
            "填写离班日期时必填",
        ]),
        column("leaving_reason", ["Lý do thôi học", "Reason for leaving school", "辍学原因"]).coded(LeavingReason::SCHEMES).note([
            "Chỉ khi thôi học, bỏ học",
            "Only of who left school",
            "仅用于辍学",
        ]),
        column("end_reason", ["Lý do rời lớp", "Why they left the class", "离班原因"]).example("theo gia đình"),
    ]
}
