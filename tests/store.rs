//! One story, told to both databases: what each must hold to, and refuse.

mod postgres;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use outguide::records::audit::Action;
use outguide::records::batch::{
    BatchState, ClosedBy, Decision, Expected, GivenFile, Pair, PaperFrom, Pause, TwoPasses,
};
use outguide::records::chain::ChainCheck;
use outguide::records::document::{
    Counted, Document, FieldName, FieldSource, IndexField, Question, QuestionReason, ReviewStanding,
};
use outguide::records::ids::{BatchId, PageNo, QuestionNo, Sha256, Version};
use outguide::records::manifest::BatchManifest;
use outguide::records::page::{PageOutcome, Place, SetAside, Side, Sides, SpooledPage};
use outguide::records::work::WorkOn;
use outguide::store::{
    Answer, BatchRow, Chain, ClaimedWork, CorrectedDocument, Database, Decided, DocumentRow,
    FiledRow, Given, HotFile, HotStanding, Moved, Purge, PurgeRecorded, Reach, Recorded, Refusal,
    Store, TheyAre, WhichBatches,
};
use postgres::PostgresServer;

const LEASE: Duration = Duration::from_secs(60);
const DESK: &str = "desk-1";

#[tokio::test]
async fn the_story_holds_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::Sqlite(folder.path().join("a store? 100%.db"));
    story(&database, folder.path()).await;
}

#[tokio::test]
async fn the_story_holds_on_postgresql() {
    let Some(server) = PostgresServer::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let database = Database::Postgres(server.new_database("story"));
    story(&database, folder.path()).await;
}

async fn story(database: &Database, folder: &Path) {
    let store = Store::open(database, &folder.join("backups")).await.unwrap();
    a_batch_goes_its_way(&store).await;
    a_batch_takes_pages_only_while_scanning(&store).await;
    a_claim_that_ended_records_nothing(&store).await;
    a_batch_with_a_page_in_no_place_does_not_come_to_its_end(&store).await;
    people_decide_what_is_filed_and_what_is_filed_is_only_replaced(&store).await;
    what_a_repository_took_is_given_no_more(&store).await;
    counts_are_a_gate_that_a_named_person_opens(&store).await;
    a_discarded_batch_keeps_its_pages_and_nothing_is_due(&store).await;
    work_is_handed_out_in_order_and_once(&store).await;
    files_of_a_hot_folder_are_taken_once_their_batch_is_closed(&store).await;
    backs_come_to_their_sheets_with_a_persons_word_and_never_else(&store).await;
    each_batch_that_ended_has_its_manifest_in_the_chain(&store).await;
    originals_are_purged_of_ended_batches_only_and_once(&store).await;
    a_step_that_was_taken_away_places_nothing(&store).await;
    a_correction_that_cannot_be_made_leaves_what_stands(&store).await;
    store.close().await;
    // What was committed is there for the next start, which changes nothing.
    let store = Store::open(database, &folder.join("backups")).await.unwrap();
    assert_eq!(store.batches(WhichBatches::All, 100).await.unwrap().len(), 13);
    assert!(!folder.join("backups").exists(), "nothing was migrated");
    store.close().await;
    let reader = Store::open_to_read(database).await.unwrap();
    assert_eq!(reader.all_filed_documents().await.unwrap().len(), 5);
    reader.start_scanning(&id(2)).await.expect_err("it is for reading");
}

fn id(no: u32) -> BatchId {
    format!("20260131-0900{no:02}-1a2b").parse().unwrap()
}

fn page_no(no: u32) -> PageNo {
    PageNo::new(no).unwrap()
}

fn batch(no: u32) -> BatchRow {
    BatchRow {
        id: id(no),
        state: BatchState::Open,
        profile_name: "loose-sheets".to_owned(),
        profile_text: "name = \"Müller's\"\n".to_owned(),
        station: DESK.to_owned(),
        spool: "a1b2".to_owned(),
        paper_from: PaperFrom::Files(vec![GivenFile { name: "1.png".to_owned(), bytes: 12 }]),
        scanner_options: vec![("resolution".to_owned(), "300".to_owned())],
        scanner_identity: None,
        repository: "/srv/repository".to_owned(),
        filing_staging: None,
        expected: Expected { sheets: Some(2), documents: None },
        max_pages: None,
        closed_by: ClosedBy::Clerk,
        two_passes: None,
        pause: None,
        counts_released: None,
        discarded: None,
        opened_at: "2026-01-31T09:00:00.5Z".parse().unwrap(),
    }
}

fn page(no: u32) -> SpooledPage {
    SpooledPage {
        no: page_no(no),
        sheet: no,
        side: Side::Front,
        sides: Sides::Front,
        file: format!("{no:04}.png"),
        sha256: Sha256::of(&[no as u8]),
        bytes: 5_000_000_000,
        scanned_at: "2026-01-31T09:00:07Z".parse().unwrap(),
        suspect: (no == 2).then(|| "two sheets at once".to_owned()),
        image: no,
        source_sha256: None,
    }
}

