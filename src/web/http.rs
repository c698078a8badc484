//! The same routes over HTTP, for programs that cannot reach the socket: of this
//! machine on loopback addresses, of others over TLS ([`super::tls`]), as
//! without it others would read along.
//!
//! Every program and every user of the machine can reach a loopback port, and a
//! web page in a browser can make it ask there under a name of its own. So each
//! request shows the station's [`Token`], and on loopback names a loopback host.
//! Over TLS a browser holds the certificate against the name itself.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use std::{fs, io};

use axum::Router;
use axum::body::{Body, HttpBody, to_bytes};
use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::timeout;

use super::api::problem::{Problem, ProblemKind};
use super::peer::Peer;
use super::tls::TlsListener;
use super::token::Token;
use super::{MOST_BODY_BYTES, Web, drains, routes};
use crate::disk::Disk;
use crate::disk::durable::write_over;

/// In the state folder: where the station listens, for programs to read.
pub const ADDRESS: &str = "http-address";

/// The same of the address for other machines.
pub const TLS_ADDRESS: &str = "https-address";

/// What asks needs no secret for: whether the station lives.
const WITHOUT_TOKEN: &str = "/health";

/// For a megabyte from the same machine; whoever is slower holds up the station.
const BODY_LIMIT: Duration = Duration::from_secs(10);

/// Longer than a scanner takes to stop in order. Streams of events go on.
const ANSWER_LIMIT: Duration = Duration::from_secs(120);

/// Keeps the address that is listened on where programs find it. Blocks.
pub fn keep_address(
    disk: &Disk,
    state: &Path,
    name: &str,
    listener: &TcpListener,
) -> io::Result<()> {
    let address = listener.local_addr()?.to_string();
    write_over(disk, &state.join(name), |file| file.append(address.as_bytes()))
}

/// Those of an earlier start: another program may listen there, and would be
/// shown the token. Blocks.
pub fn forget_addresses(state: &Path) -> io::Result<()> {
    for name in [ADDRESS, TLS_ADDRESS] {
        match fs::remove_file(state.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

/// Who can reach an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reached {
    ByThisMachine,
    ByOthers,
}

/// Serves until the station drains.
pub async fn serve(
    listener: TcpListener,
    token: Arc<Token>,
    web: Arc<Web>,
    draining: watch::Receiver<bool>,
) {
    let service = guarded(web, token, Reached::ByThisMachine);
    let service = service.into_make_service_with_connect_info::<Peer>();
    let served = axum::serve(listener, service).with_graceful_shutdown(drains(draining));
    if let Err(error) = served.await {
        tracing::error!(%error, "HTTP failed");
    }
}

/// The same for other machines.
pub async fn serve_tls(
    listener: TlsListener,
    token: Arc<Token>,
    web: Arc<Web>,
    draining: watch::Receiver<bool>,
) {
    let service = guarded(web, token, Reached::ByOthers);
    let service = service.into_make_service_with_connect_info::<Peer>();
    let served = axum::serve(listener, service).with_graceful_shutdown(drains(draining));
    if let Err(error) = served.await {
        tracing::error!(%error, "HTTPS failed");
    }
}

fn guarded(web: Arc<Web>, token: Arc<Token>, reached: Reached) -> Router {
    routes(web).layer(from_fn_with_state((token, reached), guard))
}

async fn guard(
    State((token, reached)): State<(Arc<Token>, Reached)>,
    request: Request,
    next: Next,
) -> Response {
    if reached == Reached::ByThisMachine
        && let Err(problem) = is_for_this_machine(&request)
    {
        return problem.into_response();
    }
    if request.uri().path() != WITHOUT_TOKEN && !shows(&token, request.headers()) {
        return token_is_needed();
    }
    let request = match whole(request).await {
        Ok(request) => request,
        Err(problem) => return problem.into_response(),
    };
    match timeout(ANSWER_LIMIT, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            let told = "the station is still at it; ask where the batch stands";
            Problem::new(ProblemKind::TookTooLong, told).into_response()
        }
    }
}

/// A page from elsewhere whose name leads here (DNS rebinding) says that name.
fn is_for_this_machine(request: &Request) -> Result<(), Problem> {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let (host, another) = (hosts.next(), hosts.next());
    let named = host.and_then(|host| host.to_str().ok()).is_some_and(is_loopback);
    let asked = request.uri().authority().is_none_or(|name| is_loopback(name.as_str()));
    if named && asked && another.is_none() {
        return Ok(());
    }
    let told = "this address is asked for as localhost, 127.0.0.1 or [::1], and by no other name";
    Err(Problem::new(ProblemKind::NotAllowed, told))
}

/// With or without a port.
fn is_loopback(name: &str) -> bool {
    let Ok(authority) = name.parse::<Authority>() else { return false };
    if authority.as_str().contains('@') {
        return false;
    }
    let host = authority.host();
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    match bare.parse::<IpAddr>() {
        Ok(address) => address.is_loopback(),
        Err(_) => host.eq_ignore_ascii_case("localhost"),
    }
}

fn shows(token: &Token, headers: &HeaderMap) -> bool {
    let mut shown = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(first), None) = (shown.next(), shown.next()) else { return false };
    match first.as_bytes().split_at_checked("Bearer ".len()) {
        Some((scheme, rest)) => {
            scheme.eq_ignore_ascii_case(b"Bearer ") && token.is(rest.trim_ascii())
        }
        None => false,
    }
}

fn token_is_needed() -> Response {
    let told = "send the header \"Authorization: Bearer TOKEN\"; the token is in http-token in the \
                station's state folder";
    let mut response = Problem::new(ProblemKind::NoToken, told).into_response();
    response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    response
}

/// The request with its whole body.
async fn whole(request: Request) -> Result<Request, Problem> {
    let (parts, body) = request.into_parts();
    // Said beforehand: nobody waits for what is not read.
    if body.size_hint().lower() > MOST_BODY_BYTES as u64 {
        return Err(Problem::too_large());
    }
    let read = timeout(BODY_LIMIT, to_bytes(body, MOST_BODY_BYTES)).await;
    let read = read.map_err(|_| {
        Problem::new(ProblemKind::TookTooLong, "the request did not come whole in 10 seconds")
    })?;
    match read {
        Ok(bytes) => Ok(Request::from_parts(parts, Body::from(bytes))),
        Err(error) if is_too_large(&error) => Err(Problem::too_large()),
        Err(error) => Err(Problem::of(ProblemKind::Request, &error)),
    }
}

fn is_too_large(error: &axum::Error) -> bool {
    std::error::Error::source(error)
        .is_some_and(|cause| cause.is::<http_body_util::LengthLimitError>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_loopback() {
        let own =
            ["localhost", "LocalHost:8632", "127.0.0.1", "127.9.9.9:1", "[::1]", "[::1]:8632"];
        for name in own {
            assert!(is_loopback(name), "{name}");
        }
        let others = [
            "",
            "example.org",
            "localhost.example.org",
            "127.0.0.1.example.org:8632",
            "0.0.0.0",
            "192.168.1.5:8632",
            "[fe80::1]",
            "localhost@example.org",
            "example.org@localhost",
        ];
        for name in others {
            assert!(!is_loopback(name), "{name}");
        }
    }
}
