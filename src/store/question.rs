//! Where each page of a separated batch was placed, and the questions left for
//! a clerk.

use std::collections::BTreeMap;

use sqlx::any::AnyRow;
use sqlx::{Any, AnyConnection, Transaction};

use super::page::read_page_no;
use super::{Store, StoreFault, column, failed, from_json, number, parsed, to_json, unreadable};
use crate::records::document::Question;
use crate::records::ids::{BatchId, PageNo, QuestionNo};
use crate::records::page::{Place, SetAside};

impl Store {
    /// Every page of the batch and its place; empty before separation.
    pub async fn placements(&self, batch: &BatchId) -> Result<BTreeMap<PageNo, Place>, StoreFault> {
        let mut connection =
            self.pool.acquire().await.map_err(failed("list where a batch's pages stand"))?;
        placements_of(&mut connection, batch).await
    }

    /// Batches of which somebody is asked something, the newest first.
    pub async fn batches_in_question(&self, at_most: u32) -> Result<Vec<BatchId>, StoreFault> {
        sqlx::query(
            "SELECT DISTINCT question.batch_id FROM question \
             JOIN batch ON batch.id = question.batch_id WHERE answered IS NULL \
             AND state IN ('in-question', 'awaiting-review', 'filing', 'held') \
             ORDER BY question.batch_id DESC LIMIT $1",
        )
        .bind(i64::from(at_most))
        .fetch_all(&self.pool)
        .await
        .map_err(failed("list batches in question"))?
        .iter()
        .map(|row| parsed(row, "batch_id"))
        .collect()
    }

    /// Those nobody answered yet, by their numbers: in page order, as separation
    /// raised them; then those of documents held back. Each holds what of its
    /// pages is still in question.
    pub async fn questions(
        &self,
        batch: &BatchId,
    ) -> Result<BTreeMap<QuestionNo, Question>, StoreFault> {
        let mut connection =
            self.pool.acquire().await.map_err(failed("list a batch's questions"))?;
        open_questions(&mut connection, batch).await
    }
}

pub(super) async fn open_questions(
    connection: &mut AnyConnection,
    batch: &BatchId,
) -> Result<BTreeMap<QuestionNo, Question>, StoreFault> {
    let places = placements_of(connection, batch).await?;
    let rows = sqlx::query("SELECT * FROM question WHERE batch_id = $1 AND answered IS NULL")
        .bind(batch.as_str())
        .fetch_all(connection)
        .await
        .map_err(failed("list a batch's questions"))?;
    rows.iter()
        .map(|row| {
            let mut holds: Vec<PageNo> = from_json("held pages", &column::<String>(row, "holds")?)?;
            holds.retain(|page| places.get(page) == Some(&Place::Question));
            let question = Question {
                page: read_page_no(row, "page_no")?,
                holds,
                reason: from_json("question", &column::<String>(row, "reason")?)?,
            };
            Ok((read_question_no(row)?, question))
        })
        .collect()
}

pub(super) async fn placements_of(
    connection: &mut AnyConnection,
    batch: &BatchId,
) -> Result<BTreeMap<PageNo, Place>, StoreFault> {
    let rows = sqlx::query("SELECT * FROM placement WHERE batch_id = $1")
        .bind(batch.as_str())
        .fetch_all(connection)
        .await
        .map_err(failed("list where a batch's pages stand"))?;
    rows.iter()
        .map(|row| {
            let place = read_place(row, &column::<String>(row, "place")?)?;
            Ok((read_page_no(row, "page_no")?, place))
        })
        .collect()
}

pub(super) async fn put_placement(
    tx: &mut Transaction<'_, Any>,
    batch: &BatchId,
    page: PageNo,
    place: &Place,
) -> Result<(), sqlx::Error> {
    let (name, first_page, set_aside) = match place {
        Place::Document { first_page } => ("document", Some(i64::from(first_page.get())), None),
        Place::SetAside { reason } => ("set-aside", None, Some(reason.name())),
        Place::Question => ("question", None, None),
    };
    sqlx::query(
        "INSERT INTO placement (batch_id, page_no, place, first_page, set_aside) \
         VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (batch_id, page_no) DO UPDATE SET place = excluded.place, \
             first_page = excluded.first_page, set_aside = excluded.set_aside",
    )
    .bind(batch.as_str())
    .bind(i64::from(page.get()))
    .bind(name)
    .bind(first_page)
    .bind(set_aside)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Behind those the batch has.
pub(super) async fn add_question(
    tx: &mut Transaction<'_, Any>,
    batch: &BatchId,
    question: &Question,
) -> Result<(), sqlx::Error> {
    let position: i64 = sqlx::query_scalar(
        "SELECT COALESCE(MAX(position) + 1, 0) FROM question WHERE batch_id = $1",
    )
    .bind(batch.as_str())
    .fetch_one(&mut **tx)
    .await?;
    insert_question(tx, batch, position, question).await
}

pub(super) async fn insert_question(
    tx: &mut Transaction<'_, Any>,
    batch: &BatchId,
    position: i64,
    question: &Question,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO question (batch_id, position, page_no, holds, reason) \
         VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(batch.as_str())
    .bind(position)
    .bind(i64::from(question.page.get()))
    .bind(to_json(&question.holds))
    .bind(to_json(&question.reason))
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Kept counted from 0.
fn read_question_no(row: &AnyRow) -> Result<QuestionNo, StoreFault> {
    let position: u32 = number(row, "position")?;
    QuestionNo::new(position + 1).ok_or_else(|| unreadable("question")("its number".to_owned()))
}

pub(super) fn read_place(row: &AnyRow, place: &str) -> Result<Place, StoreFault> {
    Ok(match place {
        "document" => Place::Document { first_page: read_page_no(row, "first_page")? },
        "set-aside" => {
            Place::SetAside { reason: read_set_aside(&column::<String>(row, "set_aside")?)? }
        }
        "question" => Place::Question,
        other => return Err(unreadable("place of a page")(other.to_owned())),
    })
}

fn read_set_aside(name: &str) -> Result<SetAside, StoreFault> {
    SetAside::ALL
        .into_iter()
        .find(|reason| reason.name() == name)
        .ok_or_else(|| unreadable("reason for setting aside")(name.to_owned()))
}