/// Open, with two pages, and paper moving.
async fn scanning(store: &Store, no: u32) -> BatchId {
    store.open_batch(&batch(no)).await.unwrap();
    assert_eq!(store.start_scanning(&id(no)).await.unwrap(), Moved::Yes);
    for no_of_page in [1, 2] {
        store.add_page(&id(no), &page(no_of_page), &[]).await.unwrap();
    }
    id(no)
}

async fn claim(store: &Store, batch: &BatchId) -> ClaimedWork {
    let claimed = store.claim_work(DESK, Reach::Batch(batch), LEASE).await.unwrap();
    claimed.expect("a step is due")
}

async fn nothing_is_due(store: &Store, batch: &BatchId) {
    assert_eq!(store.claim_work(DESK, Reach::Batch(batch), LEASE).await.unwrap(), None);
}

fn unreadable() -> PageOutcome {
    PageOutcome::Unreadable { cause: "a \u{0}-byte and an é".to_owned() }
}

async fn read_both_pages(store: &Store, batch: &BatchId) {
    for no in [1, 2] {
        let claimed = claim(store, batch).await;
        assert_eq!(claimed.work.on, WorkOn::Read(page_no(no)));
        let recorded = store.record_page_read(&claimed, page_no(no), &unreadable()).await.unwrap();
        assert_eq!(recorded, Recorded::Yes);
    }
}

fn document() -> Document {
    Document {
        first_page: page_no(1),
        pages: vec![page_no(1)],
        document_type: "progress-note".to_owned(),
        fields: vec![IndexField {
            name: FieldName::new("mrn").unwrap(),
            value: "0012345".to_owned(),
            source: FieldSource::Carried { page: page_no(1) },
        }],
    }
}

fn unasked() -> (Document, ReviewStanding) {
    (document(), ReviewStanding::NotAsked)
}

fn places() -> BTreeMap<PageNo, Place> {
    BTreeMap::from([
        (page_no(1), Place::Document { first_page: page_no(1) }),
        (page_no(2), Place::SetAside { reason: SetAside::Blank }),
    ])
}

fn filed() -> FiledRow {
    FiledRow {
        pdf_path: "/srv/repository/a.pdf".to_owned(),
        pdf_sha256: Sha256::of(b"pdf"),
        index_path: "/srv/repository/a.json".to_owned(),
        index_sha256: Sha256::of(b"index"),
        filed_at: "2026-01-31T09:01:00Z".parse().unwrap(),
    }
}

async fn state(store: &Store, batch: &BatchId) -> BatchState {
    store.batch(batch).await.unwrap().unwrap().state
}

async fn a_batch_goes_its_way(store: &Store) {
    let batch = scanning(store, 1).await;
    let row = store.batch(&batch).await.unwrap().unwrap();
    assert_eq!(row, BatchRow { state: BatchState::Scanning, ..self::batch(1) });
    assert_eq!(store.pages(&batch).await.unwrap(), [page(1), page(2)]);
    let pause = Pause::Fault { fault: "jam".to_owned(), told: "take the sheet out".to_owned() };
    assert_eq!(store.pause_batch(&batch, &pause).await.unwrap(), Moved::Yes);
    assert_eq!(store.batch(&batch).await.unwrap().unwrap().pause, Some(pause));
    assert_eq!(store.unfinished_batches(DESK).await.unwrap().len(), 1);
    assert_eq!(store.close_batch(&batch).await.unwrap(), Moved::Yes);
    assert_eq!(
        store.start_scanning(&batch).await.unwrap(),
        Moved::NotFrom(BatchState::Processing),
        "only once"
    );
    read_both_pages(store, &batch).await;
    assert_eq!(store.page_outcome(&batch, page_no(1)).await.unwrap(), Some(unreadable()));
    let claimed = claim(store, &batch).await;
    assert_eq!(claimed.work.on, WorkOn::Separate);
    let recorded = store.record_separation(&claimed, &[unasked()], &places(), &[]).await.unwrap();
    assert_eq!(recorded, Recorded::Yes);
    assert_eq!(state(store, &batch).await, BatchState::Filing);
    let row = DocumentRow {
        document: document(),
        version: Version::FIRST,
        review: ReviewStanding::NotAsked,
        withdrawn: None,
        filed: None,
    };
    assert_eq!(store.documents(&batch).await.unwrap(), std::slice::from_ref(&row));
    assert_eq!(store.placements(&batch).await.unwrap(), places());
    let claimed = claim(store, &batch).await;
    assert_eq!(claimed.work.on, WorkOn::File(page_no(1)));
    let begun = store.begin_filing(&claimed, "/srv/.outguide").await.unwrap();
    assert_eq!(begun, Recorded::Yes);
    nothing_is_due(store, &batch).await;
    let recorded =
        store.record_filed(&claimed, page_no(1), &filed(), "not reviewed").await.unwrap();
    assert_eq!(recorded, Recorded::Yes);
    let row = DocumentRow { filed: Some(filed()), ..row };
    assert_eq!(store.document(&batch, page_no(1)).await.unwrap(), Some(row));
    let claimed = claim(store, &batch).await;
    assert_eq!(claimed.work.on, WorkOn::End);
    assert_eq!(store.end_batch(&claimed, BatchState::Filed).await.unwrap(), Recorded::Yes);
    assert_eq!(state(store, &batch).await, BatchState::Filed);
    nothing_is_due(store, &batch).await;
    assert!(store.unfinished_batches(DESK).await.unwrap().is_empty());
    let decision = decision();
    let refused = store.discard_batch(&batch, &decision).await.unwrap();
    assert_eq!(refused, Moved::NotFrom(BatchState::Filed));
}

