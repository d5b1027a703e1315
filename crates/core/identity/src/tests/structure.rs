//! What stands in our certificates, as other software will read it (RFC 5280 §4.2, SPIFFE X.509-SVID §4).

use super::*;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::FromDer;

fn parse(der: &[u8]) -> X509Certificate<'_> {
    X509Certificate::from_der(der).unwrap().1
}

/// Basic constraints as (critical, authority, path length).
fn basic(certificate: &X509Certificate<'_>) -> (bool, bool, Option<u32>) {
    let basic = certificate.basic_constraints().unwrap().unwrap();
    (basic.critical, basic.value.ca, basic.value.path_len_constraint)
}

/// Key usage as (critical, names).
fn usage(certificate: &X509Certificate<'_>) -> (bool, String) {
    let usage = certificate.key_usage().unwrap().unwrap();
    (usage.critical, usage.value.to_string())
}

/// Subject and authority key identifiers.
fn key_ids(certificate: &X509Certificate<'_>) -> (Vec<u8>, Vec<u8>) {
    let (mut subject, mut authority) = (vec![], vec![]);
    for extension in certificate.extensions() {
        if let ParsedExtension::SubjectKeyIdentifier(id) = extension.parsed_extension() {
            subject = id.0.to_vec();
        }
        if let ParsedExtension::AuthorityKeyIdentifier(id) = extension.parsed_extension() {
            authority = id.key_identifier.as_ref().unwrap().0.to_vec();
        }
    }
    (subject, authority)
}

#[test]
fn constraints_and_usages_are_critical_and_as_narrow_as_can_be() {
    let authority = authority();
    let svid = svid(&authority);
    let (root, middle, leaf) = (parse(&authority.root.certificate), parse(&svid.chain[1]), parse(&svid.chain[0]));
    assert_eq!(basic(&root), (true, true, Some(1)));
    assert_eq!(basic(&middle), (true, true, Some(0)));
    assert_eq!(basic(&leaf), (true, false, None));
    assert_eq!(usage(&root), (true, "Key Cert Sign, CRL Sign".to_owned()));
    assert_eq!(usage(&middle), (true, "Digital Signature, Key Cert Sign, CRL Sign".to_owned()));
    assert_eq!(usage(&leaf), (true, "Digital Signature".to_owned()));
    let purposes = leaf.extended_key_usage().unwrap().unwrap().value;
    assert!(purposes.server_auth && purposes.client_auth && !purposes.any);
    assert!(leaf.subject_alternative_name().unwrap().unwrap().critical, "the subject is empty");
    assert!(root.name_constraints().unwrap().is_none() && middle.name_constraints().unwrap().is_none());
}

#[test]
fn key_identifiers_chain() {
    let authority = authority();
    let svid = svid(&authority);
    let (root, middle) = (parse(&authority.root.certificate), parse(&svid.chain[1]));
    let leaf = parse(&svid.chain[0]);
    let ((root_id, root_by), (middle_id, middle_by), (leaf_id, leaf_by)) =
        (key_ids(&root), key_ids(&middle), key_ids(&leaf));
    assert!(!root_id.is_empty() && !middle_id.is_empty() && !leaf_id.is_empty());
    assert_eq!((root_by, middle_by, leaf_by), (root_id.clone(), root_id, middle_id));
}

#[test]
fn names_and_times_chain() {
    let authority = authority();
    let svid = svid(&authority);
    let (root, middle) = (parse(&authority.root.certificate), parse(&svid.chain[1]));
    let leaf = parse(&svid.chain[0]);
    assert_eq!(root.issuer().as_raw(), root.subject().as_raw());
    assert_eq!(middle.issuer().as_raw(), root.subject().as_raw());
    assert_eq!(leaf.issuer().as_raw(), middle.subject().as_raw());
    assert_eq!(root.subject().to_string(), "O=acme.example, CN=Selvedge root");
    assert_eq!(leaf.subject().to_string(), "");
    assert_eq!((svid.not_before, svid.not_after), (NOW - 60, NOW + 3600));
    assert!(root.validity().not_after > middle.validity().not_after);
    assert_eq!(facts(&authority.root.certificate).unwrap().uris, ["spiffe://acme.example"]);
}

#[test]
fn an_edge_certificate_is_for_servers_alone() -> Outcome {
    let (authority, key) = (authority(), PrivateKey::generate()?);
    let chain = authority.issue_server(&request(&key)?, &hosts(&["api.acme.example"]), &terms())?;
    let leaf = parse(&chain[0]);
    let purposes = leaf.extended_key_usage()?.unwrap().value;
    assert!(purposes.server_auth && !purposes.client_auth && !purposes.any);
    assert_eq!(basic(&leaf), (true, false, None));
    assert!(facts(&chain[0])?.uris.is_empty());
    Ok(())
}
