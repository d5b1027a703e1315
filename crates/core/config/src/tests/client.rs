//! `clientCertificates`: sets, who asks for them, and which rules could never be met.

use super::{file, refused, template_text};
use crate::check;
use crate::checked::CertificateName;
use selvedge_model::Name;

const SETS: &str = "clientCertificates: { partners: { ca: partners.pem, crls: [partners.crl], subject: dns } }";

fn text() -> String {
    let text = template_text().replacen("  authority:", &format!("  {SETS}\n  authority:"), 1);
    let text = text.replacen("tls: { mesh: true }", "tls: { mesh: true, clientCertificates: [partners] }", 1);
    text.replacen("token: corporate, scopes: [\"orders:read\"]", "clientCertificate: partners", 1)
}

#[test]
fn a_set_stands_where_an_issuer_could() {
    let checked = check(&file(&text())).unwrap();
    let partners = Name::parse("partners").unwrap();
    let set = &checked.mesh.client_sets[&partners];
    assert_eq!(
        (set.subject, &*set.ca, &set.crls[..]),
        (CertificateName::Dns, "partners.pem", &["partners.crl".into()][..])
    );
    assert_eq!(checked.gateways.values().next().unwrap().listeners[0].client_sets, [partners]);
}

#[test]
fn what_could_not_be_asked_for_or_met_is_refused() {
    for (right, wrong, code) in [
        ("subject: dns", "subject: commonName", "bad-value"),
        (", subject: dns", "", "missing-key"),
        ("ca: partners.pem, ", "", "missing-key"),
        ("ca: partners.pem", "ca: \"\"", "bad-value"),
        ("crls: [partners.crl]", "crl: partners.crl", "unknown-key"),
        ("crls: [partners.crl]", "crls: []", "wrong-type"),
        ("{ partners: { ca", "{ corporate: { ca", "duplicate-name"),
        ("clientCertificates: [partners]", "clientCertificates: [others]", "unknown-name"),
        (", clientCertificates: [partners]", "", "not-enforceable"),
        ("clientCertificate: partners", "clientCertificate: others", "unknown-name"),
        ("clientCertificate: partners", "clientCertificate: corporate", "unknown-name"),
        ("clientCertificate: partners", "token: partners", "unknown-name"),
        ("clientCertificate: partners", "clientCertificate: partners, token: corporate", "no-credential"),
        ("clientCertificate: partners", "clientCertificate: partners, anonymous: true", "no-credential"),
        ("clientCertificate: partners", "clientCertificate: partners, scopes: [read]", "not-enforceable"),
        ("clientCertificate: partners", "clientCertificate: partners, groups: [staff]", "not-enforceable"),
        ("clientCertificate: partners", "clientCertificate: partners, forwardToken: true", "not-enforceable"),
    ] {
        assert!(text().contains(right), "{right}");
        let found = refused(&text().replacen(right, wrong, 1));
        assert!(found.iter().any(|d| d.code == code), "{wrong}: {found:?}");
    }
    let inside =
        text().replacen("from: { service: checkout }", "from: { service: checkout, clientCertificate: partners }", 1);
    assert!(refused(&inside).iter().any(|d| d.code == "not-enforceable"));
}