async fn a_batch_takes_pages_only_while_scanning(store: &Store) {
    let batch = scanning(store, 2).await;
    store.add_page(&batch, &page(2), &[]).await.expect_err("it has that page");
    assert_eq!(store.pause_batch(&batch, &Pause::StackEnd).await.unwrap(), Moved::Yes);
    store.add_page(&batch, &page(3), &[]).await.expect_err("paper stands still");
    assert_eq!(store.start_scanning(&batch).await.unwrap(), Moved::Yes);
    store.add_page(&batch, &page(3), &[page_no(2)]).await.unwrap();
    assert!(store.pages_fed_again(&batch).await.unwrap().contains(&page_no(2)));
    store.forget_empty_batch(&batch).await.expect_err("it has pages");
}

async fn a_claim_that_ended_records_nothing(store: &Store) {
    let batch = scanning(store, 3).await;
    let no_time = Duration::ZERO;
    let late = store.claim_work("desk-2", Reach::Batch(&batch), no_time).await.unwrap().unwrap();
    tokio::time::sleep(Duration::from_millis(5)).await;
    let claimed = claim(store, &batch).await;
    assert_eq!(claimed.work, late.work, "the lease has ended");
    let recorded = store.record_page_read(&late, page_no(1), &unreadable()).await.unwrap();
    assert_eq!(recorded, Recorded::TooLate);
    assert_eq!(store.page_outcome(&batch, page_no(1)).await.unwrap(), None);
    assert_eq!(store.put_back(&late, "late", no_time).await.unwrap(), Recorded::TooLate);
    let recorded = store.record_page_read(&claimed, page_no(1), &unreadable()).await.unwrap();
    assert_eq!(recorded, Recorded::Yes);

    let claimed = claim(store, &batch).await;
    assert_eq!(store.put_back(&claimed, "the share is away", LEASE).await.unwrap(), Recorded::Yes);
    nothing_is_due(store, &batch).await;
    assert_eq!(store.due().await.unwrap().failed, 1);
    store.make_due_now(&batch).await.unwrap();
    let again = claim(store, &batch).await;
    assert_eq!((again.work, again.attempts), (claimed.work, 1));
    store.give_claims_back(DESK).await.unwrap();
    assert_eq!(claim(store, &batch).await.attempts, 1, "given back, it is claimed again");
}

async fn a_batch_with_a_page_in_no_place_does_not_come_to_its_end(store: &Store) {
    let batch = scanning(store, 4).await;
    assert_eq!(store.close_batch(&batch).await.unwrap(), Moved::Yes);
    read_both_pages(store, &batch).await;
    let claimed = claim(store, &batch).await;
    let mut places = places();
    places.remove(&page_no(2));
    store.record_separation(&claimed, &[unasked()], &places, &[]).await.unwrap_err();
    assert_eq!(store.documents(&batch).await.unwrap(), [], "whole or not at all");
    for ended in [BatchState::InQuestion, BatchState::Held, BatchState::Filed] {
        store.end_batch(&claimed, ended).await.expect_err("a page stands nowhere");
    }
    let recorded =
        store.record_separation(&claimed, &[unasked()], &self::places(), &[]).await.unwrap();
    assert_eq!(recorded, Recorded::Yes);
    let filing = claim(store, &batch).await;
    store.end_batch(&filing, BatchState::Filed).await.expect_err("its document is not filed");
}

fn decision() -> Decision {
    Decision {
        by: "rosa".to_owned(),
        reason: "counted twice: the header is wrong".to_owned(),
        at: "2026-01-31T10:00:00Z".parse().unwrap(),
    }
}

