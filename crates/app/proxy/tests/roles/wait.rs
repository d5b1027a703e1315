//! Waiting for what must come, and no longer: a test that hangs fails and says so.

use std::future::Future;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// What must happen happens within this time, on a slow machine too.
pub(crate) const SOON: Duration = Duration::from_secs(20);
/// Between two looks at something that cannot wake us: a file, a counter, the clock.
const LOOK: Duration = Duration::from_millis(5);

/// Waits for a future that must end.
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(SOON, future).await.expect("it did not come to an end in time")
}

/// Looks until there is something.
pub(crate) async fn until<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + SOON;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "what was waited for did not come");
        sleep(LOOK).await;
    }
}
