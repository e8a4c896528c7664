//! The state of the records themselves, as they are now: which fields schools have filled in (tình hình cập nhật hồ sơ,
//! 信息完整度; S1-007, S2-007), and whose identity has been checked against the population database (xác thực định danh cá
//! nhân, 身份核验; S2-004, S2-006).
//!
//! A record is counted under several items, kept like headcounts ([`crate::sums`]): itself, its identity status, each field
//! that is missing. [`model`] names the fields and does the arithmetic, [`store`] reads the items of a unit and of those
//! below it.

pub mod api;
pub mod model;
pub mod store;
mod view;
