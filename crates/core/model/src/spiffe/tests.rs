use super::*;

#[test]
fn an_id_is_split_into_domain_path_and_kind() {
    let id = SpiffeId::parse("spiffe://acme.example/gateway/public").unwrap();
    assert_eq!((id.trust_domain(), id.path()), ("acme.example", "/gateway/public"));
    assert_eq!(id.kind(), Ok(WorkloadKind::Gateway(Name::parse("public").unwrap())));
    assert_eq!(SpiffeId::of(&TrustDomain::parse("acme.example").unwrap(), &id.kind().unwrap()), id);
}

#[test]
fn what_the_standard_forbids_is_refused() {
    use SpiffeIdError as E;
    let long = format!("spiffe://a/{}", "x".repeat(2048));
    for (text, error) in [
        ("SPIFFE://a/b", E::Scheme),
        ("https://a/b", E::Scheme),
        ("spiffe:///b", E::TrustDomain),
        ("spiffe://A/b", E::TrustDomain),
        ("spiffe://a:80/b", E::TrustDomain),
        ("spiffe://u@a/b", E::TrustDomain),
        ("spiffe://a", E::Path),
        ("spiffe://a/", E::Path),
        ("spiffe://a/b/", E::Path),
        ("spiffe://a//b", E::Path),
        ("spiffe://a/../b", E::Path),
        ("spiffe://a/./b", E::Path),
        ("spiffe://a/b%20", E::Path),
        ("spiffe://a/b?c", E::Path),
        ("spiffe://a/b#c", E::Path),
        (long.as_str(), E::Length),
    ] {
        assert_eq!(SpiffeId::parse(text), Err(error), "{text}");
    }
}

#[test]
fn a_foreign_path_shape_names_no_workload_of_ours() {
    for text in ["spiffe://a/ns/x/sa/y", "spiffe://a/gateway", "spiffe://a/Orders", "spiffe://a/gateway/x/y"] {
        let kind = SpiffeId::parse(text).unwrap().kind();
        assert!(!matches!(kind, Ok(WorkloadKind::Gateway(_))), "{text}");
    }
}
