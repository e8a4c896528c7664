//! The words Vietnamese names are made of, with how often they occur.
//!
//! Shares of surnames are those of the country as a whole (Nguyễn 38 %, Trần 11 %, Lê 9.5 %, Phạm 7 %, Hoàng or Huỳnh
//! 5 %, Phan 4.5 %, Vũ or Võ 3.9 %, …); between two forms of one surname the southern one leads, as in Quảng Nam, and
//! the tail has surnames of the Cơ Tu, who live there. Both ways of placing a tone mark (Hòa, Hoà) occur on purpose.

/// Surnames (họ) with their share in hundredths of a percent; together 10,000.
pub const SURNAMES: &[(&str, u32)] = &[
    ("Nguyễn", 3_840),
    ("Trần", 1_100),
    ("Lê", 950),
    ("Phạm", 700),
    ("Huỳnh", 350),
    ("Hoàng", 160),
    ("Phan", 450),
    ("Võ", 280),
    ("Vũ", 110),
    ("Đặng", 210),
    ("Bùi", 200),
    ("Đỗ", 140),
    ("Hồ", 130),
    ("Ngô", 130),
    ("Dương", 100),
    ("Lý", 50),
    ("Trương", 150),
    ("Đinh", 110),
    ("Đoàn", 90),
    ("Mai", 82),
    ("Lương", 75),
    ("Trịnh", 65),
    ("Đào", 60),
    ("Hà", 55),
    ("Lâm", 55),
    ("Cao", 50),
    ("Tô", 35),
    ("Lưu", 35),
    ("Phùng", 30),
    ("Thái", 30),
    ("Tạ", 25),
    ("Châu", 20),
    ("Văn", 15),
    ("Tống", 15),
    ("Ung", 10),
    ("Kiều", 10),
    ("Nghiêm", 10),
    ("Quách", 10),
    ("Hứa", 10),
    ("Tăng", 10),
    ("Từ", 10),
    ("Ông", 8),
    ("Lữ", 7),
    ("Thân", 5),
    ("Alăng", 5),
    ("Bríu", 4),
    ("Zơrâm", 2),
    ("Pơloong", 2),
];

/// Middle names (tên đệm) of men besides Văn, all about equally common.
pub const MALE_MIDDLE: &[&str] = &[
    "Hữu", "Đức", "Minh", "Quốc", "Công", "Thanh", "Ngọc", "Xuân", "Gia", "Đình", "Quang", "Anh", "Hoàng", "Nhật", "Thành", "Trọng", "Tấn", "Viết", "Bảo", "Duy", "Tuấn", "Khánh",
    "Phúc", "Thế", "Chí", "Đăng",
];

/// Middle names (tên đệm) of women besides Thị, all about equally common.
pub const FEMALE_MIDDLE: &[&str] = &[
    "Ngọc", "Thanh", "Thu", "Phương", "Minh", "Kim", "Hồng", "Mỹ", "Thùy", "Khánh", "Bảo", "Quỳnh", "Diệu", "Như", "Hoài", "Tuyết", "Bích", "Cẩm", "Anh", "Tường", "Thảo", "Hà",
    "Gia", "Yến", "Ánh", "Xuân",
];

/// Given names (tên) of men.
pub const MALE_GIVEN: &[&str] = &[
    "Anh",
    "Bảo",
    "Bình",
    "Chiến",
    "Cường",
    "Danh",
    "Dũng",
    "Duy",
    "Đại",
    "Đạt",
    "Đức",
    "Hải",
    "Hào",
    "Hiếu",
    "Hoàng",
    "Hòa",
    "Hoà",
    "Huy",
    "Hùng",
    "Hưng",
    "Kha",
    "Khang",
    "Khánh",
    "Khoa",
    "Khôi",
    "Kiên",
    "Kiệt",
    "Lâm",
    "Linh",
    "Long",
    "Lộc",
    "Luân",
    "Mạnh",
    "Minh",
    "Nam",
    "Nghĩa",
    "Nguyên",
    "Nhân",
    "Nhật",
    "Phát",
    "Phong",
    "Phú",
    "Phúc",
    "Phước",
    "Quân",
    "Quang",
    "Quý",
    "Sang",
    "Sơn",
    "Tài",
    "Tâm",
    "Tân",
    "Thái",
    "Thành",
    "Thắng",
    "Thiện",
    "Thịnh",
    "Thuận",
    "Tiến",
    "Tín",
    "Toàn",
    "Trí",
    "Trung",
    "Trường",
    "Tuấn",
    "Tùng",
    "Tú",
    "Việt",
    "Vinh",
    "Vũ",
];

/// Given names (tên) of women.
pub const FEMALE_GIVEN: &[&str] = &[
    "An", "Anh", "Ánh", "Ân", "Bích", "Châu", "Chi", "Cúc", "Diễm", "Diệp", "Dung", "Duyên", "Đào", "Giang", "Hà", "Hạ", "Hân", "Hằng", "Hạnh", "Hậu", "Hiền", "Hoa", "Hòa", "Hoà",
    "Hồng", "Huệ", "Huyền", "Hương", "Khánh", "Kiều", "Lan", "Lệ", "Liên", "Linh", "Loan", "Ly", "Mai", "My", "Mỹ", "Na", "Nga", "Ngân", "Ngọc", "Nguyên", "Nguyệt", "Nhi",
    "Nhung", "Như", "Oanh", "Phụng", "Phương", "Quyên", "Quỳnh", "Sương", "Tâm", "Thảo", "Thơ", "Thu", "Thúy", "Thuý", "Thủy", "Thư", "Thương", "Tiên", "Trang", "Trâm", "Trân",
    "Trinh", "Tú", "Tuyết", "Uyên", "Vân", "Vy", "Yến",
];

#[cfg(test)]
mod tests {
    use super::SURNAMES;

    #[test]
    fn shares_add_up_and_no_surname_comes_twice() {
        assert_eq!(SURNAMES.iter().map(|(_, share)| share).sum::<u32>(), 10_000);
        let mut names: Vec<&str> = SURNAMES.iter().map(|(name, _)| *name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), SURNAMES.len());
    }
}