async fn counts_are_a_gate_that_a_named_person_opens(store: &Store) {
    let batch = scanning(store, 5).await;
    assert_eq!(store.close_batch(&batch).await.unwrap(), Moved::Yes);
    read_both_pages(store, &batch).await;
    let reason =
        QuestionReason::CountsDoNotBalance { what: Counted::Sheets, expected: 3, found: 2 };
    let both = vec![page_no(1), page_no(2)];
    let question = Question { page: page_no(1), holds: both.clone(), reason };
    let held = both.into_iter().map(|page| (page, Place::Question)).collect();
    let claimed = claim(store, &batch).await;
    let recorded = store
        .record_separation(&claimed, &[], &held, std::slice::from_ref(&question))
        .await
        .unwrap();
    assert_eq!(recorded, Recorded::Yes);
    let claimed = claim(store, &batch).await;
    store.end_batch(&claimed, BatchState::Filed).await.expect_err("a question is open");
    assert_eq!(store.end_batch(&claimed, BatchState::Held).await.unwrap(), Recorded::Yes);
    let first = QuestionNo::new(1).unwrap();
    assert_eq!(store.questions(&batch).await.unwrap(), BTreeMap::from([(first, question)]));
    let answer = Answer { pages: Vec::new(), they_are: TheyAre::NotOfTheRecord };
    let refused = store.answer_question(&batch, first, &answer, &decision()).await.unwrap();
    assert_eq!(refused, Decided::No(Refusal::CountsComeFirst(batch.clone())));
    assert_eq!(store.release_counts(&batch, &decision()).await.unwrap(), Moved::Yes);
    let row = store.batch(&batch).await.unwrap().unwrap();
    assert_eq!((row.state, row.counts_released), (BatchState::Processing, Some(decision())));
    assert_eq!(claim(store, &batch).await.work.on, WorkOn::Separate, "it is separated again");
}

/// Separated: the document of page 1 is due for review, page 2 in question.
async fn separated(store: &Store, no: u32) -> BatchId {
    let batch = scanning(store, no).await;
    assert_eq!(store.close_batch(&batch).await.unwrap(), Moved::Yes);
    read_both_pages(store, &batch).await;
    let reason = QuestionReason::UnreadableImage;
    let question = Question { page: page_no(2), holds: vec![page_no(2)], reason };
    let mut places = places();
    places.insert(page_no(2), Place::Question);
    let claimed = claim(store, &batch).await;
    let due = (document(), ReviewStanding::Due);
    let recorded = store.record_separation(&claimed, &[due], &places, &[question]).await.unwrap();
    assert_eq!(recorded, Recorded::Yes);
    batch
}

async fn file(store: &Store, batch: &BatchId, first_page: u32) {
    let claimed = claim(store, batch).await;
    assert_eq!(claimed.work.on, WorkOn::File(page_no(first_page)));
    let recorded =
        store.record_filed(&claimed, page_no(first_page), &filed(), "not reviewed").await.unwrap();
    assert_eq!(recorded, Recorded::Yes);
}

async fn end(store: &Store, batch: &BatchId, state: BatchState) {
    let claimed = claim(store, batch).await;
    assert_eq!(claimed.work.on, WorkOn::End);
    assert_eq!(store.end_batch(&claimed, state).await.unwrap(), Recorded::Yes);
}

async fn people_decide_what_is_filed_and_what_is_filed_is_only_replaced(store: &Store) {
    let batch = separated(store, 50).await;
    let (first, no) = (page_no(1), QuestionNo::new(1).unwrap());
    let by = decision();
    let ending = claim(store, &batch).await;
    assert_eq!(ending.work.on, WorkOn::End, "what is due for review is not due for filing");
    assert_eq!(store.reviews_due(&batch).await.unwrap(), 1);
    let lab = CorrectedDocument {
        document_type: "lab".to_owned(),
        fields: Vec::new(),
        more_pages: Vec::new(),
    };
    let early = store.correct_document(&batch, first, None, &lab, &by).await.unwrap();
    assert!(matches!(early, Decided::No(Refusal::NotFiled { .. })), "{early:?}");

    assert_eq!(store.release_document(&batch, first, None, &by).await.unwrap(), Decided::Yes);
    let late = store.end_batch(&ending, BatchState::InQuestion).await.unwrap();
    assert_eq!(late, Recorded::TooLate, "what it comes to is found out anew");
    let moving = store.withdraw_document(&batch, first, None, &by).await.unwrap();
    assert!(matches!(moving, Decided::No(Refusal::StillFiling { .. })), "{moving:?}");
    file(store, &batch, 1).await;
    end(store, &batch, BatchState::InQuestion).await;

    let joined = Answer { pages: Vec::new(), they_are: TheyAre::PagesOf(first) };
    assert_eq!(store.answer_question(&batch, no, &joined, &by).await.unwrap(), Decided::Yes);
    let gone = store.answer_question(&batch, no, &joined, &by).await.unwrap();
    assert_eq!(gone, Decided::No(Refusal::NoSuchQuestion { batch: batch.clone(), no }));
    assert!(store.questions(&batch).await.unwrap().is_empty());
    let again = store.separate_again(&batch).await.unwrap();
    assert_eq!(again, Moved::NotFrom(BatchState::Filing), "answers are not undone");
    file(store, &batch, 1).await;
    end(store, &batch, BatchState::Filed).await;
    let second = store.document(&batch, first).await.unwrap().unwrap();
    assert_eq!(second.document.pages, [page_no(1), page_no(2)]);
    assert_eq!(second.version.get(), 2);
    assert!(store.is_filed(&second.id(&batch)).await.unwrap());
    assert!(store.is_filed(&second.id(&batch).replaces().unwrap()).await.unwrap(), "it was");

    assert_eq!(store.withdraw_document(&batch, first, None, &by).await.unwrap(), Decided::Yes);
    assert_eq!(state(store, &batch).await, BatchState::Filing, "the batch is taken up again");
    let asked = store.questions(&batch).await.unwrap();
    let (anew, question) = asked.iter().next().unwrap();
    assert_eq!((asked.len(), &question.holds), (1, &second.document.pages));
    file(store, &batch, 1).await;
    end(store, &batch, BatchState::InQuestion).await;
    let aside = Answer { pages: Vec::new(), they_are: TheyAre::NotOfTheRecord };
    assert_eq!(store.answer_question(&batch, *anew, &aside, &by).await.unwrap(), Decided::Yes);
    end(store, &batch, BatchState::Filed).await;
    let versions: Vec<u32> = store
        .all_filed_documents()
        .await
        .unwrap()
        .iter()
        .filter(|(id, _)| *id.batch() == batch)
        .map(|(id, _)| id.version().get())
        .collect();
    assert_eq!(versions.len(), 3, "every version is known: {versions:?}");
    let ended = store.dismiss_question(&batch, no, &by).await.unwrap();
    assert!(matches!(ended, Decided::No(Refusal::Ended { .. })), "{ended:?}");
}

