//! Kinds of units (đơn vị, 单位) and the hierarchies that join them.

crate::text_enum! {
    /// Kind of a unit (loại đơn vị, 单位类型; S1-002, S2-002, S3-002).
    UnitKind {
        /// National ministry of education (Bộ GD&ĐT, 教育部).
        Ministry = "ministry",
        /// Provincial people's committee (UBND tỉnh, thành phố; 省级人民政府).
        Province = "province",
        /// Provincial department of education (Sở GD&ĐT, 省教育厅).
        Department = "department",
        /// District education office (Phòng GD&ĐT, 县教育局); abolished in Viet Nam after 30 June 2025.
        DistrictOffice = "district_office",
        /// Commune-level people's committee (UBND xã, phường, đặc khu; 乡级人民政府); runs schools from 1 July 2025.
        Commune = "commune",
        /// Preschool for 3 months to 5 years (trường mầm non, 幼儿园含托班).
        Preschool = "preschool",
        /// Kindergarten for 3 to 5 years (trường mẫu giáo, 幼儿园).
        Kindergarten = "kindergarten",
        /// Primary school (trường tiểu học, 小学).
        Primary = "primary",
        /// Lower secondary school (trường trung học cơ sở, 初级中学).
        LowerSecondary = "lower_secondary",
        /// Upper secondary school (trường trung học phổ thông, 高级中学).
        UpperSecondary = "upper_secondary",
        /// Combined primary and lower secondary school (trường TH-THCS, 九年一贯制学校).
        PrimaryAndLowerSecondary = "primary_and_lower_secondary",
        /// Combined lower and upper secondary school (trường THCS-THPT, 完全中学).
        LowerAndUpperSecondary = "lower_and_upper_secondary",
        /// School of all three levels (trường TH-THCS-THPT, 十二年一贯制学校).
        PrimaryToUpperSecondary = "primary_to_upper_secondary",
        /// Continuing education centre (trung tâm GDTX or GDNN-GDTX, 继续教育中心).
        ContinuingEducationCentre = "continuing_education_centre",
        /// Centre for technical education, vocational guidance and teacher training (trung tâm giáo dục kỹ thuật tổng hợp,
        /// hướng nghiệp và bồi dưỡng nhà giáo; 综合技术与职业指导中心).
        VocationalGuidanceCentre = "vocational_guidance_centre",
        /// Special school (trường nuôi dạy trẻ khiếm thị, trường khiếm thính; 特殊教育学校).
        SpecialSchool = "special_school",
        /// Support centre for inclusive education (trung tâm hỗ trợ phát triển giáo dục hoà nhập; 融合教育支持中心).
        InclusiveEducationCentre = "inclusive_education_centre",
        /// Campus, one site of a school (điểm trường, 校区).
        Campus = "campus",
        /// Group of schools under one owner (hệ thống trường, 教育集团).
        SchoolGroup = "school_group",
        /// Any other unit.
        Other = "other",
    }
}

impl UnitKind {
    /// Whether classes are held in units of this kind (schools, centres and campuses, but no authorities).
    #[must_use]
    pub const fn is_school(self) -> bool {
        match self {
            Self::Preschool
            | Self::Kindergarten
            | Self::Primary
            | Self::LowerSecondary
            | Self::UpperSecondary
            | Self::PrimaryAndLowerSecondary
            | Self::LowerAndUpperSecondary
            | Self::PrimaryToUpperSecondary
            | Self::ContinuingEducationCentre
            | Self::VocationalGuidanceCentre
            | Self::SpecialSchool
            | Self::InclusiveEducationCentre
            | Self::Campus => true,
            Self::Ministry | Self::Province | Self::Department | Self::DistrictOffice | Self::Commune | Self::SchoolGroup | Self::Other => false,
        }
    }
}

crate::text_enum! {
    /// Hierarchy that joins units (hệ thống quản lý, 管理体系). Since 1 July 2025 a school in Viet Nam has two superiors: one in each (rules 2.4).
    Hierarchy {
        /// Who sets up, staffs and pays (quản lý nhà nước, 行政隶属): for a primary school its commune.
        Administrative = "administrative",
        /// Who guides teaching and reviews records (quản lý chuyên môn, 业务指导): for a primary school the department.
        Professional = "professional",
    }
}

#[cfg(test)]
mod tests {
    use utoipa::PartialSchema;

    use super::{Hierarchy, UnitKind};

    #[test]
    fn codes_are_snake_case_and_round_trip() {
        for (kind, code) in UnitKind::ALL.iter().zip(UnitKind::CODES) {
            let json = serde_json::to_string(kind).unwrap();
            assert_eq!(json, format!("\"{code}\""));
            assert_eq!(serde_json::from_str::<UnitKind>(&json).unwrap(), *kind);
            assert_eq!(code.parse::<UnitKind>().unwrap(), *kind);
        }
        assert_eq!(serde_json::to_string(&Hierarchy::Professional).unwrap(), "\"professional\"");
    }

    #[test]
    fn schema_lists_the_codes_and_says_what_they_mean() {
        let schema = serde_json::to_value(Hierarchy::schema()).unwrap();
        assert_eq!(schema["enum"], serde_json::json!(["administrative", "professional"]));
        let description = schema["description"].as_str().unwrap();
        assert!(description.contains("* `administrative`: Who sets up"), "{description}");
    }

    /// The kinds that the sources name (S1-002, S2-002, S3-002), and which of ours each is.
    #[test]
    fn every_kind_of_unit_that_the_sources_name_has_a_kind() {
        use UnitKind::*;
        for (named, kind) in [
            ("S1-002 trường MN", Preschool),
            ("S1-002 trường MG", Kindergarten),
            ("S1-002 trường TH", Primary),
            ("S1-002 trường THCS", LowerSecondary),
            ("S1-002 trường TH-THCS", PrimaryAndLowerSecondary),
            ("S2-002, S3-002 Phòng GDĐT", DistrictOffice),
            ("S2-002, S3-002 trường THPT", UpperSecondary),
            ("S2-002, S3-002 TT GDTX, TT GDNN-GDTX", ContinuingEducationCentre),
            ("S2-002 trường nuôi dạy trẻ khiếm thị, trường khiếm thính", SpecialSchool),
            ("S2-002 TT GD kỹ thuật tổng hợp hướng nghiệp và bồi dưỡng nhà giáo", VocationalGuidanceCentre),
            ("S3-002 TT hỗ trợ phát triển GDHN trẻ khuyết tật", InclusiveEducationCentre),
        ] {
            assert!(UnitKind::ALL.contains(&kind) && kind != Other, "{named}");
            assert_eq!(kind.is_school(), kind != DistrictOffice, "{named}");
        }
    }

    #[test]
    fn authorities_are_no_schools() {
        assert!(UnitKind::PrimaryAndLowerSecondary.is_school());
        assert!(UnitKind::Campus.is_school());
        assert!(!UnitKind::Commune.is_school());
        assert!(!UnitKind::SchoolGroup.is_school());
    }
}
