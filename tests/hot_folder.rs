//! Hot folders of a running station: whatever is dropped is filed once or stands
//! in quarantine with its reason, also when the station dies in between.

mod station;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use notify::{Event, RecursiveMode, Watcher};
use serde_json::json;
use sqlx::Row;
use station::Station;
use station::accounted::check_repository;
use station::served::Served;

/// Files settle for some seconds and unreadable ones for longer; then two hundred
/// batches are fed and filed beside other tests.
const LIMIT: Duration = Duration::from_secs(240);

/// A station with the hot folder `hot`, and what `serve` is started with.
struct HotStation {
    station: Station,
    arguments: Vec<String>,
}

impl HotStation {
    fn new(closes: &str) -> Self {
        let station = Station::new();
        let profile = station.quick_profile("feeder");
        fs::create_dir(station.path("hot")).unwrap();
        let settings = format!(
            "[station]\nfree_space_floor_mb = 1\n[repository]\ndir = {:?}\n\
             [[hot_folder]]\ndir = {:?}\nprofile = \"quick\"\n{closes}\n",
            station.path("repository"),
            station.path("hot"),
        );
        fs::write(station.path("station.toml"), settings).unwrap();
        let file = station.path("station.toml").display().to_string();
        let arguments = [&profile[..2], &["--station".to_owned(), file]].concat();
        HotStation { station, arguments }
    }

    fn serve(&self) -> Served<'_> {
        self.station.serve(&self.arguments.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// A station that is told nothing of what comes into its folders, as of a
    /// share that other machines write to: `None`, said, where that cannot be
    /// had. The kernel lets it have no watches.
    fn serve_unheard(&self) -> Option<Served<'_>> {
        let without_watches = ["-Ur", "sh", "-c"];
        let then = "echo 0 > /proc/sys/user/max_inotify_instances && exec \"$@\"";
        let tried =
            Command::new("unshare").args(without_watches).args([then, "sh", "true"]).output();
        if !tried.is_ok_and(|tried| tried.status.success()) {
            println!("skipped: unshare not found, or not allowed to make name spaces");
            return None;
        }
        let mut command = self.station.command_of("unshare", &without_watches);
        command.args([then, "sh", env!("CARGO_BIN_EXE_outguide")]);
        let arguments: Vec<_> = self.arguments.iter().map(String::as_str).collect();
        let served = self.station.serve_by(command, &arguments);
        let open = fs::read_dir(format!("/proc/{}/fd", served.pid())).unwrap();
        let mut leads_to = open.filter_map(|open| fs::read_link(open.unwrap().path()).ok());
        assert!(!leads_to.any(|to| to.ends_with("anon_inode:inotify")), "it hears something");
        Some(served)
    }

    fn hot(&self, name: &str) -> PathBuf {
        self.station.path("hot").join(name)
    }

    /// Looks again whenever something happens in the hot folder or the repository.
    fn until(&self, what: &str, mut is_so: impl FnMut() -> bool) {
        let (tell, told) = mpsc::channel();
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            let event = event.unwrap();
            // Looking is no news, or it would never end.
            if !event.kind.is_access() {
                // The test may have what it waited for.
                drop(tell.send(event));
            }
        })
        .unwrap();
        for folder in ["hot", "repository"] {
            watcher.watch(&self.station.path(folder), RecursiveMode::Recursive).unwrap();
        }
        let begin = Instant::now();
        while !is_so() {
            let left = LIMIT.saturating_sub(begin.elapsed());
            assert!(!left.is_zero(), "{what} did not come\n{}", self.station.serve_log());
            // An event may come before what it announces shows to the question.
            match told.recv_timeout(left.min(Duration::from_secs(1))) {
                Ok(_) | Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => panic!("the watcher ended"),
            }
        }
    }

    /// Names that stand in the hot folder, folders left out.
    fn left(&self) -> Vec<String> {
        let mut left: Vec<String> = fs::read_dir(self.station.path("hot"))
            .unwrap()
            .map(Result::unwrap)
            .filter(|entry| !entry.file_type().unwrap().is_dir())
            .map(|entry| entry.file_name().into_string().unwrap())
            .collect();
        left.sort();
        left
    }

    /// Files in quarantine, and the reason of each.
    fn quarantined(&self) -> BTreeMap<String, String> {
        let Ok(entries) = fs::read_dir(self.hot("quarantine")) else { return BTreeMap::new() };
        let paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        let files = paths.iter().filter(|path| path.extension() != Some(OsStr::new("txt")));
        let name = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
        files
            .filter(|path| !name(path).starts_with('.'))
            .map(|path| {
                let reason = fs::read_to_string(format!("{}.txt", path.display()));
                (name(path), reason.unwrap_or_else(|_| panic!("{} has no reason", path.display())))
            })
            .collect()
    }

    fn is_all_filed(&self, served: &Served<'_>, documents: usize) -> bool {
        self.left().is_empty()
            && self.station.filed("pdf").len() == documents
            && nothing_is_under_way(served)
    }

    /// Each file that was taken: its name, the state of its batch and the pages.
    /// Of a station that has ended.
    fn taken(&self) -> Vec<(String, String, i64)> {
        let url = format!("sqlite://{}", self.station.path("state/outguide.db").display());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let pool = sqlx::SqlitePool::connect(&url).await.unwrap();
            let rows = sqlx::query(
                "SELECT name, state, standing, (SELECT COUNT(*) FROM page \
                 WHERE page.batch_id = batch.id AND image = position) AS pages \
                 FROM hot_file JOIN batch ON batch.id = batch_id ORDER BY name",
            )
            .fetch_all(&pool)
            .await
            .unwrap();
            pool.close().await;
            let row = |row: &sqlx::sqlite::SqliteRow| {
                assert_eq!(row.get::<String, _>("standing"), "done");
                (row.get("name"), row.get("state"), row.get("pages"))
            };
            rows.iter().map(row).collect()
        })
    }
}

