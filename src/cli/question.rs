//! `outguide question`: what waits for a clerk, and the answers.

use std::collections::BTreeMap;

use clap::{Args, Subcommand};

use super::batch::tell_batch;
use super::exit::{Exit, Stopped};
use super::station_client::{StationClient, To};
use super::telling::{say, say_json};
use crate::records::ids::{BatchId, DocumentId, PageNo};
use crate::web::api::question::{AnswerOrder, Questions};

/// What waits for a clerk's answer at the running station, and the answers
#[derive(Args)]
pub struct QuestionCommand {
    #[command(subcommand)]
    command: QuestionAction,
}

#[derive(Subcommand)]
enum QuestionAction {
    /// The questions of all batches, the newest first
    List {
        #[command(flatten)]
        to: To,
    },
    /// Say what the pages in question are
    Answer(Box<AnswerArgs>),
}

#[derive(Args)]
struct AnswerArgs {
    batch: BatchId,
    /// The question's number, as the list tells it
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    question: u32,
    #[command(flatten)]
    answer: OneAnswer,
    /// The pages that are meant, such as 3,5-7; without it, all that the question holds
    #[arg(long, value_parser = pages, conflicts_with = "as_it_should_be")]
    pages: Option<Pages>,
    /// With --document: an index value, as NAME=VALUE
    #[arg(long, value_name = "NAME=VALUE", value_parser = field, requires = "document")]
    field: Vec<(String, String)>,
    /// Why; it stays in the audit, with your name
    #[arg(
        long,
        required_if_eq_any = [("not_of_the_record", "true"), ("as_it_should_be", "true")],
        conflicts_with_all = ["document", "pages_of"]
    )]
    reason: Option<String>,
    #[command(flatten)]
    to: To,
}

#[derive(Args)]
#[group(required = true, multiple = false)]
struct OneAnswer {
    /// A document of this type, to be filed
    #[arg(long, value_name = "TYPE")]
    document: Option<String>,
    /// More pages of this document
    #[arg(long, value_name = "DOCUMENT")]
    pages_of: Option<DocumentId>,
    /// Set aside: kept, and in no document
    #[arg(long)]
    not_of_the_record: bool,
    /// Nothing is to be done; for a question that holds no page
    #[arg(long)]
    as_it_should_be: bool,
}

#[derive(Clone)]
pub struct Pages(pub Vec<PageNo>);

/// `3,5-7`.
pub fn pages(text: &str) -> Result<Pages, String> {
    let wrong = || format!("{text:?} names no pages; write them as 3,5-7");
    let mut pages = Vec::new();
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let no = |text: &str| text.trim().parse().ok().and_then(PageNo::new);
        let (first, last) = no(first).zip(no(last)).ok_or_else(wrong)?;
        if first > last || last.get() - first.get() > 10_000 {
            return Err(wrong());
        }
        pages.extend((first.get()..=last.get()).filter_map(PageNo::new));
    }
    Ok(Pages(pages))
}

/// `mrn=0012345`.
pub fn field(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write it as NAME=VALUE")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

impl QuestionCommand {
    pub fn json(&self) -> bool {
        match &self.command {
            QuestionAction::List { to } => to.json,
            QuestionAction::Answer(args) => args.to.json,
        }
    }
}

pub async fn run(command: QuestionCommand) -> Result<Exit, Stopped> {
    match command.command {
        QuestionAction::List { to } => list(&to).await,
        QuestionAction::Answer(args) => answer(*args).await,
    }
}

async fn list(to: &To) -> Result<Exit, Stopped> {
    let station = StationClient::of(&to.state).await?;
    let found: Questions = station.get("/questions").await?;
    if to.json {
        say_json(&found)?;
        return Ok(Exit::Done);
    }
    if found.questions.is_empty() {
        say("nothing waits for a clerk")?;
    }
    for asked in &found.questions {
        let question = &asked.question;
        let holds: Vec<String> = question.holds.iter().map(PageNo::to_string).collect();
        let holds = match holds.is_empty() {
            true => String::new(),
            false => format!("  [holds {}]", holds.join(", ")),
        };
        say(format_args!(
            "{}  question {}, page {}: {}{holds}",
            asked.batch, question.question, question.page, question.reason
        ))?;
    }
    Ok(Exit::Done)
}

async fn answer(args: AnswerArgs) -> Result<Exit, Stopped> {
    let AnswerArgs { batch, question, answer, pages, field, reason, to } = args;
    let pages = pages.map_or_else(Vec::new, |pages| pages.0);
    let reason = reason.unwrap_or_default();
    let order = match answer {
        OneAnswer { document: Some(document_type), .. } => {
            let fields: BTreeMap<String, String> = field.into_iter().collect();
            AnswerOrder::Document { pages, document_type, fields }
        }
        OneAnswer { pages_of: Some(document), .. } => {
            if *document.batch() != batch {
                let told = format!("document {document} is none of batch {batch}");
                return Err(Stopped::because(Exit::Settings, told));
            }
            AnswerOrder::PagesOf { pages, first_page: document.first_page() }
        }
        OneAnswer { not_of_the_record: true, .. } => AnswerOrder::NotOfTheRecord { pages, reason },
        OneAnswer { .. } => AnswerOrder::AsItShouldBe { reason },
    };
    tell_batch(&format!("/batches/{batch}/questions/{question}/answer"), &order, &to).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_named_one_by_one_and_from_to() {
        let numbers = |text| pages(text).map(|pages| pages.0.iter().map(|no| no.get()).collect());
        assert_eq!(numbers("3"), Ok(vec![3]));
        assert_eq!(numbers("3, 5-7"), Ok(vec![3, 5, 6, 7]));
        for wrong in ["", "0", "7-5", "a", "1-", "1-4000000000", "-2"] {
            assert!(numbers(wrong).is_err(), "{wrong}");
        }
    }
}
