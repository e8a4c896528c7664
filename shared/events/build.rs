//! Compiles the contracts in `/proto` to Rust types and to a descriptor set, without `protoc`.

use std::{env, error::Error, fs, path::Path};

const FILES: [&str; 4] = ["envelope.proto", "identity.proto", "personnel.proto", "students.proto"];

fn main() -> Result<(), Box<dyn Error>> {
    let folder = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../../proto");
    println!("cargo:rerun-if-changed={}", folder.display());
    let mut compiler = protox::Compiler::new([&folder])?;
    compiler.include_source_info(true).open_files(FILES)?;
    let descriptors = compiler.encode_file_descriptor_set();
    fs::write(Path::new(&env::var("OUT_DIR")?).join("contracts.bin"), descriptors)?;
    prost_build::Config::new().compile_fds(compiler.file_descriptor_set())?;
    Ok(())
}
