use super::*;
use selvedge_config::checked::Workload;

const PLACES: &[(&str, &str)] = &[
    ("issuer", "http://127.0.0.1:9400"),
    ("edge-port", "8443"),
    ("storefront-path", "/tmp/demo/bin/storefront"),
    ("storefront-http", "127.0.0.1:9001"),
    ("storefront-outbound", "127.0.0.1:15001"),
    ("storefront-ledger", "127.0.0.1:15101"),
    ("orders-path", "/tmp/demo/bin/orders"),
    ("orders-http", "127.0.0.1:9002"),
    ("orders-outbound", "127.0.0.1:15002"),
    ("orders-ledger", "127.0.0.1:15102"),
    ("payments-path", "/tmp/demo/bin/payments"),
    ("payments-http", "127.0.0.1:9003"),
    ("payments-tcp", "127.0.0.1:9103"),
    ("payments-outbound", "127.0.0.1:15003"),
    ("inventory-path", "/tmp/demo/bin/inventory"),
    ("inventory-http", "127.0.0.1:9004"),
    ("inventory-outbound", "127.0.0.1:15004"),
];

fn places() -> Places {
    let mut places = Places::default();
    PLACES.iter().for_each(|(name, value)| places.set(name, value).unwrap());
    places
}

fn change(change: &Change) -> SourceFile {
    SourceFile { name: change.name.into(), text: change.text.into() }
}

#[test]
fn the_documents_check_clean_with_every_place_filled() {
    let checked = selvedge_config::check(&places().files().unwrap()).unwrap();
    assert_eq!((checked.services.len(), checked.gateways.len()), (4, 1));
    assert_eq!(checked.mesh.workload_ttl_s, 20);
    assert_eq!(&*checked.mesh.issuers["accounts"].audiences[0], AUDIENCE);
    let path = |workload: &Option<Workload>| {
        let unix = workload.as_ref().and_then(|workload| workload.unix.clone()).unwrap();
        unix.path.unwrap()
    };
    let paths: std::collections::BTreeSet<_> =
        checked.services.values().map(|service| path(&service.workload)).collect();
    assert_eq!(paths.len(), 4, "each service is told apart");
}

#[test]
fn each_place_is_needed() {
    for (missing, _) in PLACES {
        let mut places = places();
        places.0.remove(*missing);
        assert!(places.files().is_err(), "{missing}");
    }
}

#[test]
fn a_value_that_would_end_its_quotes_is_refused() {
    for value in ["/tmp/a\"b", "/tmp/a\\b", "/tmp/${x}", "/tmp/a\nb"] {
        assert!(Places::default().set("storefront-path", value).is_err(), "{value:?}");
    }
}

#[test]
fn the_good_change_checks_clean_and_the_bad_one_does_not() {
    let mut files = places().files().unwrap();
    files.push(change(&OFFERS));
    assert!(selvedge_config::check(&files).is_ok());
    files.push(change(&BROKEN));
    let found = selvedge_config::check(&files).unwrap_err();
    assert!(found.iter().all(|found| &*found.file == BROKEN.name), "{found:?}");
}

#[test]
fn a_change_is_made_whole_and_taken_back() {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), &places().files().unwrap()).unwrap();
    OFFERS.make(directory.path()).unwrap();
    assert_eq!(std::fs::read_to_string(directory.path().join(OFFERS.name)).unwrap(), OFFERS.text);
    OFFERS.undo(directory.path()).unwrap();
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 3);
}