async fn a_step_that_was_taken_away_places_nothing(store: &Store) {
    let batch = separated(store, 51).await;
    let by = decision();
    assert_eq!(store.release_document(&batch, page_no(1), None, &by).await.unwrap(), Decided::Yes);
    let filing = claim(store, &batch).await;
    assert_eq!(filing.work.on, WorkOn::File(page_no(1)));
    assert_eq!(store.discard_batch(&batch, &by).await.unwrap(), Moved::Yes);
    let begun = store.begin_filing(&filing, "/srv/.outguide").await.unwrap();
    assert_eq!(begun, Recorded::TooLate);
    assert_eq!(store.batch(&batch).await.unwrap().unwrap().filing_staging, None);
}

async fn a_correction_that_cannot_be_made_leaves_what_stands(store: &Store) {
    let batch = separated(store, 52).await;
    let (first, by) = (page_no(1), decision());
    assert_eq!(store.release_document(&batch, first, None, &by).await.unwrap(), Decided::Yes);
    file(store, &batch, 1).await;
    let stands = store.document(&batch, first).await.unwrap().unwrap();
    let more = Answer { pages: Vec::new(), they_are: TheyAre::PagesOf(first) };
    let no = QuestionNo::new(1).unwrap();
    for _ in 0..2 {
        let no = *store.questions(&batch).await.unwrap().keys().next().unwrap_or(&no);
        assert_eq!(store.answer_question(&batch, no, &more, &by).await.unwrap(), Decided::Yes);
        let filing = claim(store, &batch).await;
        let second = store.document(&batch, first).await.unwrap().unwrap();
        assert_eq!((second.version.get(), second.document.pages.len()), (2, 2));
        let reason = QuestionReason::StepFailed { cause: "the page is lost".to_owned() };
        let asked = Question { page: first, holds: second.document.pages, reason };
        let held = store.hold_document(&filing, first, &asked).await.unwrap();
        assert_eq!(held, Recorded::Yes);
        let now = store.document(&batch, first).await.unwrap().unwrap();
        assert_eq!((now.document, now.filed, now.version), {
            let DocumentRow { document, filed, version, .. } = stands.clone();
            (document, filed, version)
        });
        let open = store.questions(&batch).await.unwrap();
        let holds: Vec<_> = open.values().map(|question| question.holds.clone()).collect();
        assert_eq!(holds, [vec![page_no(2)]], "what was to come to it is asked about");
    }
}

