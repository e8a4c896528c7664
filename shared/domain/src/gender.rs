//! Gender and its codes in the systems we exchange data with.

crate::text_enum! {
    /// Gender (giới tính, 性别; S1-013, S1-059).
    Gender {
        /// Male (nam, 男).
        Male = "male" | "nam" | "m" | "男" | "男性",
        /// Female (nữ, 女).
        Female = "female" | "nữ" | "nu" | "f" | "女" | "女性",
        /// Not known or not stated (không xác định, 未说明).
        Unspecified = "unspecified" | "không xác định" | "chưa xác định" | "未知" | "未知的性别" | "未说明" | "未说明的性别",
    }
}

impl Gender {
    /// The gender of a code of the Vietnamese sector database: `1` Nam, `0` Nữ; nothing for any other code.
    ///
    /// Not to be mixed with [`Self::from_gb2261`]: 0 means *female* here and *unknown* there.
    #[must_use]
    pub const fn from_vn_sector(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::Male),
            0 => Some(Self::Female),
            _ => None,
        }
    }

    /// The code in the Vietnamese sector database: `1` Nam, `0` Nữ; it has none for an unspecified gender.
    #[must_use]
    pub const fn vn_sector(self) -> Option<u8> {
        match self {
            Self::Male => Some(1),
            Self::Female => Some(0),
            Self::Unspecified => None,
        }
    }

    /// The gender of a code of GB/T 2261.1: `1` 男性, `2` 女性, `0` 未知的性别 and `9` 未说明的性别 both unspecified;
    /// nothing for any other code.
    #[must_use]
    pub const fn from_gb2261(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::Male),
            2 => Some(Self::Female),
            0 | 9 => Some(Self::Unspecified),
            _ => None,
        }
    }

    /// The code in GB/T 2261.1: `1` 男性, `2` 女性, `9` 未说明的性别 (never `0`).
    #[must_use]
    pub const fn gb2261(self) -> u8 {
        match self {
            Self::Male => 1,
            Self::Female => 2,
            Self::Unspecified => 9,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Gender::{self, Female, Male, Unspecified};

    #[test]
    fn labels_in_three_languages() {
        for (gender, labels) in [
            (Male, ["male", "Nam", " NAM ", "男", "Male"]),
            (Female, ["female", "Nữ", "NỮ", "女", "n\u{1b0}\u{303}"]),
            (Unspecified, ["unspecified", "Không xác định", "未说明", "未知", "未说明的性别"]),
        ] {
            for label in labels {
                assert_eq!(label.parse::<Gender>(), Ok(gender), "{label}");
            }
        }
        assert!("1".parse::<Gender>().is_err(), "a bare code says nothing without its scheme");
        assert!("".parse::<Gender>().is_err());
    }

    #[test]
    fn json_takes_codes_but_no_labels() {
        assert_eq!(serde_json::from_str::<Gender>("\"female\"").unwrap(), Female);
        assert!(serde_json::from_str::<Gender>("\"nữ\"").is_err());
    }

    #[test]
    fn zero_means_different_things() {
        assert_eq!(Gender::from_vn_sector(0), Some(Female));
        assert_eq!(Gender::from_gb2261(0), Some(Unspecified));
        for gender in [Male, Female] {
            assert_eq!(gender.vn_sector().and_then(Gender::from_vn_sector), Some(gender));
            assert_eq!(Gender::from_gb2261(gender.gb2261()), Some(gender));
        }
        assert_eq!((Unspecified.vn_sector(), Unspecified.gb2261()), (None, 9));
        assert_eq!((Gender::from_vn_sector(2), Gender::from_gb2261(3)), (None, None));
    }
}
