//! The profile's scanner settings in the words of whichever driver answers.
//!
//! What is chosen is reported; what cannot be had is a fault where it would
//! cost content (no duplex, no colour) and a warning where it would not.

use super::super::fault::ScanFault;
use super::super::warning::{PageEdge, ScanWarning};
use super::super::{ScanOrder, ScanSetup, Sides};
use super::device::Device;
use super::options::Setting;
use super::vocabulary::{Duplex, choose_mode, choose_source, duplex_word, is_duplex, is_flatbed};
use super::wire::{OptionDescriptor, OptionKind, Value};
use crate::profile::{PageSize, PaperSource, ScanMode, ScannerSettings};
use crate::records::raster::Dpi;

/// Paper within this much of what was asked is that paper: feeders end at
/// 215.6 mm and still take Letter (215.9 mm).
const CLAMP_TOLERANCE_MM: f64 = 1.0;

/// Options that switch duplex where the source does not: a string ("Duplex",
/// "Both") or a switch. `adf-mode`: epson2, epsonds; `duplex`: avision, kvs*.
const DUPLEX_OPTIONS: [&str; 3] = ["adf-mode", "duplex", "scan-both-sides"];

/// Where the scanner was left by its settings.
#[derive(Debug)]
pub struct Settled {
    pub setup: ScanSetup,
    pub path: PaperPath,
    pub dpi: Dpi,
    pub warnings: Vec<ScanWarning>,
}

/// Whether the next image needs a clerk's hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PaperPath {
    Flatbed,
    Feeder,
}

/// Sets everything ordered: source, mode, resolution and page size first, in
/// this order because each may change what the next allows, then the
/// profile's own options, then those of the command line.
pub fn apply(device: &mut Device, order: &ScanOrder) -> Result<Settled, ScanFault> {
    let mut board = Board { device, order, warnings: Vec::new(), duplex_by_option: false };
    let settings = &order.settings;
    board.set_source(settings.source)?;
    board.set_mode(settings.mode)?;
    board.set_resolution(settings.dpi)?;
    board.set_page_size(settings)?;
    board.set_own_options()?;
    for (name, value) in &order.set {
        let warning = board.device.set_text(name, value)?;
        board.warnings.extend(warning);
    }
    board.settled()
}

struct Board<'a> {
    device: &'a mut Device,
    order: &'a ScanOrder,
    warnings: Vec<ScanWarning>,
    duplex_by_option: bool,
}

