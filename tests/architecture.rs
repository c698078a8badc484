//! Holds the layers and fences that `src/lib.rs` states.
