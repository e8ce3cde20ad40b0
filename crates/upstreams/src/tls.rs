//! TLS: rustls with ring's cryptography.

/// Makes ring the crypto provider of rustls in this process, unless another was chosen before. The clients of
/// this crate call it themselves; call it before you create your own `reqwest::Client` in the same program,
/// because reqwest has no provider built in here.
pub fn install_crypto_provider() {
    // An error means that one was already chosen.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
