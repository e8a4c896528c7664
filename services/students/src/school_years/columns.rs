//! The columns of spreadsheets of school years, of imports and exports alike.

use std::sync::LazyLock;

use registrar_http::imports::columns::{Said, column, columns};
use registrar_spreadsheets::{Columns, Kind};

/// The columns.
pub static COLUMNS: LazyLock<Columns> = LazyLock::new(|| {
    columns(vec![
        column("code", ["Mã năm học", "School year code", "学年代码"]).required().example("2025-2026").note([
            "Năm học được tìm lại theo mã này",
            "The school year is found again by it",
            "按此代码识别学年",
        ]),
        column("name", ["Tên năm học", "School year", "学年名称"]).required().example("Năm học 2025-2026"),
        column("starts_on", ["Ngày bắt đầu", "First day", "开始日期"]).of(Kind::Date).required().example("05/09/2025"),
        column("ends_on", ["Ngày kết thúc", "Last day", "结束日期"]).of(Kind::Date).required().example("31/05/2026"),
    ])
});
