//! Pages in the spool, and what the page step found on each.

use std::collections::BTreeSet;

use sqlx::any::AnyRow;
use sqlx::{Any, Transaction};

use super::audit::Told;
use super::work::{end_work, make_due};
use super::{
    ClaimedWork, Recorded, Store, StoreFault, column, failed, from_json, number, parsed, to_json,
    unreadable,
};
use crate::records::audit::Action;
use crate::records::ids::{BatchId, PageNo};
use crate::records::page::{PageOutcome, Side, Sides, SpooledPage};
use crate::records::work::WorkOn;

impl Store {
    /// The last act of the durable point: the page's file is already synced.
    /// `came_before` are the pages of this page's sheet from before it was put
    /// back into the feeder: from now on they are in no document.
    pub async fn add_page(
        &self,
        batch: &BatchId,
        page: &SpooledPage,
        came_before: &[PageNo],
    ) -> Result<(), StoreFault> {
        const ACTION: &str = "record a scanned page";
        let mut tx = self.begin(ACTION).await?;
        sqlx::query(
            "INSERT INTO page (batch_id, page_no, sheet, side, sides, file, sha256, bytes, \
             scanned_at, suspect, image, source_sha256) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        )
        .bind(batch.as_str())
        .bind(i64::from(page.no.get()))
        .bind(i64::from(page.sheet))
        .bind(side_name(page.side))
        .bind(sides_name(page.sides))
        .bind(&page.file)
        .bind(page.sha256.to_string())
        .bind(i64::try_from(page.bytes).map_err(unreadable("file length"))?)
        .bind(page.scanned_at.to_string())
        .bind(&page.suspect)
        .bind(i64::from(page.image))
        .bind(page.source_sha256.map(|sha256| sha256.to_string()))
        .execute(&mut *tx)
        .await
        .map_err(failed(ACTION))?;
        for page in came_before {
            sqlx::query("UPDATE page SET fed_again = 1 WHERE batch_id = $1 AND page_no = $2")
                .bind(batch.as_str())
                .bind(i64::from(page.get()))
                .execute(&mut *tx)
                .await
                .map_err(failed(ACTION))?;
        }
        make_due(&mut tx, batch, WorkOn::Read(page.no)).await.map_err(failed(ACTION))?;
        let told = Told::of(Action::ScanPage, batch).page(page.no).saying(page.sha256.to_string());
        self.tell(&mut tx, told).await.map_err(failed(ACTION))?;
        tx.commit().await.map_err(failed(ACTION))
    }

    /// Pages whose sheets were fed again behind them.
    pub async fn pages_fed_again(&self, batch: &BatchId) -> Result<BTreeSet<PageNo>, StoreFault> {
        sqlx::query("SELECT page_no FROM page WHERE batch_id = $1 AND fed_again = 1")
            .bind(batch.as_str())
            .fetch_all(&self.pool)
            .await
            .map_err(failed("list sheets fed again"))?
            .iter()
            .map(|row| read_page_no(row, "page_no"))
            .collect()
    }

    /// A person compared the sheet that `last` is on with its pages: nothing is
    /// wrong with them. Its number may be another sheet's in the other pass.
    pub async fn clear_suspicion(
        &self,
        batch: &BatchId,
        last: &SpooledPage,
    ) -> Result<(), StoreFault> {
        const ACTION: &str = "record that a sheet is right";
        let mut tx = self.begin(ACTION).await?;
        sqlx::query(
            "UPDATE page SET suspect = NULL WHERE batch_id = $1 AND sheet = $2 AND sides = $3",
        )
        .bind(batch.as_str())
        .bind(i64::from(last.sheet))
        .bind(sides_name(last.sides))
        .execute(&mut *tx)
        .await
        .map_err(failed(ACTION))?;
        let told = Told::of(Action::AcceptSheet, batch).saying(format!("sheet {}", last.sheet));
        self.tell(&mut tx, told).await.map_err(failed(ACTION))?;
        tx.commit().await.map_err(failed(ACTION))
    }

    /// In scanning order.
    pub async fn pages(&self, batch: &BatchId) -> Result<Vec<SpooledPage>, StoreFault> {
        sqlx::query("SELECT * FROM page WHERE batch_id = $1 ORDER BY page_no")
            .bind(batch.as_str())
            .fetch_all(&self.pool)
            .await
            .map_err(failed("list a batch's pages"))?
            .iter()
            .map(read_page)
            .collect()
    }

    /// One page; `None` where the batch has none of that number.
    pub async fn page(
        &self,
        batch: &BatchId,
        page: PageNo,
    ) -> Result<Option<SpooledPage>, StoreFault> {
        sqlx::query("SELECT * FROM page WHERE batch_id = $1 AND page_no = $2")
            .bind(batch.as_str())
            .bind(i64::from(page.get()))
            .fetch_optional(&self.pool)
            .await
            .map_err(failed("look up a page"))?
            .as_ref()
            .map(read_page)
            .transpose()
    }

    /// What reading a page found, and that the page is read.
    pub async fn record_page_read(
        &self,
        claimed: &ClaimedWork,
        page: PageNo,
        outcome: &PageOutcome,
    ) -> Result<Recorded, StoreFault> {
        const ACTION: &str = "record what was read on a page";
        let mut tx = self.begin(ACTION).await?;
        if end_work(&mut tx, claimed).await.map_err(failed(ACTION))? == Recorded::TooLate {
            return Ok(Recorded::TooLate);
        }
        put_page_outcome(&mut tx, &claimed.work.batch, page, outcome)
            .await
            .map_err(failed(ACTION))?;
        tx.commit().await.map_err(failed(ACTION))?;
        Ok(Recorded::Yes)
    }

    /// Reading a page again replaces what was found: it found the same, or what
    /// was in the way is gone.
    pub async fn record_page_outcome(
        &self,
        batch: &BatchId,
        page: PageNo,
        outcome: &PageOutcome,
    ) -> Result<(), StoreFault> {
        const ACTION: &str = "record what was read on a page";
        let mut tx = self.begin(ACTION).await?;
        put_page_outcome(&mut tx, batch, page, outcome).await.map_err(failed(ACTION))?;
        tx.commit().await.map_err(failed(ACTION))
    }

    pub async fn page_outcome(
        &self,
        batch: &BatchId,
        page: PageNo,
    ) -> Result<Option<PageOutcome>, StoreFault> {
        sqlx::query_scalar::<_, String>(
            "SELECT outcome FROM page_outcome WHERE batch_id = $1 AND page_no = $2",
        )
        .bind(batch.as_str())
        .bind(i64::from(page.get()))
        .fetch_optional(&self.pool)
        .await
        .map_err(failed("look up what was read on a page"))?
        .map(|text| from_json("page outcome", &text))
        .transpose()
    }
}

async fn put_page_outcome(
    tx: &mut Transaction<'_, Any>,
    batch: &BatchId,
    page: PageNo,
    outcome: &PageOutcome,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO page_outcome (batch_id, page_no, outcome) VALUES ($1, $2, $3) \
         ON CONFLICT (batch_id, page_no) DO UPDATE SET outcome = excluded.outcome",
    )
    .bind(batch.as_str())
    .bind(i64::from(page.get()))
    .bind(to_json(outcome))
    .execute(&mut **tx)
    .await
    .map(drop)
}