/// Of the two batches filed before.
async fn what_a_repository_took_is_given_no_more(store: &Store) {
    let given = store.documents_given(DESK, None, 1).await.unwrap();
    let first = given[0].document.clone();
    assert_eq!((first.batch(), given.len()), (&id(1), 1));
    let behind = store.documents_given(DESK, Some(first.clone()), 10).await.unwrap();
    let second = behind[0].document.clone();
    assert_eq!((second.batch(), second.version().get(), behind.len()), (&id(50), 3, 1));
    // A file of the station's own is its, whatever the station was called before.
    let renamed = store.documents_given("desk-2", None, 10).await.unwrap();
    assert_eq!(renamed.is_empty(), store.is_shared());
    store.record_taken(&first).await.unwrap();
    store.record_refused(&second, "no such patient").await.unwrap();
    store.record_refused(&second.replaces().unwrap(), "too late").await.unwrap();
    let given = store.given().await.unwrap();
    assert_eq!((given.waiting, given.oldest_filed_at), (1, Some(filed().filed_at)));
    assert_eq!(given.refused, [(second.clone(), "no such patient".to_owned())]);
    store.record_taken(&second).await.unwrap();
    assert_eq!(store.given().await.unwrap(), Given::default());
}

async fn a_discarded_batch_keeps_its_pages_and_nothing_is_due(store: &Store) {
    let batch = scanning(store, 6).await;
    let refused = store.discard_batch(&batch, &decision()).await.unwrap();
    assert_eq!(refused, Moved::NotFrom(BatchState::Scanning), "first it is paused");
    assert_eq!(store.pause_batch(&batch, &Pause::Asked).await.unwrap(), Moved::Yes);
    assert_eq!(store.discard_batch(&batch, &decision()).await.unwrap(), Moved::Yes);
    nothing_is_due(store, &batch).await;
    assert_eq!(store.pages(&batch).await.unwrap().len(), 2);
    let row = store.batch(&batch).await.unwrap().unwrap();
    assert_eq!((row.state, row.discarded), (BatchState::Discarded, Some(decision())));
    let closed = store.close_batch(&batch).await.unwrap();
    assert_eq!(closed, Moved::NotFrom(BatchState::Discarded));
}

/// Two claimers at once, of whom neither gets what the other has.
async fn work_is_handed_out_in_order_and_once(store: &Store) {
    let batch = scanning(store, 7).await;
    for no in 3..=12 {
        store.add_page(&batch, &page(no), &[]).await.unwrap();
    }
    let claims = async |claimer: &str| {
        let mut claimed = Vec::new();
        while let Some(work) = store.claim_work(claimer, Reach::Batch(&batch), LEASE).await.unwrap()
        {
            claimed.push(work.work.on);
        }
        claimed
    };
    let (mut first, second) = tokio::join!(claims("desk-1"), claims("desk-2"));
    assert!(first.is_sorted_by_key(|on| format!("{on:?}").len()), "{first:?}");
    first.extend(second);
    first.sort_by_key(|on| match on {
        WorkOn::Read(page) => page.get(),
        other => panic!("{other:?}"),
    });
    let each: Vec<WorkOn> = (1..=12).map(|no| WorkOn::Read(page_no(no))).collect();
    assert_eq!(first, each);
}

async fn files_of_a_hot_folder_are_taken_once_their_batch_is_closed(store: &Store) {
    let stacks = store.unfinished_stacks(DESK).await.unwrap();
    let file = |name: &str| HotFile {
        name: name.to_owned(),
        bytes: 5_000_000_000,
        sha256: Sha256::of(name.as_bytes()),
    };
    let files = [file("1.tif"), file("2.tif")];
    let under_way = async || store.hot_batches_under_way(DESK, "/srv/fax").await.unwrap();
    store.open_hot_batch(&batch(40), "/srv/fax", &files).await.unwrap();
    store.open_hot_batch(&batch(40), "/srv/fax", &[]).await.expect_err("one batch of an id");
    assert!(store.is_from_a_hot_folder(&id(40)).await.unwrap());
    assert_eq!(store.unfinished_stacks(DESK).await.unwrap(), stacks, "no clerk feeds it");
    let found = under_way().await;
    assert_eq!((found.len(), &found[0].batch), (1, &batch(40)));
    for ((row, file), position) in found[0].files.iter().zip(&files).zip(1..) {
        assert_eq!((row.position, &row.file), (position, file));
        assert_eq!(row.standing, HotStanding::Taking);
    }
    assert!(store.hot_batches_under_way(DESK, "/srv/other").await.unwrap().is_empty());
    store.forget_empty_batch(&id(40)).await.expect_err("its files are under way");

    assert_eq!(store.close_hot_batch(&id(40)).await.unwrap(), Moved::Yes);
    assert_eq!(under_way().await[0].files[0].standing, HotStanding::Taken);
    store.settle_hot_file(&id(40), 1).await.unwrap();
    assert_eq!(under_way().await[0].files.len(), 1);
    store.settle_hot_file(&id(40), 2).await.unwrap();
    assert!(under_way().await.is_empty());
    let too_late = Moved::NotFrom(BatchState::Processing);
    assert_eq!(store.close_hot_batch(&id(40)).await.unwrap(), too_late);

    store.open_hot_batch(&batch(41), "/srv/fax", &files).await.unwrap();
    let at = "2026-01-31T09:00:00Z".parse().unwrap();
    let decision = Decision { by: "x".to_owned(), reason: "changed".to_owned(), at };
    assert_eq!(store.give_up_hot_batch(&id(41), &decision).await.unwrap(), Moved::Yes);
    assert!(under_way().await.is_empty(), "another batch may take them");
    assert!(store.is_from_a_hot_folder(&id(41)).await.unwrap());
}

