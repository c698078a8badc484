//! The API's description for programs (OpenAPI 3.1), written by hand in
//! `openapi.json`. `tests/api.rs` holds it to the URL table and to the answers.

use axum::http::header;
use axum::response::IntoResponse;

const DOCUMENT: &str = include_str!("openapi.json");

/// `GET /openapi.json`.
pub async fn document() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], DOCUMENT)
}
