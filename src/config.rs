//! This machine: `station.toml`, read once, checked whole, then immutable.
//!
//! What a hospital does with its paper is not here but in `profile`. A command
//! line option that names the same thing goes before the file; the command
//! line decides that. All settings with their defaults: docs/station.md.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::settings_file::{Problem, Section, SettingsFile, listed};

mod postgres_url;

pub use postgres_url::PostgresUrl;

/// Read where none is given on the command line; it need not be there.
pub const SYSTEM_FILE: &str = "/etc/outguide/station.toml";

/// A checked station. All folders are absolute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Station {
    /// Stands in index files and documents: which station made them.
    /// Lower-case letters, digits and hyphens, a letter first, at most 40.
    pub id: String,
    /// As a clerk knows it.
    pub name: String,
    /// Spool and store.
    pub state_dir: PathBuf,
    /// Where scanned pages are kept: a mount that stations share. Where not
    /// given, a folder of the station's own in `state_dir`.
    pub shared_spool: Option<PathBuf>,
    /// Where the running station listens for commands; where not given,
    /// `socket` in the state folder.
    pub socket: Option<PathBuf>,
    /// Where the running station listens for HTTP too: a loopback address. Port
    /// 0 is one that the system chooses.
    pub http: Option<SocketAddr>,
    /// And for other machines, over TLS.
    pub https: Option<Https>,
    /// The feeder stops before less than this is free where the spool is.
    pub free_space_floor_mb: u64,
    /// Looked in before `/etc/outguide/profiles`.
    pub profiles_dir: Option<PathBuf>,
    /// The scanner taken where the command line names none, as it would there.
    pub scanner: Option<String>,
    /// A scanner that gives no sign of its next sheet for so long is given up.
    pub sheet_seconds: Option<u32>,
    /// Tesseract's language data; where not given, Tesseract's own choice.
    pub tessdata_dir: Option<PathBuf>,
    /// Pages recognised at once; where not given, one for each processor.
    pub ocr_workers: Option<u32>,
    /// The database that stations share; where not given, a file in `state_dir`.
    pub shared_store: Option<PostgresUrl>,
    /// A node that is silent for so long has died: others do what it was at.
    pub lease_seconds: u32,
    pub repository: Repository,
    pub hot_folders: Vec<HotFolder>,
}

/// Where other machines reach the station, and what it shows of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Https {
    pub address: SocketAddr,
    /// PEM: the station's, and those behind it.
    pub certificate: PathBuf,
    /// PEM.
    pub key: PathBuf,
}

/// A folder in which other programs leave pages: copiers, fax servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HotFolder {
    /// As this machine sees it.
    pub dir: PathBuf,
    /// The profile its batches are opened under.
    pub profile: String,
    pub closes: Closes,
    /// Where its batches are filed; where not given, the station's repository.
    pub repository: Option<PathBuf>,
    /// How often it is looked at without being told that something came: shares
    /// tell nothing of what other machines put there.
    pub poll_seconds: Option<u32>,
}

/// What makes a batch of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closes {
    /// Each file is a batch.
    File,
    /// The files that came until nothing new did for so many seconds.
    Quiet { seconds: u32 },
}

/// The folder a document repository watches.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Repository {
    /// As this machine sees it.
    pub dir: Option<PathBuf>,
    /// The same folder as the repository's server sees it, for the paths in
    /// index files; where not given, they are those of this machine.
    pub path_seen_by_repository: Option<String>,
    /// Where files become whole, on the same file system; `.outguide` beside
    /// `dir` where not given.
    pub staging: Option<PathBuf>,
    /// It moves or removes what it took.
    pub takes_away: bool,
    /// Of the file it leaves beside a document it refuses: `.error`.
    pub error_ending: Option<String>,
}

impl Repository {
    /// Whether it shows what it did with a document.
    pub fn answers(&self) -> bool {
        self.takes_away || self.error_ending.is_some()
    }
}

