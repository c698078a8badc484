//! An open scanner: its options kept in step with the driver, and its frames.

use std::collections::BTreeSet;

use super::super::choice::{Chosen, ListedScanner, ScannerChoice};
use super::super::fault::{Phase, ScanFault};
use super::super::warning::ScanWarning;
use super::child::{Worker, WorkerCommand};
use super::frames::{Frame, WholeFrame};
use super::options::Setting;
use super::status::{self, Asked, Status};
use super::wire::{self, Login, Message, OptionDescriptor, OptionKind, Reply, Request, Value};
use crate::records::batch::ScannerIdentity;

const INFO_RELOAD_OPTIONS: i32 = 1 << 1;

/// Where drivers that show the serial number at all show it.
const SERIAL_OPTIONS: [&str; 4] = ["serial-number", "serial", "serialno", "device-serial-number"];

/// Nothing that is known of both differs.
fn may_be_same(known: &ScannerIdentity, found: &ScannerIdentity) -> bool {
    let makes_differ = known.make.is_some() && found.make.is_some() && known.make != found.make;
    let serials_differ =
        known.serial.is_some() && found.serial.is_some() && known.serial != found.serial;
    !makes_differ && !serials_differ
}

#[derive(Debug)]
pub struct Device {
    pub worker: Worker,
    /// As its driver lists it; made up from the name where it does not.
    pub listed: ListedScanner,
    pub options: Vec<OptionDescriptor>,
}

/// What came of asking for a frame.
pub enum Asking {
    Whole(WholeFrame),
    NoPage(NoPage),
}

/// How the driver said, before anything moved, that there is no page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoPage {
    NoDocuments,
    /// `sane_start` said "end of file": no standard meaning; drivers that read
    /// files say it when there is no further one.
    NoFurtherFile,
}

impl Device {
    /// Starts a worker and opens the scanner meant.
    pub fn open(command: &WorkerCommand, choice: &ScannerChoice) -> Result<Device, ScanFault> {
        let mut worker = Worker::start(command)?;
        // A whole name is opened without looking around first: that takes
        // seconds, disturbs other scanners, and misses those never listed.
        if let Some(name) = choice.whole_name() {
            match open_name(&mut worker, name) {
                Ok(()) => {
                    let listed = unlisted(name);
                    return Device { worker, listed, options: Vec::new() }.with_options();
                }
                Err(
                    ScanFault::NoSuchDevice { .. }
                    | ScanFault::Unsupported { .. }
                    | ScanFault::InputOutput,
                ) => {}
                Err(fault) => return Err(fault),
            }
        }
        let listed = list(&mut worker)?;
        match choice.among(&listed)? {
            Chosen::One(listed) => {
                open_name(&mut worker, &listed.name)?;
                Device { worker, listed, options: Vec::new() }.with_options()
            }
            Chosen::BySerial { candidates, serial } => {
                worker.close();
                Device::open_by_serial(command, candidates, &serial, choice)
            }
        }
    }

    /// Opens the scanner a batch was begun with. The name it had then may be
    /// nobody's by now, or another scanner's.
    pub fn open_known(
        command: &WorkerCommand,
        choice: &ScannerChoice,
        known: Option<&ScannerIdentity>,
    ) -> Result<Device, ScanFault> {
        let Some(known) = known.filter(|known| **known != ScannerIdentity::default()) else {
            return Device::open(command, choice);
        };
        let fault = match Device::open(command, choice) {
            Ok(mut device) => {
                let found = device.identity()?;
                if may_be_same(known, &found) {
                    return Ok(device);
                }
                device.worker.close();
                ScanFault::NoSuchDevice { device: choice.to_string() }
            }
            Err(
                fault @ (ScanFault::NoSuchDevice { .. }
                | ScanFault::NoSuchScanner { .. }
                | ScanFault::Unsupported { .. }
                | ScanFault::InputOutput),
            ) => fault,
            Err(fault) => return Err(fault),
        };
        Device::find_again(command, known).map_err(|_| fault)
    }

    /// Among all scanners there are, the one that can be no other.
    fn find_again(command: &WorkerCommand, known: &ScannerIdentity) -> Result<Device, ScanFault> {
        let mut listed = list(&mut Worker::start(command)?)?;
        if let Some((vendor, model)) = &known.make {
            listed.retain(|scanner| scanner.vendor == *vendor && scanner.model == *model);
        }
        let wanted = known.serial.clone().unwrap_or_default();
        let none = ScanFault::NoSuchScanner { wanted: wanted.clone(), found: listed.clone() };
        match (&known.serial, listed.as_slice()) {
            (Some(serial), _) => {
                let choice = ScannerChoice::parse(&wanted);
                Device::open_by_serial(command, listed, serial, &choice)
            }
            (None, [only]) => Ok(Device::open_with_serial(command, only)?.0),
            (None, _) => Err(none),
        }
    }

