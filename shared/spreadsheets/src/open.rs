//! What a file is, and whether it is safe to hand to a parser.
//!
//! A workbook is a zip archive of XML parts, and a parser trusts what these declare. Before one sees the file, every
//! part is unpacked once to nowhere, bounded by what is really read: sizes that are declared prove nothing.

use std::io::{self, Cursor, Read};

use zip::ZipArchive;
use zip::result::ZipError;

use crate::file_error::{FileError, LooksLike};

const MIB: u64 = 1024 * 1024;

/// The most parts of a workbook; one of thirty sheets with pictures has some hundred.
pub const MAX_PARTS: usize = 2_000;

/// The most bytes of the texts that a workbook's cells share. They are held in memory while it is read.
pub const MAX_SHARED_TEXT_BYTES: u64 = 96 * MIB;

/// The most bytes of a part that is neither a sheet nor shared texts: styles and the like, held in memory.
pub const MAX_OTHER_PART_BYTES: u64 = 8 * MIB;

/// How many times its packed size a part of more than [`RATIO_FREE_BYTES`] may have. XML of sheets reaches about 100.
pub const MAX_RATIO: u64 = 300;

/// Parts up to this many bytes may be packed as tightly as they like.
pub const RATIO_FREE_BYTES: u64 = 4 * MIB;

/// How large a file may be.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The bytes of the file.
    pub file_bytes: u64,
    /// The bytes of a workbook's parts, unpacked and together.
    pub unpacked_bytes: u64,
    /// The rows of data that are not empty, in all sheets together.
    pub rows: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { file_bytes: 50 * MIB, unpacked_bytes: 384 * MIB, rows: 200_000 }
    }
}

/// What a file that may be read is.
#[derive(Debug)]
pub(crate) enum Content<'a> {
    /// A workbook of Excel.
    Workbook,
    /// Text, without a byte order mark.
    Text(&'a str),
}

/// What the file is, if it is safe to read.
pub(crate) fn inspect<'a>(bytes: &'a [u8], limits: &Limits) -> Result<Content<'a>, FileError> {
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > limits.file_bytes {
        return Err(FileError::TooLarge(limits.file_bytes));
    }
    if bytes.starts_with(b"PK") {
        check_archive(bytes, limits)?;
        return Ok(Content::Workbook);
    }
    if bytes.starts_with(b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1") {
        return Err(compound_file(bytes));
    }
    text(bytes).map(Content::Text)
}

/// The container of Office before 2007, and of encrypted files since. Its directory has names in UTF-16.
fn compound_file(bytes: &[u8]) -> FileError {
    let holds = |name: &str| {
        let name: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
        bytes.windows(name.len()).any(|window| window == name)
    };
    if holds("EncryptedPackage") {
        FileError::Encrypted
    } else if holds("WordDocument") {
        FileError::NotASpreadsheet(LooksLike::Document)
    } else if holds("PowerPoint Document") {
        FileError::NotASpreadsheet(LooksLike::Slides)
    } else if holds("Workbook") || holds("Book") {
        FileError::NotASpreadsheet(LooksLike::Xls)
    } else {
        FileError::NotASpreadsheet(LooksLike::Unknown)
    }
}

fn text(bytes: &[u8]) -> Result<&str, FileError> {
    /// Whether a file is text can be told from so many of its first bytes.
    const LOOKED_AT_BYTES: usize = 8 * 1024;
    let start = bytes.get(..LOOKED_AT_BYTES).unwrap_or(bytes);
    let markup = String::from_utf8_lossy(start.trim_ascii_start()).trim_start_matches('\u{feff}').trim_start().to_ascii_lowercase();
    let looks_like = match start {
        [] => LooksLike::Empty,
        _ if start.starts_with(b"%PDF") => LooksLike::Pdf,
        _ if start.starts_with(b"{\\rtf") => LooksLike::Document,
        _ if start.starts_with(b"\x89PNG") || start.starts_with(b"\xFF\xD8\xFF") || start.starts_with(b"GIF8") => LooksLike::Picture,
        _ if ["<!doctype", "<html", "<table", "<?xml"].iter().any(|tag| markup.starts_with(tag)) => LooksLike::WebPage,
        _ if start.starts_with(b"\xFF\xFE") || start.starts_with(b"\xFE\xFF") => return Err(FileError::NotUtf8),
        _ if bytes.iter().any(|byte| matches!(byte, 0..=8 | 14..=26 | 28..=31)) => LooksLike::Unknown,
        _ => {
            let text = str::from_utf8(bytes).map_err(|_| FileError::NotUtf8)?;
            return Ok(text.strip_prefix('\u{feff}').unwrap_or(text));
        }
    };
    Err(FileError::NotASpreadsheet(looks_like))
}

