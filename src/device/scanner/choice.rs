//! Which scanner is meant: by its whole name, by vendor, model and serial
//! number, or by a part of these; never by its place in a list, which changes
//! with every replugging.

use std::fmt;

use super::fault::ScanFault;

/// A scanner as its driver lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedScanner {
    /// libsane's device name, such as `fujitsu:fi-7160:12345`.
    pub name: String,
    pub vendor: String,
    pub model: String,
    /// The driver's words: "flatbed scanner", "sheetfed scanner", …
    pub kind: String,
}

impl fmt::Display for ListedScanner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name_shown())?;
        match (printable(&self.vendor).as_str(), printable(&self.model).as_str()) {
            // Opened by a name that no driver lists.
            ("", "") => Ok(()),
            (vendor, model) => write!(f, " ({vendor} {model})"),
        }
    }
}

impl ListedScanner {
    /// For people. What is not UTF-8 came through with losses, and libsane does
    /// not know it again.
    pub fn name_shown(&self) -> String {
        let name = printable(&self.name);
        if name.contains(char::REPLACEMENT_CHARACTER) {
            return format!("{name} [its name is not UTF-8: it cannot be chosen]");
        }
        name
    }
}

/// A driver's words for a terminal: what would move its cursor is spelt out.
pub fn printable(text: &str) -> String {
    let spelt = |c: char| match c.is_control() {
        true => c.escape_default().to_string(),
        false => c.to_string(),
    };
    text.chars().map(spelt).collect()
}

/// What the profile, the station or the command line says of the scanner:
/// empty (the only one there is), a whole device name, `vendor:model`,
/// `vendor:model:serial`, or a part of a name, vendor or model. Letter case
/// does not count.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ScannerChoice(String);

/// What a choice comes to among the scanners listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Chosen {
    One(ListedScanner),
    /// Several of one vendor and model: the serial number decides, which only
    /// the opened scanner tells.
    BySerial {
        candidates: Vec<ListedScanner>,
        serial: String,
    },
}

impl ScannerChoice {
    /// The only scanner there is.
    pub fn any() -> Self {
        ScannerChoice::default()
    }

    pub fn parse(text: &str) -> Self {
        ScannerChoice(text.trim().to_owned())
    }

    /// Could this be a device name that the driver does not list, such as one
    /// on a network that does not announce itself?
    pub(super) fn whole_name(&self) -> Option<&str> {
        self.0.contains(':').then_some(self.0.as_str())
    }

    pub(super) fn among(&self, listed: &[ListedScanner]) -> Result<Chosen, ScanFault> {
        if let Some(exact) = listed.iter().find(|s| s.name == self.0) {
            return Ok(Chosen::One(exact.clone()));
        }
        let parts: Vec<&str> = self.0.splitn(3, ':').collect();
        if let [vendor, model, rest @ ..] = parts.as_slice() {
            let same_make = |s: &&ListedScanner| same(&s.vendor, vendor) && same(&s.model, model);
            let candidates: Vec<ListedScanner> = listed.iter().filter(same_make).cloned().collect();
            if !candidates.is_empty() {
                return match rest.first() {
                    Some(serial) => Ok(by_serial(candidates, serial)),
                    None => self.one(candidates, listed),
                };
            }
        }
        let fits = |s: &&ListedScanner| {
            let make = format!("{} {}", s.vendor, s.model);
            contains(&s.name, &self.0) || contains(&make, &self.0)
        };
        self.one(listed.iter().filter(fits).cloned().collect(), listed)
    }

    fn one(
        &self,
        mut candidates: Vec<ListedScanner>,
        listed: &[ListedScanner],
    ) -> Result<Chosen, ScanFault> {
        match candidates.len() {
            1 => Ok(Chosen::One(candidates.remove(0))),
            0 if listed.is_empty() && self.0.is_empty() => Err(ScanFault::NoScanner),
            0 => Err(ScanFault::NoSuchScanner { wanted: self.0.clone(), found: listed.to_vec() }),
            _ => Err(ScanFault::AmbiguousScanner { wanted: self.0.clone(), candidates }),
        }
    }
}

impl fmt::Display for ScannerChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "the only scanner" } else { &self.0 })
    }
}

/// Several drivers put the serial number into the device name. Others put the
/// place on the bus there, which a serial number may look like.
fn by_serial(candidates: Vec<ListedScanner>, serial: &str) -> Chosen {
    let is_named = |s: &&ListedScanner| {
        let parts: Vec<&str> = s.name.split(':').skip(1).collect();
        let is_place = parts.iter().any(|part| same(part, "libusb") || same(part, "usb"));
        !is_place && parts.iter().any(|part| same(part, serial))
    };
    let named: Vec<&ListedScanner> = candidates.iter().filter(is_named).collect();
    match named[..] {
        [one] => Chosen::One(one.clone()),
        _ => Chosen::BySerial { candidates, serial: serial.to_owned() },
    }
}