/// Until then which sheet a back is on is anybody's guess.
async fn backs_come_to_their_sheets_with_a_persons_word_and_never_else(store: &Store) {
    let of_two_passes = BatchRow { two_passes: Some(TwoPasses::Fronts), ..batch(42) };
    store.open_batch(&of_two_passes).await.unwrap();
    let id = id(42);
    let back =
        |no, place| SpooledPage { sheet: place, side: Side::Back, sides: Sides::Back, ..page(no) };
    let pair = |sheet, front, back| Pair { sheet, front: page_no(front), back: page_no(back) };
    let shown = Pause::ConfirmPairs { first: pair(1, 1, 6), last: pair(2, 2, 5) };
    let then = Pause::TurnTheStack { fronts: 2 };
    assert_eq!(store.start_scanning(&id).await.unwrap(), Moved::Yes);
    for page in [page(1), page(2)] {
        store.add_page(&id, &page, &[]).await.unwrap();
    }
    assert_eq!(store.pause_batch(&id, &then).await.unwrap(), Moved::Yes);
    store.close_batch(&id).await.expect_err("its backs are to come");
    assert_eq!(store.begin_pass(&id, TwoPasses::Backs).await.unwrap(), Moved::Yes);
    assert_eq!(store.start_scanning(&id).await.unwrap(), Moved::Yes);
    for page in [back(3, 1), back(4, 2)] {
        store.add_page(&id, &page, &[]).await.unwrap();
    }
    let paused = Moved::NotFrom(BatchState::Scanning);
    assert_eq!(store.close_without_backs(&id).await.unwrap(), paused, "it has backs");
    assert_eq!(store.set_backs_aside(&id, &then).await.unwrap(), Moved::Yes);
    assert_eq!(store.start_scanning(&id).await.unwrap(), Moved::Yes);
    for page in [back(5, 1), back(6, 2)] {
        store.add_page(&id, &page, &[]).await.unwrap();
    }
    store.close_batch(&id).await.expect_err("nobody saw the pairs");
    let last = pair(2, 2, 5);
    let collate = async || store.collate(&id, &shown, &last).await.unwrap();
    assert_eq!(collate().await, Moved::NotFrom(BatchState::Scanning));
    assert_eq!(store.pause_batch(&id, &then).await.unwrap(), Moved::Yes);
    assert_eq!(collate().await, Moved::NotFrom(BatchState::Paused), "they were not shown");
    assert_eq!(store.pause_batch(&id, &shown).await.unwrap(), Moved::Yes);
    assert_eq!(collate().await, Moved::Yes);
    assert_eq!(collate().await, Moved::NotFrom(BatchState::Processing), "once");
    let row = store.batch(&id).await.unwrap().unwrap();
    assert_eq!((row.state, row.two_passes), (BatchState::Processing, Some(TwoPasses::Collated)));
    let sheets: Vec<u32> = store.pages(&id).await.unwrap().iter().map(|page| page.sheet).collect();
    assert_eq!(sheets, [1, 2, 1, 2, 2, 1]);
    assert_eq!(store.standing(&id).await.unwrap().sheets, 2);

    for no in 1..=6 {
        let claimed = claim(store, &id).await;
        let recorded = store.record_page_read(&claimed, page_no(no), &unreadable()).await.unwrap();
        assert_eq!(recorded, Recorded::Yes);
    }
    let leaf_by_leaf = [1, 6, 2, 5].map(page_no);
    let document = Document { pages: leaf_by_leaf.to_vec(), ..document() };
    let again = Place::SetAside { reason: SetAside::ScannedAgain };
    let places = (1..=6).map(page_no).map(|page| match leaf_by_leaf.contains(&page) {
        true => (page, Place::Document { first_page: page_no(1) }),
        false => (page, again.clone()),
    });
    let places: BTreeMap<PageNo, Place> = places.collect();
    let claimed = claim(store, &id).await;
    let recorded = store
        .record_separation(&claimed, &[(document.clone(), ReviewStanding::NotAsked)], &places, &[])
        .await
        .unwrap();
    assert_eq!(recorded, Recorded::Yes);
    let documents = store.documents(&id).await.unwrap();
    assert_eq!(documents.into_iter().map(|row| row.document).collect::<Vec<_>>(), [document]);
}

