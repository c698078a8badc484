//! The profile's scanner settings in the words of whichever driver answers.
//!
//! What is chosen is reported; what cannot be had is a fault where it would
//! cost content (no duplex, no colour) and a warning where it would not.

use super::super::fault::ScanFault;
use super::super::warning::{PageEdge, ScanWarning};
use super::super::{PaperPath, ScanOrder, ScanSetup, Sides};
use super::PAGE_LOADED_SENSOR;
use super::device::Device;
use super::options::Setting;
use super::vocabulary::{
    Duplex, choose_mode, choose_source, duplex_word, is_back, is_duplex, is_feeder, is_flatbed,
};
use super::wire::{OptionDescriptor, OptionKind, Value};
use crate::profile::{PageSize, PaperSource, ScanMode, ScannerSettings};
use crate::records::raster::{Dpi, PixelFormat};

/// Paper within this much of what was asked is that paper: feeders end at
/// 215.6 mm and still take Letter (215.9 mm).
const CLAMP_TOLERANCE_MM: f64 = 1.0;

/// Options that switch duplex where the source does not: a string ("Duplex",
/// "Both") or a switch. `adf-mode`: epson2, epsonds; `duplex`: avision, kvs*.
const DUPLEX_OPTIONS: [&str; 3] = ["adf-mode", "duplex", "scan-both-sides"];

/// Options that throw pages away before the station sees them. `swskip`:
/// fujitsu, canon_dr (a limit; 0 is off); `blank-page-skip`: hp-based and
/// network drivers; `skip-blank-pages`: epsonscan2.
const BLANK_SKIPS: [&str; 3] = ["swskip", "blank-page-skip", "skip-blank-pages"];

/// Where the scanner was left by its settings.
#[derive(Debug)]
pub struct Settled {
    pub setup: ScanSetup,
    pub dpi: Dpi,
    /// The pixels that should come; `None` where a person set them by hand, or
    /// was told already that others come.
    pub ordered: Option<PixelFormat>,
    pub warnings: Vec<ScanWarning>,
}

/// Sets everything ordered. Source, mode, resolution and page size come first,
/// in this order because each may change what the next allows, and drivers put
/// their page size back when one before it changes; then all else that was set
/// by hand. What was set by hand goes before the profile's settings, at the
/// same place. In the end everything is read again.
pub fn apply(device: &mut Device, order: &ScanOrder) -> Result<Settled, ScanFault> {
    let own = own_options(order);
    let mut board = Board {
        device,
        settings: &order.settings,
        waiting: own.clone(),
        own,
        warnings: Vec::new(),
        duplex_by_option: false,
        mode_told: false,
        page: PageSet::default(),
    };
    board.set_source(order.settings.source)?;
    board.set_mode(order.settings.mode)?;
    board.set_resolution(order.settings.dpi)?;
    board.set_page_size()?;
    board.set_what_waits()?;
    if board.page_has_moved()? {
        board.set_page_size()?;
    }
    board.settled()
}

/// Set by hand: the profile's options by name, then the command line's; of one
/// named twice, the last.
fn own_options(order: &ScanOrder) -> Vec<(String, String)> {
    let mut own: Vec<(String, String)> = Vec::new();
    let profiles = order.settings.options.iter().map(|(name, value)| (name.clone(), value.clone()));
    for (name, value) in profiles.chain(order.set.iter().cloned()) {
        own.retain(|(earlier, _)| *earlier != name);
        own.push((name, value));
    }
    own
}

struct Board<'a> {
    device: &'a mut Device,
    settings: &'a ScannerSettings,
    /// Set by hand.
    own: Vec<(String, String)>,
    /// Of those, the ones not set yet.
    waiting: Vec<(String, String)>,
    warnings: Vec<ScanWarning>,
    duplex_by_option: bool,
    /// Said already that another mode comes than ordered.
    mode_told: bool,
    page: PageSet,
}

/// The page size as it was set.
#[derive(Default)]
struct PageSet {
    /// What each option held then.
    held: Vec<(String, Value)>,
    warnings: Vec<ScanWarning>,
}