fn nothing_is_under_way(served: &Served<'_>) -> bool {
    served.get("/batches")["batches"] == json!([])
}

/// A page that no other number has.
fn page(no: usize) -> Vec<u8> {
    let mut file = b"P5\n120 160\n255\n".to_vec();
    for y in 0..160 {
        for x in 0..120 {
            let inked = (20..100).contains(&x) && ((no >> (y / 16)) & 1 == 1 || y % 16 < 3);
            file.push(if inked { 0 } else { 255 });
        }
    }
    file
}

/// A PDF of one page, as Outguide files them.
fn pdf(station: &Station) -> Vec<u8> {
    let profile = station.quick_profile("feeder");
    fs::write(station.path("page.pgm"), page(1)).unwrap();
    let [page, pdf] = ["page.pgm", "page.pdf"].map(|name| station.path(name).display().to_string());
    let ran =
        station.run(&[&["convert"], &station::with(&profile, &["-o", &pdf, &page])[..]].concat());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    fs::read(pdf).unwrap()
}

/// `None`, said, where qpdf is not installed.
fn encrypted(station: &Station, pdf: &[u8]) -> Option<Vec<u8>> {
    let [open, shut] = ["open.pdf", "shut.pdf"].map(|name| station.path(name));
    fs::write(&open, pdf).unwrap();
    let ran = Command::new("qpdf")
        .args(["--encrypt", "secret", "secret", "256", "--"])
        .args([&open, &shut])
        .status();
    if ran.is_err() {
        println!("skipped: qpdf not found");
        return None;
    }
    Some(fs::read(shut).unwrap())
}

#[test]
fn a_page_dropped_is_filed_once_and_gone_and_may_be_dropped_again() {
    let hot = HotStation::new("closes = \"file\"");
    fs::write(hot.hot("before.pgm"), page(1)).unwrap();
    let served = hot.serve();
    hot.until("the page that lay there before", || hot.is_all_filed(&served, 1));
    for (no, name) in ["before.pgm", "fax é.pgm"].iter().enumerate() {
        fs::write(hot.hot(name), page(1)).unwrap();
        hot.until("the same page again", || hot.is_all_filed(&served, 2 + no));
    }
    // The scanner is free all the while.
    hot.station.lay_in_small(1);
    let stack = served.order("quick", "stack-end");
    served.comes_to(&stack, &["filed"]);
    assert!(served.terminate().success());
    let filed = |name: &str| (name.to_owned(), "filed".to_owned(), 1);
    let taken = [filed("before.pgm"), filed("before.pgm"), filed("fax %C3%A9.pgm")];
    assert_eq!(hot.taken(), taken);
    let log = hot.station.serve_log();
    assert!(!log.contains("before.pgm"), "names may be patients': {log}");
}