/// What holds without a `station.toml`.
impl Default for Station {
    fn default() -> Self {
        Station {
            id: "station".to_owned(),
            name: "Scan station".to_owned(),
            state_dir: PathBuf::from("/var/lib/outguide"),
            shared_spool: None,
            socket: None,
            http: None,
            https: None,
            // Forty colour letter pages at 300 dpi as they leave the scanner, 25 MB each.
            free_space_floor_mb: 1024,
            profiles_dir: None,
            scanner: None,
            sheet_seconds: None,
            tessdata_dir: None,
            ocr_workers: None,
            shared_store: None,
            // Longer than a database or a share is commonly away.
            lease_seconds: 120,
            repository: Repository::default(),
            hot_folders: Vec::new(),
        }
    }
}

/// A station and what its file's owner should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    pub station: Station,
    /// `None`: there is no file and the defaults hold.
    pub file: Option<PathBuf>,
    pub warnings: Vec<Problem>,
}

#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("cannot read the station's settings in {}", .path.display())]
    ReadFile { path: PathBuf, source: io::Error },
    #[error("the station's settings cannot be used:\n{}", listed(.problems))]
    Refused { problems: Vec<Problem> },
}

/// Loads the file `given` on the command line, which must be there, else
/// [`SYSTEM_FILE`], else the defaults.
pub fn load(given: Option<&Path>) -> Result<Loaded, LoadError> {
    let path = given.unwrap_or(Path::new(SYSTEM_FILE));
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound && given.is_none() => {
            return Ok(Loaded { station: Station::default(), file: None, warnings: Vec::new() });
        }
        Err(source) => return Err(LoadError::ReadFile { path: path.to_owned(), source }),
    };
    match parse(&text, &path.display().to_string()) {
        (Some(station), warnings) => Ok(Loaded { station, file: Some(path.to_owned()), warnings }),
        (None, problems) => Err(LoadError::Refused { problems }),
    }
}

/// Reads a station. It is there exactly when no problem refuses it;
/// `file_name` stands in the messages.
pub fn parse(text: &str, file_name: &str) -> (Option<Station>, Vec<Problem>) {
    let file = SettingsFile::new(file_name, text);
    let station = station(&file.root());
    separate_folders(&station, &file);
    separate_hot_folders(&station, &file);
    let usable = !file.is_refused();
    (usable.then_some(station), file.into_problems())
}

fn station(root: &Section<'_>) -> Station {
    let standard = Station::default();
    let machine = root.section("station");
    let serve = root.section("serve");
    let scanner = root.section("scanner");
    let ocr = root.section("ocr");
    let store = root.section("store");
    let repository = root.section("repository");
    let hot_folders = root.sections("hot_folder");
    let station = Station {
        id: machine.text("id").map_or(standard.id, |id| checked_id(&machine, id)),
        name: machine.text("name").map_or(standard.name, str::to_owned),
        state_dir: folder(&machine, "state_dir").unwrap_or(standard.state_dir),
        shared_spool: folder(&machine, "shared_spool"),
        socket: folder(&machine, "socket"),
        http: loopback_address(&serve),
        https: https(&serve),
        free_space_floor_mb: machine
            .whole("free_space_floor_mb", 1..=1_000_000)
            .unwrap_or(standard.free_space_floor_mb),
        profiles_dir: folder(&machine, "profiles_dir"),
        scanner: scanner.text("device").map(str::to_owned),
        sheet_seconds: scanner.whole("sheet_seconds", 2..=3600).map(|seconds| seconds as u32),
        tessdata_dir: folder(&ocr, "tessdata_dir"),
        ocr_workers: ocr.whole("workers", 1..=256).map(|workers| workers as u32),
        shared_store: postgres_url(&store),
        lease_seconds: store
            .whole("lease_seconds", 5..=3600)
            .map_or(standard.lease_seconds, |seconds| seconds as u32),
        repository: Repository {
            dir: folder(&repository, "dir"),
            path_seen_by_repository: repository.text("path_seen_by_repository").map(str::to_owned),
            staging: folder(&repository, "staging"),
            takes_away: repository.switch("takes_away").unwrap_or(false),
            error_ending: error_ending(&repository),
        },
        // One that is not whole refuses the file.
        hot_folders: hot_folders.iter().filter_map(hot_folder).collect(),
    };
    let sections = [&machine, &serve, &scanner, &ocr, &store, &repository, root];
    for section in sections.into_iter().chain(&hot_folders) {
        section.no_other_keys();
    }
    station
}

