//! The vowels of Vietnamese and their tone marks (dấu thanh), letter by letter.

use unicode_normalization::char::is_combining_mark;

/// The six tones, in the order of Vietnamese dictionaries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    /// Ngang: no mark.
    Level,
    /// Huyền: grave.
    Grave,
    /// Hỏi: hook above.
    Hook,
    /// Ngã: tilde.
    Tilde,
    /// Sắc: acute.
    Acute,
    /// Nặng: dot below.
    Dot,
}

/// The twelve vowel letters without their tone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Vowel {
    A,
    ABreve,
    ACircumflex,
    E,
    ECircumflex,
    I,
    O,
    OCircumflex,
    OHorn,
    U,
    UHorn,
    Y,
}

macro_rules! letters {
    ($($vowel:ident $level:literal $grave:literal $hook:literal $tilde:literal $acute:literal $dot:literal;)+) => {
        /// The vowel and the tone of a lower-case precomposed letter; nothing for any other character.
        pub(crate) fn split(letter: char) -> Option<(Vowel, Tone)> {
            Some(match letter {
                $(
                    $level => (Vowel::$vowel, Tone::Level),
                    $grave => (Vowel::$vowel, Tone::Grave),
                    $hook => (Vowel::$vowel, Tone::Hook),
                    $tilde => (Vowel::$vowel, Tone::Tilde),
                    $acute => (Vowel::$vowel, Tone::Acute),
                    $dot => (Vowel::$vowel, Tone::Dot),
                )+
                _ => return None,
            })
        }

        /// The lower-case precomposed letter of a vowel with a tone.
        pub(crate) fn join(vowel: Vowel, tone: Tone) -> char {
            match (vowel, tone) {
                $(
                    (Vowel::$vowel, Tone::Level) => $level,
                    (Vowel::$vowel, Tone::Grave) => $grave,
                    (Vowel::$vowel, Tone::Hook) => $hook,
                    (Vowel::$vowel, Tone::Tilde) => $tilde,
                    (Vowel::$vowel, Tone::Acute) => $acute,
                    (Vowel::$vowel, Tone::Dot) => $dot,
                )+
            }
        }
    };
}

letters! {
    A 'a' 'à' 'ả' 'ã' 'á' 'ạ';
    ABreve 'ă' 'ằ' 'ẳ' 'ẵ' 'ắ' 'ặ';
    ACircumflex 'â' 'ầ' 'ẩ' 'ẫ' 'ấ' 'ậ';
    E 'e' 'è' 'ẻ' 'ẽ' 'é' 'ẹ';
    ECircumflex 'ê' 'ề' 'ể' 'ễ' 'ế' 'ệ';
    I 'i' 'ì' 'ỉ' 'ĩ' 'í' 'ị';
    O 'o' 'ò' 'ỏ' 'õ' 'ó' 'ọ';
    OCircumflex 'ô' 'ồ' 'ổ' 'ỗ' 'ố' 'ộ';
    OHorn 'ơ' 'ờ' 'ở' 'ỡ' 'ớ' 'ợ';
    U 'u' 'ù' 'ủ' 'ũ' 'ú' 'ụ';
    UHorn 'ư' 'ừ' 'ử' 'ữ' 'ứ' 'ự';
    Y 'y' 'ỳ' 'ỷ' 'ỹ' 'ý' 'ỵ';
}

impl Vowel {
    /// The letter without tone and without breve, circumflex or horn.
    pub(crate) fn plain(self) -> char {
        match self {
            Self::A | Self::ABreve | Self::ACircumflex => 'a',
            Self::E | Self::ECircumflex => 'e',
            Self::I => 'i',
            Self::O | Self::OCircumflex | Self::OHorn => 'o',
            Self::U | Self::UHorn => 'u',
            Self::Y => 'y',
        }
    }

    /// Whether the letter carries a breve, circumflex or horn: such a vowel always takes the tone mark.
    fn has_quality_mark(self) -> bool {
        join(self, Tone::Level) != self.plain()
    }
}

/// Gathers the vowels of one syllable and writes them with the tone mark where modern spelling puts it.
///
/// Placement never distinguishes two syllables in Vietnamese, so that hoà and hòa, thuý and thúy, but also the slips
/// of old keyboards (Hòang, Nguỹên, trừơng, Qúy), come out the same.
#[derive(Default)]
pub(crate) struct VowelRun {
    vowels: Vec<(Vowel, Tone)>,
}

impl VowelRun {
    /// Adds the next vowel of the run.
    pub(crate) fn push(&mut self, vowel: Vowel, tone: Tone) {
        self.vowels.push((vowel, tone));
    }

    /// Writes the run, which stands between the characters `before` and `after`, to `out` and empties it. A run with
    /// two tone marks, or with a further combining mark on its last vowel, is no Vietnamese and stays as it is.
    pub(crate) fn write(&mut self, before: Option<char>, after: Option<char>, out: &mut String) {
        if self.vowels.is_empty() {
            return;
        }
        let closed = after.is_some_and(char::is_alphabetic);
        let marked = after.is_some_and(is_combining_mark);
        let mut toned = self.vowels.iter().filter(|(_, tone)| *tone != Tone::Level);
        let tone = match (toned.next(), toned.next()) {
            (Some((_, tone)), None) if self.vowels.len() > 1 && !marked => Some(*tone),
            _ => None,
        };
        match tone {
            None => out.extend(self.vowels.iter().map(|(vowel, tone)| join(*vowel, *tone))),
            Some(tone) => {
                let place = self.place(before, closed);
                out.extend(self.vowels.iter().enumerate().map(|(index, (vowel, _))| join(*vowel, if index == place { tone } else { Tone::Level })));
            }
        }
        self.vowels.clear();
    }

    /// Which vowel of the run takes the tone mark, by the letters alone.
    fn place(&self, before: Option<char>, closed: bool) -> usize {
        // In qu- and gi- the first vowel letter belongs to the consonant.
        let onset = match (before, self.vowels.first()) {
            (Some('q'), Some((Vowel::U, _))) | (Some('g'), Some((Vowel::I, _))) => 1,
            _ => 0,
        };
        let marked = self.vowels.iter().rposition(|(vowel, _)| vowel.has_quality_mark());
        if let Some(place) = marked {
            return place;
        }
        let nucleus = self.vowels.len() - onset;
        let glide_first =
            matches!((self.vowels.get(onset), self.vowels.get(onset + 1)), (Some((Vowel::O, _)), Some((Vowel::A | Vowel::E, _))) | (Some((Vowel::U, _)), Some((Vowel::Y, _))));
        match nucleus {
            1 => onset,
            _ if closed => onset + nucleus - 1,
            2 if !glide_first => onset,
            _ => onset + 1,
        }
    }
}
