use super::*;
use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixListener;
use std::process::{Child, Command, Stdio};

/// A client that connects, says so, and stays until its input closes.
fn client(socket: &std::path::Path) -> Child {
    let code = "import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); print('up', flush=True); sys.stdin.read()";
    let mut command = Command::new("python3");
    command.args(["-c", code]).arg(socket).stdin(Stdio::piped()).stdout(Stdio::piped());
    command.spawn().unwrap()
}

fn up(child: &mut Child) {
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "up\n");
}

#[test]
fn the_kernel_says_who_connected_and_what_it_runs() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("s");
    let listener = UnixListener::bind(&socket).unwrap();
    let mut child = client(&socket);
    let (stream, _) = listener.accept().unwrap();
    up(&mut child);
    let peer = UnixPeer::of(&stream).unwrap();
    let seen = peer.look(Look::Digest).unwrap();
    assert_eq!((peer.pid, seen.pid), (child.id(), Some(child.id())));
    let program = seen.path.unwrap();
    assert!(program.file_name().unwrap().to_str().unwrap().starts_with("python3"), "{program:?}");
    assert_eq!(seen.sha256, super::super::digest::of(&program));
    assert!(seen.sha256.is_some());
    drop(child.stdin.take());
    child.wait().unwrap();
    assert_eq!(peer.look(Look::Process), Err(AttestError::Ended), "a process that ended is nobody");
    assert!(!peer.is_alive());
}

#[test]
fn a_process_that_ended_before_it_was_looked_at_is_nobody() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("s");
    let listener = UnixListener::bind(&socket).unwrap();
    let mut child = client(&socket);
    up(&mut child);
    drop(child.stdin.take());
    child.wait().unwrap();
    let (stream, _) = listener.accept().unwrap();
    assert_eq!(UnixPeer::of(&stream).map(|peer| peer.pid), Err(AttestError::Ended));
}

#[test]
fn what_a_run_starts_is_its_service_until_it_ends() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("s");
    let listener = UnixListener::bind(&socket).unwrap();
    let mut child = client(&socket);
    let (stream, _) = listener.accept().unwrap();
    up(&mut child);
    let peer = UnixPeer::of(&stream).unwrap();
    let service = selvedge_model::Name::parse("orders").unwrap();
    assert_eq!(peer.look(Look::Process).unwrap().run_as, None);
    let run = peer.run_as(&service).unwrap();
    assert_eq!(peer.look(Look::Process).unwrap().run_as, Some(service));
    assert_eq!(runs::find(std::process::id(), peer.uid), None, "a parent is not what it started");
    assert_eq!(runs::find(peer.pid, peer.uid + 1), None, "nor is a process of another user");
    drop(run);
    assert_eq!(peer.look(Look::Process).unwrap().run_as, None);
    drop(child.stdin.take());
    child.wait().unwrap();
}
