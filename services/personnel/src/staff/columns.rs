//! The columns of staff spreadsheets, of imports and exports alike (S1-008 to S1-049).

use std::sync::LazyLock;

use registrar_codes::fields::{
    ContractForm, Country, EducationManagementLevel, EthnicGroup, ForeignLanguage, ForeignLanguageLevel, ItLevel, MaritalStatus, PolicyCategory, PoliticalTheoryLevel,
    Qualification, Religion, StaffTitle, StaffWork, StateAdministrationLevel, Subject, TeacherGrade, TrainingForm,
};
use registrar_http::imports::columns::{Said, column, columns};
use registrar_spreadsheets::{Column, Columns, Kind};

/// The columns.
pub static COLUMNS: LazyLock<Columns> = LazyLock::new(|| columns([person(), sensitive(), work(), training()].concat()));

/// The fields of those that hold sensitive data.
pub const SENSITIVE: [&str; 7] = ["personal_number", "phone", "email", "sensitive.ethnic_group", "sensitive.religion", "sensitive.family_priority", "sensitive.own_priority"];

fn person() -> Vec<Column> {
    vec![
        column("code", ["Mã cán bộ", "Staff code", "教职工号"]).of(Kind::Digits).required().example("GV001").note([
            "Hồ sơ được tìm lại theo mã này",
            "The record is found again by it",
            "按此编号识别记录",
        ]),
        column("full_name", ["Họ và tên", "Full name", "姓名"]).required().example("Nguyễn Thị Hòa"),
        column("birth_date", ["Ngày sinh", "Date of birth", "出生日期"]).of(Kind::Date).required().example("20/05/1990"),
        column("gender", ["Giới tính", "Gender", "性别"]).listed("registrar-gender").required().example("Nữ"),
        column("personal_number", ["Số định danh cá nhân (CCCD)", "Personal number", "身份证件号码"]).of(Kind::Digits).example("048190001234").note([
            "12 số, để ô ở dạng văn bản",
            "12 digits; keep the cell as text",
            "单元格请设为文本",
        ]),
        column("phone", ["Điện thoại di động", "Mobile phone", "手机"]).of(Kind::Digits).example("0905123456"),
        column("email", ["Email", "E-mail", "电子邮箱"]).example("hoa@example.edu.vn"),
        column("personal.photo", ["Ảnh thẻ", "Photo", "照片"]).note(["Liên kết đến ảnh", "A link to it", "照片链接"]).example("https://example.edu.vn/anh/gv001.jpg"),
        column("personal.birth_place", ["Nơi sinh", "Place of birth", "出生地"]).example("Hội An, Quảng Nam"),
        column("personal.nationality", ["Quốc tịch", "Nationality", "国籍"]).coded(Country::SCHEMES).example("Việt Nam"),
        column("personal.native_place", ["Quê quán", "Native place", "籍贯"]).example("Duy Xuyên, Quảng Nam"),
        column("personal.permanent_address", ["Địa chỉ thường trú", "Permanent address", "户籍地址"]).example("12 Lê Lợi, Hội An"),
        column("personal.permanent_area", ["Mã địa bàn thường trú", "Area of the permanent address", "户籍行政区划"]).example("vn-area/2025-07-01/20413"),
        column("personal.current_address", ["Nơi ở hiện nay", "Current residence", "现住址"]).example("12 Lê Lợi, Hội An"),
        column("personal.current_area", ["Mã địa bàn nơi ở", "Area of the current residence", "现住行政区划"]).example("vn-area/2025-07-01/20413"),
        column("personal.marital_status", ["Tình trạng hôn nhân", "Marital status", "婚姻状况"]).coded(MaritalStatus::SCHEMES).example("Đã kết hôn"),
    ]
}

fn sensitive() -> Vec<Column> {
    vec![
        column("sensitive.ethnic_group", ["Dân tộc", "Ethnic group", "民族"]).coded(EthnicGroup::SCHEMES).example("Kinh"),
        column("sensitive.religion", ["Tôn giáo", "Religion", "宗教"]).coded(Religion::SCHEMES).example("Không tôn giáo"),
        column("sensitive.family_priority", ["Diện ưu tiên gia đình", "Priority category of the family", "家庭优抚类别"]).coded(PolicyCategory::SCHEMES),
        column("sensitive.own_priority", ["Diện ưu tiên bản thân", "Own priority category", "本人优抚类别"]).coded(PolicyCategory::SCHEMES),
    ]
}

