//! Who may use the keys, and when the keys themselves are refused.

use super::caller::{AWAY_MAX, CallError, Caller};
use super::*;
use selvedge_identity::{PrivateKey, request};
use selvedge_model::{SpiffeId, TrustDomain};
use std::future::pending;
use std::time::Duration;
use tempfile::TempDir;

fn domain(text: &str) -> TrustDomain {
    TrustDomain::parse(text).unwrap()
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// A state directory with keys for `acme.example` in it.
fn with_keys() -> (TempDir, PathBuf) {
    let state = TempDir::new().unwrap();
    let directory = state.path().join("authority");
    state::private_directory(&directory).unwrap();
    let uid = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(&directory).unwrap());
    let mut keys = Keys::open(&directory, uid).unwrap();
    keys.open_for(&domain("acme.example"), &directory, selvedge_net::now_s()).unwrap();
    (state, directory)
}

#[test]
fn only_our_own_user_may_use_the_keys() {
    assert!(may_call(1000, 1000));
    assert!(!may_call(1001, 1000));
    assert!(!may_call(0, 1000));
}

#[tokio::test]
async fn key_files_that_others_can_read_are_refused() {
    let (state, directory) = with_keys();
    let socket = state.path().join("a.sock");
    for name in ["intermediate.key", "root.key", "root.pem"] {
        let file = directory.join("keys").join(name);
        set_mode(&file, 0o644);
        let refused = serve(state.path(), &socket, async {}).await;
        assert!(matches!(refused, Err(AuthorityError::State(StateError::Loose { mode: 0o644, .. }))), "{refused:?}");
        set_mode(&file, 0o600);
    }
    for folder in [directory.join("keys"), directory] {
        set_mode(&folder, 0o750);
        let refused = serve(state.path(), &socket, async {}).await;
        assert!(matches!(refused, Err(AuthorityError::State(StateError::Loose { .. }))), "{refused:?}");
        set_mode(&folder, 0o700);
    }
    serve(state.path(), &socket, async {}).await.unwrap();
}

#[tokio::test]
async fn keys_of_another_user_are_refused() {
    let (_state, directory) = with_keys();
    let refused = Keys::open(&directory, own_uid().unwrap() + 1);
    assert!(matches!(refused, Err(AuthorityError::State(StateError::Foreign { .. }))), "{refused:?}");
}

#[test]
fn keys_with_a_file_missing_are_refused_and_not_made_anew() {
    let (_state, directory) = with_keys();
    std::fs::remove_file(directory.join("keys/root.key")).unwrap();
    let uid = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(&directory).unwrap());
    let refused = Keys::open(&directory, uid);
    assert!(matches!(refused, Err(AuthorityError::State(StateError::Io { .. }))), "{refused:?}");
    assert!(!directory.join("keys/root.key").exists());
}

#[test]
fn a_crash_during_a_renewal_leaves_the_former_keys() {
    let (_state, directory) = with_keys();
    let root = std::fs::read(directory.join("keys/root.key")).unwrap();
    std::fs::rename(directory.join("keys"), directory.join("keys.old")).unwrap();
    std::fs::create_dir(directory.join("keys.new")).unwrap();
    let uid = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(&directory).unwrap());
    Keys::open(&directory, uid).unwrap();
    assert_eq!(std::fs::read(directory.join("keys/root.key")).unwrap(), root);
}

#[test]
fn an_intermediate_is_renewed_before_it_ends_and_the_root_stays() {
    let (_state, directory) = with_keys();
    let uid = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(&directory).unwrap());
    let mut keys = Keys::open(&directory, uid).unwrap();
    let late = selvedge_net::now_s() + 350 * 24 * 3600;
    let end = keys.fresh(&directory, late).unwrap().unwrap().intermediate_not_after();
    assert!(end > late + 300 * 24 * 3600);
    let root = keys.fresh(&directory, late).unwrap().unwrap().bundle();
    let mut again = Keys::open(&directory, uid).unwrap();
    let read = again.fresh(&directory, late).unwrap().unwrap();
    assert_eq!((read.intermediate_not_after(), read.bundle()), (end, root));
}

#[tokio::test]
async fn the_socket_issues_signs_and_logs_for_one_trust_domain() {
    let (state, directory) = with_keys();
    let socket = state.path().join("a.sock");
    let (state_path, at) = (state.path().to_owned(), socket.clone());
    let server = tokio::spawn(async move { serve(&state_path, &at, pending()).await });
    let caller = Caller::new(socket.clone());

    let other = caller.open(&domain("other.example"), AWAY_MAX).await;
    assert!(matches!(other, Err(CallError::Refused(_))), "{other:?}");
    let trust = caller.open(&domain("acme.example"), AWAY_MAX).await.unwrap();
    let mode = std::fs::metadata(&socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let csr = request(&PrivateKey::generate().unwrap()).unwrap();
    let id = SpiffeId::parse("spiffe://acme.example/node/n1").unwrap();
    let chain = caller.svid(csr.clone(), id.clone(), 600).await.unwrap();
    let chain: Vec<&[u8]> = chain.iter().map(Vec::as_slice).collect();
    let peer = trust.verify(&chain, selvedge_net::now_s()).unwrap();
    assert_eq!(peer.id, id);
    let log = std::fs::read_to_string(directory.join("serials.log")).unwrap();
    assert!(log.lines().count() == 1 && log.contains(&peer.serial) && log.contains(id.as_str()), "{log}");

    let foreign = SpiffeId::parse("spiffe://other.example/node/n1").unwrap();
    assert!(matches!(caller.svid(csr.clone(), foreign, 600).await, Err(CallError::Refused(_))));
    assert!(matches!(caller.svid(csr, id.clone(), 10_000_000).await, Err(CallError::Refused(_))));
    assert!(matches!(caller.svid(vec![1, 2], id, 600).await, Err(CallError::Refused(_))));

    let signature = caller.sign("hello".to_owned()).await.unwrap();
    trust.verify_signature(&signature, b"hello", selvedge_net::now_s()).unwrap();
    server.abort();
}

#[tokio::test]
async fn nothing_is_issued_before_the_trust_domain_is_said() {
    let state = TempDir::new().unwrap();
    let socket = state.path().join("a.sock");
    let (state_path, at) = (state.path().to_owned(), socket.clone());
    let server = tokio::spawn(async move { serve(&state_path, &at, pending()).await });
    assert!(matches!(Caller::new(socket).sign("x".to_owned()).await, Err(CallError::Refused(_))));
    server.abort();
}

#[tokio::test]
async fn a_child_that_dies_is_started_again() {
    let dir = TempDir::new().unwrap();
    let state = Arc::new(state::State::open(&dir.path().join("state"), own_uid().unwrap()).unwrap());
    let seen = dir.path().join("seen");
    let script = format!("echo started >> {}", seen.display());
    let args = vec!["-c".into(), script.into()];
    let running = tokio::spawn(child::keep_running("/bin/sh".into(), args, state));
    let starts = || std::fs::read_to_string(&seen).unwrap_or_default().lines().count();
    for _ in 0..500 {
        if starts() >= 2 {
            break;
        }
        sleep(Duration::from_millis(10)).await;
    }
    assert!(starts() >= 2);
    running.abort();
}
