use super::*;
use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::MetadataExt;

/// The test's own uid: `/proc/self` belongs to it.
fn own_uid() -> u32 {
    fs::metadata("/proc/self").unwrap().uid()
}

fn selector(uid: Option<u32>, user: Option<&str>, path: Option<&str>) -> UnixSelector {
    UnixSelector { uid, user: user.map(Into::into), path: path.map(Into::into) }
}

#[test]
fn the_kernel_knows_who_connected() {
    for bind in ["127.0.0.1:0", "[::1]:0", "[::]:0"] {
        let Ok(listener) = TcpListener::bind(bind) else { continue };
        let port = listener.local_addr().unwrap().port();
        let host = if bind.starts_with("[::1]") { "::1" } else { "127.0.0.1" };
        let client = TcpStream::connect((host, port)).unwrap();
        let (server, from) = listener.accept().unwrap();
        let peer = local_peer(server.local_addr().unwrap(), from, true).unwrap();
        let exe = std::env::current_exe().unwrap();
        assert_eq!(
            peer,
            LocalPeer { uid: own_uid(), pid: Some(std::process::id()), path: Some(exe.clone()) },
            "{bind}"
        );
        assert_eq!(matches(&selector(Some(own_uid()), None, exe.to_str()), &peer), Ok(()));
        let quick = local_peer(server.local_addr().unwrap(), from, false).unwrap();
        assert_eq!(quick, LocalPeer { uid: own_uid(), pid: None, path: None }, "{bind}");
        drop(client);
    }
}

#[test]
fn a_connection_that_its_owner_closed_belongs_to_nobody() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (mut server, from) = listener.accept().unwrap();
    let local = server.local_addr().unwrap();
    drop(client);
    assert_eq!(server.read(&mut [0; 1]).unwrap(), 0);
    assert_eq!(local_peer(local, from, true), None);
}

#[test]
fn other_addresses_than_loopback_are_not_looked_up() {
    let loopback = "127.0.0.1:1".parse().unwrap();
    assert_eq!(local_peer("10.0.0.1:1".parse().unwrap(), loopback, false), None);
    assert_eq!(local_peer(loopback, "10.0.0.1:1".parse().unwrap(), false), None);
}

#[test]
fn a_line_of_the_table_is_read_exactly() {
    let line = |state: &str, inode: &str| {
        format!(
            "  sl  local_address\n 3: 0100007F:C350 0100007F:1F90 {state} 00000000:00000000 02:000A 00 1000 0 {inode} 2\n"
        )
    };
    let find = |text: String, port: u16| {
        let remote: SocketAddr = "127.0.0.1:8080".parse().unwrap();
        sockets::find(text.as_bytes(), SocketAddr::new(remote.ip(), port), remote)
    };
    if cfg!(target_endian = "little") {
        assert_eq!(find(line("01", "77"), 50000), Some(sockets::Owner { uid: 1000, inode: 77 }));
    }
    assert_eq!(find(line("06", "0"), 50000), None, "time-wait");
    assert_eq!(find(line("01", "0"), 50000), None, "orphan");
    assert_eq!(find(line("01", "77"), 50001), None, "another port");
    assert_eq!(find("nonsense\n\u{1}:\u{2}".to_owned(), 50000), None);
}

#[test]
fn all_that_a_selector_gives_must_hold() {
    let passwd = "root:x:0:0:root:/root:/bin/sh\norders:x:1001:1001::/home/orders:/bin/sh\nbroken\n";
    let peer = LocalPeer { uid: 1001, pid: Some(7), path: Some("/usr/bin/orders".into()) };
    let blind = LocalPeer { path: None, pid: None, ..peer.clone() };
    let ok = |selector: UnixSelector, peer: &LocalPeer| matches_by(&selector, peer, passwd).is_ok();
    assert!(ok(selector(Some(1001), Some("orders"), Some("/usr/bin/orders")), &peer));
    assert!(ok(selector(None, Some("orders"), None), &blind));
    assert!(!ok(selector(None, None, None), &peer), "nothing given is nobody, not everybody");
    assert!(!ok(selector(Some(1002), Some("orders"), None), &peer));
    assert!(!ok(selector(Some(1001), Some("root"), None), &peer));
    assert!(!ok(selector(None, Some("nobody-here"), None), &peer));
    assert!(!ok(selector(None, Some("broken"), None), &peer));
    assert!(!ok(selector(None, None, Some("/usr/bin/other")), &peer));
    assert!(!ok(selector(None, None, Some("/usr/bin/orders")), &blind), "an unseen program is not the right one");
}
