//! `outguide scan-worker`: the only process that loads libsane.

/// Serves one scanner until standard input closes; returns the exit code.
pub fn serve() -> u8 {
    0
}
