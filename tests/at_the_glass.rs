//! A clerk at a terminal, laying pages on the glass: what is asked, what an
//! answer does, and what becomes of the batch when the terminal goes.

mod station;

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use station::{Ran, Station};

const QUESTION: &str = "[c] Close: ";

/// Far longer than a page takes to scan on the slowest machine.
const QUESTION_LIMIT: Timespec = Timespec { tv_sec: 60, tv_nsec: 0 };

/// Where standard error goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Errors {
    ToTheTerminal,
    Elsewhere,
}

/// `outguide capture` at the glass of a station, on a terminal of its own.
struct AtTheGlass {
    station: Station,
    running: Child,
    /// The clerk's side: keyboard and screen.
    terminal: File,
    seen: Vec<u8>,
}

impl AtTheGlass {
    fn with(pages: usize, more: &[&str], errors: Errors) -> Self {
        let station = Station::new();
        station.lay_in_small(pages);
        let glass = ["--scanner", "folder:flatbed"];
        AtTheGlass::of(station, "flatbed", &[&glass, more].concat(), errors)
    }

    /// At another source of paper.
    fn of(station: Station, source: &str, more: &[&str], errors: Errors) -> Self {
        let profile = station.quick_profile(source);
        let args: Vec<&str> =
            profile.iter().map(String::as_str).chain(more.iter().copied()).collect();
        let args = station.capture_arguments(&args);
        let (clerks, stations) = terminal();
        let outguide = station.command(&args.iter().map(String::as_str).collect::<Vec<_>>());
        // In a session of its own, so that the terminal is its.
        let mut command = Command::new("setsid");
        command.arg("--ctty").arg(outguide.get_program()).args(outguide.get_args());
        for (name, value) in outguide.get_envs() {
            command.env(name, value.expect("the station only sets variables"));
        }
        command.stdin(stations.try_clone().unwrap()).stdout(Stdio::piped());
        match errors {
            Errors::ToTheTerminal => command.stderr(stations),
            Errors::Elsewhere => command.stderr(Stdio::piped()),
        };
        let running = command.spawn().unwrap();
        AtTheGlass { station, running, terminal: clerks, seen: Vec::new() }
    }

    /// Reads the screen until it shows one more question.
    fn is_asked(&mut self) {
        self.is_asked_again(QUESTION);
    }

    fn is_asked_again(&mut self, question: &str) {
        let asked = self.questions(question);
        let mut piece = [0; 512];
        while self.questions(question) == asked {
            let mut shown = [PollFd::new(&self.terminal, PollFlags::IN)];
            assert_eq!(poll(&mut shown, Some(&QUESTION_LIMIT)), Ok(1), "nothing is shown");
            // The kernel ends a terminal whose other side is closed with an error.
            let read = self.terminal.read(&mut piece).unwrap_or(0);
            assert!(read > 0, "nothing is asked: {}", String::from_utf8_lossy(&self.seen));
            self.seen.extend_from_slice(&piece[..read]);
        }
    }

    fn questions(&self, question: &str) -> usize {
        String::from_utf8_lossy(&self.seen).matches(question).count()
    }

    fn types(&mut self, typed: &[u8]) {
        self.terminal.write_all(typed).unwrap();
    }

    fn ends(self) -> (Station, Ran) {
        let AtTheGlass { station, running, terminal: _screen, .. } = self;
        let ran = Ran::of(running.wait_with_output().unwrap());
        (station, ran)
    }

    fn loses_its_terminal(self) -> (Station, Ran) {
        let AtTheGlass { station, running, terminal, .. } = self;
        drop(terminal);
        (station, Ran::of(running.wait_with_output().unwrap()))
    }
}

/// The clerk's side and the station's.
fn terminal() -> (File, OwnedFd) {
    let clerks = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&clerks).unwrap();
    unlockpt(&clerks).unwrap();
    let name = ptsname(&clerks, Vec::new()).unwrap();
    let stations = File::options().read(true).write(true).open(name.to_str().unwrap()).unwrap();
    (File::from(clerks), stations.into())
}

