//! States and territories, by their codes.

/// The codes of the old API (legacy contract §1, enums): 50 states, DC, territories, and `FD` for
/// federal.
const CODES: &str = "AL AK AZ AR CA CO CT DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS \
    MO MT NE NV NH NJ NM NY NC ND OH OK OR PA RI SC SD TN TX UT VT VA WA WV WI WY DC AS FM GU MH MP \
    PW PR VI FD";

/// Whether the text is a code, in capitals.
///
/// ```
/// use winserve_domain::base::state::is_code;
/// assert!(is_code("MI") && !is_code("mi") && !is_code("MI MN"));
/// ```
#[must_use]
pub fn is_code(text: &str) -> bool {
    codes().any(|code| code == text)
}

/// Every code.
pub fn codes() -> impl Iterator<Item = &'static str> {
    CODES.split(' ')
}