fn https(section: &Section<'_>) -> Option<Https> {
    let text = section.text("https");
    let certificate = folder(section, "certificate");
    let key = folder(section, "certificate_key");
    let address = text.and_then(|text| text.parse().ok());
    if let (Some(text), None) = (text, address) {
        section.file().refuse(
            &section.path_of("https"),
            format!("{text:?} is not an address with a port"),
            "write one such as \"0.0.0.0:8633\"",
        );
    }
    if text.is_some() || certificate.is_some() || key.is_some() {
        section.require("https", "https = \"0.0.0.0:8633\"");
        section.require("certificate", "certificate = \"/etc/outguide/tls.crt\"");
        section.require("certificate_key", "certificate_key = \"/etc/outguide/tls.key\"");
    }
    Some(Https { address: address?, certificate: certificate?, key: key? })
}

fn error_ending(section: &Section<'_>) -> Option<String> {
    let ending = section.text("error_ending")?;
    let ok = ending.starts_with('.') && ending.len() > 1 && !ending.contains(['/', '\\']);
    if !ok || [".pdf", ".json", ".csv", ".txt", ".xml"].contains(&ending) {
        section.file().refuse(
            &section.path_of("error_ending"),
            format!("{ending:?} is not the ending of a file that only says what was wrong"),
            "write it with its dot, such as \".error\"",
        );
        return None;
    }
    Some(ending.to_owned())
}

fn hot_folder(section: &Section<'_>) -> Option<HotFolder> {
    section.require("dir", "dir = \"/srv/fax\"");
    section.require("profile", "profile = \"plain-pages\"");
    section.require("closes", "closes = \"file\", or closes = \"quiet\" and quiet_seconds = 60");
    let dir = folder(section, "dir");
    let profile = section.text("profile").map(str::to_owned);
    // A day: more is a mistake in the unit.
    let seconds = section.whole("quiet_seconds", 1..=86_400).map(|seconds| seconds as u32);
    let ways = [("file", Closes::File), ("quiet", Closes::Quiet { seconds: seconds.unwrap_or(1) })];
    let closes = section.choice("closes", &ways);
    match closes {
        Some(Closes::Quiet { .. }) => section.require("quiet_seconds", "quiet_seconds = 60"),
        Some(Closes::File) if section.is_given("quiet_seconds") => section.file().refuse(
            &section.path_of("quiet_seconds"),
            "has no meaning where each file is a batch",
            "remove it, or write closes = \"quiet\"",
        ),
        Some(Closes::File) | None => {}
    }
    let repository = folder(section, "repository");
    let poll_seconds = section.whole("poll_seconds", 1..=3600).map(|seconds| seconds as u32);
    Some(HotFolder { dir: dir?, profile: profile?, closes: closes?, repository, poll_seconds })
}

fn checked_id(section: &Section<'_>, id: &str) -> String {
    let well_formed = id.len() <= 40
        && id.starts_with(|first: char| first.is_ascii_lowercase())
        && id.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'));
    if !well_formed {
        section.file().refuse(
            &section.path_of("id"),
            format!("{id:?} is not a station's id"),
            "use lower-case letters, digits and hyphens, a letter first, at most 40",
        );
    }
    id.to_owned()
}

/// Others on the network could read along, the token and pages of charts.
fn loopback_address(section: &Section<'_>) -> Option<SocketAddr> {
    let text = section.text("http")?;
    let (what, remedy) = match text.parse::<SocketAddr>() {
        Ok(address) if address.ip().is_loopback() => return Some(address),
        Ok(_) => (
            format!("{text:?} can be reached from other machines, and others would read along"),
            "write a loopback address, such as \"127.0.0.1:8632\"; for other machines set https",
        ),
        Err(_) => (
            format!("{text:?} is not an address with a port"),
            "write a loopback address, such as \"127.0.0.1:8632\" or \"[::1]:8632\"",
        ),
    };
    section.file().refuse(&section.path_of("http"), what, remedy);
    None
}

