//! Numbers by which institutions know a person or a school.

use chrono::NaiveDate;
use registrar_domain::{Code, ShortText};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::fields::IdentifierType;

/// A number somebody gave to a person (mã định danh, số giấy tờ; 证件号码; rules 2.2). Its parts mean nothing any more:
/// districts were abolished and provinces merged, so the value is opaque text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Identifier {
    /// Which kind of number it is.
    pub kind: IdentifierType,
    /// The number.
    pub value: Code,
    /// Who gave it (nơi cấp, 签发机关).
    pub issuer: Option<ShortText>,
    /// The first day on which it is valid (ngày cấp).
    pub valid_from: Option<NaiveDate>,
    /// The last day on which it is valid; not before the first.
    pub valid_to: Option<NaiveDate>,
}
