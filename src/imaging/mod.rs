//! Pixels: decoded, straightened, measured, coded.