fn check_archive(bytes: &[u8], limits: &Limits) -> Result<(), FileError> {
    // The directory is counted before it is read, which takes memory for every entry.
    if bytes.windows(4).filter(|window| window == b"PK\x01\x02").count() > MAX_PARTS {
        return Err(FileError::ZipBomb);
    }
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|_| FileError::Damaged)?;
    if archive.has_duplicate_names() {
        return Err(FileError::Damaged);
    }
    let names: Vec<String> = archive.file_names_raw().map(|name| String::from_utf8_lossy(name).replace('\\', "/").to_ascii_lowercase()).collect();
    check_names(&names)?;
    let declared = (0..archive.len()).filter_map(|index| archive.by_index_data(index).ok()).map(|part| part.size());
    if declared.fold(0, u64::saturating_add) > limits.unpacked_bytes {
        return Err(FileError::ZipBomb);
    }
    let mut left = limits.unpacked_bytes;
    for (index, name) in names.iter().enumerate() {
        let part = archive.by_index(index).map_err(archive_error)?;
        left -= check_part(part, name, left)?;
    }
    Ok(())
}

fn check_names(names: &[String]) -> Result<(), FileError> {
    let holds = |part: &str| names.iter().any(|name| name.contains(part));
    if holds("vbaproject.bin") || holds("/macrosheets/") {
        Err(FileError::Macros)
    } else if holds("/externallinks/") || holds("xl/connections.xml") {
        Err(FileError::ExternalLinks)
    } else if holds("xl/workbook.bin") {
        Err(FileError::NotASpreadsheet(LooksLike::Xlsb))
    } else if holds("word/document.xml") {
        Err(FileError::NotASpreadsheet(LooksLike::Document))
    } else if holds("ppt/presentation.xml") {
        Err(FileError::NotASpreadsheet(LooksLike::Slides))
    } else if holds("meta-inf/manifest.xml") && holds("content.xml") {
        Err(FileError::NotASpreadsheet(LooksLike::Ods))
    } else if !holds("xl/") || !holds("_rels/.rels") {
        Err(FileError::NotASpreadsheet(LooksLike::Archive))
    } else {
        Ok(())
    }
}

/// Unpacks a part and gives its size, at most `left`. Reading to the end also compares its checksum.
fn check_part<R: Read>(mut part: zip::read::ZipFile<'_, R>, name: &str, left: u64) -> Result<u64, FileError> {
    let is_sheet = name.contains("worksheets/sheet") && name.ends_with(".xml");
    let is_shared_text = name.ends_with("sharedstrings.xml");
    let most = match () {
        () if is_sheet || name.contains("/media/") => left,
        () if is_shared_text => left.min(MAX_SHARED_TEXT_BYTES),
        () => left.min(MAX_OTHER_PART_BYTES),
    };
    let packed = part.compressed_size().max(1);
    let mut bounded = part.by_ref().take(most + 1);
    let mut kept = Vec::new();
    let size = if is_shared_text || name == "_rels/.rels" {
        bounded.read_to_end(&mut kept).map(|size| u64::try_from(size).unwrap_or(u64::MAX))
    } else {
        io::copy(&mut bounded, &mut io::sink())
    };
    let size = size.map_err(|_| FileError::Damaged)?;
    if size > most || (size > RATIO_FREE_BYTES && size / packed > MAX_RATIO) {
        return Err(FileError::ZipBomb);
    }
    let trusted = match name {
        // A sheet that is declared to be the workbook would escape the limit of its size.
        "_rels/.rels" => !contains(&kept, b"worksheets") && !kept.contains(&b'&'),
        _ if is_shared_text => has_credible_count(&kept),
        _ => true,
    };
    if trusted { Ok(size) } else { Err(FileError::Damaged) }
}

/// Whether shared texts declare no more texts than they have bytes: the parser reserves memory for that many.
fn has_credible_count(part: &[u8]) -> bool {
    let head = part.windows(3).position(|window| window == b"<si").and_then(|end| part.get(..end)).unwrap_or(part);
    if head.contains(&0) {
        return false;
    }
    let head = String::from_utf8_lossy(head);
    head.split("uniqueCount").skip(1).all(|declared| {
        let digits = declared.trim_start().trim_start_matches('=').trim_start().trim_start_matches(['"', '\'']);
        let end = digits.find(['"', '\'']).unwrap_or(digits.len());
        digits.get(..end).and_then(|digits| digits.trim().parse::<usize>().ok()).is_some_and(|count| count <= part.len())
    })
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

fn archive_error(error: ZipError) -> FileError {
    match error {
        ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED) | ZipError::InvalidPassword => FileError::Encrypted,
        _ => FileError::Damaged,
    }
}

#[cfg(test)]
mod tests;
