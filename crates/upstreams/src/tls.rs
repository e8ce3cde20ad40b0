//! TLS: rustls, with the primitives of ring.

/// Makes ring the primitives of rustls in this process, unless others were chosen before. The
/// clients of this crate do so themselves; whoever makes a `reqwest::Client` of their own in the
/// same program calls it first, for reqwest has none built in here.
pub fn install_crypto_provider() {
    // An error says that somebody chose already.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
