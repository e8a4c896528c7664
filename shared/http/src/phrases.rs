//! What rules say of a bad field, in the languages that people read. The rules themselves speak English; a reason is
//! known by its code, which never changes.

use registrar_domain::Locale;

use crate::FieldError;

/// Code, Vietnamese, Chinese. Reasons that name a limit or a form are phrased where the limit is known
/// ([`crate::contract`], `registrar_spreadsheets`).
const PHRASES: [(&str, &str, &str); 53] = [
    ("account_disabled", "tài khoản đã bị vô hiệu hoá", "帐号已停用"),
    ("already_enrolled", "học sinh đang học lớp khác của năm học này từ ngày đó hoặc trước đó", "该学生自当日或更早已在本学年的其他班级"),
    ("already_used", "giá trị này đã có ở hồ sơ khác", "该值已被其他记录使用"),
    ("before_enrolment", "học sinh được xếp lớp sau ngày đó", "该学生在此日期之后才入班"),
    ("birth_year_mismatch", "số định danh không khớp năm sinh", "身份号码与出生年份不符"),
    ("changed", "đã được người khác sửa", "已被他人修改"),
    ("class_ended", "lớp đã kết thúc", "班级已结束"),
    ("contradicts", "trái với dòng trước về cùng phụ huynh", "与前面同一监护人的行不一致"),
    ("ended", "hồ sơ đã kết thúc", "该记录已终止"),
    ("excluded", "không đi cùng với trường khác đã khai", "不能与已填的其他字段同时填写"),
    ("forbidden", "nằm ngoài phạm vi quyền của bạn", "超出您的权限范围"),
    ("future", "là ngày trong tương lai", "日期在未来"),
    ("gender_mismatch", "số định danh không khớp giới tính", "身份号码与性别不符"),
    ("immutable", "không được thay đổi; hãy lập hồ sơ mới", "不可更改，请新建记录"),
    ("late", "quá muộn", "太晚"),
    ("malformed", "sai dạng", "格式错误"),
    ("moved_by_transfer", "học sinh đang ở trong lớp: hãy dùng chức năng chuyển", "该学生在班级中：请使用转班、转学"),
    ("moved_without_date", "hãy ghi ngày bắt đầu ở đơn vị mới", "请填写在新单位的起始日期"),
    ("not_after", "phải sau ngày kia", "必须晚于另一日期"),
    ("not_before", "phải trước ngày kia", "必须早于另一日期"),
    ("not_elsewhere", "đơn vị chính đã là đơn vị này", "主要任职已在该单位"),
    ("not_of_subject", "đối tượng này không có chiều thống kê đó", "该对象没有此统计维度"),
    ("not_of_unit", "không phải cấp học của đơn vị", "不是该单位的学段"),
    ("only_for_old_records", "chỉ dành cho dữ liệu cũ", "仅用于旧数据"),
    ("only_when_checked", "chỉ đi cùng trạng thái đã đối chiếu", "仅在已核对时填写"),
    ("only_when_ended", "chỉ đi cùng trạng thái đã kết thúc", "仅在已终止时填写"),
    ("only_with", "chỉ đi cùng trường khác", "须与另一字段同时填写"),
    ("only_with_language", "chỉ đi cùng ngoại ngữ", "须与外语同时填写"),
    ("overlapping", "trùng ngày với mục khác", "与另一项日期重叠"),
    ("overlaps", "trùng ngày với mục khác", "与另一项日期重叠"),
    ("own_account", "không được làm điều này với tài khoản của chính mình", "不可对自己的帐号操作"),
    ("repeated", "xuất hiện hai lần", "重复出现"),
    ("required", "bắt buộc phải có", "必填"),
    ("root_has_no_superior", "đơn vị gốc không có đơn vị cấp trên", "根单位没有上级"),
    ("root_stays_open", "đơn vị gốc không thể đóng", "根单位不能关闭"),
    ("same_class", "đã ở lớp này", "已在该班级"),
    ("staff_ended", "cán bộ, giáo viên này đã nghỉ", "该教职工已离职"),
    ("stale", "người khác vừa sửa hồ sơ này", "该记录刚被他人修改"),
    ("too_many", "quá nhiều", "过多"),
    ("unit_closed", "đơn vị đã giải thể hoặc sáp nhập", "单位已撤销或合并"),
    ("unknown_account", "không có tài khoản này", "没有此帐号"),
    ("unknown_class", "không có lớp này trong đơn vị và năm học", "该单位该学年没有此班级"),
    ("unknown_code", "không có mã này trong danh mục", "代码表中没有此代码"),
    ("unknown_guardian", "không có phụ huynh này trong phạm vi của bạn", "您的范围内没有此监护人"),
    ("unknown_parent", "không có mục cha này", "没有此上级条目"),
    ("unknown_scheme", "không có danh mục này", "没有此代码表"),
    ("unknown_school_year", "không có năm học này", "没有此学年"),
    ("unknown_staff", "không có cán bộ, giáo viên này", "没有此教职工"),
    ("unknown_student", "không có học sinh này", "没有此学生"),
    ("unknown_unit", "không có đơn vị này trong phạm vi của bạn", "您的范围内没有此单位"),
    ("unknown_version", "danh mục không có phiên bản này", "代码表没有此版本"),
    ("wrong_form", "không đúng dạng của loại giấy tờ này", "不符合该证件类型的格式"),
    ("wrong_scheme", "mã thuộc danh mục khác", "代码属于其他代码表"),
];

/// The error with its reason in this language, when it is not English and the reason is known in it.
#[must_use]
pub fn translated(error: FieldError, locale: Locale) -> FieldError {
    let known = PHRASES.iter().find(|(code, ..)| *code == error.code);
    let detail = match (known, locale) {
        (Some((_, vi, _)), Locale::Vi) => (*vi).to_owned(),
        (Some((.., zh)), Locale::Zh) => (*zh).to_owned(),
        _ => return error,
    };
    FieldError { detail, ..error }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_told_in_the_language_asked_for_and_else_as_it_is() {
        let told = |code: &str, locale| translated(FieldError { pointer: "/x".into(), code: code.into(), detail: "is in the future".into() }, locale).detail;
        assert_eq!(told("future", Locale::Vi), "là ngày trong tương lai");
        assert_eq!(told("future", Locale::Zh), "日期在未来");
        assert_eq!((told("future", Locale::En), told("brand_new", Locale::Vi)), ("is in the future".to_owned(), "is in the future".to_owned()));
        assert!(PHRASES.is_sorted_by_key(|(code, ..)| *code));
    }
}
