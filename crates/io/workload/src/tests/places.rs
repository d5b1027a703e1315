use crate::{Socket, SocketError, WorkloadClient};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

fn mode(path: &std::path::Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn a_socket_is_made_with_safe_modes_and_goes_with_its_process() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("api/s");
    let socket = Socket::bind(&path, false).unwrap();
    assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o666, 0o755));
    assert!(matches!(Socket::bind(&path, false), Err(SocketError::Served(_))));
    drop(socket);
    assert!(!path.exists());
    let private = directory.path().join("private/s");
    let socket = Socket::bind(&private, true).unwrap();
    assert_eq!((mode(&private), mode(private.parent().unwrap())), (0o600, 0o700));
    drop(socket);
}

#[tokio::test]
async fn what_a_former_process_left_is_replaced_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    drop(Socket::bind(&path, true).unwrap());
    fs::write(&path, "precious").unwrap();
    assert!(matches!(Socket::bind(&path, true), Err(SocketError::Foreign(_))));
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
}

#[tokio::test]
async fn a_place_that_others_can_change_is_refused_on_both_sides() {
    let directory = tempfile::tempdir().unwrap();
    let open = directory.path().join("open");
    fs::create_dir(&open).unwrap();
    let path = open.join("s");
    let socket = Socket::bind(&path, false).unwrap();
    fs::set_permissions(&open, Permissions::from_mode(0o777)).unwrap();
    assert!(matches!(Socket::bind(&open.join("t"), false), Err(SocketError::Exposed { .. })));
    assert!(WorkloadClient::connect(&path).await.is_err(), "a server there is not trusted");
    drop(socket);
    assert!(matches!(Socket::bind(&directory.path().join("x".repeat(120)), true), Err(SocketError::TooLong(_))));
}