#[test]
fn a_terminal_that_closes_at_the_question_leaves_the_batch_open() {
    let mut glass = AtTheGlass::with(3, &[], Errors::ToTheTerminal);
    glass.is_asked();
    let (station, stopped) = glass.loses_its_terminal();
    // The end of input stops the scanner; a hang-up that comes behind it, while
    // pages are still read, ends the program at once.
    assert!([5, 1].contains(&stopped.code), "{}", stopped.stdout);
    assert!(station.filed("pdf").is_empty());
    let batch = stopped.json()["batch"].as_str().unwrap().to_owned();
    let closed = station.capture(&["--resume", &batch, "--no-more-paper"]);
    assert_eq!((closed.code, &closed.json()["pages"]), (0, &1.into()), "{}", closed.stderr);
}

#[test]
fn the_end_of_input_typed_at_the_question_leaves_the_batch_open() {
    let mut glass = AtTheGlass::with(3, &[], Errors::Elsewhere);
    glass.is_asked();
    glass.types(b"\x04");
    let (_, stopped) = glass.ends();
    assert_eq!(stopped.code, 5, "{}", stopped.stderr);
    assert!(stopped.stderr.contains("the batch stays open"), "{}", stopped.stderr);
}

#[test]
fn only_a_word_that_is_known_scans_or_closes() {
    let mut glass = AtTheGlass::with(9, &[], Errors::ToTheTerminal);
    glass.is_asked();
    let unknown: [&[u8]; 5] = [b"q\n", b"no\n", b"\xff\n", b"cancel\n", b"c?\n"];
    for typed in unknown {
        glass.types(typed);
        glass.is_asked();
    }
    let next: [&[u8]; 3] = [b"\n", b"n\n", b" Next \n"];
    for typed in next {
        glass.types(typed);
        glass.is_asked();
    }
    glass.types(b"Close\n");
    let (_, closed) = glass.ends();
    assert_eq!((closed.code, &closed.json()["pages"]), (0, &4.into()));
}

#[test]
fn a_double_enter_scans_one_page() {
    let mut glass = AtTheGlass::with(9, &[], Errors::ToTheTerminal);
    // Before anything is asked.
    glass.types(b"\n");
    glass.is_asked();
    glass.types(b"\n\n");
    glass.is_asked();
    glass.types(b"c\n");
    let (_, closed) = glass.ends();
    assert_eq!((closed.code, &closed.json()["pages"]), (0, &2.into()));
}

#[test]
fn a_number_of_pages_is_asked_for_one_by_one() {
    let mut glass = AtTheGlass::with(9, &["--pages", "3"], Errors::ToTheTerminal);
    for _ in 0..2 {
        glass.is_asked();
        glass.types(b"\n");
    }
    let (_, closed) = glass.ends();
    assert_eq!((closed.code, &closed.json()["pages"]), (0, &3.into()));
}

#[test]
fn the_question_is_seen_where_standard_error_goes_elsewhere() {
    let mut glass = AtTheGlass::with(2, &[], Errors::Elsewhere);
    glass.is_asked();
    glass.types(b"c\n");
    let (_, closed) = glass.ends();
    assert_eq!((closed.code, &closed.json()["pages"]), (0, &1.into()));
}

#[test]
fn a_script_whose_answer_is_unknown_closes_nothing() {
    for typed in ["y\n", "\n\nno\n"] {
        let station = Station::new();
        station.lay_in_small(9);
        let profile = station.quick_profile("flatbed");
        let mut args: Vec<&str> = profile.iter().map(String::as_str).collect();
        args.extend(["--scanner", "folder:flatbed"]);
        let stopped = station.capture_typing(typed, &args);
        assert_eq!(stopped.code, 5, "{}", stopped.stderr);
        assert!(stopped.stderr.contains("the batch stays open"), "{}", stopped.stderr);
    }
}