/// What is wrong with it is said without repeating it: it may hold a password.
fn postgres_url(section: &Section<'_>) -> Option<PostgresUrl> {
    match PostgresUrl::new(section.text("url")?) {
        Ok(url) => Some(url),
        Err(what) => {
            section.file().refuse(
                &section.path_of("url"),
                what,
                "write \"postgres://USER@HOST/DATABASE\", or leave it out for a file of the \
                 station's own",
            );
            None
        }
    }
}

/// An absolute path: a relative one would mean another folder for each place
/// the program is started from.
fn folder(section: &Section<'_>, key: &'static str) -> Option<PathBuf> {
    let path = Path::new(section.text(key)?);
    if !path.is_absolute() {
        section.file().refuse(
            &section.path_of(key),
            format!("{:?} is not a whole path", path.display().to_string()),
            "write it from the root, such as \"/srv/outguide\"",
        );
    }
    Some(path.to_owned())
}

/// The repository would take in, or clear away, what lies in its folder.
fn separate_folders(station: &Station, file: &SettingsFile<'_>) {
    let Repository { dir, staging, .. } = &station.repository;
    if dir.as_ref().is_some_and(|dir| lie_one_in_the_other(dir, &station.state_dir)) {
        file.refuse(
            "repository.dir",
            "the watched folder and the station's own (state_dir) lie one in the other",
            "keep them apart",
        );
    }
    let Some(staging) = staging else { return };
    if lie_one_in_the_other(staging, &station.state_dir) {
        file.refuse(
            "repository.staging",
            "the staging folder and the station's own (state_dir) lie one in the other",
            "keep them apart",
        );
    }
    if dir.as_ref().is_some_and(|dir| staging.starts_with(dir)) {
        file.refuse(
            "repository.staging",
            "the staging folder is inside the watched folder, where the repository would take \
             unfinished files",
            "name one beside it, on the same file system",
        );
    }
}

/// What lies in a hot folder is taken and removed, and what the station writes
/// elsewhere must not come to lie there.
fn separate_hot_folders(station: &Station, file: &SettingsFile<'_>) {
    let keys = (1..).map(|no| format!("hot_folder[{no}].dir"));
    let given = keys.clone().take_while(|key| file.is_given(key)).count();
    if given != station.hot_folders.len() {
        // Those that are whole would be reported where others stand.
        return;
    }
    for (hot, key) in station.hot_folders.iter().zip(keys) {
        let clash = station.hot_folder_clash(hot, &station.state_dir, Path::to_owned);
        if let Some(other) = clash {
            file.refuse(
                &key,
                format!("the hot folder and {other} lie one in the other"),
                "keep them apart",
            );
        }
    }
}

impl Station {
    /// The name of the first of the station's other folders that `hot`, one of
    /// its hot folders, lies in or holds. `settled` brings paths into the form
    /// they are compared in.
    pub fn hot_folder_clash(
        &self,
        hot: &HotFolder,
        state: &Path,
        settled: impl Fn(&Path) -> PathBuf,
    ) -> Option<&'static str> {
        let dir = settled(&hot.dir);
        let repositories = self.repository.dir.iter().chain(&hot.repository);
        let beside = repositories.clone().filter_map(|dir| Some(dir.parent()?.join(".outguide")));
        let staging: Vec<PathBuf> = match &self.repository.staging {
            Some(staging) => vec![staging.clone()],
            None => beside.collect(),
        };
        let others = self.hot_folders.iter().filter(|other| !std::ptr::eq(*other, hot));
        let mut all = vec![(state, "the station's own folder (state_dir)")];
        all.extend(repositories.map(|dir| (dir.as_path(), "a repository's watched folder")));
        all.extend(staging.iter().map(|dir| (dir.as_path(), "a repository's staging folder")));
        all.extend(others.map(|other| (other.dir.as_path(), "another hot folder")));
        let clash = all.into_iter().find(|(other, _)| lie_one_in_the_other(&dir, &settled(other)));
        clash.map(|(_, name)| name)
    }
}

