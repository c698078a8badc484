//! The end step: what a batch has come to, once nothing else of it is due.

use crate::records::batch::BatchState;
use crate::records::document::Question;

/// `questions` are those nobody answered yet; `reviews_due`, documents that
/// somebody has still to look at.
pub fn come_to<'q>(
    mut questions: impl Iterator<Item = &'q Question>,
    reviews_due: u64,
) -> BatchState {
    match (questions.next(), reviews_due) {
        (None, 0) => BatchState::Filed,
        (None, _) => BatchState::AwaitingReview,
        (Some(first), _) if first.is_of_the_batch() || questions.any(Question::is_of_the_batch) => {
            BatchState::Held
        }
        (Some(_), _) => BatchState::InQuestion,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::document::{Counted, QuestionReason};
    use crate::records::ids::PageNo;

    #[test]
    fn what_a_batch_comes_to_is_the_first_thing_it_waits_for() {
        let asked = |reason| Question { page: PageNo::FIRST, holds: Vec::new(), reason };
        let count =
            |what| asked(QuestionReason::CountsDoNotBalance { what, expected: 2, found: 1 });
        let unread = || asked(QuestionReason::UnreadableCoverSheet);
        let cases = [
            (vec![], 0, BatchState::Filed),
            (vec![], 1, BatchState::AwaitingReview),
            (vec![unread()], 1, BatchState::InQuestion),
            (vec![count(Counted::Pages)], 0, BatchState::InQuestion),
            (vec![unread(), count(Counted::Sheets)], 0, BatchState::Held),
            (vec![count(Counted::Documents), unread()], 0, BatchState::Held),
        ];
        for (questions, reviews_due, expected) in cases {
            assert_eq!(come_to(questions.iter(), reviews_due), expected, "{questions:?}");
        }
    }
}
