//! Style sheet and script, in the binary. Their addresses contain a digest of their content, so that browsers
//! keep them for ever.

use std::{fmt::Write as _, sync::LazyLock};

use actix_web::{
    HttpResponse,
    http::header::{CACHE_CONTROL, CONTENT_TYPE},
    web::Path,
};
use sha2::{Digest as _, Sha256};

use crate::failure::Failure;

/// Bytes of the digest in an address: enough to tell two versions apart.
const DIGEST_BYTES: usize = 8;

/// A file in the binary.
struct Asset {
    stem: &'static str,
    extension: &'static str,
    content_type: &'static str,
    content: &'static str,
}

static STYLE: Asset = Asset {
    stem: "console",
    extension: "css",
    content_type: "text/css; charset=utf-8",
    content: include_str!("../assets/console.css"),
};
static SCRIPT: Asset = Asset {
    stem: "console",
    extension: "js",
    content_type: "text/javascript; charset=utf-8",
    content: include_str!("../assets/console.js"),
};

static STYLE_NAME: LazyLock<String> = LazyLock::new(|| STYLE.name());
static SCRIPT_NAME: LazyLock<String> = LazyLock::new(|| SCRIPT.name());

impl Asset {
    fn name(&self) -> String {
        let mut name = format!("{}-", self.stem);
        for byte in Sha256::digest(self.content).iter().take(DIGEST_BYTES) {
            // Writing to a text cannot fail.
            let _always = write!(name, "{byte:02x}");
        }
        format!("{name}.{}", self.extension)
    }
}

/// Address of the style sheet.
pub(crate) fn style() -> String {
    format!("{}/assets/{}", crate::ROOT, *STYLE_NAME)
}

/// Address of the script.
pub(crate) fn script() -> String {
    format!("{}/assets/{}", crate::ROOT, *SCRIPT_NAME)
}

/// `GET /app/assets/{name}`.
pub(crate) async fn handler(name: Path<String>) -> Result<HttpResponse, Failure> {
    let asset = match name.as_str() {
        name if name == *STYLE_NAME => &STYLE,
        name if name == *SCRIPT_NAME => &SCRIPT,
        _ => return Err(Failure::NoSuchPage),
    };
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, asset.content_type))
        .insert_header((CACHE_CONTROL, "public, max-age=31536000, immutable"))
        .body(asset.content))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_has_at_most_eight_kilobytes() {
        assert!(SCRIPT.content.len() <= 8 * 1024, "{} bytes", SCRIPT.content.len());
    }
}
