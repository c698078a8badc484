//! Composition root: the only code that chooses real or simulated.
