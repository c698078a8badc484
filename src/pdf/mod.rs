//! Pages and words become searchable PDF/A; PDF pages become pixels.

pub mod paper;
