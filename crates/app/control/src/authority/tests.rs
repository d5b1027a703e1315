//! Who may use the keys, and when the keys themselves are refused.

use super::caller::{AWAY_MAX, CallError, Caller};
use super::*;
use selvedge_identity::{PrivateKey, Receipts, request};
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
    keys.open_for(&domain("acme.example"), selvedge_net::now_s()).unwrap();
    (state, directory)
}

#[test]
fn only_our_own_user_may_use_the_keys() {
    assert!(may_call(1000, 1000));
    assert!(!may_call(1001, 1000));
    assert!(!may_call(0, 1000));
}

#[tokio::test]
async fn a_key_file_that_others_can_read_is_refused() {
    let (state, directory) = with_keys();
    let socket = state.path().join("a.sock");
    let file = directory.join("keys.json");
    set_mode(&file, 0o644);
    let refused = serve(state.path(), &socket, async {}).await;
    assert!(matches!(refused, Err(AuthorityError::State(StateError::Loose { mode: 0o644, .. }))), "{refused:?}");
    set_mode(&file, 0o600);
    set_mode(&directory, 0o750);
    let refused = serve(state.path(), &socket, async {}).await;
    assert!(matches!(refused, Err(AuthorityError::State(StateError::Loose { .. }))), "{refused:?}");
    set_mode(&directory, 0o700);
    serve(state.path(), &socket, async {}).await.unwrap();
}

#[tokio::test]
async fn keys_of_another_user_are_refused() {
    let (_state, directory) = with_keys();
    let refused = Keys::open(&directory, own_uid().unwrap() + 1);
    assert!(matches!(refused, Err(AuthorityError::State(StateError::Foreign { .. }))), "{refused:?}");
}

fn uid_of(directory: &Path) -> u32 {
    std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(directory).unwrap())
}

#[test]
fn damaged_keys_are_refused_and_not_made_anew() {
    let (_state, directory) = with_keys();
    let file = directory.join("keys.json");
    let text = std::fs::read_to_string(&file).unwrap();
    for damaged in [&text[..text.len() / 2], "{}", &text.replace("\"active\"", "\"retiring\"")] {
        std::fs::write(&file, damaged).unwrap();
        let refused = Keys::open(&directory, uid_of(&directory));
        assert!(matches!(refused, Err(AuthorityError::Keys { .. })), "{refused:?}");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), damaged);
    }
}

#[test]
fn an_intermediate_is_renewed_before_it_ends_and_the_root_stays() {
    let (_state, directory) = with_keys();
    let mut keys = Keys::open(&directory, uid_of(&directory)).unwrap();
    let late = selvedge_net::now_s() + 350 * 24 * 3600;
    let root = keys.realm().unwrap().bundle().roots;
    let told = Receipts::nobody(&keys.realm().unwrap().rotation().active_root().unwrap().id);
    let steps = keys.advance(late, &told, Pace::of(3600)).unwrap();
    assert!(steps.contains(&Step::RenewIntermediate), "{steps:?}");
    let ends = keys.realm().unwrap().active().unwrap().intermediate_not_after();
    assert!(ends > late + 300 * 24 * 3600);
    let again = Keys::open(&directory, uid_of(&directory)).unwrap();
    let read = again.realm().unwrap();
    assert_eq!((read.active().unwrap().intermediate_not_after(), read.bundle().roots), (ends, root));
}

#[test]
fn a_crash_between_any_two_steps_goes_on_where_it_was() {
    let (_state, directory) = with_keys();
    let (uid, mut now) = (uid_of(&directory), selvedge_net::now_s());
    Keys::open(&directory, uid).unwrap().ask().unwrap();
    let mut taken = Vec::new();
    for _ in 0..9 {
        // A process of its own for each look, as after a kill.
        let mut keys = Keys::open(&directory, uid).unwrap();
        let rotation = keys.realm().unwrap().rotation().clone();
        let told = Receipts::nobody(&rotation.active_root().unwrap().id);
        taken.extend(keys.advance(now, &told, Pace::of(3600)).unwrap());
        now += 3600;
    }
    let kind = |step: &Step| match step {
        Step::PrepareRoot => 0,
        Step::ActivateRoot(_) => 1,
        Step::RetireRoot(_) => 2,
        _ => 9,
    };
    assert_eq!(taken.iter().map(kind).collect::<Vec<_>>(), [0, 1, 2], "{taken:?}");
    assert_eq!(Keys::open(&directory, uid).unwrap().realm().unwrap().bundle().roots.len(), 1);
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
    let trust = caller.open(&domain("acme.example"), AWAY_MAX).await.unwrap().bundle;
    let mode = std::fs::metadata(&socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let csr = request(&PrivateKey::generate().unwrap()).unwrap();
    let id = SpiffeId::parse("spiffe://acme.example/node/n1").unwrap();
    let chain = caller.svid(csr.clone(), id.clone(), 600, "a test".to_owned()).await.unwrap();
    let chain: Vec<&[u8]> = chain.iter().map(Vec::as_slice).collect();
    let peer = trust.verify(&chain, selvedge_net::now_s()).unwrap();
    assert_eq!(peer.id, id);
    let log = std::fs::read_to_string(directory.join("issued.jsonl")).unwrap();
    let line: serials::Issued = serde_json::from_str(log.trim_end()).unwrap();
    assert_eq!((line.serial, line.name, line.how), (peer.serial.clone(), id.to_string(), "a test".to_owned()));
    let living = caller.living("a test".to_owned()).await.unwrap();
    assert_eq!(living.len(), 1);
    assert!(caller.living("another".to_owned()).await.unwrap().is_empty());

    let foreign = SpiffeId::parse("spiffe://other.example/node/n1").unwrap();
    assert!(matches!(caller.svid(csr.clone(), foreign, 600, String::new()).await, Err(CallError::Refused(_))));
    assert!(matches!(caller.svid(csr, id.clone(), 10_000_000, String::new()).await, Err(CallError::Refused(_))));
    assert!(matches!(caller.svid(vec![1, 2], id.clone(), 600, String::new()).await, Err(CallError::Refused(_))));

    let token = caller.jwt(id.clone(), vec!["ledger".to_owned()], 300).await.unwrap();
    let verified = selvedge_identity::JwtSvid::verify(&token, &trust.jwt(60), "ledger", selvedge_net::now_s()).unwrap();
    assert_eq!(verified.id, id);
    assert!(matches!(caller.jwt(id, Vec::new(), 300).await, Err(CallError::Refused(_))));

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
