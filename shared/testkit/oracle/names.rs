//! Vietnamese names, their order and their search as the alphabet has them: letter by letter from a table, and not by
//! the keys that the services keep.

use super::Dice;

const SURNAMES: [&str; 12] = ["Nguyễn", "Trần", "Lê", "Phạm", "Hoàng", "Đặng", "Đỗ", "Võ", "Ngô", "Dương", "Lý", "Ông"];
const MIDDLE: [&str; 9] = ["Thị", "Văn", "Đức", "Ngọc", "Minh", "Bá", "Thuý", "Thị Ánh", ""];
const GIVEN: [&str; 40] = [
    "An", "Ân", "Ẩn", "Ánh", "Bình", "Cường", "Dung", "Dũng", "Đạt", "Đông", "Đức", "Hà", "Hạ", "Hoa", "Hòa", "Hoà", "Hoàng", "Lan", "Lân", "Mai", "Nga", "Oanh", "Ổn", "Phúc",
    "Quý", "Quyên", "Sang", "Sơn", "Thuý", "Thúy", "Tú", "Tư", "Từ", "Uyên", "Ước", "Vân", "Văn", "Xuân", "Ý", "Yến",
];
/// Names that are not made of these parts.
const OTHERS: [&str; 4] = ["王小明", "李华", "H'Hen Niê", "Sùng"];

/// Each vowel with its tones in the order of the dictionary: ngang, huyền, hỏi, ngã, sắc, nặng.
const VOWELS: [&str; 12] = ["aàảãáạ", "ăằẳẵắặ", "âầẩẫấậ", "eèẻẽéẹ", "êềểễếệ", "iìỉĩíị", "oòỏõóọ", "ôồổỗốộ", "ơờởỡớợ", "uùủũúụ", "ưừửữứự", "yỳỷỹýỵ"];
/// The letters in their order; what comes before the letters comes first.
const ALPHABET: &str = " 'aăâbcdđeêfghijklmnoôơpqrstuưvwxyz";

/// The place of a name in a class list: by given name, then by the rest, letters before tones.
pub type Order = (Vec<usize>, Vec<usize>, Vec<usize>, Vec<usize>);

/// A person's name; every one of them is often given twice.
pub fn random(dice: &mut Dice) -> String {
    if dice.chance(2) {
        return dice.pick(&OTHERS).to_owned();
    }
    [dice.pick(&SURNAMES), dice.pick(&MIDDLE), dice.pick(&GIVEN)].join(" ").replace("  ", " ")
}

/// A letter without its tone, and the tone.
fn split(letter: char) -> (char, usize) {
    let found = VOWELS.iter().find_map(|tones| Some((tones.chars().next()?, tones.chars().position(|toned| toned == letter)?)));
    found.unwrap_or((letter, 0))
}

/// A letter as it is typed without accents.
fn plain(letter: char) -> char {
    match split(letter).0 {
        'ă' | 'â' => 'a',
        'đ' => 'd',
        'ê' => 'e',
        'ô' | 'ơ' => 'o',
        'ư' => 'u',
        letter => letter,
    }
}

pub fn order(name: &str) -> Order {
    let name = name.to_lowercase();
    let (rest, given) = name.rsplit_once(' ').unwrap_or(("", &name));
    let letter = |letter: char| ALPHABET.chars().position(|known| known == split(letter).0).unwrap_or(letter as usize);
    let letters = |words: &str| words.chars().map(letter).collect();
    let tones = |words: &str| words.split_whitespace().map(|word| word.chars().map(|letter| split(letter).1).max().unwrap_or(0)).collect();
    (letters(given), tones(given), letters(rest), tones(rest))
}

/// A name as it is searched.
pub fn unaccented(name: &str) -> String {
    name.to_lowercase().chars().map(plain).collect()
}

/// Whether a name that was made [`unaccented`] has every one of these words in it.
pub fn has_words(unaccented_name: &str, words: &str) -> bool {
    unaccented(words).split_whitespace().all(|word| unaccented_name.contains(word))
}

/// One or two words of a name, as somebody in a hurry would type them.
pub fn searched(dice: &mut Dice, name: &str) -> String {
    let words: Vec<&str> = name.split_whitespace().collect();
    let count = 1 + dice.below(2);
    let typed: Vec<String> = dice.some(&words, count).into_iter().map(|word| typed(dice, word)).collect();
    typed.join(" ")
}

fn typed(dice: &mut Dice, word: &str) -> String {
    match dice.below(4) {
        0 => word.to_owned(),
        1 => word.to_uppercase(),
        2 => unaccented(word),
        _ => word.chars().take(2).collect(),
    }
}
