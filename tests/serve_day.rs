//! A day in fast motion: stack after stack through the running station, words
//! read, documents filed, and every few pages the feeder fails in one of its
//! ways. At its end every count balances, nothing is left to be done, and the
//! station holds no more memory than in the morning.
//!
//! `make test` has a short day; `make soak` one of 2,000 pages, and only over
//! that many says memory anything.

mod station;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use image::{GrayImage, Luma};
use serde_json::{Value, json};
use station::Station;
use station::accounted::{Seen, check_repository};
use station::served::Served;

const PAGES_OF_A_STACK: usize = 40;
const PAGES_OF_A_DOCUMENT: usize = 5;

/// Two a stack, in turn. A feeder that only seems empty is one of them; one that
/// is empty ends each stack.
const FAULTS: [&str; 11] = [
    "jam",
    "double-feed",
    "cover-open",
    "hang",
    "truncated",
    "no-docs",
    "crash",
    "double-feed-jam",
    "io-error",
    "busy",
    "jam-reading",
];

#[test]
fn after_a_day_of_stacks_and_faults_all_counts_balance_and_memory_is_as_in_the_morning() {
    let pages = std::env::var("OUTGUIDE_DAY_PAGES")
        .map_or(2 * PAGES_OF_A_STACK, |pages| pages.parse().expect("a number"));
    let stacks = pages.div_ceil(PAGES_OF_A_STACK);
    let station = Station::new();
    let note = image::open("fixtures/pages/progress-note.png").unwrap().to_luma8();
    let seen = Seen::watching(&station.path("repository"));
    let served = serve(&station);
    let begun = Instant::now();
    let mut day = Day::default();
    for nth in 0..stacks {
        lay_in_a_stack(&station, &note, nth);
        day.batches.push(feed(&station, &served, &mut day.faults));
        // Words of one stack are read while the next is scanned, and no more
        // wait: else the evening would measure the queue.
        if let Some(before) = nth.checked_sub(1) {
            served.comes_to(&day.batches[before], &["filed"]);
        }
        day.memory.push(Memory::of(served.pid()));
    }
    served.comes_to(&day.batches[stacks - 1], &["filed"]);
    let took = begun.elapsed();
    day.check_counts(&served);
    day.tell(stacks * PAGES_OF_A_STACK, took.as_secs());
    day.check_memory();
    assert!(served.terminate().success(), "{}", station.serve_log());
    let documents = stacks * PAGES_OF_A_STACK / PAGES_OF_A_DOCUMENT;
    check_repository(&station, documents, "the evening");
    seen.check_whole_files_only(2 * documents, "the evening");
    for index in station.filed("json") {
        let index: Value = serde_json::from_slice(&std::fs::read(index).unwrap()).unwrap();
        assert_eq!(index["without_text"], json!([]), "{index}");
    }
}

fn serve(station: &Station) -> Served<'_> {
    let quick = include_str!("station/quick.toml");
    let profile = quick
        .replace("languages = []", "languages = [\"eng\"]")
        .replace("dpi = 100", "dpi = 300")
        .replace("by = \"batch\"", "by = \"fixed-length\"\npages = 5");
    let profiles = station.path("profiles");
    std::fs::create_dir(&profiles).unwrap();
    std::fs::write(profiles.join("day.toml"), profile).unwrap();
    let settings = station.path("station.toml");
    std::fs::write(&settings, "[scanner]\nsheet_seconds = 2\n[ocr]\nworkers = 2\n").unwrap();
    let [profiles, settings] = [profiles, settings].map(|path| path.display().to_string());
    station.serve(&["--profiles", &profiles, "--station", &settings])
}

/// Pieces of a typed page, each with a mark of its own: no two are alike.
fn lay_in_a_stack(station: &Station, note: &GrayImage, nth: usize) {
    let feeder = station.path("feeder");
    std::fs::remove_dir_all(&feeder).unwrap();
    std::fs::create_dir(&feeder).unwrap();
    for no in 1..=PAGES_OF_A_STACK {
        let (width, height) = (1200, 360);
        let top = 300 + (no as u32 * 53) % (note.height() - 900);
        let mut piece = image::imageops::crop_imm(note, 200, top, width, height).to_image();
        for bit in 0..20 {
            let is_set = ((nth * PAGES_OF_A_STACK + no) >> bit) & 1 == 1;
            for (x, y) in (0..8).flat_map(|x| (0..8).map(move |y| (x, y))) {
                let shade = if is_set { 0 } else { 255 };
                piece.put_pixel(10 + 12 * bit as u32 + x, height - 12 + y, Luma([shade]));
            }
        }
        let mut file = format!("P5\n{width} {height}\n255\n").into_bytes();
        file.extend_from_slice(&piece);
        std::fs::write(feeder.join(format!("{no:04}.pgm")), file).unwrap();
    }
    for (half, fault) in
        [2 * nth, 2 * nth + 1].map(|fault| FAULTS[fault % FAULTS.len()]).iter().enumerate()
    {
        let strikes_at = 2 + half * PAGES_OF_A_STACK / 2 + (nth * 7) % (PAGES_OF_A_STACK / 2 - 2);
        station.fault_at(strikes_at as u32, fault);
    }
    station.stack_taken_to("");
}

