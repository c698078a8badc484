//! TLS for programs on other machines. Who a station is says its certificate;
//! who asks is still said by the token alone.

use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{Sleep, sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, ServerConfig};
use tokio_rustls::server::TlsStream;

use super::peer::Peer;
use crate::disk::Disk;

/// Whoever is slower is no program of the hospital's.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(5);

/// The same for the first words of a request behind it.
const FIRST_WORDS_LIMIT: Duration = Duration::from_secs(10);

/// Open at once, handshakes included; others wait in the kernel's queue. So
/// strangers can keep others from this address, and the station's own files and
/// socket from nothing: a process may have 1,024 files open and more.
const CONNECTIONS: usize = 256;

/// The system has no more room for connections: it will have.
const ACCEPTED_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Every other user's rights.
const OF_OTHERS: u32 = 0o007;

#[derive(Debug, thiserror::Error)]
pub enum TlsFault {
    #[error("{} cannot be read (serve.certificate, serve.certificate_key)", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error(
        "the key in {} may be read by every user (mode {mode:03o}); take that right away \
         (chmod o-rwx)", path.display()
    )]
    Shared { path: PathBuf, mode: u32 },
    #[error("{} holds no {what} in PEM form", path.display())]
    NotPem { path: PathBuf, what: &'static str, source: pem::Error },
    #[error("the certificate in {} and its key cannot be used", certificate.display())]
    Unusable { certificate: PathBuf, source: rustls::Error },
}

/// What a station shows of itself: a certificate, those behind it, and its key.
/// Read once: a new certificate is used from the next start on. Blocks.
pub fn identity(certificate: &Path, key: &Path) -> Result<TlsAcceptor, TlsFault> {
    let read = |path: &Path| {
        Disk::Real.read(path).map_err(|source| TlsFault::Read { path: path.to_owned(), source })
    };
    let metadata =
        std::fs::metadata(key).map_err(|source| TlsFault::Read { path: key.to_owned(), source })?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & OF_OTHERS != 0 {
        return Err(TlsFault::Shared { path: key.to_owned(), mode });
    }
    let not_pem = |path: &Path, what| {
        let path = path.to_owned();
        move |source| TlsFault::NotPem { path, what, source }
    };
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&read(certificate)?)
        .collect::<Result<_, _>>()
        .map_err(not_pem(certificate, "certificate"))?;
    let private = PrivateKeyDer::from_pem_slice(&read(key)?).map_err(not_pem(key, "key"))?;
    let unusable = |source| TlsFault::Unusable { certificate: certificate.to_owned(), source };
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(unusable)?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .map_err(unusable)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Connections whose handshake is done.
pub struct TlsListener {
    tcp: TcpListener,
    acceptor: TlsAcceptor,
    room: Arc<Semaphore>,
    /// A handshake that takes long, or fails, holds up nobody.
    shaking: JoinSet<Option<(TlsConnection, SocketAddr)>>,
}

/// Has its place among the connections until it is dropped.
pub struct TlsConnection {
    stream: TlsStream<TcpStream>,
    /// `None` once something came.
    first_words: Option<Pin<Box<Sleep>>>,
    _place: OwnedSemaphorePermit,
}

impl AsyncRead for TlsConnection {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let connection = self.get_mut();
        let read = Pin::new(&mut connection.stream).poll_read(context, into);
        let Some(limit) = &mut connection.first_words else { return read };
        match (&read, limit.as_mut().poll(context)) {
            (Poll::Pending, Poll::Ready(())) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            (Poll::Pending, Poll::Pending) => read,
            (Poll::Ready(_), _) => {
                connection.first_words = None;
                read
            }
        }
    }
}

impl AsyncWrite for TlsConnection {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

impl TlsListener {
    pub fn new(tcp: TcpListener, acceptor: TlsAcceptor) -> Self {
        let room = Arc::new(Semaphore::new(CONNECTIONS));
        TlsListener { tcp, acceptor, room, shaking: JoinSet::new() }
    }

    fn shake(&mut self, connection: TcpStream, from: SocketAddr, place: OwnedSemaphorePermit) {
        let shaken = timeout(HANDSHAKE_LIMIT, self.acceptor.accept(connection));
        self.shaking.spawn(async move {
            match shaken.await {
                Ok(Ok(stream)) => {
                    let first_words = Some(Box::pin(sleep(FIRST_WORDS_LIMIT)));
                    Some((TlsConnection { stream, first_words, _place: place }, from))
                }
                Ok(Err(error)) => {
                    tracing::debug!(%error, "a TLS handshake failed");
                    None
                }
                Err(_) => None,
            }
        });
    }
}

impl Listener for TlsListener {
    type Io = TlsConnection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            tokio::select! {
                (accepted, place) = accepted(&self.tcp, self.room.clone()) => {
                    match accepted {
                        Ok((connection, from)) => self.shake(connection, from, place),
                        Err(error) => {
                            tracing::warn!(%error, "a connection cannot be accepted");
                            sleep(ACCEPTED_AGAIN_AFTER).await;
                        }
                    }
                }
                Some(shaken) = self.shaking.join_next() => {
                    if let Ok(Some(connection)) = shaken {
                        return connection;
                    }
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.tcp.local_addr()
    }
}

/// Dropped while it waits, it has taken neither.
async fn accepted(
    tcp: &TcpListener,
    room: Arc<Semaphore>,
) -> (io::Result<(TcpStream, SocketAddr)>, OwnedSemaphorePermit) {
    let place = room.acquire_owned().await.expect("nobody closes it");
    (tcp.accept().await, place)
}

impl Connected<IncomingStream<'_, TlsListener>> for Peer {
    fn connect_info(_: IncomingStream<'_, TlsListener>) -> Self {
        Peer::Token
    }
}
