//! Failures, in one format (RFC 9457) that a person can read.

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use crate::capture::CaptureFault;
use crate::capture::desk::DeskFault;
use crate::capture::resumption::ResumeFault;
use crate::decisions::DecisionFault;
use crate::device::scanner::ScanFault;
use crate::records::fault::in_one_line;
use crate::store::{Refusal, StoreFault};

/// What went wrong, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// For programs.
    pub kind: ProblemKind,
    /// The HTTP status.
    pub status: u16,
    /// A name for this kind of trouble.
    pub title: String,
    /// For the person who gave the order.
    pub detail: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProblemKind {
    /// The request is not understood.
    Request,
    NotFound,
    /// Not under that method.
    Method,
    /// It was there, and was removed as a profile says.
    Removed,
    /// The batch is not in a state for that, or another stands in the way.
    Unfinished,
    /// A profile, a language or an option cannot be used.
    Settings,
    Scanner,
    /// A file given cannot be read as pages.
    Input,
    /// What was keyed is no value, no field or no document type.
    Keyed,
    /// The disk, the database or the repository.
    Storage,
    /// This user may not.
    NotAllowed,
    /// Over HTTP the station's token is needed.
    NoToken,
    /// The body is larger than any order.
    TooLarge,
    /// The request did not come whole in time, or took too long to answer.
    TookTooLong,
}

impl ProblemKind {
    fn status(self) -> StatusCode {
        match self {
            ProblemKind::Request => StatusCode::BAD_REQUEST,
            ProblemKind::NotFound => StatusCode::NOT_FOUND,
            ProblemKind::Method => StatusCode::METHOD_NOT_ALLOWED,
            ProblemKind::Removed => StatusCode::GONE,
            ProblemKind::Unfinished => StatusCode::CONFLICT,
            ProblemKind::Settings | ProblemKind::Input | ProblemKind::Keyed => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            ProblemKind::Scanner | ProblemKind::Storage => StatusCode::SERVICE_UNAVAILABLE,
            ProblemKind::NotAllowed => StatusCode::FORBIDDEN,
            ProblemKind::NoToken => StatusCode::UNAUTHORIZED,
            ProblemKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            ProblemKind::TookTooLong => StatusCode::REQUEST_TIMEOUT,
        }
    }

    fn title(self) -> &'static str {
        match self {
            ProblemKind::Request => "The request is not understood",
            ProblemKind::NotFound => "There is no such thing",
            ProblemKind::Method => "Not under that method",
            ProblemKind::Removed => "This was removed",
            ProblemKind::Unfinished => "Something else comes first",
            ProblemKind::Settings => "A setting cannot be used",
            ProblemKind::Scanner => "The scanner cannot be used",
            ProblemKind::Input => "A file cannot be read as pages",
            ProblemKind::Keyed => "What was keyed cannot be taken",
            ProblemKind::Storage => "Something cannot be kept",
            ProblemKind::NotAllowed => "This is not allowed",
            ProblemKind::NoToken => "The station's token is needed",
            ProblemKind::TooLarge => "The request is too large",
            ProblemKind::TookTooLong => "The request took too long",
        }
    }
}

impl Problem {
    pub fn new(kind: ProblemKind, detail: impl std::fmt::Display) -> Self {
        Problem {
            kind,
            status: kind.status().as_u16(),
            title: kind.title().to_owned(),
            detail: detail.to_string(),
        }
    }

    pub fn too_large() -> Self {
        Problem::new(ProblemKind::TooLarge, "an order is a megabyte at most")
    }

    /// With the causes behind it: an administrator reads on.
    pub fn of(kind: ProblemKind, fault: &dyn std::error::Error) -> Self {
        Problem::new(kind, in_one_line(fault))
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        if status.is_server_error() {
            tracing::error!(detail = self.detail, "a request failed");
        }
        let mut response = (status, Json(self)).into_response();
        let kind = header::HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        response
    }
}

impl From<StoreFault> for Problem {
    fn from(fault: StoreFault) -> Self {
        Problem::of(ProblemKind::Storage, &fault)
    }
}

impl From<DeskFault> for Problem {
    fn from(fault: DeskFault) -> Self {
        Problem::of(kind_of(&fault), &fault)
    }
}