    pub fn identity(&mut self) -> Result<ScannerIdentity, ScanFault> {
        let ListedScanner { vendor, model, .. } = &self.listed;
        let make = (!vendor.is_empty()).then(|| (vendor.clone(), model.clone()));
        Ok(ScannerIdentity { make, serial: self.serial()?.filter(|serial| !serial.is_empty()) })
    }

    /// Another of the same model may be busy or broken: the one meant is looked
    /// for all the same, and only then is that said.
    fn open_by_serial(
        command: &WorkerCommand,
        candidates: Vec<ListedScanner>,
        serial: &str,
        choice: &ScannerChoice,
    ) -> Result<Device, ScanFault> {
        let mut hidden = None;
        for candidate in &candidates {
            match Device::open_with_serial(command, candidate) {
                Ok((device, Some(s))) if s.eq_ignore_ascii_case(serial) => return Ok(device),
                Ok(_) => {}
                Err(fault) => hidden = hidden.or(Some(fault)),
            }
        }
        let none = ScanFault::NoSuchScanner { wanted: choice.to_string(), found: candidates };
        Err(hidden.unwrap_or(none))
    }

    /// In a worker of its own: a driver that fails takes its worker along.
    fn open_with_serial(
        command: &WorkerCommand,
        listed: &ListedScanner,
    ) -> Result<(Device, Option<String>), ScanFault> {
        let mut worker = Worker::start(command)?;
        open_name(&mut worker, &listed.name)?;
        let mut device =
            Device { worker, listed: listed.clone(), options: Vec::new() }.with_options()?;
        let serial = device.serial()?;
        Ok((device, serial))
    }

    /// Its driver does not say what it is.
    pub fn is_unlisted(&self) -> bool {
        self.listed.kind.is_empty()
    }

    /// Opened by its whole name, it may still be in the list, which says what it
    /// is. Looked for while it is closed, and in a worker of its own: drivers
    /// that search pass over what is open, and one that fails takes its worker
    /// along.
    pub fn opened_as_listed(mut self, command: &WorkerCommand) -> Result<Device, ScanFault> {
        self.worker.close();
        let found = Worker::start(command).and_then(|mut worker| list(&mut worker));
        let listed = match found {
            Ok(found) => found.into_iter().find(|scanner| scanner.name == self.listed.name),
            Err(fault) => {
                tracing::info!(%fault, "the scanner's kind cannot be looked up");
                None
            }
        };
        let mut worker = Worker::start(command)?;
        open_name(&mut worker, &self.listed.name)?;
        let listed = listed.unwrap_or(self.listed);
        Device { worker, listed, options: Vec::new() }.with_options()
    }

    fn serial(&mut self) -> Result<Option<String>, ScanFault> {
        for name in SERIAL_OPTIONS {
            if let Some(Value::Text(serial)) = self.get(name)? {
                return Ok(Some(serial.trim().to_owned()));
            }
        }
        Ok(None)
    }

    fn with_options(mut self) -> Result<Device, ScanFault> {
        self.reload_options()?;
        Ok(self)
    }

    fn reload_options(&mut self) -> Result<(), ScanFault> {
        match self.worker.ask(&Request::Options, Phase::Setting)? {
            Reply::Options { status, .. } if Status(status) != Status::GOOD => {
                Err(status::fault(Status(status), Asked::Options))
            }
            Reply::Options { count, .. } if !(1..=wire::MAX_OPTIONS).contains(&count) => {
                Err(self.worker.lied(format!("{count} options")))
            }
            Reply::Options { options, .. } => {
                if let Some(huge) = options.iter().find(|o| o.size > wire::MAX_OPTION_BYTES) {
                    let what = format!("its option {:?} has {} bytes", huge.name, huge.size);
                    return Err(self.worker.lied(what));
                }
                self.options = nameable(options);
                Ok(())
            }
            other => Err(self.worker.out_of_turn(&other)),
        }
    }

    pub fn option(&self, name: &str) -> Option<&OptionDescriptor> {
        self.options.iter().find(|option| option.name == name)
    }

