//! Makes a page durable and hands originals back.
