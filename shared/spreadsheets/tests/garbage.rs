//! No file makes the reader panic, whatever happened to it.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, dead_code)]

mod support;

use std::io::{Cursor, Read, Write};

use proptest::prelude::*;
use registrar_domain::Locale;
use registrar_spreadsheets::{Format, template};
use serde_json::json;
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

use support::{columns, export, read};

fn sample(format: Format) -> Vec<u8> {
    let row = json!({"name": "An", "birth_date": "2015-05-03", "gender": "male", "siblings": 2, "boarder": true});
    export(format, Locale::Vi, &vec![row.as_object().unwrap().clone(); 3])
}

/// The parts of a workbook, unpacked.
fn parts(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).unwrap();
    let mut parts = Vec::new();
    for index in 0..archive.len() {
        let mut part = archive.by_index(index).unwrap();
        let mut content = Vec::new();
        part.read_to_end(&mut content).unwrap();
        parts.push((part.name().unwrap().into_owned(), content));
    }
    parts
}

fn packed(parts: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in parts {
        writer.start_file(name.as_str(), SimpleFileOptions::default()).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

#[test]
fn files_that_are_cut_off_are_refused() {
    let bytes = sample(Format::Xlsx);
    for length in (0..bytes.len()).step_by(7) {
        assert!(read(&bytes[..length]).is_err(), "{length}");
    }
    let bytes = sample(Format::Csv);
    for length in 0..bytes.len() {
        drop(read(&bytes[..length]));
    }
}

#[test]
fn references_that_overflow_are_refused() {
    let original = parts(&sample(Format::Xlsx));
    for (from, to) in [
        ("r=\"A2\"", "r=\"A99999999999\""),
        ("r=\"A2\"", "r=\"ZZZZZZZZZ2\""),
        ("r=\"A2\"", "r=\"A0\""),
        ("r=\"A3\"", "r=\"A1\""),
        ("<dimension ref=\"", "<dimension ref=\"B9:A1\" x=\""),
    ] {
        let mut parts = original.clone();
        let sheet = parts.iter_mut().find(|(name, _)| name.ends_with("sheet1.xml")).unwrap();
        let text = String::from_utf8(sheet.1.clone()).unwrap();
        assert!(text.contains(from), "{from}");
        sheet.1 = text.replacen(from, to, 1).into_bytes();
        assert!(matches!(read(&packed(&parts)).map_err(|error| error.code()), Err("unreadable" | "damaged")), "{to}");
    }
}

#[test]
fn the_library_reads_its_own_templates_after_a_mutation_or_refuses_them() {
    let bytes = template(&columns(), Locale::Zh, "x").unwrap();
    for at in (0..bytes.len()).step_by(97) {
        let mut altered = bytes.clone();
        altered[at] = altered[at].wrapping_add(1);
        drop(read(&altered));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn bytes_changed_in_a_workbooks_parts_do_not_panic(part in any::<prop::sample::Index>(), changes in prop::collection::vec((any::<prop::sample::Index>(), prop::sample::select(b"<>/\"'=&;0129AZaz :\0\xFF".to_vec())), 1..6)) {
        let mut parts = parts(&sample(Format::Xlsx));
        let count = parts.len();
        let content = &mut parts[part.index(count)].1;
        for (at, byte) in changes {
            let at = at.index(content.len());
            content[at] = byte;
        }
        drop(read(&packed(&parts)));
    }

    #[test]
    fn bytes_changed_in_a_file_do_not_panic(csv in any::<bool>(), changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        let mut bytes = sample(if csv { Format::Csv } else { Format::Xlsx });
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        drop(read(&bytes));
    }

    #[test]
    fn any_bytes_do_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), zip in any::<bool>()) {
        let bytes = if zip { [b"PK\x03\x04".as_slice(), &bytes].concat() } else { bytes };
        drop(read(&bytes));
    }
}