/// What a clerk does with a stack, until it is closed; the batch.
fn feed(station: &Station, served: &Served<'_>, faults: &mut BTreeMap<String, usize>) -> String {
    let batch = served.order("day", "clerk");
    loop {
        let paused = served.comes_to(&batch, &["paused"]);
        let taken = std::fs::read_to_string(station.path("cursor")).unwrap();
        let what = match paused["pause"]["kind"].as_str().unwrap() {
            "stack-end" => {
                assert_eq!(taken, format!("{PAGES_OF_A_STACK:04}.pgm"), "the feeder is empty");
                "close"
            }
            "fault" => {
                let fault = paused["pause"]["fault"].as_str().unwrap();
                *faults.entry(fault.to_owned()).or_default() += 1;
                if fault == "suspect-sheet" {
                    // Both sheets go back on the stack, and come again as one.
                    station.stack_taken_to(&taken.replace(".pgm", ".double-feed"));
                }
                "continue"
            }
            other => panic!("{other}: {paused}"),
        };
        let (status, told) = served.post(&format!("/batches/{batch}/{what}"), &json!({}));
        assert_eq!(status, 200, "{told}");
        if what == "close" {
            return batch;
        }
    }
}

#[derive(Default)]
struct Day {
    batches: Vec<String>,
    /// How often each was told to the clerk.
    faults: BTreeMap<String, usize>,
    /// After each stack.
    memory: Vec<Memory>,
}

impl Day {
    fn check_counts(&self, served: &Served<'_>) {
        let mut again = 0;
        for batch in &self.batches {
            let report = served.get(&format!("/batches/{batch}/report"));
            let documents = report["documents"].as_array().unwrap();
            let in_documents: usize =
                documents.iter().map(|document| document["pages"].as_array().unwrap().len()).sum();
            let set_aside = report["set_aside"].as_array().unwrap();
            assert!(set_aside.iter().all(|page| page["reason"] == "scanned-again"), "{report}");
            assert_eq!(in_documents, PAGES_OF_A_STACK, "{report}");
            assert_eq!(report["pages"], in_documents + set_aside.len(), "{report}");
            assert_eq!(report["questions"], json!([]), "{report}");
            again += set_aside.len();
        }
        assert_eq!(Some(&again), self.faults.get("suspect-sheet").or(Some(&0)));
        let told: usize = self.faults.values().sum();
        assert_eq!(told, 2 * self.batches.len(), "each fault is told once: {:?}", self.faults);
        assert_eq!(
            served.get("/backlog"),
            json!({
                "pages_to_read": 0, "batches_to_separate": 0, "documents_to_file": 0,
                "failed": 0, "troubles": [], "given": null,
            })
        );
    }

    fn tell(&self, pages: usize, seconds: u64) {
        println!("{pages} pages in {} stacks, {seconds} s; {:?}", self.batches.len(), self.faults);
        for (nth, quarter) in self.quarters().iter().enumerate() {
            let Memory { station_kb, tree_kb } = quarter;
            println!("quarter {}: station {station_kb} kB, with its workers {tree_kb} kB", nth + 1);
        }
    }

    /// Medians: a stack that has just come to its end holds more than others.
    fn quarters(&self) -> Vec<Memory> {
        let median = |figures: &[Memory], of: fn(&Memory) -> u64| {
            let mut figures: Vec<u64> = figures.iter().map(of).collect();
            figures.sort_unstable();
            figures[figures.len() / 2]
        };
        self.memory
            .chunks(self.memory.len().div_ceil(4))
            .map(|quarter| Memory {
                station_kb: median(quarter, |memory| memory.station_kb),
                tree_kb: median(quarter, |memory| memory.tree_kb),
            })
            .collect()
    }

    /// From the second quarter on: in the first, workers start and grow to the
    /// largest page they have seen.
    fn check_memory(&self) {
        if self.batches.len() < 40 {
            return;
        }
        let quarters = self.quarters();
        let [_, second, .., last] = quarters.as_slice() else { unreachable!("there are four") };
        for (before, after) in
            [(second.station_kb, last.station_kb), (second.tree_kb, last.tree_kb)]
        {
            let most = before + before * GROWS_AT_MOST_PERCENT / 100;
            assert!(after <= most, "{before} kB grew to {after} kB");
        }
    }
}

/// The allocator's own ups and downs from stack to stack; seen are 16 kB of 66 MB.
/// Between the middles of the two quarters lie 1,000 pages: a station that lost 4 kB
/// with each would grow by more.
const GROWS_AT_MOST_PERCENT: u64 = 5;

/// Resident.
#[derive(Debug, Clone, Copy)]
struct Memory {
    station_kb: u64,
    /// The station and every process below it; what they share counts for each.
    tree_kb: u64,
}

impl Memory {
    fn of(station: u32) -> Self {
        let processes: Vec<(u32, u32, u64)> = std::fs::read_dir("/proc")
            .unwrap()
            .filter_map(|entry| process(&entry.ok()?.path()))
            .collect();
        let mut tree = vec![station];
        let mut at = 0;
        while let Some(above) = tree.get(at).copied() {
            tree.extend(processes.iter().filter(|(_, parent, _)| *parent == above).map(|it| it.0));
            at += 1;
        }
        let resident = |pid: &u32| processes.iter().find(|it| it.0 == *pid).map_or(0, |it| it.2);
        Memory { station_kb: resident(&station), tree_kb: tree.iter().map(resident).sum() }
    }
}

/// Its id, its parent's, and resident kB; `None` for what is none, or has ended.
fn process(folder: &Path) -> Option<(u32, u32, u64)> {
    let pid = folder.file_name()?.to_str()?.parse().ok()?;
    let status = std::fs::read_to_string(folder.join("status")).ok()?;
    let number = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse::<u64>().ok()
    };
    Some((pid, u32::try_from(number("PPid:")?).ok()?, number("VmRSS:")?))
}