    /// An option that can be set as things are.
    pub fn settable(&self, name: &str) -> Option<OptionDescriptor> {
        self.option(name).filter(|option| option.is_active() && option.is_settable()).cloned()
    }

    /// The value of an option that there is, is active and lets itself be read.
    pub fn get(&mut self, name: &str) -> Result<Option<Value>, ScanFault> {
        let Some(option) = self.option(name).filter(|option| option.is_active()) else {
            return Ok(None);
        };
        let index = option.index;
        match self.worker.ask(&Request::Get { index }, Phase::Setting)? {
            Reply::Value { status, value } if Status(status) == Status::GOOD => Ok(value),
            Reply::Value { .. } => Ok(None),
            other => Err(self.worker.out_of_turn(&other)),
        }
    }

    /// Whether a sensor reports what it is named for; `None` where there is no
    /// such sensor.
    pub fn senses(&mut self, sensor: &str) -> Result<Option<bool>, ScanFault> {
        let is_switch = self.option(sensor).is_some_and(|o| o.kind == OptionKind::Bool);
        match self.get(sensor)? {
            Some(Value::Words(words)) if is_switch => Ok(words.first().map(|&word| word != 0)),
            Some(_) | None => Ok(None),
        }
    }

    /// Sets an option the way a person wrote it. What it came to is seen when
    /// everything is set.
    pub fn set_text(&mut self, name: &str, text: &str) -> Result<(), ScanFault> {
        let Some(option) = self.option(name) else {
            let known = self.options.iter().map(|o| o.name.clone()).collect();
            return Err(ScanFault::UnknownOption { name: name.to_owned(), known });
        };
        if !option.is_settable() {
            return Err(ScanFault::ReadOnlyOption { name: name.to_owned() });
        }
        if !option.is_active() {
            return Err(ScanFault::InactiveOption { name: name.to_owned() });
        }
        let option = option.clone();
        let setting = option.parse(text)?;
        self.set(&option, &setting).map(|_| ())
    }

    /// Sets an option, with what the driver says of it honoured: options
    /// changed by this one are read again, another value than asked is a
    /// warning.
    pub fn set(
        &mut self,
        option: &OptionDescriptor,
        setting: &Setting,
    ) -> Result<Option<ScanWarning>, ScanFault> {
        let index = option.index;
        let request = match setting {
            Setting::Value(value) => Request::Set { index, value: value.clone() },
            Setting::Automatic => Request::SetAuto { index },
        };
        let (info, now) = match self.worker.ask(&request, Phase::Setting)? {
            Reply::WasSet { status, info, value } if Status(status) == Status::GOOD => {
                (info, value)
            }
            Reply::WasSet { status, .. } => {
                return Err(match (Status(status), setting) {
                    (Status::INVALID, Setting::Value(value)) => {
                        option.bad_value(&option.show(value))
                    }
                    (status, _) => status::fault(status, Asked::Option { name: &option.name }),
                });
            }
            other => return Err(self.worker.out_of_turn(&other)),
        };
        if info & INFO_RELOAD_OPTIONS != 0 {
            self.reload_options()?;
        }
        Ok(match (setting, now) {
            (Setting::Value(asked), Some(now)) if *asked != Value::None => {
                option.inexact(asked, &now)
            }
            (Setting::Value(_) | Setting::Automatic, _) => None,
        })
    }

    /// One frame of a page, or word that there is none.
    pub fn frame(&mut self) -> Result<Asking, ScanFault> {
        self.worker.send(&Request::ReadFrame)?;
        let shape = match self.worker.message(Phase::WaitingForASheet)? {
            Message::Said(Reply::FrameBegins { shape }) => shape,
            Message::Said(Reply::FrameRefused { status, login }) => {
                return match Status(status) {
                    Status::NO_DOCUMENTS => Ok(Asking::NoPage(NoPage::NoDocuments)),
                    Status::END_OF_FILE => Ok(Asking::NoPage(NoPage::NoFurtherFile)),
                    status => Err(fault_or_login(status, Asked::Start, login)),
                };
            }
            Message::Said(Reply::ShapeRefused { status }) => {
                return Err(status::fault(Status(status), Asked::Shape));
            }
            Message::Said(other) => return Err(self.worker.out_of_turn(&other)),
            Message::Pixels(_) => return Err(before_its_header()),
        };
        let mut frame = Frame::begin(shape)?;
        // The page's first pixels may still wait for the sheet to arrive.
        let mut phase = Phase::WaitingForASheet;
        loop {
            match self.worker.message(phase)? {
                Message::Pixels(pixels) => frame.push(&pixels)?,
                Message::Said(Reply::FrameEnds { status, after }) => {
                    return match Status(status) {
                        // Cancelled drivers end the page as if it were whole.
                        Status::END_OF_FILE if self.worker.is_cancelled() => {
                            Err(ScanFault::Cancelled)
                        }
                        Status::END_OF_FILE => frame.end(after).map(Asking::Whole),
                        status => Err(status::fault(status, Asked::Read)),
                    };
                }
                Message::Said(Reply::FrameLied { what }) => return Err(self.worker.lied(what)),
                Message::Said(other) => return Err(self.worker.out_of_turn(&other)),
            }
            phase = Phase::Reading;
        }
    }