/// Of two folders, both from the root: the same, or one below the other.
pub fn lie_one_in_the_other(one: &Path, other: &Path) -> bool {
    one.starts_with(other) || other.starts_with(one)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_file_and_no_file_give_the_defaults() {
        assert_eq!(parse("", "station.toml"), (Some(Station::default()), vec![]));
        if !Path::new(SYSTEM_FILE).exists() {
            let loaded = load(None).unwrap();
            assert_eq!((loaded.station, loaded.file), (Station::default(), None));
        }
    }

    #[test]
    fn the_example_says_the_defaults_and_its_commented_keys_are_known() {
        let example = include_str!("../deploy/station.toml");
        assert_eq!(parse(example, "station.toml"), (Some(Station::default()), vec![]));

        let uncommented: String = example
            .lines()
            .map(|line| line.strip_prefix("#! ").unwrap_or(line).to_owned() + "\n")
            .collect();
        let (station, problems) = parse(&uncommented, "station.toml");
        assert_eq!(listed(&problems), "");
        let station = station.unwrap();
        assert_eq!(station.ocr_workers, Some(2));
        assert_eq!(station.repository.dir, Some("/srv/repository/incoming".into()));
        assert_eq!(
            station.repository.path_seen_by_repository.as_deref(),
            Some(r"\\files\scans\incoming")
        );
        assert_eq!(station.repository.staging, Some("/srv/repository/outguide-staging".into()));
        assert!(station.repository.takes_away);
        assert_eq!(station.repository.error_ending.as_deref(), Some(".error"));
        assert!(station.profiles_dir.is_some() && station.tessdata_dir.is_some());
        assert!(station.scanner.is_some());
        assert_eq!(station.http, Some(([127, 0, 0, 1], 8632).into()));
        assert_eq!(station.https.unwrap().address, ([0, 0, 0, 0], 8633).into());
        let [fax, copier] = &station.hot_folders[..] else { panic!("two hot folders") };
        assert_eq!((fax.closes, fax.poll_seconds), (Closes::File, None));
        assert_eq!(copier.closes, Closes::Quiet { seconds: 60 });
        assert_eq!(copier.repository, Some("/srv/repository/copier".into()));
    }

    #[test]
    fn a_hot_folder_is_whole_and_lies_apart_from_all_others() {
        let hot = |more: &str| format!("[[hot_folder]]\nprofile = \"p\"\n{more}\n");
        let at = |dir: &str| hot(&format!("dir = \"{dir}\"\ncloses = \"file\""));
        let repository = "[repository]\ndir = \"/srv/r/in\"\n";
        let mistakes = [
            (hot("dir = \"/srv/fax\""), "hot_folder[1].closes: is missing; add closes"),
            (
                hot("dir = \"/srv/fax\"\ncloses = \"quiet\""),
                "hot_folder[1].quiet_seconds: is missing; add quiet_seconds = 60",
            ),
            (
                hot("dir = \"/srv/fax\"\ncloses = \"file\"\nquiet_seconds = 5"),
                "station.toml:5:17: hot_folder[1].quiet_seconds: has no meaning",
            ),
            (
                hot("dir = \"/srv/fax\"\ncloses = \"file\"\npoll = 5"),
                "hot_folder[1].poll: is not a setting",
            ),
            (at("fax"), "hot_folder[1].dir: \"fax\" is not a whole path"),
            (
                at("/srv/a") + &at("/srv/b/c") + &at("/srv/b"),
                "hot_folder[2].dir: the hot folder and another",
            ),
            (
                at("/var/lib/outguide/spool"),
                "hot_folder[1].dir: the hot folder and the station's own",
            ),
            (
                repository.to_owned() + &at("/srv/r/in/fax"),
                "hot_folder[1].dir: the hot folder and a repository's watched",
            ),
            (repository.to_owned() + &at("/srv/r/.outguide"), "and a repository's staging folder"),
            (
                hot("dir = \"/srv/fax\"\ncloses = \"file\"\nrepository = \"/srv/fax/out\""),
                "and a repository's watched",
            ),
        ];
        for (text, expected) in &mistakes {
            let (station, problems) = parse(text, "station.toml");
            assert_eq!(station, None, "{text}");
            assert!(listed(&problems).contains(expected), "{text} gave\n{}", listed(&problems));
        }
        let apart = repository.to_owned() + &at("/srv/fax") + &at("/srv/faxes");
        assert_eq!(listed(&parse(&apart, "station.toml").1), "");
    }

    #[test]
    fn each_mistake_is_refused_with_its_line_its_key_and_what_to_do() {
        let mistakes = [
            ("[station]\nid = \"Desk 1\"", "station.toml:2:6: station.id: \"Desk 1\" is not"),
            (
                "[station]\nstate_dir = \"spool\"",
                "station.state_dir: \"spool\" is not a whole path",
            ),
            ("[station]\nfree_space_floor_mb = 0", "station.free_space_floor_mb: is 0"),
            ("[station]\nstate = \"/x\"", "station.state: is not a setting"),
            ("[stations]", "stations: is not a setting; did you mean \"station\"?"),
            (
                "[serve]\nhttp = \"0.0.0.0:8632\"",
                "station.toml:2:8: serve.http: \"0.0.0.0:8632\" can be reached from other machines",
            ),
            ("[serve]\nhttp = \"[::]:8632\"", "others would read along; write a loopback"),
            ("[serve]\nhttp = \"localhost\"", "serve.http: \"localhost\" is not an address"),
            ("[serve]\nhttps = \"0.0.0.0:1\"", "serve.certificate: is missing"),
            ("[serve]\ncertificate = \"/etc/x\"", "serve.https: is missing"),
            ("[serve]\nhttps = \"records-1\"", "serve.https: \"records-1\" is not an address"),
            ("[ocr]\nworkers = \"two\"", "ocr.workers: is the text \"two\""),
            ("[repository]\ndir = \"/var/lib/outguide/in\"", "repository.dir: the watched folder"),
            ("[repository]\ndir = \"/var/lib\"", "repository.dir: the watched folder"),
            (
                "[repository]\nstaging = \"/var/lib/outguide\"",
                "repository.staging: the staging folder and the station's own",
            ),
            (
                "[repository]\ndir = \"/srv/in\"\nstaging = \"/srv/in/x\"",
                "repository.staging: the staging folder is inside the watched folder",
            ),
            ("[repository]\nerror_ending = \"error\"", "error_ending: \"error\" is not the ending"),
            ("[repository]\nerror_ending = \".pdf\"", "error_ending: \".pdf\" is not the ending"),
            ("repository = \"/srv\"", "repository: is the text \"/srv\"; write a section"),
        ];
        for (text, expected) in mistakes {
            let (station, problems) = parse(text, "station.toml");
            assert_eq!(station, None, "{text}");
            assert!(listed(&problems).contains(expected), "{text} gave\n{}", listed(&problems));
        }
        let text = "[station]\nid = \"Desk 1\"\nstate_dir = \"spool\"\n[ocr]\nworker = 1";
        let keys: Vec<String> =
            parse(text, "station.toml").1.into_iter().map(|problem| problem.key).collect();
        assert_eq!(keys, ["station.id", "station.state_dir", "ocr.worker"]);
    }

    #[test]
    fn a_file_named_on_the_command_line_must_be_there() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("station.toml");
        assert!(matches!(load(Some(&path)), Err(LoadError::ReadFile { .. })));
        std::fs::write(&path, "[station]\nid = \"desk-1\"\n").unwrap();
        let loaded = load(Some(&path)).unwrap();
        assert_eq!((loaded.station.id.as_str(), loaded.file), ("desk-1", Some(path)));
    }
}
