//! Who is at the other end. On the station's socket the kernel says, and nobody
//! else; over HTTP there is only the token, which names no person.

use std::fmt;

use axum::extract::connect_info::Connected;
use axum::serve::IncomingStream;
use tokio::net::{TcpListener, UnixListener};

/// Who gave an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// By the station's socket; `None` where the kernel would not say.
    User(Option<u32>),
    /// Over HTTP.
    Token,
}

impl Connected<IncomingStream<'_, UnixListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, UnixListener>) -> Self {
        Peer::User(stream.io().peer_cred().ok().map(|credentials| credentials.uid()))
    }
}

impl Connected<IncomingStream<'_, TcpListener>> for Peer {
    fn connect_info(_: IncomingStream<'_, TcpListener>) -> Self {
        Peer::Token
    }
}

impl Peer {
    /// Whether the station's files are this user's to name: the station reads
    /// them with its own rights, and must not lend these to others.
    pub fn may_name_files(self) -> bool {
        let own = rustix::process::geteuid().as_raw();
        match self {
            Peer::User(uid) => uid.is_some_and(|uid| uid == 0 || uid == own),
            // Programs are given it to order with, and it tells no user.
            Peer::Token => false,
        }
    }
}

/// The user's name, where the machine knows one.
impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let uid = match self {
            Peer::Token => return f.write_str("token"),
            Peer::User(None) => return f.write_str("an unknown user"),
            Peer::User(Some(uid)) => *uid,
        };
        match name_of(uid) {
            Some(name) => f.write_str(&name),
            None => write!(f, "user {uid}"),
        }
    }
}

/// As the machine knows the user.
pub fn name_of(uid: u32) -> Option<String> {
    let users = std::fs::read_to_string("/etc/passwd").ok()?;
    users.lines().find_map(|line| {
        let mut parts = line.split(':');
        let (name, _, id) = (parts.next()?, parts.next()?, parts.next()?);
        (id.parse() == Ok(uid)).then(|| name.to_owned())
    })
}
