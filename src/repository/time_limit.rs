//! Filing with a time limit: a hung share blocks the thread that asks it, in
//! the kernel and for as long as it likes.

use std::io::Read;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use super::filing_fault::FilingFault;
use super::watched_folder::{Filed, FilingOrder, WatchedFolder};

/// Long enough for 250 MB over a slow line, short enough that a clerk learns of
/// a dead share within a coffee.
pub const FILING_TIME_LIMIT: Duration = Duration::from_secs(300);

/// As [`WatchedFolder::file`], on a thread of its own. After the limit the
/// thread is left to the kernel: whatever it still does is what filing again
/// would do, and filing again finds it done.
pub fn file_within(
    limit: Duration,
    repository: &WatchedFolder,
    order: FilingOrder,
    mut pdf: impl Read + Send + 'static,
) -> Result<Filed, FilingFault> {
    let document = order.index.document.clone();
    let (done, answer) = channel();
    let repository = repository.clone();
    let started = thread::Builder::new().name(format!("file {document}")).spawn(move || {
        // Nobody listens any more once the limit has passed.
        done.send(repository.file(&order, &mut pdf)).ok();
    });
    if let Err(source) = started {
        return Err(FilingFault::StartThread { document, source });
    }
    match answer.recv_timeout(limit) {
        Ok(filed) => filed,
        Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
            Err(FilingFault::NoAnswer { document, seconds: limit.as_secs() })
        }
    }
}
