//! The languages that Registrar speaks to people in.

/// A language of titles, labels and errors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Locale {
    /// Tiếng Việt.
    Vi,
    /// English, also for callers who ask for none of ours.
    #[default]
    En,
    /// 中文.
    Zh,
}

impl Locale {
    /// Every language, in the order of [`Names`].
    pub const ALL: [Locale; 3] = [Locale::Vi, Locale::En, Locale::Zh];

    /// The language's tag (RFC 5646), for `Content-Language`.
    #[must_use]
    pub fn tag(self) -> &'static str {
        match self {
            Locale::Vi => "vi",
            Locale::En => "en",
            Locale::Zh => "zh",
        }
    }

    /// The language of a tag such as `vi-VN`; none for one that is not ours.
    #[must_use]
    pub fn from_tag(tag: &str) -> Option<Self> {
        match tag.split('-').next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
            "vi" => Some(Locale::Vi),
            "en" => Some(Locale::En),
            "zh" => Some(Locale::Zh),
            _ => None,
        }
    }

    /// The text of this language among (vi, en, zh).
    #[must_use]
    pub fn pick<T>(self, texts: [T; 3]) -> T {
        let [vi, en, zh] = texts;
        match self {
            Locale::Vi => vi,
            Locale::En => en,
            Locale::Zh => zh,
        }
    }
}

/// What something is called in (vi, en, zh); an empty text where the source names it in another language only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Names<'a>(pub [&'a str; 3]);

impl<'a> Names<'a> {
    /// The name in a language; else the one that there is.
    #[must_use]
    pub fn pick(self, locale: Locale) -> &'a str {
        let wanted = locale.pick(self.0);
        if wanted.is_empty() { self.0.into_iter().find(|name| !name.is_empty()).unwrap_or_default() } else { wanted }
    }

    /// The names that there are, with their languages.
    pub fn known(self) -> impl Iterator<Item = (Locale, &'a str)> {
        Locale::ALL.into_iter().zip(self.0).filter(|(_, name)| !name.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_missing_in_a_language_is_given_in_another() {
        let names = Names(["Kinh", "", "京族"]);
        assert_eq!(Locale::ALL.map(|locale| names.pick(locale)), ["Kinh", "Kinh", "京族"]);
        assert_eq!(names.known().count(), 2);
        assert_eq!((Locale::from_tag("zh-CN"), Locale::from_tag("fr")), (Some(Locale::Zh), None));
    }
}
