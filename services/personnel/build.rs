//! Migrations are part of the binary: built again when one is added, of which the compiler by itself sees nothing.

fn main() {
    println!("cargo:rerun-if-changed=../../migrations/personnel");
}
