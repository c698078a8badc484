//! Pages and pictures that a disk has lost: made again as they were, or a
//! question, and never in the way of the rest of the batch.

mod station;

use std::path::Path;

use outguide::app::BatchWork;
use outguide::disk::recording::faults::Fault;
use outguide::imaging::clean::{Cleaned, clean_as_recorded, clean_with_turn};
use outguide::imaging::encode;
use outguide::pipeline::source;
use outguide::profile;
use outguide::records::batch::BatchState;
use outguide::records::ids::{PageNo, Sha256};
use outguide::records::page::{FiledPicture, PageOutcome, PagePicture, QuarterTurn, TextOutcome};
use outguide::records::raster::PixelBox;
use outguide::records::text::{Baseline, PageText, TextLine, Word};

use station::day::{BATCH, Day};
use station::{small_page, stack};

/// What was read on page 1 before the stop, and how it was laid, other than
/// would come of it now: as where OCR fails the second time.
async fn read_otherwise(work: &BatchWork) {
    let (state, batch) = (&work.state, &work.batch.id);
    let outcome = state.store.page_outcome(batch, PageNo::FIRST).await.unwrap().unwrap();
    let PageOutcome::Read { readings, says_it_is_a_cover_sheet, filed, .. } = outcome else {
        panic!("{outcome:?}")
    };
    let original = &state.store.pages(batch).await.unwrap()[0];
    let original = state.spool.original(batch, &original.file).unwrap();
    let original = source::open(&original).unwrap().next().unwrap().unwrap().raster;
    let Cleaned { raster, picture, .. } =
        clean_with_turn(&original, &work.profile.cleaning, QuarterTurn::Half, 90.0);
    let image = encode::for_pdf(&raster, &work.profile.pdf);
    let filed = FiledPicture { sha256: Sha256::of(&image.bytes), ..filed };
    state.spool.write_derived(batch, "0001.picture", &image.bytes).unwrap();
    let bounds = PixelBox { left: 20, top: 20, right: 80, bottom: 32 };
    let word = Word { text: "earlier".to_owned(), bounds, confidence: 90.0 };
    let line =
        TextLine { bounds, baseline: Baseline::default(), starts_block: true, words: vec![word] };
    let page = PageText { width: 120, height: 160, lines: vec![line] };
    let text = TextOutcome::Recognized { page };
    let otherwise = PageOutcome::Read { readings, picture, says_it_is_a_cover_sheet, text, filed };
    state.store.record_page_outcome(batch, PageNo::FIRST, &otherwise).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pdf_is_the_same_when_a_stop_has_cost_the_derived_picture() {
    let mut pdfs = Vec::new();
    for picture_is_lost in [false, true] {
        let day = Day::new();
        let work = day.fed_and_not_closed().await;
        day.recorder.inject(Fault::ReadOnly { below: day.path("repository") });
        work.run_closed(|_| {}).await.unwrap_err();
        day.recorder.mend();
        read_otherwise(&work).await;
        if picture_is_lost {
            let derived = work.state.spool.derived(&work.batch.id).unwrap();
            std::fs::remove_file(derived.join("0001.picture")).unwrap();
        }
        drop(work);
        day.resume().await.run_closed(|_| {}).await.unwrap();
        let pdf = day.path("repository").join(format!("{BATCH}-0001.pdf"));
        pdfs.push(std::fs::read(pdf).unwrap());
    }
    assert!(pdfs[0] == pdfs[1], "{} and {} bytes", pdfs[0].len(), pdfs[1].len());
}

#[test]
fn a_page_is_cleaned_again_to_the_same_pixels_from_what_was_recorded() {
    let profile = profile::find("inpatient-chart", &[]).unwrap().profile;
    let mut straightened = 0;
    for path in [stack("pages"), stack("demo-stack")].concat() {
        let bytes = std::fs::read(&path).unwrap();
        let original = source::open(&bytes).unwrap().next().unwrap().unwrap().raster;
        for turn in [QuarterTurn::None, QuarterTurn::Left] {
            let Cleaned { raster, picture, .. } =
                clean_with_turn(&original, &profile.cleaning, turn, 90.0);
            straightened += u32::from(picture.skew_applied_degrees != 0.0);
            let recorded: PagePicture =
                serde_json::from_str(&serde_json::to_string(&picture).unwrap()).unwrap();
            let again = clean_as_recorded(&original, &profile.cleaning, &recorded);
            assert!(again == raster, "{} turned {turn:?}", path.display());
        }
    }
    assert!(straightened > 0, "no page was ever straightened");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_cannot_be_made_as_it_was_is_read_again_and_recorded_so() {
    let day = Day::new();
    let work = day.fed_and_not_closed().await;
    day.recorder.inject(Fault::ReadOnly { below: day.path("repository") });
    work.run_closed(|_| {}).await.unwrap_err();
    day.recorder.mend();
    let (store, batch) = (&work.state.store, &work.batch.id);
    let read = store.page_outcome(batch, PageNo::FIRST).await.unwrap().unwrap();
    let mut by_another_version = read.clone();
    if let PageOutcome::Read { filed, .. } = &mut by_another_version {
        filed.sha256 = Sha256::of(b"coded otherwise");
    }
    store.record_page_outcome(batch, PageNo::FIRST, &by_another_version).await.unwrap();
    assert_eq!(work.run_closed(|_| {}).await.unwrap(), BatchState::Filed);
    assert_eq!(store.page_outcome(batch, PageNo::FIRST).await.unwrap(), Some(read));
}

/// The pages in question of a batch with one document filed and one held.
async fn held_beside_a_filed_one(work: &BatchWork) -> Vec<PageNo> {
    let (store, batch) = (&work.state.store, &work.batch.id);
    assert_eq!(store.batch(batch).await.unwrap().unwrap().state, BatchState::InQuestion);
    let documents = store.documents(batch).await.unwrap();
    assert_eq!(documents.iter().filter(|document| document.filed.is_some()).count(), 1);
    let questions: Vec<_> = store.questions(batch).await.unwrap().into_values().collect();
    assert_eq!(questions.len(), 1, "{questions:?}");
    questions[0].holds.clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_original_that_cannot_be_read_back_is_a_question_and_its_batch_goes_on() {
    type Damage = fn(&Path);
    let damages: [Damage; 2] = [
        |original| std::fs::remove_file(original).unwrap(),
        |original| {
            std::fs::remove_file(original).unwrap();
            std::fs::create_dir(original).unwrap();
        },
    ];
    for damage in damages {
        let day = Day::new();
        let work = day.fed_and_not_closed().await;
        let second = work.state.store.pages(&work.batch.id).await.unwrap()[1].file.clone();
        damage(&work.state.spool.original_path(&work.batch.id, &second).unwrap());
        assert_eq!(work.run_closed(|_| {}).await.unwrap(), BatchState::InQuestion);
        assert_eq!(held_beside_a_filed_one(&work).await, [PageNo::new(2).unwrap()]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_state_disk_that_is_gone_stops_the_batch_and_asks_nobody() {
    let day = Day::new();
    let work = day.fed_and_not_closed().await;
    day.recorder.inject(Fault::Missing { below: day.path("state/spool") });
    work.run_closed(|_| {}).await.unwrap_err();
    day.recorder.mend();
    assert_eq!(work.run_closed(|_| {}).await.unwrap(), BatchState::Filed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_lost_with_its_picture_holds_its_document_and_no_other() {
    let day = Day::new();
    let work = day.fed_and_not_closed().await;
    day.recorder.inject(Fault::ReadOnly { below: day.path("repository") });
    work.run_closed(|_| {}).await.unwrap_err();
    day.recorder.mend();
    let (spool, batch) = (&work.state.spool, &work.batch.id);
    let first = work.state.store.pages(batch).await.unwrap()[0].file.clone();
    std::fs::write(spool.original_path(batch, &first).unwrap(), small_page(7)).unwrap();
    std::fs::remove_file(spool.derived(batch).unwrap().join("0001.picture")).unwrap();
    assert_eq!(work.run_closed(|_| {}).await.unwrap(), BatchState::InQuestion);
    assert_eq!(held_beside_a_filed_one(&work).await, [PageNo::FIRST]);
}
