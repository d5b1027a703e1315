//! Who may show a token: whom it was given to, and nobody else.

use super::*;

/// Hands a value over as `from`, which must have received it from `peer`.
fn over(mesh: &Mesh, value: &str, (peer, from, to): (&str, &str, &str)) -> String {
    let token = mesh.read(value, peer, from, NOW).unwrap();
    hand_over(&mesh.svid(&id(from)), value, &token, &id(to)).unwrap()
}

#[test]
fn each_service_that_is_given_it_hands_it_on() {
    let mesh = Mesh::new();
    let first = from_public(&mesh);
    let second = over(&mesh, &first, ("gateway/public", "orders", "ledger"));
    let third = over(&mesh, &second, ("orders", "ledger", "audit"));
    let token = mesh.read(&third, "ledger", "audit", NOW).unwrap();
    assert_eq!((token.hand_overs, token.user().unwrap().subject.as_ref()), (2, "ada"));
    // The authority's certificate is carried once.
    assert!(second.len() - first.len() < first.len() / 2, "{} then {}", first.len(), second.len());
}

#[test]
fn who_was_not_given_it_cannot_show_it() {
    let mesh = Mesh::new();
    let first = from_public(&mesh);
    assert_eq!(mesh.read(&first, "thief", "orders", NOW), Err(TxnError::NotThePeer(id("thief"))));
    assert_eq!(mesh.read(&first, "gateway/public", "ledger", NOW), Err(TxnError::NotForUs));
    assert_eq!(mesh.read(&first, "gateway/other", "orders", NOW), Err(TxnError::NotThePeer(id("gateway/other"))));
    let second = over(&mesh, &first, ("gateway/public", "orders", "ledger"));
    assert_eq!(mesh.read(&second, "thief", "ledger", NOW), Err(TxnError::NotThePeer(id("thief"))));
    assert_eq!(mesh.read(&second, "orders", "thief", NOW), Err(TxnError::NotForUs));
}

#[test]
fn who_was_not_given_it_cannot_hand_it_on() {
    let mesh = Mesh::new();
    let first = from_public(&mesh);
    let token = mesh.read(&first, "gateway/public", "orders", NOW).unwrap();
    let stolen = hand_over(&mesh.svid(&id("thief")), &first, &token, &id("ledger")).unwrap();
    assert_eq!(mesh.read(&stolen, "thief", "ledger", NOW), Err(TxnError::Stolen(id("thief"))));
}

#[test]
fn pieces_of_two_values_cannot_be_joined() {
    let mesh = Mesh::new();
    let (ada, mut eve) = (from_public(&mesh), outside());
    eve.credential = Shown::Nothing;
    let eve = minted(&mesh.svid(&id("gateway/public")), &eve, "orders");
    let handed = over(&mesh, &eve, ("gateway/public", "orders", "ledger"));
    let piece = handed.rsplit_once('~').unwrap().1;
    assert_eq!(mesh.read(&format!("{ada}~{piece}"), "orders", "ledger", NOW), Err(TxnError::Hash));
}

#[test]
fn a_piece_cannot_be_left_out_or_be_the_first() {
    let mesh = Mesh::new();
    let first = from_public(&mesh);
    let second = over(&mesh, &first, ("gateway/public", "orders", "ledger"));
    let third = over(&mesh, &second, ("orders", "ledger", "audit"));
    let pieces: Vec<&str> = third.split('~').collect();
    let without = format!("{}~{}", pieces[0], pieces[2]);
    assert!(mesh.read(&without, "ledger", "audit", NOW).is_err());
    assert_eq!(mesh.read(pieces[1], "orders", "ledger", NOW), Err(TxnError::Algorithm));
    for empty in [format!("{first}~"), format!("~{first}"), "~".to_owned(), String::new()] {
        assert_eq!(mesh.read(&empty, "gateway/public", "orders", NOW), Err(TxnError::Malformed), "{empty}");
    }
}

#[test]
fn it_is_handed_over_eight_times_and_no_more() {
    let mesh = Mesh::new();
    let (mut value, mut peer) = (from_public(&mesh), "gateway/public".to_owned());
    let name = |at: usize| if at == 0 { "orders".to_owned() } else { format!("s{at}") };
    for at in 0..HAND_OVERS_MAX {
        value = over(&mesh, &value, (&peer, &name(at), &name(at + 1)));
        peer = name(at);
    }
    let last = name(HAND_OVERS_MAX);
    let token = mesh.read(&value, &peer, &last, NOW).unwrap();
    assert_eq!(token.hand_overs, HAND_OVERS_MAX);
    let svid = mesh.svid(&id(&last));
    assert_eq!(hand_over(&svid, &value, &token, &id("end")), Err(MintError::TooDeep));
    // Nor by one that does not count.
    let short = TxnToken { hand_overs: 0, ..token };
    let deep = hand_over(&svid, &value, &short, &id("end")).unwrap();
    assert_eq!(mesh.read(&deep, &last, "end", NOW), Err(TxnError::TooDeep));
}

#[test]
fn a_service_of_another_mesh_hands_nothing_on() {
    let (mesh, other) = (Mesh::new(), Mesh::new());
    let first = from_public(&mesh);
    let token = mesh.read(&first, "gateway/public", "orders", NOW).unwrap();
    let value = hand_over(&other.svid(&id("orders")), &first, &token, &id("ledger")).unwrap();
    assert!(matches!(mesh.read(&value, "orders", "ledger", NOW), Err(TxnError::Chain(_))));
}
