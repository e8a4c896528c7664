//! The columns of grant spreadsheets, of imports and exports alike.

use std::sync::LazyLock;

use registrar_http::imports::columns::{Said, column, columns};
use registrar_spreadsheets::{Columns, Kind};

/// The columns.
pub static COLUMNS: LazyLock<Columns> = LazyLock::new(|| {
    columns(vec![
        column("username", ["Tên đăng nhập", "Username", "用户名"]).of(Kind::Digits).required().example("nguyen.thi.thuy"),
        column("role", ["Vai trò", "Role", "角色"]).listed("registrar-role").required().example("Văn thư"),
        column("unit_code", ["Mã đơn vị", "Unit code", "单位代码"]).of(Kind::Digits).required().example("49501401"),
        column("hierarchy", ["Hệ thống quản lý", "Hierarchy", "管理体系"]).listed("registrar-hierarchy").example("Quản lý chuyên môn"),
        column("education_levels", ["Cấp học", "Education levels", "学段"]).example("TH;THCS"),
        column("class_ids", ["Mã định danh lớp", "Class ids", "班级标识"]),
        column("valid_from", ["Từ ngày", "First day", "生效日期"]).of(Kind::Date).required().example("01/09/2025"),
        column("valid_until", ["Đến ngày", "Last day", "截止日期"]).of(Kind::Date).example("31/05/2026"),
        column("status", ["Trạng thái", "Status", "状态"]).listed("registrar-grant-status").example("Có hiệu lực"),
        column("note", ["Căn cứ", "Note", "依据"]).example("Biên bản bàn giao 12/2025"),
    ])
});