fn work() -> Vec<Column> {
    vec![
        column("unit_code", ["Mã đơn vị", "Unit code", "单位代码"]).of(Kind::Digits).required().example("49501401"),
        column("position", ["Chức vụ", "Position", "岗位"]).listed("registrar-position").required().example("Giáo viên"),
        column("education_level", ["Cấp học", "Education level", "学段"]).listed("registrar-education-level").example("TH"),
        column("started_on", ["Ngày bắt đầu", "First day of work in the unit", "到岗日期"]).of(Kind::Date).required().example("15/08/2015").note([
            "Chuyển đơn vị: ghi ngày bắt đầu ở đơn vị mới",
            "Of somebody who moves: the first day in the new unit",
            "调动时填写到新单位的日期",
        ]),
        column("ended_on", ["Ngày nghỉ", "Last day of work", "离职日期"]).of(Kind::Date).example("31/05/2025"),
        column("end_reason", ["Lý do nghỉ", "Why it ended", "离职原因"]).example("nghỉ hưu"),
        column("terms.contract_form", ["Hình thức hợp đồng", "Contract form", "合同形式"]).coded(ContractForm::SCHEMES),
        column("terms.contract_on", ["Ngày hợp đồng", "Date of the contract", "合同日期"]).of(Kind::Date).example("15/08/2015"),
        column("terms.recruited_on", ["Ngày tuyển dụng", "Date of recruitment", "录用日期"]).of(Kind::Date).example("15/08/2015"),
        column("terms.assigned_work", ["Công việc được giao", "Assigned work", "分配工作"]).example("Dạy lớp 5"),
        column("terms.work", ["Công việc hiện nay", "Current work", "现任工作"]).coded(StaffWork::SCHEMES),
        column("terms.concurrent_title", ["Chức vụ kiêm nhiệm", "Concurrent position", "兼任职务"]).coded(StaffTitle::SCHEMES),
        column("teaching.main_subject", ["Môn dạy", "Subject taught", "任教学科"]).coded(Subject::SCHEMES),
        column("teaching.secondary_subject", ["Môn dạy phụ", "Secondary subject", "兼教学科"]).coded(Subject::SCHEMES),
        column("teaching.subject_group", ["Tổ bộ môn", "Subject group", "教研组"]).example("Tổ 4-5"),
    ]
}

fn training() -> Vec<Column> {
    vec![
        column("training.qualification", ["Trình độ chuyên môn", "Qualification", "学历"]).coded(Qualification::SCHEMES).example("Đại học sư phạm"),
        column("training.training_field", ["Ngành đào tạo", "Field of training", "所学专业大类"]).example("Giáo dục tiểu học"),
        column("training.specialisation", ["Chuyên ngành đào tạo", "Specialisation", "专业"]).example("Giáo dục tiểu học"),
        column("training.training_institution", ["Nơi đào tạo", "Training institution", "毕业院校"]).example("Đại học Sư phạm Đà Nẵng"),
        column("training.training_form", ["Hình thức đào tạo", "Form of training", "学习形式"]).coded(TrainingForm::SCHEMES),
        column("training.graduation_year", ["Năm tốt nghiệp", "Year of graduation", "毕业年份"]).of(Kind::Integer).example("2012"),
        column("training.training_standard", ["Trình độ chuẩn", "Training standard", "学历达标"]).listed("registrar-training-standard"),
        column("training.political_theory", ["Trình độ lý luận chính trị", "Political theory", "政治理论水平"]).coded(PoliticalTheoryLevel::SCHEMES),
        column("training.state_administration", ["Trình độ quản lý nhà nước", "State administration", "行政管理水平"]).coded(StateAdministrationLevel::SCHEMES),
        column("training.education_management", ["Trình độ quản lý giáo dục", "Education management", "教育管理水平"]).coded(EducationManagementLevel::SCHEMES),
        column("training.foreign_language", ["Ngoại ngữ chính", "Main foreign language", "主要外语"]).coded(ForeignLanguage::SCHEMES),
        column("training.foreign_language_level", ["Trình độ ngoại ngữ", "Foreign language level", "外语水平"]).coded(ForeignLanguageLevel::SCHEMES),
        column("training.it_level", ["Trình độ tin học", "IT level", "信息技术水平"]).coded(ItLevel::SCHEMES),
        column("training.teacher_grade", ["Hạng giáo viên", "Teacher grade", "教师职称"]).coded(TeacherGrade::SCHEMES),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_have_names_of_their_own_and_lists_that_there_are() {
        assert_eq!(COLUMNS.iter().count(), 49);
        for column in COLUMNS.iter() {
            if let Kind::Choice(choices) = &column.kind {
                assert!(choices.iter().count() > 0, "{} has no list", column.field);
            }
        }
        assert!(SENSITIVE.iter().all(|field| COLUMNS.iter().any(|column| column.field == *field)));
    }
}
