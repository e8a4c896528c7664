//! Text as people type it, and the keys to compare, search and sort it by.
//!
//! Vietnamese can be written with combining marks or precomposed letters, with the tone mark on either vowel (hoà,
//! hòa), and with any number of spaces; Chinese has neither case nor accents. Stored text is [`clean`]ed and otherwise
//! kept; whether two texts are the same is decided on their [`comparison_key`]s (design, "Data rules"; S0-006). The
//! [`search_key`] is only for search and for proposing candidates, never for deciding identity.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::decompose_canonical;

use crate::vietnamese::{self, Tone, Vowel, VowelRun};

/// Between the parts of a sort key; below every other character.
const PART: char = '\u{1f}';

/// The text in Unicode NFC, trimmed, with every run of white space (tabs, line ends, no-break and ideographic spaces)
/// made one space, and without zero-width spaces, soft hyphens and byte order marks. It refuses nothing: what is left
/// may be empty or hold control characters. Idempotent.
#[must_use]
pub fn clean(text: &str) -> String {
    cleaned(text).into_owned()
}

/// The key on which two texts are the same: [`clean`]ed, in lower case, with the tone mark of each Vietnamese syllable
/// where modern spelling puts it (hòa, Hoà and HÒA give `hoà`; Thúy gives `thuý`; Hòang gives `hoàng`). All other
/// accents are kept: `Hoa` and `Hoà` differ. Idempotent.
#[must_use]
pub fn comparison_key(text: &str) -> String {
    let folded = fold(text);
    if folded.is_ascii() {
        return folded;
    }
    let mut key = String::with_capacity(folded.len());
    let mut run = VowelRun::default();
    let mut before = None;
    for letter in folded.chars() {
        if let Some((vowel, tone)) = vietnamese::split(letter) {
            run.push(vowel, tone);
        } else {
            run.write(before, Some(letter), &mut key);
            key.push(letter);
            before = Some(letter);
        }
    }
    run.write(before, None, &mut key);
    key
}

/// The key for search that ignores accents: [`clean`]ed, in lower case, without any diacritical mark, đ as d (`Đặng
/// Thị Thuý` gives `dang thi thuy`). Chinese stays as it is. Idempotent. Two people may well share it: it proposes
/// candidates and decides nothing.
#[must_use]
pub fn search_key(text: &str) -> String {
    let folded = fold(text);
    if folded.is_ascii() {
        return folded;
    }
    let mut key = String::with_capacity(folded.len());
    for letter in folded.chars() {
        push_without_marks(letter, &mut key);
    }
    if folded.chars().all(is_settled) { key } else { clean(&key) }
}

/// The key that sorts Vietnamese person names as class lists do: by given name (tên, the last word), then by family
/// and middle names (họ và đệm), each by the letters of the Vietnamese alphabet (a ă â b c d đ e ê …) with the tone
/// (ngang, huyền, hỏi, ngã, sắc, nặng) breaking ties. A name without spaces, such as a Chinese one, sorts as it is.
///
/// Keys are compared byte by byte: `str::cmp` in Rust, `COLLATE "C"` in PostgreSQL. They are not made to be shown.
#[must_use]
pub fn sort_key(name: &str) -> String {
    let name = comparison_key(name);
    let (family_and_middle, given) = name.rsplit_once(' ').unwrap_or(("", &name));
    let mut key = String::with_capacity(2 * name.len() + 4);
    push_letters(given, &mut key);
    key.push(PART);
    push_tones(given, &mut key);
    key.push(PART);
    push_letters(family_and_middle, &mut key);
    key.push(PART);
    push_tones(family_and_middle, &mut key);
    key
}

/// Whether a character is its own NFC form whatever stands beside it, and is not dropped by [`clean`]. Covers what
/// nearly all names consist of, so that they need no normalisation.
fn is_settled(c: char) -> bool {
    matches!(c, '\0'..='\u{ac}' | '\u{ae}'..='\u{2ff}' | '\u{1ea0}'..='\u{1ef9}' | '\u{4e00}'..='\u{9fff}')
}

