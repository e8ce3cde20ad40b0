//! Which proxies are trusted to forward requests.

use std::{net::SocketAddr, sync::Arc};

use ipnet::IpNet;

/// Proxies whose `Forwarded` and `X-Forwarded-…` headers are trusted. Anybody else could forge them.
#[derive(Debug, Clone, Default)]
pub struct TrustedProxies(Arc<[IpNet]>);

impl TrustedProxies {
    /// Proxies with an address in one of the networks.
    #[must_use]
    pub fn new(networks: &[IpNet]) -> Self {
        Self(networks.into())
    }

    /// Whether the peer of a connection is one of them.
    pub(crate) fn trust(&self, peer: Option<SocketAddr>) -> bool {
        peer.is_some_and(|peer| {
            let peer = peer.ip().to_canonical();
            self.0.iter().any(|network| network.contains(&peer))
        })
    }
}
