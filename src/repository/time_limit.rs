//! Filing with a time limit: a hung share blocks the thread that asks it, in
//! the kernel and for as long as it likes.

use std::io::{self, Read};
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use super::filing_fault::FilingFault;
use super::watched_folder::{Filed, FilingOrder, WatchedFolder};
use crate::records::ids::DocumentId;

/// Long enough for 250 MB over a slow line, short enough that a clerk learns of
/// a dead share within a coffee.
pub const FILING_TIME_LIMIT: Duration = Duration::from_secs(300);

/// For a share to say that it is there, before paper moves.
pub const OPENING_TIME_LIMIT: Duration = Duration::from_secs(60);

/// What is asked of the repository at `folder` before anything is filed.
pub fn opened_within<T: Send + 'static>(
    limit: Duration,
    folder: &Path,
    open: impl FnOnce() -> Result<T, FilingFault> + Send + 'static,
) -> Result<T, FilingFault> {
    let opened = within(limit, "open the repository".to_owned(), open);
    opened.unwrap_or_else(|source| {
        let folder = folder.to_path_buf();
        Err(FilingFault::NotOpened { folder, seconds: limit.as_secs(), source })
    })
}

/// As [`WatchedFolder::file`]. Whatever a thread that was given up still does is
/// what filing again would do, and filing again finds it done.
pub fn file_within(
    limit: Duration,
    repository: &WatchedFolder,
    order: FilingOrder,
    mut pdf: impl Read + Send + 'static,
) -> Result<Filed, FilingFault> {
    let document = order.index.document.clone();
    let asked = repository.clone();
    let filed = within(limit, format!("file {document}"), move || asked.file(&order, &mut pdf));
    filed.unwrap_or_else(|error| match error.kind() {
        io::ErrorKind::TimedOut => {
            Err(FilingFault::NoAnswer { document, seconds: limit.as_secs() })
        }
        _ => Err(FilingFault::StartThread { document, source: error }),
    })
}

/// As [`WatchedFolder::acknowledge`].
pub fn acknowledge_within(
    limit: Duration,
    repository: &WatchedFolder,
    document: DocumentId,
) -> Result<(), FilingFault> {
    let (asked, filed) = (repository.clone(), document.clone());
    within(limit, format!("acknowledge {document}"), move || asked.acknowledge(&filed))
        .unwrap_or_else(|error| Err(repository.receipt_stays(&document, error)))
}

/// As [`WatchedFolder::unacknowledged`].
pub fn unacknowledged_within(
    limit: Duration,
    repository: &WatchedFolder,
) -> Result<Vec<DocumentId>, FilingFault> {
    let asked = repository.clone();
    within(limit, "list receipts".to_owned(), move || asked.unacknowledged())
        .unwrap_or_else(|error| Err(repository.staging_unusable(error)))
}

/// What `work` answers, on a thread of its own; after the limit the thread is
/// left to the kernel, and the error is [`io::ErrorKind::TimedOut`].
pub fn within<T: Send + 'static>(
    limit: Duration,
    thread: String,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<T> {
    let (done, answer) = channel();
    thread::Builder::new().name(thread).spawn(move || {
        // Nobody listens any more once the limit has passed.
        done.send(work()).ok();
    })?;
    answer.recv_timeout(limit).map_err(|error| match error {
        RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected => {
            io::Error::from(io::ErrorKind::TimedOut)
        }
    })
}
