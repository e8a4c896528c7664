//! Where the repository is.

use std::path::{Path, PathBuf};

/// The repository's root: the folder above this package's.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new(".")).to_owned()
}