impl From<DecisionFault> for Problem {
    fn from(fault: DecisionFault) -> Self {
        let kind = match &fault {
            DecisionFault::Refused(refusal) => kind_of_refusal(refusal),
            DecisionFault::Profile { .. } => ProblemKind::Settings,
            DecisionFault::NotAType { .. }
            | DecisionFault::NotAFieldName(_)
            | DecisionFault::NotAField { .. }
            | DecisionFault::Value { .. }
            | DecisionFault::Missing { .. }
            | DecisionFault::OtherPatients { .. }
            | DecisionFault::NothingChanges => ProblemKind::Keyed,
            DecisionFault::NoReason | DecisionFault::LongReason => ProblemKind::Request,
            DecisionFault::Store(_) => ProblemKind::Storage,
        };
        Problem::of(kind, &fault)
    }
}

fn kind_of_refusal(refusal: &Refusal) -> ProblemKind {
    match refusal {
        Refusal::NoSuchBatch(_)
        | Refusal::NoSuchQuestion { .. }
        | Refusal::NoSuchDocument { .. } => ProblemKind::NotFound,
        Refusal::CountsComeFirst(_)
        | Refusal::NotSeparated { .. }
        | Refusal::Ended { .. }
        | Refusal::StillFiling { .. }
        | Refusal::NoReviewDue { .. }
        | Refusal::AnotherVersion { .. }
        | Refusal::NotFiled { .. }
        | Refusal::WithdrawnBefore { .. } => ProblemKind::Unfinished,
        Refusal::OriginalsRemoved { .. } => ProblemKind::Removed,
        Refusal::SayWhichPages { .. }
        | Refusal::SayWhatTheyAre { .. }
        | Refusal::OtherPage { .. }
        | Refusal::NotSetAside { .. }
        | Refusal::NamesAnother { .. } => ProblemKind::Keyed,
    }
}

fn kind_of(fault: &DeskFault) -> ProblemKind {
    match fault {
        DeskFault::NoSuchBatch { .. } => ProblemKind::NotFound,
        DeskFault::OtherStations { .. }
        | DeskFault::ScannerAtWork { .. }
        | DeskFault::Unfinished { .. }
        | DeskFault::NotFrom { .. }
        | DeskFault::FilingHasBegun { .. }
        | DeskFault::FromAHotFolder { .. }
        | DeskFault::NoPage { .. } => ProblemKind::Unfinished,
        DeskFault::NoReason => ProblemKind::Request,
        DeskFault::Profile { .. } => ProblemKind::Settings,
        DeskFault::Resume(fault) => match fault {
            ResumeFault::NotLikeThat(_) => ProblemKind::Unfinished,
            ResumeFault::Files(_) => ProblemKind::Input,
            ResumeFault::Store(_) => ProblemKind::Storage,
        },
        DeskFault::Paper(fault) => kind_of_paper_fault(fault),
        DeskFault::Store(_) => ProblemKind::Storage,
    }
}

fn kind_of_paper_fault(fault: &CaptureFault) -> ProblemKind {
    match fault {
        CaptureFault::Scanner(
            ScanFault::UnreadableFile { .. }
            | ScanFault::UnreadableFolder { .. }
            | ScanFault::NotPages { .. },
        ) => ProblemKind::Input,
        CaptureFault::Scanner(fault) if fault.is_about_the_settings() => ProblemKind::Settings,
        CaptureFault::Scanner(_) | CaptureFault::SuspectSheet { .. } => ProblemKind::Scanner,
        CaptureFault::Spool(_) | CaptureFault::Store(_) | CaptureFault::RecordPage { .. } => {
            ProblemKind::Storage
        }
        CaptureFault::OtherFiles { .. }
        | CaptureFault::TakesNoPaper { .. }
        | CaptureFault::NotLikeThat { .. } => ProblemKind::Unfinished,
    }
}

pub async fn no_such_thing() -> Problem {
    Problem::new(ProblemKind::NotFound, "the station has nothing under that address")
}

pub async fn no_such_method() -> Problem {
    let told = "this address takes another method; GET /openapi.json tells which";
    Problem::new(ProblemKind::Method, told)
}
