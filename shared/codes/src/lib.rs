//! Code lists (danh mục, 代码表): the built-in ones, read from `data/`, and types for fields that hold one of their
//! codes.
//!
//! A code means nothing alone: area codes were given to other places in 2025, and two official lists of ethnic groups
//! agree on 17 codes of 54. A value is therefore `scheme/version/code`, such as `vn-ethnic/2008/01`, everywhere it is
//! stored or sent.

pub mod coded;
mod data;
pub mod fields;
pub mod identifier;
mod list;

pub use coded::{CodeError, CodedValue};
pub use list::{CodeList, Entry, Version, list, lists};