fn side_name(side: Side) -> &'static str {
    match side {
        Side::Front => "front",
        Side::Back => "back",
    }
}

fn sides_name(sides: Sides) -> &'static str {
    match sides {
        Sides::Front => "front",
        Sides::Back => "back",
        Sides::FrontThenBack => "front-then-back",
    }
}

fn read_page(row: &AnyRow) -> Result<SpooledPage, StoreFault> {
    let sides = match column::<String>(row, "sides")?.as_str() {
        "front" => Sides::Front,
        "back" => Sides::Back,
        "front-then-back" => Sides::FrontThenBack,
        other => return Err(unreadable("sides of a sheet")(other.to_owned())),
    };
    let source: Option<String> = column(row, "source_sha256")?;
    Ok(SpooledPage {
        no: read_page_no(row, "page_no")?,
        sheet: number(row, "sheet")?,
        side: read_side(row)?,
        sides,
        file: column(row, "file")?,
        sha256: parsed(row, "sha256")?,
        bytes: number(row, "bytes")?,
        scanned_at: parsed(row, "scanned_at")?,
        suspect: column(row, "suspect")?,
        image: number(row, "image")?,
        source_sha256: source.map(|text| text.parse()).transpose().map_err(unreadable("hash"))?,
    })
}

pub(super) fn read_side(row: &AnyRow) -> Result<Side, StoreFault> {
    match column::<String>(row, "side")?.as_str() {
        "front" => Ok(Side::Front),
        "back" => Ok(Side::Back),
        other => Err(unreadable("side of a sheet")(other.to_owned())),
    }
}

pub(super) fn read_page_no(row: &AnyRow, name: &'static str) -> Result<PageNo, StoreFault> {
    PageNo::new(number(row, name)?).ok_or_else(|| unreadable(name)("page 0"))
}
