use std::io::Write;

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::*;

fn archive(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in parts {
        writer.start_file(*name, SimpleFileOptions::default().compression_method(CompressionMethod::Deflated)).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn workbook(parts: &[(&str, &[u8])]) -> Vec<u8> {
    archive(&[&[("_rels/.rels", b"<a/>".as_slice()), ("xl/workbook.xml", b"<a/>")], parts].concat())
}

fn refusal(bytes: &[u8]) -> FileError {
    inspect(bytes, &Limits::default()).unwrap_err()
}

fn compound(name: &str) -> Vec<u8> {
    let mut bytes = b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1".to_vec();
    bytes.extend(name.encode_utf16().flat_map(u16::to_le_bytes));
    bytes
}

/// S4-161: what is no spreadsheet is refused with what it is.
#[test]
fn other_files_are_recognised() {
    for (bytes, looks_like) in [
        (Vec::new(), LooksLike::Empty),
        (b"%PDF-1.7 ...".to_vec(), LooksLike::Pdf),
        (b"{\\rtf1 ...".to_vec(), LooksLike::Document),
        (b"\x89PNG\r\n\x1a\n".to_vec(), LooksLike::Picture),
        (b"\xEF\xBB\xBF <HTML><table>".to_vec(), LooksLike::WebPage),
        (b"a\0b".to_vec(), LooksLike::Unknown),
        (compound("WordDocument"), LooksLike::Document),
        (compound("Workbook"), LooksLike::Xls),
        (archive(&[("mimetype", b""), ("content.xml", b""), ("META-INF/manifest.xml", b"")]), LooksLike::Ods),
        (archive(&[("word/document.xml", b"")]), LooksLike::Document),
        (archive(&[("ppt/presentation.xml", b"")]), LooksLike::Slides),
        (archive(&[("xl/workbook.bin", b"")]), LooksLike::Xlsb),
        (archive(&[("readme.txt", b"")]), LooksLike::Archive),
    ] {
        assert_eq!(refusal(&bytes), FileError::NotASpreadsheet(looks_like));
    }
}

#[test]
fn what_is_not_safe_is_refused() {
    assert_eq!(refusal(&compound("EncryptedPackage")), FileError::Encrypted);
    assert_eq!(refusal(&workbook(&[("xl/vbaProject.bin", b"")])), FileError::Macros);
    assert_eq!(refusal(&workbook(&[("xl/macrosheets/sheet1.xml", b"")])), FileError::Macros);
    assert_eq!(refusal(&workbook(&[("xl/externalLinks/externalLink1.xml", b"")])), FileError::ExternalLinks);
    let good = workbook(&[]);
    assert!(matches!(inspect(&good, &Limits::default()), Ok(Content::Workbook)));
    assert_eq!(refusal(&good[..good.len() - 30]), FileError::Damaged);
    let mut altered = workbook(&[("xl/a.xml", &[7; 5000])]);
    altered[170] ^= 0xFF;
    assert_eq!(refusal(&altered), FileError::Damaged);
}

#[test]
fn what_unpacks_to_too_much_is_refused() {
    let megabytes = |count: usize| vec![b' '; count * 1024 * 1024];
    assert_eq!(refusal(&workbook(&[("xl/worksheets/sheet1.xml", &megabytes(16))])), FileError::ZipBomb, "by its ratio");
    assert_eq!(refusal(&workbook(&[("xl/styles.xml", &megabytes(9))])), FileError::ZipBomb, "by its part");
    let limits = Limits { unpacked_bytes: 3 * 1024 * 1024, ..Limits::default() };
    let large = workbook(&[("xl/worksheets/sheet1.xml", &megabytes(2)), ("xl/worksheets/sheet2.xml", &megabytes(2))]);
    assert_eq!(inspect(&large, &limits).unwrap_err(), FileError::ZipBomb, "by the declared sum");
    let many: Vec<_> = (0..=MAX_PARTS).map(|n| format!("xl/{n}")).collect();
    let many: Vec<_> = many.iter().map(|name| (name.as_str(), b"".as_slice())).collect();
    assert_eq!(refusal(&workbook(&many)), FileError::ZipBomb, "by its parts");
    let limits = Limits { file_bytes: 3, ..Limits::default() };
    assert_eq!(inspect(b"a,b,c", &limits).unwrap_err(), FileError::TooLarge(3));
}

#[test]
fn a_size_that_is_not_the_real_one_is_refused() {
    let mut lying = workbook(&[("xl/worksheets/sheet1.xml", &vec![b' '; 3 * 1024 * 1024])]);
    let declared = (3_u32 * 1024 * 1024).to_le_bytes();
    while let Some(at) = lying.windows(4).position(|window| window == declared) {
        lying[at..at + 4].copy_from_slice(&10_u32.to_le_bytes());
    }
    let limits = Limits { unpacked_bytes: 1024 * 1024, ..Limits::default() };
    assert!(matches!(inspect(&lying, &limits).unwrap_err(), FileError::ZipBomb | FileError::Damaged));
}

#[test]
fn shared_texts_declare_no_more_than_there_can_be() {
    for part in ["<sst uniqueCount=\"99999999999\"><si/></sst>", "<sst uniqueCount = '5000'>", "<sst uniqueCount=x>"] {
        assert_eq!(refusal(&workbook(&[("xl/sharedStrings.xml", part.as_bytes())])), FileError::Damaged, "{part}");
    }
    let good = "<sst count=\"2\" uniqueCount=\"1\"><si><t>uniqueCount</t></si></sst>";
    assert!(inspect(&workbook(&[("xl/sharedStrings.xml", good.as_bytes())]), &Limits::default()).is_ok());
}

#[test]
fn csv_is_utf8() {
    assert!(matches!(inspect("\u{feff}tên,lớp".as_bytes(), &Limits::default()), Ok(Content::Text("tên,lớp"))));
    assert_eq!(refusal(b"\xFF\xFEt\0"), FileError::NotUtf8);
    assert_eq!(refusal(b"\xD0\xD5\xC3\xFB,\xB0\xE0"), FileError::NotUtf8);
}
