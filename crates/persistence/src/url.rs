//! What is added to the URL of a database, which is libpq's to read.

/// Adds parameters that the URL does not set itself.
pub(crate) fn with_defaults(url: &str, defaults: &[(&str, &str)]) -> String {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let is_set = |name| query.split('&').any(|it| it.split('=').next() == Some(name));
    defaults.iter().filter(|(name, _)| !is_set(*name)).fold(url.to_owned(), |url, (name, value)| {
        let separator = if url.contains('?') { '&' } else { '?' };
        format!("{url}{separator}{name}={value}")
    })
}

#[cfg(test)]
mod tests {
    use super::with_defaults;

    const DEFAULTS: [(&str, &str); 2] = [("connect_timeout", "2"), ("keepalives_idle", "30")];

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
