//! The columns of account spreadsheets, of imports and exports alike. There is none for passwords: a file is kept for days.

use std::sync::LazyLock;

use registrar_http::imports::columns::{Said, column, columns};
use registrar_spreadsheets::{Columns, Kind};

/// What the column of the staff record says, in (vi, en, zh).
const STAFF: [&str; 3] = ["Người dùng tài khoản; họ tên lấy theo hồ sơ cán bộ", "Whose account it is; the name follows the staff record", "账号使用者；姓名以教职工记录为准"];

/// The columns.
pub static COLUMNS: LazyLock<Columns> = LazyLock::new(|| {
    columns(vec![
        column("username", ["Tên đăng nhập", "Username", "用户名"]).of(Kind::Digits).required().example("nguyen.thi.thuy"),
        column("display_name", ["Tên hiển thị", "Display name", "显示名称"]).required().example("Nguyễn Thị Thúy"),
        column("unit_code", ["Mã đơn vị", "Unit code", "单位代码"]).of(Kind::Digits).required().example("49501401"),
        column("staff_code", ["Mã cán bộ", "Staff code", "教职工编号"]).of(Kind::Digits).note(STAFF).example("GV001"),
        column("status", ["Trạng thái", "Status", "状态"]).listed("registrar-account-status").example("Đang dùng"),
    ])
});