    /// Tells the driver that this scan is over; the scanner stays open.
    pub fn end_scan(&mut self) -> Result<(), ScanFault> {
        match self.worker.ask(&Request::EndScan, Phase::EndingTheScan)? {
            Reply::ScanEnded => Ok(()),
            other => Err(self.worker.out_of_turn(&other)),
        }
    }
}

/// The scanners libsane can see.
pub fn list(worker: &mut Worker) -> Result<Vec<ListedScanner>, ScanFault> {
    let listed = worker.ask(&Request::List, Phase::Listing).map_err(|fault| match fault {
        ScanFault::DriverCrashed { how } => ScanFault::ListingFailed { how },
        ScanFault::DriverHung { seconds, .. } => {
            ScanFault::ListingFailed { how: format!("no sign for {seconds} s") }
        }
        other => other,
    });
    match listed? {
        Reply::Devices { status, devices } if Status(status) == Status::GOOD => Ok(devices
            .into_iter()
            .map(|d| ListedScanner { name: d.name, vendor: d.vendor, model: d.model, kind: d.kind })
            .collect()),
        Reply::Devices { status, .. } => Err(status::fault(Status(status), Asked::List)),
        other => Err(worker.out_of_turn(&other)),
    }
}

fn open_name(worker: &mut Worker, name: &str) -> Result<(), ScanFault> {
    match worker.ask(&Request::Open { name: name.to_owned() }, Phase::Opening)? {
        Reply::Opened { status, .. } if Status(status) == Status::GOOD => Ok(()),
        Reply::Opened { status, login } => {
            Err(fault_or_login(Status(status), Asked::Open { device: name }, login))
        }
        other => Err(worker.out_of_turn(&other)),
    }
}

/// "Access denied" after a question for a password is about the password.
fn fault_or_login(status: Status, asked: Asked, login: Login) -> ScanFault {
    match (status, login) {
        (Status::ACCESS_DENIED, Login::NoAnswer { resource }) => {
            ScanFault::LoginNeeded { resource }
        }
        (Status::ACCESS_DENIED, Login::Answered { resource }) => {
            ScanFault::LoginRefused { resource }
        }
        (status, Login::NotAsked | Login::NoAnswer { .. } | Login::Answered { .. }) => {
            status::fault(status, asked)
        }
    }
}

/// What nobody can name is nobody's to set: groups, options without a name, and
/// a second one of the same name.
fn nameable(options: Vec<OptionDescriptor>) -> Vec<OptionDescriptor> {
    let mut named = BTreeSet::new();
    options
        .into_iter()
        .filter(|o| o.kind != OptionKind::Group && !o.name.is_empty())
        .filter(|o| named.insert(o.name.clone()))
        .collect()
}

fn unlisted(name: &str) -> ListedScanner {
    let unknown = String::new;
    ListedScanner { name: name.to_owned(), vendor: unknown(), model: unknown(), kind: unknown() }
}

fn before_its_header() -> ScanFault {
    ScanFault::DriverLied { what: "pixels before the page they belong to".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::super::wire::{Constraint, Unit};
    use super::*;

    #[test]
    fn an_option_that_nobody_can_name_is_not_listed() {
        let option = |index, name: &str, kind| OptionDescriptor {
            index,
            name: name.into(),
            title: String::new(),
            kind,
            unit: Unit::None,
            size: 4,
            capabilities: 0,
            constraint: Constraint::None,
        };
        let listed = nameable(vec![
            option(1, "", OptionKind::Int),
            option(2, "geometry", OptionKind::Group),
            option(3, "geometry", OptionKind::Int),
            option(4, "geometry", OptionKind::Int),
            option(5, "mode", OptionKind::Text),
        ]);
        assert_eq!(listed.iter().map(|o| o.index).collect::<Vec<_>>(), [3, 5]);
    }
}
