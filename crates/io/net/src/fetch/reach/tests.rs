use super::*;

fn permitted(reach: Reach, addresses: &[&str]) -> Vec<bool> {
    addresses.iter().map(|address| permits(reach, address.parse().unwrap())).collect()
}

fn check(addresses: &[&str], public: bool, private: bool, loopback: bool) {
    for (reach, expected) in [(Reach::Public, public), (Reach::Private, private), (Reach::Loopback, loopback)] {
        let got = permitted(reach, addresses);
        let wrong: Vec<_> = addresses.iter().zip(&got).filter(|(_, got)| **got != expected).collect();
        assert!(wrong.is_empty(), "{reach:?}: {wrong:?}");
    }
}

#[test]
fn public_addresses_are_reached_but_from_loopback() {
    let addresses = [
        "1.1.1.1",
        "8.8.8.8",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.1",
        "169.253.255.255",
        "169.255.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "192.0.1.1",
        "192.167.255.255",
        "192.169.0.0",
        "198.17.255.255",
        "198.20.0.0",
        "223.255.255.255",
        "::ffff:1.1.1.1",
        "2606:4700::1111",
        "2a00:1450:4001::1",
        "2003::1",
    ];
    check(&addresses, true, true, false);
}

#[test]
fn private_addresses_are_reached_only_when_a_document_says_so() {
    let addresses = [
        "10.0.0.0",
        "10.255.255.255",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.0.1",
        "::ffff:10.0.0.1",
        "::ffff:192.168.1.1",
        "fc00::1",
        "fd12:3456::1",
    ];
    check(&addresses, false, true, false);
}

#[test]
fn loopback_is_reached_only_as_loopback() {
    check(&["127.0.0.1", "127.255.255.254", "::1", "::ffff:127.0.0.1"], false, false, true);
}

#[test]
fn nothing_reaches_what_is_no_place_for_an_issuer() {
    let addresses = [
        "0.0.0.0",
        "0.1.2.3",
        "100.64.0.1",
        "100.100.100.200",
        "100.127.255.255",
        "169.254.169.254",
        "169.254.0.1",
        "192.0.0.1",
        "192.0.2.1",
        "192.88.99.1",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::2",
        "::127.0.0.1",
        "::ffff:169.254.169.254",
        "::ffff:0.0.0.0",
        "::ffff:100.64.0.1",
        "::ffff:224.0.0.1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::1",
        "3fff::1",
        "fe80::1",
        "febf::1",
        "fec0::1",
        "ff02::1",
        "ff0e::1",
        "fd00:ec2::254",
        "fd20:ce::254",
    ];
    check(&addresses, false, false, false);
}
