//! The running station, spoken to by its socket.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, anyhow};
use clap::Args;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::{Method, Request, Response, header};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;

use super::exit::{Ends, Exit, Stopped};
use super::settings::{self, StateArgs};
use crate::records::ids::BatchId;
use crate::web::api::event::StationEvent;
use crate::web::api::problem::{Problem, ProblemKind};

/// A station that does not answer by then does not answer. Pausing waits for the
/// scanner, and a share that is asked for may hang for a minute.
const ANSWER_LIMIT: Duration = Duration::from_secs(120);

/// Which station, and how it is told.
#[derive(Args)]
pub struct To {
    #[command(flatten)]
    pub state: StateArgs,
    /// One line of JSON
    #[arg(long)]
    pub json: bool,
}

/// One station's socket.
#[derive(Debug, Clone)]
pub struct StationClient {
    socket: PathBuf,
}

impl StationClient {
    /// The station of these settings, where it is running.
    pub async fn running(args: &StateArgs) -> Result<Option<Self>, Stopped> {
        let station = settings::station(args)?;
        let client = StationClient { socket: settings::socket(args, &station) };
        Ok(client.connect().await.is_ok().then_some(client))
    }

    /// For commands that are nothing without it.
    pub async fn of(args: &StateArgs) -> Result<Self, Stopped> {
        let station = settings::station(args)?;
        let client = StationClient { socket: settings::socket(args, &station) };
        match client.connect().await {
            Ok(_) => Ok(client),
            Err(error) => Err(Stopped::because(
                Exit::Failed,
                format!(
                    "no station answers at {} ({error}); start it with `outguide serve`, or say \
                     with --state or --station which one is meant",
                    client.socket.display()
                ),
            )),
        }
    }

    async fn connect(&self) -> std::io::Result<UnixStream> {
        UnixStream::connect(&self.socket).await
    }

    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Stopped> {
        self.ask(Method::GET, path, Bytes::new()).await
    }

    pub async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, Stopped> {
        let body = serde_json::to_vec(body).ends(Exit::Failed)?;
        self.ask(Method::POST, path, body.into()).await
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<T, Stopped> {
        let answer = async {
            let response = self.send(method, path, body).await?;
            let status = response.status();
            let body = response.into_body().collect().await?.to_bytes();
            anyhow::Ok((status, body))
        };
        let answered = tokio::time::timeout(ANSWER_LIMIT, answer).await;
        let (status, body) = answered
            .map_err(|_| anyhow!("the station did not answer in time; look into its log"))
            .and_then(|answer| answer)
            .ends(Exit::Failed)?;
        if status.is_success() {
            return serde_json::from_slice(&body)
                .context("the station's answer is not understood; is it of another version?")
                .ends(Exit::Failed);
        }
        Err(as_stopped(&body))
    }

    /// What happens to a batch, from where it stands on.
    pub async fn events(&self, batch: &BatchId) -> Result<Events, Stopped> {
        let path = format!("/batches/{batch}/events");
        let sent = self.send(Method::GET, &path, Bytes::new()).await.ends(Exit::Failed)?;
        if sent.status().is_success() {
            return Ok(Events { body: sent.into_body(), read: Vec::new() });
        }
        let body = sent.into_body().collect().await.ends(Exit::Failed)?.to_bytes();
        Err(as_stopped(&body))
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> anyhow::Result<Response<Incoming>> {
        let stream = self.connect().await.context("the station does not answer any more")?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // It ends with the answer, and says by that if it broke.
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "the connection to the station broke");
            }
        });
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "station")
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(body))?;
        Ok(sender.send_request(request).await?)
    }
}

/// A stream of what happens to a batch.
pub struct Events {
    body: Incoming,
    read: Vec<u8>,
}

impl Events {
    /// `None` where the station has ended.
    pub async fn next(&mut self) -> Result<Option<StationEvent>, Stopped> {
        loop {
            while let Some(end) = self.read.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.read.drain(..=end).collect();
                if let Some(data) = line.strip_prefix(b"data:") {
                    let event = serde_json::from_slice(data).context(
                        "the station tells what is not understood; is it of another version?",
                    );
                    return event.map(Some).ends(Exit::Failed);
                }
            }
            match self.body.frame().await {
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        self.read.extend_from_slice(&data);
                    }
                }
                Some(Err(error)) => {
                    tracing::debug!(%error, "the stream of events broke");
                    return Ok(None);
                }
                None => return Ok(None),
            }
        }
    }
}

fn as_stopped(body: &[u8]) -> Stopped {
    match serde_json::from_slice::<Problem>(body) {
        Ok(problem) => Stopped::because(exit_of(problem.kind), problem.detail),
        Err(_) => Stopped::because(
            Exit::Failed,
            format!("the station answers: {}", String::from_utf8_lossy(body).trim()),
        ),
    }
}

pub fn exit_of(kind: ProblemKind) -> Exit {
    match kind {
        ProblemKind::Request
        | ProblemKind::NotFound
        | ProblemKind::Method
        | ProblemKind::Removed
        | ProblemKind::NotAllowed
        | ProblemKind::NoToken
        | ProblemKind::Keyed
        | ProblemKind::TooLarge
        | ProblemKind::TookTooLong => Exit::Failed,
        ProblemKind::Unfinished => Exit::Unfinished,
        ProblemKind::Settings => Exit::Settings,
        ProblemKind::Scanner => Exit::Scanner,
        ProblemKind::Input => Exit::Input,
        ProblemKind::Storage => Exit::Storage,
    }
}

/// For paths that the station, which runs elsewhere, is to find.
pub fn from_the_root(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