/// Characters without width or meaning of their own that come along when text is copied from documents.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}' | '\u{2060}' | '\u{feff}')
}

fn cleaned(text: &str) -> Cow<'_, str> {
    if is_clean(text) {
        Cow::Borrowed(text)
    } else if text.chars().all(is_settled) {
        Cow::Owned(collapse(text.chars(), text.len()))
    } else {
        Cow::Owned(collapse(text.chars().filter(|c| !is_invisible(*c)).nfc(), text.len()))
    }
}

/// Whether [`clean`] would change nothing, for the common texts that can be told without normalising them.
fn is_clean(text: &str) -> bool {
    let mut after_space = true;
    for c in text.chars() {
        let space = c.is_whitespace();
        if !is_settled(c) || (space && (c != ' ' || after_space)) {
            return false;
        }
        after_space = space;
    }
    text.is_empty() || !after_space
}

fn collapse(chars: impl Iterator<Item = char>, capacity: usize) -> String {
    let mut out = String::with_capacity(capacity);
    let mut space = false;
    for c in chars {
        if c.is_whitespace() {
            space = !out.is_empty();
        } else {
            if space {
                out.push(' ');
                space = false;
            }
            out.push(c);
        }
    }
    out
}

/// Cleaned and in lower case, still in NFC.
fn fold(text: &str) -> String {
    let cleaned = cleaned(text);
    if cleaned.is_ascii() {
        return cleaned.to_ascii_lowercase();
    }
    let mut folded = String::with_capacity(cleaned.len());
    for c in cleaned.chars() {
        match c {
            'ß' | 'ẞ' => folded.push_str("ss"),
            'ς' => folded.push('σ'),
            _ => folded.extend(c.to_lowercase()),
        }
    }
    if cleaned.chars().all(is_settled) { folded } else { folded.nfc().collect() }
}

fn push_without_marks(letter: char, out: &mut String) {
    match letter {
        '\0'..='\x7f' => out.push(letter),
        'đ' => out.push('d'),
        _ => match vietnamese::split(letter) {
            Some((vowel, _)) => out.push(vowel.plain()),
            None => decompose_canonical(letter, |part| {
                if !is_diacritical_mark(part) {
                    out.push(part);
                }
            }),
        },
    }
}

/// The blocks of combining marks for Latin, Greek and Cyrillic letters; not the vowel signs of other scripts.
fn is_diacritical_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}')
}

/// Writes words so that byte order is the order of the Vietnamese alphabet: a letter with a mark of its own follows
/// the plain one and everything that begins with it.
fn push_letters(words: &str, out: &mut String) {
    for letter in words.chars() {
        match letter {
            'đ' => out.push_str("d~"),
            _ => match vietnamese::split(letter) {
                None => push_without_marks(letter, out),
                Some((vowel, _)) => {
                    out.push(vowel.plain());
                    match vowel {
                        Vowel::ABreve | Vowel::OCircumflex => out.push('}'),
                        Vowel::ACircumflex | Vowel::ECircumflex | Vowel::OHorn | Vowel::UHorn => out.push('~'),
                        Vowel::A | Vowel::E | Vowel::I | Vowel::O | Vowel::U | Vowel::Y => {}
                    }
                }
            },
        }
    }
}

/// Writes one digit per word: the place of its tone in dictionary order.
fn push_tones(words: &str, out: &mut String) {
    for word in words.split(' ').filter(|word| !word.is_empty()) {
        let tone = word.chars().filter_map(vietnamese::split).map(|(_, tone)| tone).find(|tone| *tone != Tone::Level);
        out.push(match tone {
            None | Some(Tone::Level) => '0',
            Some(Tone::Grave) => '1',
            Some(Tone::Hook) => '2',
            Some(Tone::Tilde) => '3',
            Some(Tone::Acute) => '4',
            Some(Tone::Dot) => '5',
        });
    }
}

#[cfg(test)]
mod tests;
