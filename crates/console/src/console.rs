//! Where the console is, and its settings.

use url::Url;

/// Where the console is mounted.
pub(crate) const ROOT: &str = "/app";

/// The console's settings.
#[derive(Debug, Clone)]
pub struct Console {
    /// Where a signed-out visitor goes, with the way back in the parameter `redirect_url`; without it, a
    /// page says that they have to sign in.
    pub sign_in_url: Option<Url>,
    /// Where a visitor signs out, with the same parameter; without it, no page offers that.
    pub sign_out_url: Option<Url>,
}
