//! The steps from page to filed document, in order.

pub mod separate;
