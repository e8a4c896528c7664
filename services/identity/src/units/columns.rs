//! The columns of unit spreadsheets, of imports and exports alike.

use std::sync::LazyLock;

use registrar_http::imports::columns::{Said, column, columns};
use registrar_spreadsheets::{Columns, Kind};

/// What a column of superiors holds, in (vi, en, zh).
const SUPERIORS: [&str; 3] = [
    "Mã đơn vị và thời gian: PGD-HA@2000-01-01/2025-06-30 UBND-20410@2025-07-01/..",
    "Codes and periods: PGD-HA@2000-01-01/2025-06-30 UBND-20410@2025-07-01/..",
    "代码与期间：PGD-HA@2000-01-01/2025-06-30 UBND-20410@2025-07-01/..",
];

/// The columns.
pub static COLUMNS: LazyLock<Columns> = LazyLock::new(|| {
    columns(vec![
        column("code", ["Mã đơn vị", "Unit code", "单位代码"]).of(Kind::Digits).required().example("49501401"),
        column("name", ["Tên đơn vị", "Name", "单位名称"]).required().example("Trường Tiểu học Nguyễn Bá Ngọc"),
        column("kind", ["Loại đơn vị", "Kind of unit", "单位类型"]).listed("registrar-unit-kind").required().example("Trường tiểu học"),
        column("education_levels", ["Cấp học", "Education levels", "学段"]).example("TH;THCS"),
        column("website", ["Trang web", "Web site", "网址"]).example("https://th-nguyenbangoc.example.edu.vn"),
        column("phone", ["Điện thoại", "Phone", "电话"]).of(Kind::Digits).example("02353861234"),
        column("email", ["Email", "E-mail", "电子邮箱"]).example("th-nguyenbangoc@example.edu.vn"),
        column("address", ["Địa chỉ", "Address", "地址"]).example("12 Lê Lợi, Hội An"),
        column("area", ["Mã địa bàn", "Area", "行政区划"]).example("vn-area/2025-07-01/20413"),
        column("opened_on", ["Ngày thành lập", "First day", "成立日期"]).of(Kind::Date).required().example("01/09/1990"),
        column("closed_on", ["Ngày giải thể", "Last day", "撤销日期"]).of(Kind::Date).example("30/06/2025"),
        column("administrative", ["Đơn vị quản lý nhà nước", "Administrative superiors", "行政上级"]).note(SUPERIORS).example("UBND-20410@2025-07-01/.."),
        column("professional", ["Đơn vị quản lý chuyên môn", "Professional superiors", "业务上级"]).note(SUPERIORS).example("SGD@2025-07-01/.."),
    ])
});