fn same(a: &str, b: &str) -> bool {
    a.trim().eq_ignore_ascii_case(b.trim())
}

fn contains(text: &str, part: &str) -> bool {
    text.to_ascii_lowercase().contains(&part.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two_fujitsus_and_a_flatbed() -> Vec<ListedScanner> {
        let scanner = |name: &str, vendor: &str, model: &str| ListedScanner {
            name: name.into(),
            vendor: vendor.into(),
            model: model.into(),
            kind: "scanner".into(),
        };
        vec![
            scanner("fujitsu:fi-7160:111", "FUJITSU", "fi-7160"),
            scanner("fujitsu:fi-7160:222", "FUJITSU", "fi-7160"),
            scanner("epson2:libusb:001:004", "Epson", "GT-2500"),
        ]
    }

    fn chosen_name(choice: &str) -> Result<String, ScanFault> {
        match ScannerChoice::parse(choice).among(&two_fujitsus_and_a_flatbed())? {
            Chosen::One(scanner) => Ok(scanner.name),
            Chosen::BySerial { serial, .. } => Ok(format!("serial {serial}")),
        }
    }

    #[test]
    fn a_scanner_is_chosen_by_name_make_serial_or_a_part_of_them() {
        let cases = [
            ("fujitsu:fi-7160:111", "fujitsu:fi-7160:111"),
            ("epson:gt-2500", "epson2:libusb:001:004"),
            ("GT-25", "epson2:libusb:001:004"),
            ("Epson GT", "epson2:libusb:001:004"),
            ("Fujitsu:FI-7160:222", "fujitsu:fi-7160:222"),
            ("Fujitsu:fi-7160:999", "serial 999"),
        ];
        for (choice, name) in cases {
            assert_eq!(chosen_name(choice).as_deref(), Ok(name), "{choice}");
        }
    }

    #[test]
    fn a_serial_number_is_a_whole_part_of_a_name_and_no_place_on_the_bus() {
        let scanner = |name: &str| ListedScanner {
            name: name.into(),
            vendor: "Epson".into(),
            model: "DS-530".into(),
            kind: "scanner".into(),
        };
        let listed = [
            scanner("epsonds:libusb:001:004"),
            scanner("epsonds:1004"),
            scanner("epsonds:10"),
            scanner("epsonds:usb:004"),
        ];
        let cases = [
            ("004", Err("004")),
            ("100", Err("100")),
            ("10", Ok("epsonds:10")),
            ("1004", Ok("epsonds:1004")),
        ];
        for (serial, expected) in cases {
            let choice = ScannerChoice::parse(&format!("Epson:DS-530:{serial}"));
            let chosen = choice.among(&listed).unwrap();
            let got = match &chosen {
                Chosen::One(scanner) => Ok(scanner.name.as_str()),
                Chosen::BySerial { serial, .. } => Err(serial.as_str()),
            };
            assert_eq!(got, expected, "{serial}");
        }
    }

    #[test]
    fn a_drivers_words_do_nothing_to_the_terminal() {
        let scanner = |name: &str, vendor: &str, model: &str| {
            ListedScanner {
                name: name.into(),
                vendor: vendor.into(),
                model: model.into(),
                kind: String::new(),
            }
            .to_string()
        };
        assert_eq!(scanner("a:1", "Ho\x1b[31mst", "M\n1"), "a:1 (Ho\\u{1b}[31mst M\\n1)");
        assert_eq!(
            scanner("a:\u{fffd}", "Høst", "M"),
            "a:\u{fffd} [its name is not UTF-8: it cannot be chosen] (Høst M)"
        );
    }

    #[test]
    fn a_choice_that_fits_two_scanners_names_both() {
        for choice in ["fi-7160", "fujitsu:fi-7160", ""] {
            let Err(ScanFault::AmbiguousScanner { candidates, .. }) = chosen_name(choice) else {
                panic!("{choice:?} must be ambiguous");
            };
            assert!(candidates.len() >= 2);
        }
    }

    #[test]
    fn a_choice_that_fits_none_names_those_found() {
        let Err(ScanFault::NoSuchScanner { found, .. }) = chosen_name("kodak") else {
            panic!("there is no kodak");
        };
        assert_eq!(found.len(), 3);
        assert_eq!(ScannerChoice::any().among(&[]), Err(ScanFault::NoScanner));
    }
}
