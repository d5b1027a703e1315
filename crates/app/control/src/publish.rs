//! From good documents to what every node enforces: numbered, signed, kept, and sent.

use crate::authority::caller::CallError;
use crate::revision::{PublishError, Published, next_revision};
use crate::say;
use crate::shared::Shared;
use crate::source::Documents;
use crate::state;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::sleep;

/// Before good documents that could not be signed are tried again.
const RETRY: Duration = Duration::from_secs(1);

/// What is signed is signed again after so long, changed or not: a quiet mesh never relies on an old signature.
const SIGN_EVERY: Duration = Duration::from_secs(24 * 3600);

/// Publishes each good change of the documents and of registered addresses. What cannot be signed now is tried again;
/// meanwhile nodes keep what they have.
pub(crate) async fn follow(shared: Arc<Shared>, mut changes: mpsc::Receiver<Result<Documents, String>>) {
    let mut documents = shared.current().documents.clone();
    let mut pending = false;
    // Said again until it is done: whatever is to be signed anew.
    let mut again = false;
    loop {
        tokio::select! {
            change = changes.recv() => match change {
                Some(Ok(good)) => {
                    shared.world().documents_error = None;
                    documents = good;
                }
                Some(Err(errors)) => {
                    shared.world().documents_error = Some(errors);
                    continue;
                }
                None => return,
            },
            () = shared.registered_changed.notified() => {}
            () = shared.sign_again.notified() => again = true,
            () = sleep(SIGN_EVERY) => again = true,
            () = sleep(RETRY), if pending => {}
        }
        pending = false;
        match publish(&shared, &documents, again).await {
            Ok(()) => {
                again = false;
                shared.world().publish_error = None;
            }
            Err(PublishError::Sign(error @ CallError::Away(_))) => {
                pending = true;
                note(&shared, &error);
            }
            Err(PublishError::State(error)) => {
                pending = true;
                note(&shared, &error);
            }
            Err(error) => {
                // The documents themselves are at fault: the last good ones stay.
                say(&format!("the changed documents are refused, and the last good ones stay in force: {error}"));
                shared.world().documents_error = Some(error.to_string());
                documents = shared.current().documents.clone();
            }
        }
    }
}

fn note(shared: &Shared, error: &dyn std::error::Error) {
    let text = format!("a change is not distributed yet: {error}");
    // Once, not at each try.
    if shared.world().publish_error.replace(text.clone()).is_none() {
        say(&text);
    }
}

async fn publish(shared: &Shared, documents: &Documents, again: bool) -> Result<(), PublishError> {
    let current = shared.current();
    let content = shared.world().content(documents);
    if current.is_of(&content) && !again {
        return Ok(());
    }
    let revision = next_revision(current.revision, (shared.clock)());
    let made = Published::make(&shared.caller, &shared.trust(), content, revision).await?;
    // Kept before it is sent: no node has a revision that control could forget.
    state::write_json(&shared.state.bundle(), &made.signed)?;
    say(&format!("revision {} is signed: plan {}", made.revision, made.plan));
    if again {
        shared.signed_anew(made.revision);
    }
    shared.published.send_replace(Arc::new(made));
    Ok(())
}
