//! The columns of spreadsheets of guardians, of imports and exports alike (S1-067, S1-069, S1-070): a row is a guardian of
//! one child.

use std::sync::{Arc, LazyLock};

use registrar_http::imports::columns::{Said, column, columns};
use registrar_spreadsheets::{Choice, Choices, Columns, Kind};

use super::model::GuardianRelation;

/// The columns.
pub static COLUMNS: LazyLock<Columns> = LazyLock::new(|| {
    columns(vec![
        column("id", ["Mã bản ghi phụ huynh", "Guardian id", "监护人记录号"]).note([
            "Để trống với phụ huynh mới. Không có mã này thì tìm lại theo số định danh, hoặc theo học sinh, quan hệ và họ tên, hoặc theo họ tên và điện thoại",
            "Empty for a new one. Without it a guardian is found again by personal number, or by child, relation and name, or by name and phone",
            "新监护人留空；未填时按身份证件号码，或按学生、关系和姓名，或按姓名和电话识别",
        ]),
        column("student_code", ["Mã học sinh", "Student code of the child", "学号"]).of(Kind::Digits).required().example("7407137235").note([
            "Mỗi con một dòng; các dòng của cùng một phụ huynh ghi giống nhau",
            "A row for each child; the rows of one guardian say the same of them",
            "每个孩子一行；同一监护人的各行内容须一致",
        ]),
        column("relation", ["Quan hệ với học sinh", "Relation to the child", "与学生关系"]).of(relations()).required().example("Cha"),
        column("full_name", ["Họ và tên phụ huynh", "Guardian's name", "监护人姓名"]).required().example("Lê Văn Bình"),
        column("gender", ["Giới tính", "Gender", "性别"]).listed("registrar-gender").example("Nam"),
        column("birth_year", ["Năm sinh", "Year of birth", "出生年份"]).of(Kind::Integer).example("1985"),
        column("personal_number", ["Số định danh cá nhân (CCCD)", "Personal number", "身份证件号码"]).of(Kind::Digits).example("049085000001").note([
            "12 số, để ô ở dạng văn bản",
            "12 digits; keep the cell as text",
            "单元格请设为文本",
        ]),
        column("phone", ["Số điện thoại", "Phone", "电话"]).of(Kind::Digits).example("0905123457"),
        column("email", ["Thư điện tử", "E-mail", "电子邮箱"]).example("binh@example.vn"),
        column("occupation", ["Nghề nghiệp", "Occupation", "职业"]).example("Nông dân"),
        column("workplace", ["Nơi làm việc", "Place of work", "工作单位"]).example("Hợp tác xã Cẩm Hà"),
        column("address", ["Địa chỉ liên hệ", "Address", "联系地址"]).example("12 Lê Lợi, Hội An"),
        column("children.legal_representative", ["Người đại diện theo pháp luật", "Legal representative", "法定代理人"]).of(Kind::Boolean).example("Có").note([
            "Để trống: giữ nguyên; với dòng mới thì cha, mẹ là có",
            "Empty leaves it; of a new one, father and mother are",
            "留空则保持不变；新记录中父母为是",
        ]),
        column("children.primary_contact", ["Liên lạc chính", "Primary contact", "首要联系人"]).of(Kind::Boolean).example("Có"),
        column("children.valid_from", ["Từ ngày", "First day", "开始日期"]).of(Kind::Date),
        column("children.valid_to", ["Đến ngày", "Last day", "结束日期"]).of(Kind::Date),
    ])
});

/// The fields of those that hold sensitive data: contacts of third parties.
pub const SENSITIVE: [&str; 4] = ["personal_number", "phone", "email", "address"];

fn relations() -> Kind {
    let labels = |relation: GuardianRelation| match relation {
        GuardianRelation::Father => ["Cha", "Father", "父亲"],
        GuardianRelation::Mother => ["Mẹ", "Mother", "母亲"],
        GuardianRelation::Grandparent => ["Ông, bà", "Grandparent", "祖父母、外祖父母"],
        GuardianRelation::Sibling => ["Anh, chị", "Brother or sister", "兄姐"],
        GuardianRelation::Relative => ["Họ hàng", "Relative", "其他亲属"],
        GuardianRelation::Guardian => ["Người giám hộ", "Guardian", "监护人"],
        GuardianRelation::Other => ["Khác", "Other", "其他"],
    };
    let also = |relation: GuardianRelation| match relation {
        GuardianRelation::Father => vec!["Bố", "Ba"],
        GuardianRelation::Mother => vec!["Má"],
        GuardianRelation::Grandparent => vec!["Ông", "Bà"],
        GuardianRelation::Sibling => vec!["Anh", "Chị"],
        GuardianRelation::Relative => vec!["Cô", "Dì", "Chú", "Bác"],
        GuardianRelation::Guardian | GuardianRelation::Other => Vec::new(),
    };
    let choice = |relation: &GuardianRelation| Choice {
        value: relation.as_str().to_owned(),
        code: String::new(),
        names: labels(*relation).into(),
        also: also(*relation).into_iter().map(str::to_owned).collect(),
    };
    Kind::Choice(Arc::new(Choices::new(GuardianRelation::ALL.iter().map(choice).collect())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_have_names_of_their_own() {
        assert_eq!(COLUMNS.iter().count(), 16);
        assert!(SENSITIVE.iter().all(|field| COLUMNS.iter().any(|column| column.field == *field)));
    }
}
