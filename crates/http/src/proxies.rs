//! Which proxies may say on whose behalf they ask.

use std::{net::SocketAddr, sync::Arc};

use ipnet::IpNet;

/// Proxies whose `Forwarded` and `X-Forwarded-…` headers count. Whoever else sends one made it up.
#[derive(Debug, Clone, Default)]
pub struct TrustedProxies(Arc<[IpNet]>);

impl TrustedProxies {
    /// Those with an address in one of the networks.
    #[must_use]
    pub fn new(networks: &[IpNet]) -> Self {
        Self(networks.into())
    }

    /// Whether the other end of a connection is one of them.
    pub(crate) fn trust(&self, peer: Option<SocketAddr>) -> bool {
        peer.is_some_and(|peer| {
            let peer = peer.ip().to_canonical();
            self.0.iter().any(|network| network.contains(&peer))
        })
    }
}
