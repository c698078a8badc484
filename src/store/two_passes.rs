//! Batches whose sheets go through a one-sided feeder twice.

use super::audit::Told;
use super::batch::close;
use super::{Moved, Store, StoreFault, failed, to_json};
use crate::records::audit::Action;
use crate::records::batch::{Pair, Pause, TwoPasses};
use crate::records::ids::BatchId;

impl Store {
    /// The pass whose sheets are fed from now on, before the first is.
    pub async fn begin_pass(&self, id: &BatchId, pass: TwoPasses) -> Result<Moved, StoreFault> {
        const ACTION: &str = "record which sides of a stack are fed";
        let mut tx = self.begin(ACTION).await?;
        let moved = sqlx::query(
            "UPDATE batch SET two_passes = $2 \
             WHERE id = $1 AND state IN ('open', 'scanning', 'paused') \
             AND two_passes IN ('fronts', 'backs')",
        )
        .bind(id.as_str())
        .bind(pass.name())
        .execute(&mut *tx)
        .await
        .map_err(failed(ACTION))?
        .rows_affected();
        let told = Told::of(Action::ChangeBatch, id).saying(pass.name());
        self.moved(tx, id, moved, told, ACTION).await
    }

    /// The turned stack is fed again from its first sheet: what came of it so far
    /// is kept, and stands in no document.
    pub async fn set_backs_aside(&self, id: &BatchId, then: &Pause) -> Result<Moved, StoreFault> {
        const ACTION: &str = "record that a turned stack is scanned again";
        let mut tx = self.begin(ACTION).await?;
        let moved = sqlx::query(
            "UPDATE batch SET state = 'paused', pause = $2 \
             WHERE id = $1 AND state IN ('open', 'scanning', 'paused') AND two_passes = 'backs'",
        )
        .bind(id.as_str())
        .bind(to_json(then))
        .execute(&mut *tx)
        .await
        .map_err(failed(ACTION))?
        .rows_affected();
        let backs = sqlx::query(
            "UPDATE page SET fed_again = 1 \
             WHERE batch_id = $1 AND side = 'back' AND fed_again = 0",
        )
        .bind(id.as_str())
        .execute(&mut *tx)
        .await
        .map_err(failed(ACTION))?
        .rows_affected();
        let told = format!("{backs} backs set aside: the turned stack is scanned again");
        let told = Told::of(Action::ChangeBatch, id).saying(told);
        self.moved(tx, id, moved, told, ACTION).await
    }

    /// Closes a batch of which only the fronts are wanted. Refused once a back of
    /// it is kept that was not set aside.
    pub async fn close_without_backs(&self, id: &BatchId) -> Result<Moved, StoreFault> {
        const ACTION: &str = "record that a stack has no backs";
        let mut tx = self.begin(ACTION).await?;
        let is_of_fronts = sqlx::query(
            "UPDATE batch SET two_passes = 'fronts-only' \
             WHERE id = $1 AND state IN ('open', 'scanning', 'paused') \
             AND two_passes IN ('fronts', 'backs') \
             AND NOT EXISTS (SELECT 1 FROM page WHERE page.batch_id = batch.id \
                             AND page.side = 'back' AND page.fed_again = 0)",
        )
        .bind(id.as_str())
        .execute(&mut *tx)
        .await
        .map_err(failed(ACTION))?
        .rows_affected();
        let moved = match is_of_fronts {
            1 => close(&mut tx, id).await.map_err(failed(ACTION))?,
            _ => 0,
        };
        let told = Told::of(Action::CloseBatch, id).saying("fronts only");
        self.moved(tx, id, moved, told, ACTION).await
    }

    /// A person saw the pairs that `shown` asks to be looked at: each back comes
    /// to the sheet of its front, and the batch is closed. Whole or not at all.
    pub async fn collate(
        &self,
        id: &BatchId,
        shown: &Pause,
        last: &Pair,
    ) -> Result<Moved, StoreFault> {
        const ACTION: &str = "put the backs of a stack to their fronts";
        let mut tx = self.begin(ACTION).await?;
        // First: whoever would feed it waits from here on.
        let is_as_shown = sqlx::query(
            "UPDATE batch SET two_passes = 'collated' \
             WHERE id = $1 AND state = 'paused' AND two_passes = 'backs' AND pause = $2",
        )
        .bind(id.as_str())
        .bind(to_json(shown))
        .execute(&mut *tx)
        .await
        .map_err(failed(ACTION))?
        .rows_affected();
        let mut moved = 0;
        if is_as_shown == 1 {
            let sheets = i64::from(last.sheet);
            // The last sheet's back was fed first.
            let paired = sqlx::query(
                "UPDATE page SET sheet = $2 + 1 - sheet \
                 WHERE batch_id = $1 AND side = 'back' AND fed_again = 0",
            )
            .bind(id.as_str())
            .bind(sheets)
            .execute(&mut *tx)
            .await
            .map_err(failed(ACTION))?
            .rows_affected();
            if paired != u64::from(last.sheet) {
                return Err(failed(ACTION)(sqlx::Error::RowNotFound));
            }
            moved = close(&mut tx, id).await.map_err(failed(ACTION))?;
        }
        let told = format!("{} sheets; first and last pair confirmed", last.sheet);
        let told = Told::of(Action::CollateBatch, id).saying(told);
        self.moved(tx, id, moved, told, ACTION).await
    }
}
