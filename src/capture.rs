//! A scan order becomes spooled pages and a batch.
