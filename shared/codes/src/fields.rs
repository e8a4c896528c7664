//! The types of the fields that hold a code, one per notion.

crate::coded! {
    /// Ethnic group (dân tộc, 民族; S1-014).
    EthnicGroup: ["vn-ethnic", "cn-ethnic"]

    /// Religion (tôn giáo, 宗教信仰). Sensitive under the law on personal data.
    Religion: ["vn-religion"]

    /// Country, as of nationality (quốc gia, quốc tịch; 国家、国籍).
    Country: ["country"]

    /// Marital status (tình trạng hôn nhân, 婚姻状况).
    MaritalStatus: ["vn-marital-status", "cn-marital-status"]

    /// Category of people whom social policy favours (diện chính sách, 优抚对象).
    PolicyCategory: ["vn-policy-category"]

    /// Form of the contract (hình thức hợp đồng, 合同形式).
    ContractForm: ["vn-contract-form"]

    /// What a member of staff does, as the sector database counts it (loại cán bộ, 岗位类别).
    StaffWork: ["vn-staff-work"]

    /// The title a member of staff bears, as the sector database numbers it (chức vụ, 职务).
    StaffTitle: ["vn-staff-title"]

    /// Highest qualification (trình độ chuyên môn nghiệp vụ, 学历).
    Qualification: ["vn-qualification", "cn-education"]

    /// How a qualification was studied for (hình thức đào tạo, 学习方式).
    TrainingForm: ["vn-training-form"]

    /// Level of training in political theory (trình độ lý luận chính trị).
    PoliticalTheoryLevel: ["vn-political-theory-level"]

    /// Level of training in state administration (trình độ quản lý nhà nước).
    StateAdministrationLevel: ["vn-state-administration-level"]

    /// Level of training in the management of education (trình độ quản lý giáo dục).
    EducationManagementLevel: ["vn-education-management-level"]

    /// Foreign language (ngoại ngữ, 外语).
    ForeignLanguage: ["vn-foreign-language"]

    /// Command of a foreign language (trình độ ngoại ngữ, 外语水平): the six levels of Viet Nam, which are those of the
    /// CEFR.
    ForeignLanguageLevel: ["vn-foreign-language-level"]

    /// Command of information technology (trình độ tin học, 计算机水平).
    ItLevel: ["vn-it-level"]

    /// Teacher's professional title with its grade (chức danh nghề nghiệp, hạng giáo viên; 教师职称), such as V.07.03.29.
    TeacherGrade: ["vn-teacher-grade"]

    /// School subject (môn học, 学科).
    Subject: ["vn-subject"]

    /// Administrative area (địa bàn hành chính, 行政区划): province, district until 30 June 2025, commune.
    Area: ["vn-area", "cn-area"]

    /// Why somebody stopped learning (lý do thôi học, 辍学原因).
    LeavingReason: ["vn-leaving-reason"]

    /// Kind of disability (dạng khuyết tật, 残疾类型). Sensitive under the law on personal data.
    DisabilityKind: ["vn-disability"]

    /// Political affiliation (政治面貌). Sensitive under the law on personal data.
    PoliticalAffiliation: ["cn-political"]

    /// Kind of an identifier of a person (loại giấy tờ, 证件类型).
    IdentifierType: ["identifier-type"]
}
