//! Cover sheets on paper.
