//! PDF pages become pixels.
