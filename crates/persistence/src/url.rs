//! Parameters added to the database URL for libpq.

/// Adds parameters that the URL does not set.
fn with_defaults(url: &str, defaults: &[(&str, &str)]) -> String {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let is_set = |name| query.split('&').any(|it| it.split('=').next() == Some(name));
    defaults.iter().filter(|(name, _)| !is_set(*name)).fold(url.to_owned(), |url, (name, value)| {
        let separator = if url.contains('?') { '&' } else { '?' };
        format!("{url}{separator}{name}={value}")
    })
}

/// Makes libpq notice a server that hangs or is gone: unacknowledged data for this many
/// milliseconds, or silence for this many seconds.
const LIVENESS: [(&str, &str); 4] = [
    ("tcp_user_timeout", "4000"),
    ("keepalives_idle", "30"),
    ("keepalives_interval", "10"),
    ("keepalives_count", "3"),
];

/// Adds limits that the URL does not set: the connection timeout per host, and the detection of a
/// dead server.
pub(crate) fn with_limits(url: &str, connect_timeout: &str) -> String {
    with_defaults(&with_defaults(url, &[("connect_timeout", connect_timeout)]), &LIVENESS)
}

#[cfg(test)]
mod tests {
    use super::{with_defaults, with_limits};

    const DEFAULTS: [(&str, &str); 2] = [("connect_timeout", "2"), ("keepalives_idle", "30")];

    #[test]
    fn a_server_that_is_gone_is_noticed_by_every_connection() {
        assert_eq!(
            with_limits("postgresql://h/x?tcp_user_timeout=9", "2"),
            "postgresql://h/x?tcp_user_timeout=9&connect_timeout=2&keepalives_idle=30\
             &keepalives_interval=10&keepalives_count=3"
        );
    }

    #[test]
    fn what_the_url_sets_stays_and_the_rest_is_added() {
        for (url, expected) in [
            ("postgresql://h1,h2/x", "postgresql://h1,h2/x?connect_timeout=2&keepalives_idle=30"),
            (
                "postgresql://h/x?connect_timeout=9",
                "postgresql://h/x?connect_timeout=9&keepalives_idle=30",
            ),
            (
                "postgresql://connect_timeout@h/x?a=b",
                "postgresql://connect_timeout@h/x?a=b&connect_timeout=2&keepalives_idle=30",
            ),
        ] {
            assert_eq!(with_defaults(url, &DEFAULTS), expected);
        }
    }
}
