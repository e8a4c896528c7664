//! The contracts in `/proto` as Rust types, and the check that they only grow.

mod breaking;

pub use breaking::breaking_changes;

/// Whole events.
pub mod envelope {
    #![allow(clippy::all)]
    include!(concat!(env!("OUT_DIR"), "/registrar.envelope.v1.rs"));
}

/// What identity publishes.
pub mod identity {
    #![allow(clippy::all)]
    include!(concat!(env!("OUT_DIR"), "/registrar.identity.v1.rs"));
}

/// What personnel publishes.
pub mod personnel {
    #![allow(clippy::all)]
    include!(concat!(env!("OUT_DIR"), "/registrar.personnel.v1.rs"));
}

/// What students publishes.
pub mod students {
    #![allow(clippy::all)]
    include!(concat!(env!("OUT_DIR"), "/registrar.students.v1.rs"));
}

/// All contracts with their comments, as an encoded `FileDescriptorSet`: what a release keeps, for
/// [`breaking_changes`] and for other vendors' tools.
#[must_use]
pub fn descriptor_set() -> Vec<u8> {
    include_bytes!(concat!(env!("OUT_DIR"), "/contracts.bin")).to_vec()
}