#[test]
fn a_file_that_grows_is_taken_whole() {
    let hot = HotStation::new("closes = \"file\"");
    let served = hot.serve();
    let mut file = fs::File::create(hot.hot("stack.pnm")).unwrap();
    for no in 1..=5 {
        // Whatever stands there is a whole file of pages.
        file.write_all(&page(no)).unwrap();
        file.sync_all().unwrap();
        thread::sleep(Duration::from_millis(1500));
    }
    drop(file);
    hot.until("the stack", || hot.is_all_filed(&served, 1));
    assert!(served.terminate().success());
    assert_eq!(hot.taken(), [("stack.pnm".to_owned(), "filed".to_owned(), 5)]);
}

#[test]
fn files_that_come_together_are_one_batch_in_order_of_name() {
    let hot = HotStation::new("closes = \"quiet\"\nquiet_seconds = 6\npoll_seconds = 2");
    let served = hot.serve();
    for no in [3, 1, 2] {
        fs::write(hot.hot(&format!("{no}.pgm")), page(no)).unwrap();
    }
    fs::write(hot.hot("4.pgm"), "").unwrap();
    hot.until("the batch", || hot.is_all_filed(&served, 1));
    assert_eq!(hot.quarantined().len(), 1);
    let batches = served.get("/batches?all=true");
    let batch = batches["batches"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(batches["batches"].as_array().unwrap().len(), 1);
    assert_eq!(served.comes_to(&batch, &["filed"])["pages"], json!(3));
    for no in [1, 2, 3] {
        let kept = hot.station.path(&format!("state/spool/{batch}/{no:04}.png"));
        let sent = image::load_from_memory(&page(no)).unwrap().to_luma8();
        assert_eq!(image::open(kept).unwrap().to_luma8(), sent);
    }
    assert!(served.terminate().success());
}

/// Files no page can be made of, and what is told of each (part of it, where it
/// is our own sentence).
fn poison(station: &Station, pdf: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let png = {
        let mut png = std::io::Cursor::new(Vec::new());
        let image = image::GrayImage::from_fn(90, 90, |x, y| image::Luma([(x * y % 251) as u8]));
        image.write_to(&mut png, image::ImageFormat::Png).unwrap();
        png.into_inner()
    };
    // A hundred thousand pixels each way, all of one colour.
    let bomb = {
        let mut bomb = png.clone();
        bomb[16..24].copy_from_slice(&[0, 1, 0x86, 0xA0, 0, 1, 0x86, 0xA0]);
        bomb
    };
    let mut poison: Vec<(&str, Vec<u8>)> = vec![
        ("it is empty", Vec::new()),
        ("no picture and no PDF", b"Dear colleague, ".repeat(9)),
        ("a GIF", b"GIF89a...".to_vec()),
        ("", png[..png.len() / 2].to_vec()),
        ("", pdf[..pdf.len() / 3].to_vec()),
        ("", bomb),
        ("", b"%PDF-1.7\n%%EOF\n".to_vec()),
        ("", b"II*\0\xFF\xFF\xFF\xFF".to_vec()),
        ("", page(1)[..page(1).len() - 1000].to_vec()),
        ("", fs::read("fixtures/pages/faded.jpg").unwrap()[..20_000].to_vec()),
    ];
    if let Some(encrypted) = encrypted(station, pdf) {
        poison.push(("password", encrypted));
    }
    poison
}

/// What became of each drop.
#[derive(Default)]
struct Dropped {
    filed: Vec<(String, String, i64)>,
    quarantined: BTreeMap<String, &'static str>,
    stay: Vec<String>,
    /// Written bit by bit.
    slow: Vec<(PathBuf, Vec<u8>)>,
}

impl Dropped {
    /// One of each kind in turn; the slow ones are yet to be written.
    fn into_the_folder(hot: &HotStation, drops: usize) -> Self {
        let pdf = pdf(&hot.station);
        let poison = poison(&hot.station, &pdf);
        let mut dropped = Dropped::default();
        for no in 0..drops {
            let name = format!("{no:04}.pgm");
            let path = hot.hot(&name);
            match no % 10 {
                // A writer that takes its time.
                0 | 1 => dropped.slow.push((path, page(no))),
                // Half a file that is renamed when it is whole.
                2 | 3 => {
                    let half = hot.hot(&format!("{no:04}.part"));
                    fs::write(&half, &page(no)[..9000]).unwrap();
                    fs::write(&half, page(no)).unwrap();
                    fs::rename(half, path).unwrap();
                }
                4 => fs::write(&path, &pdf).unwrap(),
                5 => {
                    std::os::unix::fs::symlink(hot.station.path("page.pgm"), &path).unwrap();
                    dropped.stay.push(name);
                    continue;
                }
                6 => {
                    rustix::fs::mkfifoat(rustix::fs::CWD, &path, 0o600.into()).unwrap();
                    dropped.stay.push(name);
                    continue;
                }
                7 | 8 => {
                    let (why, bytes) = &poison[(no / 10 * 2 + no % 10 - 7) % poison.len()];
                    fs::write(&path, bytes).unwrap();
                    dropped.quarantined.insert(name, *why);
                    continue;
                }
                _ => fs::write(&path, page(no)).unwrap(),
            }
            dropped.filed.push((name, "filed".to_owned(), 1));
        }
        dropped
    }

    /// A third each time, ten writers at once, so that whatever is looked at in
    /// between has only half of it.
    fn write_the_slow_ones(&self) {
        let writers = self.slow.chunks(self.slow.len().div_ceil(10)).map(|files| {
            let files = files.to_vec();
            thread::spawn(move || {
                for third in 0..3 {
                    for (path, bytes) in &files {
                        let part = bytes.len() / 3;
                        let end = if third == 2 { bytes.len() } else { part * (third + 1) };
                        let mut file =
                            fs::File::options().create(true).append(true).open(path).unwrap();
                        file.write_all(&bytes[part * third..end]).unwrap();
                    }
                    thread::sleep(Duration::from_millis(900));
                }
            })
        });
        for writer in writers.collect::<Vec<_>>() {
            writer.join().unwrap();
        }
    }
}

/// A soak run asks for more.
fn drops(in_a_test_run: usize) -> usize {
    let asked = std::env::var("OUTGUIDE_DROPS").ok();
    asked.map_or(in_a_test_run, |text| text.parse().expect("OUTGUIDE_DROPS is a number"))
}

fn check_each_drop_once(hot: &HotStation, served: Served<'_>, dropped: Dropped) {
    dropped.write_the_slow_ones();
    let documents = dropped.filed.len();
    hot.until("all of it", || {
        hot.left() == dropped.stay
            && hot.station.filed("pdf").len() == documents
            && nothing_is_under_way(&served)
    });
    assert!(served.terminate().success());
    let found = hot.quarantined();
    assert_eq!(found.keys().collect::<Vec<_>>(), dropped.quarantined.keys().collect::<Vec<_>>());
    for (name, why) in &dropped.quarantined {
        assert!(found[name].contains(why), "{name}: {}", found[name]);
        assert!(found[name].len() > "2026-01-31 09:00:00 UTC: \n".len(), "{name}");
    }
    assert_eq!(hot.taken(), dropped.filed);
    check_repository(&hot.station, documents, "drops");
    let log = hot.station.serve_log();
    assert!(log.contains("links, pipes or devices in a hot folder are not taken"), "{log}");
}

#[test]
fn drops_of_all_kinds_are_each_filed_once_or_quarantined_with_the_reason() {
    let hot = HotStation::new("closes = \"file\"");
    let served = hot.serve();
    let dropped = Dropped::into_the_folder(&hot, drops(200));
    check_each_drop_once(&hot, served, dropped);
}

#[test]
fn drops_into_a_folder_that_tells_nothing_are_found_by_looking_each_once() {
    let hot = HotStation::new("closes = \"file\"\npoll_seconds = 2");
    let Some(served) = hot.serve_unheard() else { return };
    let dropped = Dropped::into_the_folder(&hot, drops(60));
    check_each_drop_once(&hot, served, dropped);
}

#[test]
fn a_station_killed_again_and_again_files_each_file_once() {
    let hot = HotStation::new("closes = \"file\"");
    let mut expected = Vec::new();
    for no in 0..40 {
        let name = format!("{no:03}.pgm");
        fs::write(hot.hot(&name), page(no)).unwrap();
        expected.push((name, "filed".to_owned(), 1));
    }
    let mut filed = 0;
    for _ in 0..5 {
        let served = hot.serve();
        hot.until("some of it", || hot.station.filed("pdf").len() > filed + 4);
        served.kill();
        filed = hot.station.filed("pdf").len();
    }
    let served = hot.serve();
    hot.until("all of it", || hot.is_all_filed(&served, expected.len()));
    assert!(served.terminate().success());
    assert_eq!(hot.taken(), expected);
}

#[test]
fn a_station_killed_in_the_middle_of_a_file_goes_on_with_it() {
    let hot = HotStation::new("closes = \"file\"");
    let pages: Vec<u8> = (0..300).flat_map(page).collect();
    fs::write(hot.hot("stack.pnm"), &pages).unwrap();
    let served = hot.serve();
    let mut batch = None;
    served.watch_all().until(|event| {
        batch = event["batch"].as_str().map(str::to_owned);
        event["page"] == 20
    });
    let batch = batch.unwrap();
    served.kill();
    assert!(hot.hot("stack.pnm").exists(), "it is not taken yet");
    let served = hot.serve();
    // A stack does not wait for it.
    hot.station.lay_in_small(1);
    let stack = served.order("quick", "stack-end");
    served.comes_to(&stack, &["filed"]);
    let filed = served.comes_to(&batch, &["filed"]);
    assert_eq!(filed["pages"], json!(300));
    hot.until("the end of the original", || hot.left().is_empty());
    assert!(served.terminate().success());
    assert_eq!(hot.taken(), [("stack.pnm".to_owned(), "filed".to_owned(), 300)]);
}

#[test]
fn an_original_that_outlived_its_batch_by_a_stop_is_removed_and_not_filed_again() {
    let hot = HotStation::new("closes = \"file\"");
    fs::write(hot.hot("a.pgm"), page(1)).unwrap();
    let served = hot.serve();
    hot.until("the page", || hot.is_all_filed(&served, 1));
    assert!(served.terminate().success());
    let spool = fs::read_dir(hot.station.path("state/spool")).unwrap().next().unwrap().unwrap();
    let hidden = format!(".outguide-{}-1", spool.file_name().to_str().unwrap());
    // As it stands when the station dies between the close and the removal, or in
    // the middle of that; another file under that name is another file.
    let left_behind = [("a.pgm", 1, 1), (&*hidden, 1, 1), (&*hidden, 2, 2), ("a.pgm", 3, 3)];
    for (name, page_no, filed_after) in left_behind {
        hot.station.database("UPDATE hot_file SET standing = 'taken' WHERE position = 1");
        fs::write(hot.hot(name), page(page_no)).unwrap();
        let served = hot.serve();
        hot.until("the original's end", || hot.is_all_filed(&served, filed_after));
        assert!(served.terminate().success());
        assert_eq!(hot.taken().len(), filed_after);
    }
}

#[test]
fn a_file_whose_batch_a_clerk_ended_is_left_to_a_person() {
    let hot = HotStation::new("closes = \"file\"");
    let pages: Vec<u8> = (0..300).flat_map(page).collect();
    fs::write(hot.hot("stack.pnm"), &pages).unwrap();
    let served = hot.serve();
    let mut batch = None;
    served.watch_all().until(|event| {
        batch = event["batch"].as_str().map(str::to_owned);
        event["page"] == 20
    });
    let batch = batch.unwrap();
    served.kill();
    let away = hot.station.path("away");
    fs::rename(hot.hot("stack.pnm"), &away).unwrap();
    let served = hot.serve();
    served.watch(&batch).until(|event| event["standing"]["pause"]["fault"] == "other-paper");
    let (status, refused) = served.post(&format!("/batches/{batch}/continue"), &json!({}));
    assert_eq!((status, &refused["kind"]), (409, &json!("unfinished")), "{refused}");
    let discard = json!({"reason": "sent by mistake"});
    let (status, told) = served.post(&format!("/batches/{batch}/discard"), &discard);
    assert_eq!(status, 200, "{told}");
    served.kill();
    fs::rename(&away, hot.hot("stack.pnm")).unwrap();
    let served = hot.serve();
    hot.until("quarantine", || !hot.quarantined().is_empty());
    assert!(served.terminate().success());
    assert!(hot.quarantined()["stack.pnm"].contains(&batch));
    assert_eq!(fs::read(hot.hot("quarantine/stack.pnm")).unwrap(), pages);
}

#[test]
fn a_hot_folder_in_the_stations_own_folders_is_refused_however_it_is_spelled() {
    let hot = HotStation::new("closes = \"file\"");
    fs::create_dir_all(hot.station.path("repository/in")).unwrap();
    fs::remove_dir(hot.station.path("hot")).unwrap();
    std::os::unix::fs::symlink(hot.station.path("repository/in"), hot.station.path("hot")).unwrap();
    let state = hot.station.path("state").display().to_string();
    let mut arguments = vec!["serve", "--state", &state];
    arguments.extend(hot.arguments.iter().map(String::as_str));
    let refused = hot.station.run(&arguments);
    assert_ne!(refused.code, 0);
    assert!(refused.stderr.contains("a repository's watched folder"), "{}", refused.stderr);
    assert!(Path::new(&state).exists() && hot.left().is_empty());
}