impl Board<'_> {
    /// Whoever names an option himself decides it alone.
    fn is_left_to_us(&self, name: &str) -> bool {
        !self.order.settings.options.contains_key(name)
            && self.order.set.iter().all(|(set, _)| set != name)
    }

    fn settable(&self, name: &str) -> Option<OptionDescriptor> {
        self.device.settable(name).filter(|_| self.is_left_to_us(name))
    }

    fn set(&mut self, option: &OptionDescriptor, value: Value) -> Result<(), ScanFault> {
        let warning = self.device.set(option, &Setting::Value(value))?;
        self.warnings.extend(warning);
        Ok(())
    }

    fn set_source(&mut self, wanted: PaperSource) -> Result<(), ScanFault> {
        if !self.is_left_to_us("source") {
            return Ok(());
        }
        let option = self.device.settable("source");
        let Some((option, choices)) =
            option.as_ref().and_then(|option| Some((option, option.texts()?)))
        else {
            return self.without_source(wanted);
        };
        if let Some(source) = choose_source(choices, wanted) {
            self.set(option, Value::Text(source.to_owned()))?;
            return match wanted {
                PaperSource::Flatbed => Ok(()),
                PaperSource::Feeder => self.switch_duplex(Duplex::Off).map(|_| ()),
                PaperSource::FeederDuplex => self.switch_duplex(Duplex::On).map(|_| ()),
            };
        }
        // Duplex may be a switch of its own beside the feeder.
        let feeder = choose_source(choices, PaperSource::Feeder);
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
            PaperSource::Flatbed | PaperSource::Feeder => {
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

    /// True when there was a switch and it now stands as asked.
    fn switch_duplex(&mut self, wanted: Duplex) -> Result<bool, ScanFault> {
        for name in DUPLEX_OPTIONS {
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
            if let Some(option) = self.settable(name)
                && let Some(value) = option.nearest(f64::from(dpi.0))
            {
                // How far it is from what was asked is said once, at the end.
                self.device.set(&option, &Setting::Value(value))?;
            }
        }
        Ok(())
    }

    fn set_page_size(&mut self, settings: &ScannerSettings) -> Result<(), ScanFault> {
        let mut is_settable = false;
        let paper = paper_mm(settings.page_size);
        for (edge, from, to, sheet) in [
            (PageEdge::Width, "tl-x", "br-x", "page-width"),
            (PageEdge::Height, "tl-y", "br-y", "page-height"),
        ] {
            let wanted_mm = paper.map(|(width, height)| match edge {
                PageEdge::Width => width,
                PageEdge::Height => height,
            });
            // Sheet guides and feeders measure from the paper's size.
            is_settable |= self.set_length(sheet, wanted_mm)?.is_some();
            if let Some(option) = self.settable(from)
                && let Some(least) = option.least()
            {
                self.device.set(&option, &Setting::Value(least))?;
            }
            let Some(used) = self.set_length(to, wanted_mm)? else { continue };
            is_settable = true;
            if let Some(asked) = wanted_mm.filter(|asked| asked - used > CLAMP_TOLERANCE_MM) {
                self.warnings.push(ScanWarning::PageSizeClamped { edge, asked, used });
            }
        }
        if !is_settable && settings.page_size != PageSize::Largest {
            self.warnings.push(ScanWarning::PageSizeNotSettable);
        }
        Ok(())
    }

    /// Sets a length, or the largest there is; the millimetres it came to.
    fn set_length(&mut self, name: &str, wanted_mm: Option<f64>) -> Result<Option<f64>, ScanFault> {
        let dpi = self.resolution("resolution")?.unwrap_or(self.order.settings.dpi.0);
        let Some(option) = self.settable(name) else { return Ok(None) };
        let Some(per_mm) = option.units_per_mm(dpi) else { return Ok(None) };
        let value = match wanted_mm {
            Some(mm) => option.nearest(mm * per_mm),
            None => option.largest(),
        };
        let Some(value) = value else { return Ok(None) };
        self.device.set(&option, &Setting::Value(value.clone()))?;
        let now = self.device.get(name)?.unwrap_or(value);
        Ok(option.measure(&now).map(|units| units / per_mm))
    }

    /// The profile's options. One that is off may be turned on by another, so
    /// those wait until the others are set.
    fn set_own_options(&mut self) -> Result<(), ScanFault> {
        let own = &self.order.settings.options;
        let mut waiting: Vec<(&String, &String)> = own.iter().collect();
        loop {
            let before = waiting.len();
            let mut still_off = None;
            let mut later = Vec::new();
            for (name, value) in waiting {
                match self.device.set_text(name, value) {
                    Ok(warning) => self.warnings.extend(warning),
                    Err(fault @ ScanFault::InactiveOption { .. }) => {
                        still_off.get_or_insert(fault);
                        later.push((name, value));
                    }
                    Err(fault) => return Err(fault),
                }
            }
            match still_off {
                None => return Ok(()),
                Some(fault) if later.len() == before => return Err(fault),
                Some(_) => waiting = later,
            }
        }
    }

    /// What the scanner stands at now, whoever set it.
    fn settled(mut self) -> Result<Settled, ScanFault> {
        let source = self.text_now("source")?;
        let mode = self.text_now("mode")?;
        let dpi = self.dpi_now()?;
        let sides = match (&source, self.duplex_by_option || self.is_duplex_on()?) {
            (_, true) => Sides::FrontThenBack,
            (Some(source), false) if is_duplex(source) => Sides::FrontThenBack,
            (Some(source), false) if source.to_ascii_lowercase().contains("back") => Sides::Back,
            (Some(_) | None, false) => Sides::Front,
        };
        let path = match &source {
            Some(source) if is_flatbed(source) => PaperPath::Flatbed,
            Some(_) => PaperPath::Feeder,
            None => match self.order.settings.source {
                PaperSource::Flatbed => PaperPath::Flatbed,
                PaperSource::Feeder | PaperSource::FeederDuplex => PaperPath::Feeder,
            },
        };
        let sides = if path == PaperPath::Flatbed { Sides::Front } else { sides };
        let scanner = self.device.listed.name.clone();
        let setup = ScanSetup { scanner, source, mode, dpi: Some(dpi), sides };
        Ok(Settled { setup, path, dpi, warnings: self.warnings })
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
        let asked = self.order.settings.dpi;
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
        PaperSource::Feeder => "feeder",
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
