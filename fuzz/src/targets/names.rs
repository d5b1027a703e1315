//! Paths, hosts and SPIFFE IDs: one text for each meaning.

use selvedge_model::{CanonicalPath, Host, HostPattern, PathPattern, SpiffeId, TrustDomain};

pub(super) fn path(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Ok(path) = CanonicalPath::parse(&text) {
        let canonical = path.as_str();
        assert_eq!(CanonicalPath::parse(canonical), Ok(path.clone()), "the canonical form is canonical");
        assert!(canonical.starts_with('/') && !canonical.contains("//") && canonical.is_ascii(), "{canonical}");
        assert!(!canonical.split('/').any(|segment| matches!(segment, "." | "..")), "{canonical}");
        assert!(!canonical.contains([';', '\\', '?', '#', '\0', ' ']), "{canonical}");
        if let Ok(pattern) = PathPattern::parse(canonical) {
            assert!(pattern.matches(canonical), "a pattern without a variable covers its own text");
            assert!(pattern.overlaps(&pattern), "and overlaps itself");
        }
    }
    let (left, right) = text.split_once('\n').unwrap_or((&text, "/**"));
    if let (Ok(left), Ok(right)) = (PathPattern::parse(left), PathPattern::parse(right)) {
        assert_eq!(left.overlaps(&right), right.overlaps(&left), "overlap has no direction");
    }
}

pub(super) fn host_pattern(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Ok(host) = Host::parse(&text) {
        assert_eq!(Host::parse(host.as_str()), Ok(host.clone()), "the canonical form is canonical");
        assert!(!host.as_str().bytes().any(|b| b.is_ascii_uppercase()), "{host}");
        assert!(HostPattern::Exact(host.clone()).matches(host.as_str()));
        assert!(HostPattern::Any.overlaps(&HostPattern::Exact(host)));
    }
    if let Ok(pattern) = HostPattern::parse(&text) {
        assert_eq!(HostPattern::parse(&pattern.to_string()), Ok(pattern.clone()), "a pattern is read as it is written");
        assert!(pattern.overlaps(&pattern));
    }
    if let Ok(id) = SpiffeId::parse(&text) {
        assert_eq!(id.as_str(), text, "a SPIFFE ID is never changed");
        let domain = TrustDomain::parse(id.trust_domain()).expect("its trust domain is one");
        if let Ok(kind) = id.kind() {
            assert_eq!(SpiffeId::of(&domain, &kind).as_str(), text, "one shape for each kind");
        }
    }
    let (left, right) = text.split_once('\n').unwrap_or((&text, "*"));
    if let (Ok(left), Ok(right)) = (HostPattern::parse(left), HostPattern::parse(right)) {
        assert_eq!(left.overlaps(&right), right.overlaps(&left), "overlap has no direction");
        if let HostPattern::Exact(host) = &left {
            assert_eq!(right.matches(host.as_str()), right.overlaps(&left), "to cover a host is to overlap it");
        }
    }
}

pub(super) fn paths() -> Vec<Vec<u8>> {
    let texts =
        ["/", "/a/../b", "//a/./%2e%2e/b%41", "/%c3%a9/100%25", "/orders/{id}\n/orders/**", "/a/{b}/c\n/a/b/{c}"];
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

pub(super) fn hosts() -> Vec<Vec<u8>> {
    let texts = [
        "API.example",
        "*.acme.example\napi.acme.example",
        "*",
        "127.0.0.1",
        "[2001:DB8::1]",
        "xn--bcher-kva.example",
        "spiffe://acme.example/orders",
        "spiffe://acme.example/gateway/public",
    ];
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}
