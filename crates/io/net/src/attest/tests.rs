use super::*;
use selvedge_config::checked::UnixSelector;
use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::MetadataExt;

/// The test's own uid: `/proc/self` belongs to it.
fn own_uid() -> u32 {
    fs::metadata("/proc/self").unwrap().uid()
}

fn selector(uid: u32, path: Option<&str>) -> Workload {
    let unix = UnixSelector { uid: Some(uid), path: path.map(Into::into), ..UnixSelector::default() };
    Workload { unix: Some(unix), systemd: None }
}

#[test]
fn the_kernel_knows_who_connected() {
    for bind in ["127.0.0.1:0", "[::1]:0", "[::]:0"] {
        let Ok(listener) = TcpListener::bind(bind) else { continue };
        let port = listener.local_addr().unwrap().port();
        let host = if bind.starts_with("[::1]") { "::1" } else { "127.0.0.1" };
        let client = TcpStream::connect((host, port)).unwrap();
        let (server, from) = listener.accept().unwrap();
        let peer = local_peer(server.local_addr().unwrap(), from, Look::Process).unwrap();
        let exe = std::env::current_exe().unwrap();
        assert_eq!((peer.uid, peer.pid), (own_uid(), Some(std::process::id())), "{bind}");
        assert_eq!((peer.path.as_ref(), peer.sha256), (Some(&exe), None), "{bind}");
        assert_eq!(matches(&selector(own_uid(), exe.to_str()), &peer), Ok(()));
        let quick = local_peer(server.local_addr().unwrap(), from, Look::User).unwrap();
        assert_eq!(quick, LocalPeer { uid: own_uid(), ..LocalPeer::default() }, "{bind}");
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
    assert_eq!(local_peer(local, from, Look::Process), None);
}

#[test]
fn other_addresses_than_loopback_are_not_looked_up() {
    let loopback = "127.0.0.1:1".parse().unwrap();
    assert_eq!(local_peer("10.0.0.1:1".parse().unwrap(), loopback, Look::User), None);
    assert_eq!(local_peer(loopback, "10.0.0.1:1".parse().unwrap(), Look::User), None);
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
fn how_much_is_looked_at_is_what_the_selectors_ask_for() {
    let user = selector(1, None);
    let path = selector(1, Some("/bin/x"));
    let mut digest = path.clone();
    digest.unix.as_mut().unwrap().sha256 = Some([0; 32]);
    let look = |selectors: &[&Workload]| Look::of(selectors.iter().map(|selector| Some(*selector)));
    assert!(look(&[]) <= Look::Process, "no program is read when nobody asks");
    assert!(look(&[&user, &path]) >= Look::Process);
    assert_eq!(look(&[&user, &digest, &path]), Look::Digest);
}
