//! Where somebody goes on to who signed in: a page of this server, whatever the address said.

/// Longer addresses are not kept.
const MAX_BYTES: usize = 2_000;

/// The page that was asked for, if it is one of this server; else the first one. What it may consist of stands for
/// itself in a page and in an address.
pub(super) fn page(asked: Option<&str>) -> &str {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/_-.~?&=%#:,+@!".contains(&byte);
    let is_ours = |page: &&str| {
        let rest = page.strip_prefix('/').filter(|rest| !rest.starts_with('/') && !rest.starts_with("auth/"));
        page.len() <= MAX_BYTES && rest.is_some() && page.bytes().all(is_plain)
    };
    asked.filter(is_ours).unwrap_or("/")
}

/// A page that moves on to one that [`page`] let through.
pub(super) fn moving_on(page: &str) -> String {
    let page = page.replace('&', "&amp;");
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<meta http-equiv=\"refresh\" content=\"0; \
         url={page}\">\n<title>Signed in</title>\n<p>You are signed in. <a href=\"{page}\">Go on</a>.</p>\n</html>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_this_server_are_gone_on_to() {
        for fine in ["/", "/sessions/s-1?at=3&file=a%20b#x", "/compare?sessions=a,b", "/x//y"] {
            assert_eq!(page(Some(fine)), fine);
        }
        assert_eq!(page(None), "/");
        assert!(moving_on("/a?b=1&c=2").contains("url=/a?b=1&amp;c=2\""));
    }

    #[test]
    fn no_address_leads_elsewhere_or_gets_out_of_the_page() {
        for odd in [
            "",
            "x",
            "//evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "https://evil.example",
            "javascript:alert(1)",
            "/\t/evil.example",
            "/\"><script>",
            "/'x",
            "/a b",
            "/ä",
            "/a;url=//evil.example",
            "/auth/oidc/begin",
            &format!("/{}", "x".repeat(MAX_BYTES)),
        ] {
            assert_eq!(page(Some(odd)), "/", "{odd}");
        }
    }
}