#[test]
fn a_batch_started_to_outlive_its_terminal_does() {
    let station = Station::new();
    station.lay_in_small(3);
    station.fault_at(2, "wait");
    let profile = station.quick_profile("feeder");
    let mut args: Vec<&str> = profile.iter().map(String::as_str).collect();
    args.extend(["--scanner", "folder:adf"]);
    let args = station.capture_arguments(&args);
    let outguide = station.command(&args.iter().map(String::as_str).collect::<Vec<_>>());
    let mut command = Command::new("nohup");
    command.arg(outguide.get_program()).args(outguide.get_args());
    for (name, value) in outguide.get_envs() {
        command.env(name, value.expect("the station only sets variables"));
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running = command.spawn().unwrap();
    station.taken_to("0002.wait", &mut running);
    let pid = Pid::from_child(&running);
    // Of two signals heard, the second would end it at once, with 1.
    for signal in [Signal::HUP, Signal::INT] {
        kill_process(pid, signal).unwrap();
    }
    let stopped = Ran::of(running.wait_with_output().unwrap());
    assert_eq!(stopped.code, 5, "{}", stopped.stderr);
    assert!(stopped.stderr.contains("interrupted"), "{}", stopped.stderr);
}

/// The station's feeder with these pages and no other.
fn lay_in(station: &Station, pages: &[usize]) {
    for entry in std::fs::read_dir(station.path("feeder")).unwrap() {
        std::fs::remove_file(entry.unwrap().path()).unwrap();
    }
    for (nth, page) in pages.iter().enumerate() {
        let file = station.path(&format!("feeder/{nth:04}.pgm"));
        std::fs::write(file, station::small_page(*page)).unwrap();
    }
    station.stack_taken_to("");
}

/// `outguide serve`, which takes the clerk's order over.
struct Daemon(Child);

impl Daemon {
    /// Returns when it answers.
    fn of(station: &Station) -> Self {
        let profile = station.quick_profile("feeder-manual-duplex");
        let state = station.path("state").display().to_string();
        let mut serve = station.command(&["serve", "--state", &state, "--profiles", &profile[1]]);
        serve.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut daemon = Daemon(serve.spawn().unwrap());
        while station.run(&["batch", "list", "--state", &state]).code != 0 {
            assert!(daemon.0.try_wait().unwrap().is_none(), "it has ended");
        }
        daemon
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[test]
fn a_clerk_turns_the_stack_and_only_a_word_says_that_the_pairs_are_right() {
    for (runs, errors) in
        [(false, Errors::ToTheTerminal), (false, Errors::Elsewhere), (true, Errors::ToTheTerminal)]
    {
        let station = Station::new();
        let _daemon = runs.then(|| Daemon::of(&station));
        lay_in(&station, &[1, 3]);
        let feeder = ["--scanner", "folder:adf"];
        let mut clerk = AtTheGlass::of(station, "feeder-manual-duplex", &feeder, errors);
        clerk.is_asked_again("[o] Only fronts");
        // Nothing was laid in: it is asked again.
        clerk.types(b"\n");
        clerk.is_asked_again("[o] Only fronts");
        lay_in(&clerk.station, &[4]);
        clerk.types(b"\n");
        clerk.is_asked_again("[Enter] The missing sheets are laid in");
        lay_in(&clerk.station, &[2]);
        clerk.types(b"\n");
        for not_a_word in [&b"\n"[..], b"x\n", b"f\n"] {
            clerk.is_asked_again("[y] Yes, both pairs are right");
            clerk.types(not_a_word);
        }
        clerk.is_asked_again("[y] Yes, both pairs are right");
        lay_in(&clerk.station, &[4, 2]);
        clerk.types(b"a\n");
        clerk.is_asked_again("[y] Yes, both pairs are right");
        clerk.types(b"y\n");
        let (_, filed) = clerk.ends();
        assert_eq!(filed.code, 0, "{}{}", filed.stdout, filed.stderr);
        assert_eq!(filed.json()["documents"][0]["pages"], serde_json::json!([1, 6, 2, 5]));
    }
}

#[test]
fn an_interrupt_between_the_passes_leaves_the_batch_to_be_gone_on_with() {
    let station = Station::new();
    lay_in(&station, &[1, 3]);
    let feeder = ["--scanner", "folder:adf"];
    let mut clerk = AtTheGlass::of(station, "feeder-manual-duplex", &feeder, Errors::ToTheTerminal);
    clerk.is_asked_again("[o] Only fronts");
    kill_process(Pid::from_child(&clerk.running), Signal::INT).unwrap();
    let (station, stopped) = clerk.ends();
    assert_eq!(stopped.code, 4, "{}", stopped.stdout);
    let batch = stopped.json()["batch"].as_str().unwrap().to_owned();
    let closed = station.capture(&["--resume", &batch, "--fronts-only"]);
    assert_eq!((closed.code, &closed.json()["pages"]), (0, &2.into()), "{}", closed.stderr);
}