impl Board<'_> {
    /// Whoever names an option himself decides it alone.
    fn is_left_to_us(&self, name: &str) -> bool {
        self.own.iter().all(|(own, _)| own != name)
    }

    fn settable(&self, name: &str) -> Option<OptionDescriptor> {
        self.device.settable(name).filter(|_| self.is_left_to_us(name))
    }

    fn set(&mut self, option: &OptionDescriptor, value: Value) -> Result<(), ScanFault> {
        let warning = self.device.set(option, &Setting::Value(value))?;
        self.warnings.extend(warning);
        Ok(())
    }

    /// Sets an option at its place if it was set by hand. One that cannot be
    /// set yet waits for what turns it on.
    fn set_own(&mut self, name: &str) -> Result<Whose, ScanFault> {
        let Some(place) = self.waiting.iter().position(|(own, _)| own == name) else {
            return Ok(if self.is_left_to_us(name) { Whose::Ours } else { Whose::Theirs });
        };
        match self.device.set_text(name, &self.waiting[place].1) {
            Ok(()) => drop(self.waiting.remove(place)),
            Err(fault) if may_do_later(&fault) => {}
            Err(fault) => return Err(fault),
        }
        Ok(Whose::Theirs)
    }

    fn set_source(&mut self, wanted: PaperSource) -> Result<(), ScanFault> {
        if self.set_own("source")? == Whose::Ours {
            self.set_source_as_ordered(wanted)?;
        }
        for name in DUPLEX_OPTIONS {
            self.set_own(name)?;
        }
        Ok(())
    }

    fn set_source_as_ordered(&mut self, wanted: PaperSource) -> Result<(), ScanFault> {
        let now = self.text_now("source")?;
        let option = self.device.settable("source");
        let Some((option, choices)) =
            option.as_ref().and_then(|option| Some((option, option.texts()?)))
        else {
            return self.without_source(wanted);
        };
        if let Some(source) = choose_source(choices, now.as_deref(), wanted) {
            self.set(option, Value::Text(source.to_owned()))?;
            return match wanted {
                PaperSource::Flatbed => Ok(()),
                PaperSource::Feeder | PaperSource::FeederManualDuplex => {
                    self.switch_duplex(Duplex::Off).map(|_| ())
                }
                PaperSource::FeederDuplex => self.switch_duplex(Duplex::On).map(|_| ()),
            };
        }
        // Duplex may be a switch of its own beside the feeder.
        let feeder = choose_source(choices, now.as_deref(), PaperSource::Feeder);
        if let (PaperSource::FeederDuplex, Some(feeder)) = (wanted, feeder) {
            self.set(option, Value::Text(feeder.to_owned()))?;
            if self.switch_duplex(Duplex::On)? {
                return Ok(());
            }
        }
        Err(ScanFault::NoSuchSource { wanted: source_name(wanted), choices: choices.to_vec() })
    }

    fn without_source(&mut self, wanted: PaperSource) -> Result<(), ScanFault> {
        match wanted {
            PaperSource::Flatbed | PaperSource::Feeder | PaperSource::FeederManualDuplex => {
                self.switch_duplex(Duplex::Off)?;
                let wanted = source_name(wanted);
                self.warnings.push(ScanWarning::NoSourceChoice { wanted });
                Ok(())
            }
            PaperSource::FeederDuplex if self.switch_duplex(Duplex::On)? => Ok(()),
            PaperSource::FeederDuplex => {
                Err(ScanFault::NoSuchSource { wanted: source_name(wanted), choices: Vec::new() })
            }
        }
    }

    /// True when there is a switch and it is as asked, or in a person's hand.
    fn switch_duplex(&mut self, wanted: Duplex) -> Result<bool, ScanFault> {
        for name in DUPLEX_OPTIONS {
            if !self.is_left_to_us(name) {
                return Ok(true);
            }
            let Some(option) = self.settable(name) else { continue };
            let value = match option.kind {
                OptionKind::Bool => Some(Value::Words(vec![i32::from(wanted == Duplex::On)])),
                OptionKind::Text => {
                    duplex_word(option.texts().unwrap_or_default(), wanted).map(Value::Text)
                }
                OptionKind::Int
                | OptionKind::Fixed
                | OptionKind::Button
                | OptionKind::Group
                | OptionKind::Unknown(_) => None,
            };
            if let Some(value) = value {
                self.set(&option, value)?;
                self.duplex_by_option = wanted == Duplex::On;
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn set_mode(&mut self, wanted: ScanMode) -> Result<(), ScanFault> {
        match self.set_own("mode")? {
            Whose::Ours => self.set_mode_as_ordered(wanted)?,
            Whose::Theirs => self.set_depth(wanted)?,
        }
        self.set_own("depth").map(|_| ())
    }

    fn set_mode_as_ordered(&mut self, wanted: ScanMode) -> Result<(), ScanFault> {
        let Some(option) = self.settable("mode") else {
            return self.set_depth(wanted);
        };
        let Some(choices) = option.texts() else { return Ok(()) };
        if let Some(mode) = choose_mode(choices, wanted) {
            self.set(&option, Value::Text(mode.to_owned()))?;
            return self.set_depth(wanted);
        }
        let richer = match wanted {
            ScanMode::Bitonal => choose_mode(choices, ScanMode::Gray)
                .or_else(|| choose_mode(choices, ScanMode::Color)),
            ScanMode::Gray => choose_mode(choices, ScanMode::Color),
            ScanMode::Color => None,
        };
        let Some(richer) = richer else {
            return Err(ScanFault::NoSuchMode {
                wanted: mode_name(wanted),
                choices: choices.to_vec(),
            });
        };
        self.set(&option, Value::Text(richer.to_owned()))?;
        // "Gray" with one bit a sample is the bitonal mode of some drivers.
        let one_bit = |depth: &OptionDescriptor| depth.nearest(1.0) == Some(word(1));
        if wanted == ScanMode::Bitonal && self.settable("depth").as_ref().is_some_and(one_bit) {
            return self.set_depth(wanted);
        }
        let used = richer.to_owned();
        self.mode_told = true;
        self.warnings.push(ScanWarning::ModeReplaced { wanted: mode_name(wanted), used });
        self.set_depth(ScanMode::Gray)
    }

    fn set_depth(&mut self, mode: ScanMode) -> Result<(), ScanFault> {
        let bits = match mode {
            ScanMode::Bitonal => 1,
            ScanMode::Gray | ScanMode::Color => 8,
        };
        match self.settable("depth") {
            Some(depth) if depth.nearest(f64::from(bits)) == Some(word(bits)) => {
                self.set(&depth, word(bits))
            }
            Some(_) | None => Ok(()),
        }
    }

    fn set_resolution(&mut self, dpi: Dpi) -> Result<(), ScanFault> {
        for name in ["resolution", "x-resolution", "y-resolution"] {
            if self.set_own(name)? == Whose::Theirs || !self.is_left_to_us("resolution") {
                continue;
            }
            if let Some(option) = self.settable(name)
                && let Some(value) = option.nearest(f64::from(dpi.0))
            {
                // How far it is from what was asked is said once, at the end.
                self.device.set(&option, &Setting::Value(value))?;
            }
        }
        Ok(())
    }

    fn set_page_size(&mut self) -> Result<(), ScanFault> {
        self.page = PageSet::default();
        let mut is_settable = false;
        for axis in AXES {
            is_settable |= self.set_extent(&axis)?;
        }
        if !is_settable && self.settings.page_size != PageSize::Largest {
            self.page.warnings.push(ScanWarning::PageSizeNotSettable);
        }
        Ok(())
    }

    /// One direction of the page; false where there is nothing to set.
    fn set_extent(&mut self, axis: &Axis) -> Result<bool, ScanFault> {
        let mut wanted_mm = paper_mm(self.settings.page_size).map(|paper| axis.of(paper));
        // Sheet guides and feeders measure from the paper's size.
        if self.set_own(axis.sheet)? == Whose::Theirs {
            wanted_mm = self.length_now(axis.sheet)?;
        }
        let mut is_settable = self.set_length(axis.sheet, wanted_mm)?;
        if self.set_own(axis.from)? == Whose::Ours
            && let Some(option) = self.settable(axis.from)
            && let Some(least) = option.least()
        {
            self.device.set(&option, &Setting::Value(least))?;
            self.remember(axis.from)?;
        }
        if self.set_own(axis.to)? == Whose::Theirs {
            return Ok(true);
        }
        let from = self.length_now(axis.from)?.unwrap_or_default();
        if !self.set_length(axis.to, wanted_mm.map(|mm| from + mm))? {
            return Ok(is_settable);
        }
        is_settable = true;
        let used = self.length_now(axis.to)?.map(|to| to - from);
        if let (Some(asked), Some(used)) = (wanted_mm, used)
            && asked - used > CLAMP_TOLERANCE_MM
        {
            let edge = axis.edge;
            self.page.warnings.push(ScanWarning::PageSizeClamped { edge, asked, used });
        }
        Ok(is_settable)
    }

    /// Sets a length, or the largest there is; false where it cannot be set.
    fn set_length(&mut self, name: &str, wanted_mm: Option<f64>) -> Result<bool, ScanFault> {
        let Some(option) = self.settable(name) else { return Ok(false) };
        let Some(per_mm) = self.units_per_mm(&option)? else { return Ok(false) };
        let value = match wanted_mm {
            Some(mm) => option.nearest(mm * per_mm),
            None => option.largest(),
        };
        let Some(value) = value else { return Ok(false) };
        self.device.set(&option, &Setting::Value(value))?;
        self.remember(name)?;
        Ok(true)
    }

    fn remember(&mut self, name: &str) -> Result<(), ScanFault> {
        if let Some(now) = self.device.get(name)? {
            self.page.held.push((name.to_owned(), now));
        }
        Ok(())
    }

    /// The millimetres a length stands at.
    fn length_now(&mut self, name: &str) -> Result<Option<f64>, ScanFault> {
        let Some(now) = self.device.get(name)? else { return Ok(None) };
        let Some(option) = self.device.option(name).cloned() else { return Ok(None) };
        let Some(per_mm) = self.units_per_mm(&option)? else { return Ok(None) };
        Ok(option.measure(&now).map(|units| units / per_mm))
    }

    fn units_per_mm(&mut self, option: &OptionDescriptor) -> Result<Option<f64>, ScanFault> {
        let dpi = self.resolution("resolution")?.unwrap_or(self.settings.dpi.0);
        Ok(option.units_per_mm(dpi))
    }

    fn page_has_moved(&mut self) -> Result<bool, ScanFault> {
        for (name, held) in self.page.held.clone() {
            if self.device.get(&name)?.is_some_and(|now| now != held) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What was set by hand and is not set yet. One that is off, or that does
    /// not take its value, may be helped by another: those wait until the
    /// others are set.
    fn set_what_waits(&mut self) -> Result<(), ScanFault> {
        loop {
            let before = self.waiting.len();
            let mut refused = None;
            for (name, value) in std::mem::take(&mut self.waiting) {
                match self.device.set_text(&name, &value) {
                    Ok(()) => {}
                    Err(fault) if may_do_later(&fault) => {
                        refused.get_or_insert(fault);
                        self.waiting.push((name, value));
                    }
                    Err(fault) => return Err(fault),
                }
            }
            match refused {
                None => return Ok(()),
                Some(fault) if self.waiting.len() == before => return Err(fault),
                Some(_) => {}
            }
        }
    }

    /// What the scanner stands at now, whoever set it.
    fn settled(mut self) -> Result<Settled, ScanFault> {
        self.warnings.append(&mut self.page.warnings);
        self.warn_of_what_did_not_stay()?;
        self.warn_of_skipped_blanks()?;
        let source = self.text_now("source")?;
        let mode = self.text_now("mode")?;
        let dpi = self.dpi_now()?;
        let sides = match (&source, self.duplex_by_option || self.is_duplex_on()?) {
            (_, true) => Sides::FrontThenBack,
            (Some(source), false) if is_duplex(source) => Sides::FrontThenBack,
            (Some(source), false) if is_back(source) => Sides::Back,
            (Some(_) | None, false) => Sides::Front,
        };
        let path = self.paper_path(source.as_deref());
        let sides = if path == PaperPath::Flatbed { Sides::Front } else { sides };
        let is_set_by_hand = !self.is_left_to_us("mode") || !self.is_left_to_us("depth");
        let ordered = (!self.mode_told && !is_set_by_hand).then_some(match self.settings.mode {
            ScanMode::Bitonal => PixelFormat::Bitonal,
            ScanMode::Gray => PixelFormat::Gray8,
            ScanMode::Color => PixelFormat::Rgb8,
        });
        let scanner = self.device.listed.name.clone();
        let identity = Some(self.device.identity()?);
        let setup = ScanSetup { scanner, source, mode, dpi: Some(dpi), sides, path, identity };
        Ok(Settled { setup, dpi, ordered, warnings: self.warnings })
    }

    /// What the driver says of the source it stands at; where it has none, what
    /// it is and has. The profile's word is only a wish.
    fn paper_path(&self, source: Option<&str>) -> PaperPath {
        match source.map(|source| (is_flatbed(source), is_feeder(source))) {
            Some((true, false)) => return PaperPath::Flatbed,
            Some((false, true)) => return PaperPath::Feeder,
            // "Automatically": whichever has paper.
            Some((true, true) | (false, false)) => return PaperPath::Unknown,
            None => {}
        }
        let kind = self.device.listed.kind.to_ascii_lowercase();
        let has = |name: &str| self.device.option(name).is_some_and(OptionDescriptor::is_active);
        let has_feeder = kind.contains("sheetfed")
            || has(PAGE_LOADED_SENSOR)
            || DUPLEX_OPTIONS.iter().any(|name| has(name));
        match (has_feeder, self.settings.source) {
            (true, _) => PaperPath::Feeder,
            (false, PaperSource::Flatbed) => PaperPath::Flatbed,
            (
                false,
                PaperSource::Feeder | PaperSource::FeederDuplex | PaperSource::FeederManualDuplex,
            ) => PaperPath::Unknown,
        }
    }

    /// Options change one another: only now is it seen what each came to.
    fn warn_of_what_did_not_stay(&mut self) -> Result<(), ScanFault> {
        for (name, held) in std::mem::take(&mut self.page.held) {
            let now = self.device.get(&name)?;
            let option = self.device.option(&name);
            self.warnings.extend(option.zip(now).and_then(|(o, now)| o.inexact(&held, &now)));
        }
        for (name, text) in self.own.clone() {
            let now = self.device.get(&name)?;
            let Some(option) = self.device.option(&name) else { continue };
            let asked = match option.parse(&text) {
                Ok(Setting::Automatic | Setting::Value(Value::None)) => continue,
                Ok(Setting::Value(asked)) => option.show(&asked),
                Err(_) => text,
            };
            let used = match now {
                Some(now) => option.show(&now),
                None if option.is_active() => continue,
                None => "nothing, because another option turned it off,".to_owned(),
            };
            if asked != used {
                self.warnings.push(ScanWarning::OptionInexact { name, asked, used });
            }
        }
        Ok(())
    }

    fn warn_of_skipped_blanks(&mut self) -> Result<(), ScanFault> {
        for name in BLANK_SKIPS {
            let is_on = match self.device.get(name)? {
                Some(Value::Words(words)) => words.iter().any(|&word| word > 0),
                Some(Value::Text(text)) => !["", "off", "no", "none", "false"]
                    .contains(&text.to_ascii_lowercase().as_str()),
                Some(Value::None) | None => false,
            };
            if is_on {
                self.warnings.push(ScanWarning::BlankPagesSkipped { name: name.to_owned() });
            }
        }
        Ok(())
    }

    fn is_duplex_on(&mut self) -> Result<bool, ScanFault> {
        for name in DUPLEX_OPTIONS {
            match self.device.get(name)? {
                Some(Value::Words(words)) if words.first() == Some(&1) => return Ok(true),
                Some(Value::Text(text)) if is_duplex(&text) => return Ok(true),
                Some(_) | None => {}
            }
        }
        Ok(false)
    }

    fn text_now(&mut self, name: &str) -> Result<Option<String>, ScanFault> {
        Ok(match self.device.get(name)? {
            Some(Value::Text(text)) => Some(text),
            Some(Value::Words(_) | Value::None) | None => None,
        })
    }

    fn dpi_now(&mut self) -> Result<Dpi, ScanFault> {
        let asked = self.settings.dpi;
        let along = self.resolution("y-resolution")?;
        let across = match self.resolution("resolution")? {
            Some(dpi) => Some(dpi),
            None => self.resolution("x-resolution")?,
        };
        let Some(across) = across else {
            self.warnings.push(ScanWarning::ResolutionAssumed { dpi: asked.0 });
            return Ok(asked);
        };
        if across != asked.0 && self.is_left_to_us("resolution") {
            self.warnings.push(ScanWarning::ResolutionChanged { asked: asked.0, used: across });
        }
        if let Some(along) = along.filter(|&along| along != across) {
            self.warnings.push(ScanWarning::ResolutionUneven { across, along });
        }
        Ok(Dpi(across))
    }

    /// Dots per inch an active resolution option holds.
    fn resolution(&mut self, name: &str) -> Result<Option<u32>, ScanFault> {
        let now = self.device.get(name)?;
        let dpi = self.device.option(name).zip(now).and_then(|(o, now)| o.measure(&now));
        Ok(dpi.filter(|dpi| (1.0..=100_000.0).contains(dpi)).map(|dpi| dpi.round() as u32))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whose {
    /// Set by hand.
    Theirs,
    Ours,
}

/// A direction of the page, and the options that set it.
struct Axis {
    edge: PageEdge,
    from: &'static str,
    to: &'static str,
    sheet: &'static str,
}

const AXES: [Axis; 2] = [
    Axis { edge: PageEdge::Width, from: "tl-x", to: "br-x", sheet: "page-width" },
    Axis { edge: PageEdge::Height, from: "tl-y", to: "br-y", sheet: "page-height" },
];

impl Axis {
    fn of(&self, (width, height): (f64, f64)) -> f64 {
        match self.edge {
            PageEdge::Width => width,
            PageEdge::Height => height,
        }
    }
}

/// Another option may turn it on, or change what it takes.
fn may_do_later(fault: &ScanFault) -> bool {
    matches!(fault, ScanFault::InactiveOption { .. } | ScanFault::BadOptionValue { .. })
}

fn word(value: i32) -> Value {
    Value::Words(vec![value])
}

/// Width and height in millimetres; `None` for as much as there is.
fn paper_mm(size: PageSize) -> Option<(f64, f64)> {
    match size {
        PageSize::Letter => Some((215.9, 279.4)),
        PageSize::Legal => Some((215.9, 355.6)),
        PageSize::A4 => Some((210.0, 297.0)),
        PageSize::A5 => Some((148.0, 210.0)),
        PageSize::Largest => None,
        PageSize::Millimetres { width, height } => Some((width, height)),
    }
}

fn source_name(source: PaperSource) -> &'static str {
    match source {
        PaperSource::Flatbed => "flatbed",
        PaperSource::Feeder | PaperSource::FeederManualDuplex => "feeder",
        PaperSource::FeederDuplex => "duplex feeder",
    }
}

fn mode_name(mode: ScanMode) -> &'static str {
    match mode {
        ScanMode::Bitonal => "black and white",
        ScanMode::Gray => "gray",
        ScanMode::Color => "colour",
    }
}