/// Those that ended are 1 and 50, which were filed, 6 and 41, which were discarded;
/// 50 was changed after its end.
async fn each_batch_that_ended_has_its_manifest_in_the_chain(store: &Store) {
    const WRITER: &str = "station";
    let rows = store.manifest_rows(WRITER, 0, 100).await.unwrap();
    let mut batches: Vec<&BatchId> = rows.iter().map(|row| &row.batch).collect();
    batches.dedup();
    assert_eq!(batches, [&id(1), &id(50), &id(6), &id(41)]);
    let written = rows.len() as u64;
    let mut check = ChainCheck::against(store.chain_head(Chain::Manifests, WRITER).await.unwrap());
    rows.iter().for_each(|row| check.row(row));
    assert_eq!(check.end(), (written, vec![]));
    let manifest: BatchManifest = serde_json::from_str(&rows[0].text).unwrap();
    assert_eq!(manifest, store.manifest_now(&id(1)).await.unwrap());
    assert_eq!(manifest.state, BatchState::Filed);
    assert_eq!(manifest.pages[0].sha256, page(1).sha256);
    let places: Vec<_> = manifest.pages.into_iter().map(|page| page.place.unwrap()).collect();
    assert_eq!(places, self::places().into_values().collect::<Vec<_>>());
    assert_eq!(manifest.documents[0].pages, document().pages);
    assert_eq!(manifest.documents[0].pdf_sha256, Some(filed().pdf_sha256));
    assert!(!rows[0].text.contains("0012345"), "no patient's value");
    let of = |batch: u32| rows.iter().rfind(|row| row.batch == id(batch)).unwrap();
    let corrected: BatchManifest = serde_json::from_str(&of(50).text).unwrap();
    assert_eq!(corrected, store.manifest_now(&id(50)).await.unwrap());
    let versions: Vec<_> =
        corrected.documents.iter().map(|entry| entry.document.version().get()).collect();
    assert_eq!(versions, [1, 2, 3], "those that were replaced too");
    let discarded: BatchManifest = serde_json::from_str(&of(6).text).unwrap();
    assert_eq!(discarded.pages.iter().map(|page| &page.place).collect::<Vec<_>>(), [&None, &None]);

    // Changed after its end, it gets another.
    store.seal_earlier_batches(&[id(1)]).await.unwrap();
    let last = store.last_manifest(&id(1)).await.unwrap().unwrap();
    assert_eq!((last.no, last.edition), (written + 1, 2));
    assert_eq!(store.last_manifest(&id(2)).await.unwrap(), None);
    assert!(store.ended_without_manifest(DESK, None, 10).await.unwrap().is_empty());
    let audit = store.audit_rows(WRITER, 0, 10_000).await.unwrap();
    let mut seals = audit.iter().rev().filter(|row| row.action == Action::SealBatch);
    assert_eq!(seals.next().unwrap().detail, format!("manifest {} {}", last.no, last.hash));
}

async fn originals_are_purged_of_ended_batches_only_and_once(store: &Store) {
    let kept = async || store.ended_batches_with_originals(DESK, "a1b2", None, 10).await.unwrap();
    let ended = kept().await;
    let ids: Vec<&BatchId> = ended.iter().map(|batch| &batch.id).collect();
    assert_eq!(ids, [&id(1), &id(6), &id(41), &id(50)]);
    assert!(
        store.ended_batches_with_originals(DESK, "b3c4", None, 10).await.unwrap().is_empty(),
        "they stand in another spool"
    );
    let now = "2026-05-01T09:00:00Z".parse().unwrap();
    let at = ended[0].ended_at;
    let record =
        async |batch, ended_at| store.record_purge(&id(batch), ended_at, 90, now).await.unwrap();
    assert_eq!(record(5, at).await, PurgeRecorded::NotDue, "it is on its way");
    assert_eq!(record(1, now).await, PurgeRecorded::NotDue, "it was changed meanwhile");
    assert_eq!(store.purge_of(&id(1)).await.unwrap(), None);
    assert_eq!(record(1, at).await, PurgeRecorded::Yes);
    assert_eq!(record(1, at).await, PurgeRecorded::NotDue, "only once");
    let last = store.last_manifest(&id(1)).await.unwrap().unwrap();
    let last: BatchManifest = serde_json::from_str(&last.text).unwrap();
    assert_eq!(last.originals_removed_after_days, Some(90), "the chain tells of it");
    assert_eq!(store.purges_under_way(DESK, "a1b2").await.unwrap(), [id(1)]);
    store.end_purge(&id(1), now).await.unwrap();
    assert!(store.purges_under_way(DESK, "a1b2").await.unwrap().is_empty());
    let purge = Purge { at: now, after_days: 90, done_at: Some(now) };
    assert_eq!(store.purge_of(&id(1)).await.unwrap(), Some(purge));
    assert_eq!(kept().await, ended[1..]);
    let late = store.withdraw_document(&id(1), page_no(1), None, &decision()).await.unwrap();
    assert!(matches!(late, Decided::No(Refusal::OriginalsRemoved { days: 90, .. })), "{late:?}");
    assert_eq!(store.pages(&id(1)).await.unwrap().len(), 2, "what is known stays");
}
