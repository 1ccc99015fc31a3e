//! Where webhooks may lead. An address that a reviewer types must not reach what only this machine or its network reaches:
//! metadata services, databases, the server itself.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

/// Why an address is refused, in a word and a sentence.
pub type Refused = (&'static str, &'static str);

const PRIVATE: Refused = ("private_address", "must not be an address of a private network or of this machine");

/// Checks an address as it was typed: whole, by HTTPS, without credentials, and where it has an IP address, a public one.
/// Names are resolved when there is something to tell, each time anew.
///
/// # Errors
/// Why it is refused.
pub fn check(url: &str, allow_private: bool) -> Result<Url, Refused> {
    let invalid = ("invalid_url", "must be an absolute https URL");
    // `url` mends missing and doubled slashes, as browsers do; what was typed is to be what is meant.
    if url.split_once("://").is_none_or(|(_, rest)| rest.starts_with(['/', '\\'])) {
        return Err(invalid);
    }
    let parsed = Url::parse(url).map_err(|_| invalid)?;
    let by_http = parsed.scheme() == "http" && allow_private;
    if !(parsed.scheme() == "https" || by_http) || url.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(invalid);
    }
    if !parsed.username().is_empty() || parsed.password().is_some() {
        return Err(("invalid_url", "must hold no user and no password"));
    }
    let is_private = match parsed.host() {
        None => return Err(invalid),
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            name == "localhost" || name.ends_with(".localhost")
        }
        Some(Host::Ipv4(address)) => !is_public(IpAddr::V4(address)),
        Some(Host::Ipv6(address)) => !is_public(IpAddr::V6(address)),
    };
    if is_private && !allow_private { Err(PRIVATE) } else { Ok(parsed) }
}

/// Whether an address is one of the open Internet (the special-purpose registries of RFC 6890).
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let is_special = match (a, b, c) {
        // This network, private use, loopback, link-local, multicast and all that is reserved beyond.
        (0 | 10 | 127 | 224.., ..) | (169, 254, _) | (172, 16..=31, _) | (192, 168, _) => true,
        // Behind carriers, protocol assignments, documentation, 6to4 relays, benchmarks.
        (100, 64..=127, _) | (192, 0, 0 | 2) | (192, 88, 99) | (198, 18 | 19, _) => true,
        (198, 51, 100) | (203, 0, 113) => true,
        _ => false,
    };
    !is_special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, c, d, e, f, g, h] = address.segments();
    let embedded = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match (a, b, c, d, e, f) {
        // An IPv4 address in another dress: mapped, by NAT64, by 6to4.
        (0, 0, 0, 0, 0, 0xffff) | (0x64, 0xff9b, 0, 0, 0, 0) => embedded(g, h),
        (0x2002, ..) => embedded(b, c),
        // Teredo, benchmarks, ORCHID and documentation.
        (0x2001, 0..=0x1ff | 0xdb8, ..) | (0x3fff, 0..=0xfff, ..) => false,
        // Nothing else than 2000::/3 is given out.
        (0x2000..=0x3fff, ..) => true,
        _ => false,
    }
}

/// Resolves names, and answers public addresses only.
#[derive(Debug, Clone, Copy)]
pub(super) struct Resolver {
    pub(super) allow_private: bool,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let allow_private = self.allow_private;
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let allowed: Vec<_> =
                found.into_iter().filter(|address| allow_private || is_public(address.ip())).collect();
            if allowed.is_empty() {
                return Err("the name leads to no public address".into());
            }
            let addresses: Addrs = Box::new(allowed.into_iter());
            Ok(addresses)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_private_networks_are_told_from_public_ones() {
        let private = [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "192.0.2.1",
            "198.19.0.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "fe80::1",
            "fc00::1",
            "fd12::1",
            "ff02::1",
            "2001:db8::1",
            "::127.0.0.1",
        ];
        for address in private {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
        for address in ["1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "::ffff:1.1.1.1", "2002:101:101::"] {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn an_address_is_refused_for_a_reason() {
        for good in ["https://a.example/hook?x=1", "https://1.1.1.1:8443/", "https://[2606:4700::1111]/"] {
            assert!(check(good, false).is_ok(), "{good}");
        }
        let invalid =
            ["", "a.example", "http://a.example/", "ftp://a.example/", "https://u:p@a.example/", "https:///x"];
        for url in invalid.into_iter().chain(["https://a.example/ x", "https://a.example/\n"]) {
            assert_eq!(check(url, false).unwrap_err().0, "invalid_url", "{url}");
        }
        // However they are written.
        for url in ["https://127.1/", "https://0x7f.1/", "https://2130706433/", "https://[::1]/", "https://localhost./"]
        {
            assert_eq!(check(url, false).unwrap_err().0, "private_address", "{url}");
            assert!(check(url, true).is_ok(), "{url}");
        }
        assert!(check("http://10.0.0.1:81/x", true).is_ok());
    }

    #[tokio::test]
    async fn a_name_that_leads_home_is_not_resolved() {
        let name = || "localhost".parse::<Name>().unwrap();
        assert!(Resolver { allow_private: false }.resolve(name()).await.is_err());
        assert!(Resolver { allow_private: true }.resolve(name()).await.is_ok());
    }
}
