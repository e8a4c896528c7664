//! Whether a personal number has been checked against the national population database.

crate::text_enum! {
    /// Whether the personal number agrees with the national population database (xác thực định danh cá nhân với CSDLQG về
    /// dân cư, 身份认证; S2-004, S2-006, rules 2.1).
    IdentityStatus {
        /// Not checked, or changed since (chưa xác thực).
        Unverified = "unverified",
        /// Agrees (đã xác thực).
        Verified = "verified",
        /// The database says something else (không khớp).
        Mismatch = "mismatch",
    }
}
