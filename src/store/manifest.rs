//! Manifests: what each batch came to, in a chain of the station's.

use std::collections::BTreeMap;

use sqlx::any::AnyRow;
use sqlx::{Any, AnyConnection, AssertSqlSafe, Transaction};

use super::audit::Told;
use super::chain::Chain;
use super::document::read_version;
use super::page::{read_page_no, read_side};
use super::question::read_place;
use super::{
    Store, StoreFault, column, failed, json_if_any, number, number_if_any, parsed, unreadable,
};
use crate::records::audit::Action;
use crate::records::chain::{ChainHead, Link};
use crate::records::ids::{BatchId, DocumentId, PageNo, Sha256};
use crate::records::manifest::{BatchManifest, DocumentEntry, FORMAT, ManifestRow, PageEntry};
use crate::records::page::Place;

impl Store {
    /// Writes the next manifest of a batch that has come to its end, or was
    /// changed after it, in the transaction of that, as its last act: it says what
    /// the rows say by then.
    pub(super) async fn seal_batch(
        &self,
        tx: &mut Transaction<'_, Any>,
        id: &BatchId,
    ) -> Result<(), StoreFault> {
        const ACTION: &str = "write a batch's manifest";
        let text = manifest_of(tx, id).await?.to_text();
        // Always in this order, and the audit's may be held already: else two
        // transactions could wait for each other.
        self.hold_head(tx, Chain::Audit).await.map_err(failed(ACTION))?;
        let head = self.hold_head(tx, Chain::Manifests).await.map_err(failed(ACTION))?;
        let now = jiff::Timestamp::now().as_second();
        let edition = sqlx::query(
            "SELECT COALESCE(MAX(edition), 0) + 1 AS edition FROM manifest WHERE batch_id = $1",
        )
        .bind(id.as_str())
        .fetch_one(&mut **tx)
        .await
        .map_err(failed(ACTION))?;
        let mut row = ManifestRow {
            station: self.station.to_string(),
            no: head.no + 1,
            at: jiff::Timestamp::from_second(now).expect("now is a time"),
            batch: id.clone(),
            edition: number(&edition, "edition")?,
            text,
            before: head.hash,
            hash: head.hash,
        };
        row.hash = row.expected_hash();
        sqlx::query(
            "INSERT INTO manifest (station, no, at, batch_id, edition, text, before, hash) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(&row.station)
        .bind(row.no as i64)
        .bind(row.at.to_string())
        .bind(row.batch.as_str())
        .bind(i64::from(row.edition))
        .bind(&row.text)
        .bind(row.before.to_string())
        .bind(row.hash.to_string())
        .execute(&mut **tx)
        .await
        .map_err(failed(ACTION))?;
        let head = ChainHead { no: row.no, hash: row.hash };
        self.move_head(tx, Chain::Manifests, head).await.map_err(failed(ACTION))?;
        // Each chain vouches for the other.
        let told = Told::of(Action::SealBatch, id);
        let told = told.saying(format!("manifest {} {}", row.no, row.hash));
        self.tell(tx, told).await.map_err(failed(ACTION))
    }

    /// The same of a batch that was sealed before, whatever it has come to since:
    /// its last manifest always says what its rows do.
    pub(super) async fn seal_again(
        &self,
        tx: &mut Transaction<'_, Any>,
        id: &BatchId,
    ) -> Result<(), StoreFault> {
        match last_manifest_of(tx, id).await? {
            Some(_) => self.seal_batch(tx, id).await,
            None => Ok(()),
        }
    }

    /// Seals batches that ended before manifests were written, all or none.
    pub async fn seal_earlier_batches(&self, ids: &[BatchId]) -> Result<(), StoreFault> {
        const ACTION: &str = "write the manifests of batches that ended earlier";
        let mut tx = self.begin(ACTION).await?;
        for id in ids {
            self.seal_batch(&mut tx, id).await?;
        }
        tx.commit().await.map_err(failed(ACTION))
    }

    /// The station's batches behind `after`, by id, that have ended and have no
    /// manifest: they ended before manifests were written. At most `most`.
    pub async fn ended_without_manifest(
        &self,
        station: &str,
        after: Option<&BatchId>,
        most: u32,
    ) -> Result<Vec<BatchId>, StoreFault> {
        let whose = self.dialect.of_the_station();
        let query = format!(
            "SELECT id FROM batch WHERE {whose} AND id > $2 AND state IN ('filed', 'discarded') \
             AND NOT EXISTS (SELECT 1 FROM manifest WHERE manifest.batch_id = batch.id) \
             ORDER BY id LIMIT $3"
        );
        sqlx::query(AssertSqlSafe(query))
            .bind(station)
            .bind(after.map_or("", BatchId::as_str))
            .bind(i64::from(most))
            .fetch_all(&self.pool)
            .await
            .map_err(failed("look for batches without a manifest"))?
            .iter()
            .map(|row| parsed(row, "id"))
            .collect()
    }

    /// What a manifest of the batch would say now.
    pub async fn manifest_now(&self, id: &BatchId) -> Result<BatchManifest, StoreFault> {
        let mut connection =
            self.pool.acquire().await.map_err(failed("read what a batch came to"))?;
        manifest_of(&mut connection, id).await
    }

    /// The batch's last manifest; `None` before its end.
    pub async fn last_manifest(&self, id: &BatchId) -> Result<Option<ManifestRow>, StoreFault> {
        let mut connection =
            self.pool.acquire().await.map_err(failed("look up a batch's manifest"))?;
        last_manifest_of(&mut connection, id).await
    }

    /// A station's manifests behind number `after`, in order; at most `most`.
    pub async fn manifest_rows(
        &self,
        station: &str,
        after: u64,
        most: u32,
    ) -> Result<Vec<ManifestRow>, StoreFault> {
        self.chain_rows(Chain::Manifests, station, after, most, read_row).await
    }

    /// Batches that have a manifest and are themselves gone.
    pub async fn manifests_without_batch(&self) -> Result<Vec<BatchId>, StoreFault> {
        sqlx::query(
            "SELECT DISTINCT batch_id FROM manifest \
             WHERE NOT EXISTS (SELECT 1 FROM batch WHERE batch.id = manifest.batch_id)",
        )
        .fetch_all(&self.pool)
        .await
        .map_err(failed("look for manifests of batches that are gone"))?
        .iter()
        .map(|row| parsed(row, "batch_id"))
        .collect()
    }
}

/// Whether the batch's rows say what its last manifest does.
pub(super) async fn is_as_sealed(
    connection: &mut AnyConnection,
    id: &BatchId,
) -> Result<bool, StoreFault> {
    let Some(sealed) = last_manifest_of(connection, id).await? else { return Ok(false) };
    let now = manifest_of(connection, id).await?;
    let sealed = serde_json::from_str::<BatchManifest>(&sealed.text);
    Ok(sealed.is_ok_and(|sealed| sealed.differences(&now).is_empty()))
}

async fn last_manifest_of(
    connection: &mut AnyConnection,
    id: &BatchId,
) -> Result<Option<ManifestRow>, StoreFault> {
    sqlx::query("SELECT * FROM manifest WHERE batch_id = $1 ORDER BY edition DESC LIMIT 1")
        .bind(id.as_str())
        .fetch_optional(connection)
        .await
        .map_err(failed("look up a batch's manifest"))?
        .as_ref()
        .map(read_row)
        .transpose()
}

async fn manifest_of(
    connection: &mut AnyConnection,
    id: &BatchId,
) -> Result<BatchManifest, StoreFault> {
    const ACTION: &str = "read what a batch came to";
    let batch = sqlx::query(
        "SELECT station, profile_name, profile_text, state, after_days \
         FROM batch LEFT JOIN purge ON purge.batch_id = batch.id WHERE batch.id = $1",
    )
    .bind(id.as_str())
    .fetch_one(&mut *connection)
    .await
    .map_err(failed(ACTION))?;
    let pages = sqlx::query(
        "SELECT page.page_no, sheet, side, file, sha256, bytes, place, first_page, set_aside \
         FROM page LEFT JOIN placement \
         ON placement.batch_id = page.batch_id AND placement.page_no = page.page_no \
         WHERE page.batch_id = $1 ORDER BY page.page_no",
    )
    .bind(id.as_str())
    .fetch_all(&mut *connection)
    .await
    .map_err(failed(ACTION))?
    .iter()
    .map(read_page_entry)
    .collect::<Result<Vec<_>, _>>()?;
    let mut pages_of: BTreeMap<PageNo, Vec<PageNo>> = BTreeMap::new();
    for entry in &pages {
        if let Some(Place::Document { first_page }) = entry.place {
            pages_of.entry(first_page).or_default().push(entry.page);
        }
    }
    let documents = sqlx::query(
        "SELECT first_page, version, document_type, NULL AS pages, pdf_sha256, index_sha256 \
         FROM document WHERE batch_id = $1 \
         UNION ALL \
         SELECT first_page, version, document_type, pages, pdf_sha256, index_sha256 \
         FROM replaced_document AS kept WHERE batch_id = $1 AND NOT EXISTS ( \
             SELECT 1 FROM document AS stands WHERE stands.batch_id = kept.batch_id \
             AND stands.first_page = kept.first_page AND stands.version = kept.version) \
         ORDER BY first_page, version",
    )
    .bind(id.as_str())
    .fetch_all(&mut *connection)
    .await
    .map_err(failed(ACTION))?
    .iter()
    .map(|row| {
        let first_page = read_page_no(row, "first_page")?;
        let document = DocumentId::new(id.clone(), first_page);
        Ok(DocumentEntry {
            document: document.of_version(read_version(row)?),
            pages: match json_if_any(row, "pages")? {
                Some(pages) => pages,
                None => pages_of.remove(&first_page).unwrap_or_default(),
            },
            document_type: column(row, "document_type")?,
            pdf_sha256: hash_if_any(row, "pdf_sha256")?,
            index_sha256: hash_if_any(row, "index_sha256")?,
        })
    })
    .collect::<Result<Vec<_>, StoreFault>>()?;
    Ok(BatchManifest {
        format: FORMAT,
        batch: id.clone(),
        station: column(&batch, "station")?,
        profile: column(&batch, "profile_name")?,
        profile_sha256: Sha256::of(column::<String>(&batch, "profile_text")?.as_bytes()),
        state: parsed(&batch, "state")?,
        originals_removed_after_days: number_if_any(&batch, "after_days")?,
        pages,
        documents,
    })
}

fn read_page_entry(row: &AnyRow) -> Result<PageEntry, StoreFault> {
    let place = match column::<Option<String>>(row, "place")? {
        Some(place) => Some(read_place(row, &place)?),
        None => None,
    };
    Ok(PageEntry {
        page: read_page_no(row, "page_no")?,
        sheet: number(row, "sheet")?,
        side: read_side(row)?,
        file: column(row, "file")?,
        sha256: parsed(row, "sha256")?,
        bytes: number(row, "bytes")?,
        place,
    })
}

fn hash_if_any(row: &AnyRow, name: &'static str) -> Result<Option<Sha256>, StoreFault> {
    let text: Option<String> = column(row, name)?;
    text.map(|text| text.parse()).transpose().map_err(unreadable(name))
}

fn read_row(row: &AnyRow) -> Result<ManifestRow, StoreFault> {
    Ok(ManifestRow {
        station: column(row, "station")?,
        no: number(row, "no")?,
        at: parsed(row, "at")?,
        batch: parsed(row, "batch_id")?,
        edition: number(row, "edition")?,
        text: column(row, "text")?,
        before: parsed(row, "before")?,
        hash: parsed(row, "hash")?,
    })
}
