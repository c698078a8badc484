//! libsane's status numbers and, in this one place, the fault each of them is.

use super::super::fault::ScanFault;

/// A status as the driver returned it; drivers invent numbers, so any can come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status(pub i32);

impl Status {
    pub const GOOD: Status = Status(0);
    pub const UNSUPPORTED: Status = Status(1);
    pub const CANCELLED: Status = Status(2);
    pub const DEVICE_BUSY: Status = Status(3);
    pub const INVALID: Status = Status(4);
    pub const END_OF_FILE: Status = Status(5);
    pub const JAMMED: Status = Status(6);
    pub const NO_DOCUMENTS: Status = Status(7);
    pub const COVER_OPEN: Status = Status(8);
    pub const IO_ERROR: Status = Status(9);
    pub const NO_MEMORY: Status = Status(10);
    pub const ACCESS_DENIED: Status = Status(11);
    /// Defined in `sane.h` for a later version; some drivers send it already.
    pub const WARMING_UP: Status = Status(12);
    /// As [`Status::WARMING_UP`].
    pub const HARDWARE_LOCKED: Status = Status(13);
}

/// What the driver was asked when it answered with a status.
#[derive(Debug, Clone, Copy)]
pub enum Asked<'a> {
    List,
    Open {
        device: &'a str,
    },
    Option {
        name: &'a str,
    },
    /// How many options there are.
    Options,
    /// `sane_start`: the next sheet.
    Start,
    /// `sane_get_parameters`, when a page is begun.
    Shape,
    /// `sane_read`: pixels of a page.
    Read,
}

impl Asked<'_> {
    fn doing(self) -> String {
        match self {
            Asked::List => "to list scanners".to_owned(),
            Asked::Open { device } => format!("to open {device}"),
            Asked::Option { name } => format!("its option {name}"),
            Asked::Options => "which options it has".to_owned(),
            Asked::Start => "to start a page with these settings".to_owned(),
            Asked::Shape => "for the size of a page it had begun".to_owned(),
            Asked::Read => "to deliver a page with these settings".to_owned(),
        }
    }
}

/// The fault a status other than GOOD is. END_OF_FILE is handled where frames
/// end; anywhere else it makes no sense.
pub fn fault(status: Status, asked: Asked) -> ScanFault {
    match status {
        Status::UNSUPPORTED => ScanFault::Unsupported { doing: asked.doing() },
        Status::CANCELLED => ScanFault::Cancelled,
        Status::DEVICE_BUSY => ScanFault::Busy,
        Status::INVALID => match asked {
            Asked::Open { device } => ScanFault::NoSuchDevice { device: device.to_owned() },
            Asked::List
            | Asked::Option { .. }
            | Asked::Options
            | Asked::Start
            | Asked::Shape
            | Asked::Read => ScanFault::SettingsRefused { doing: asked.doing() },
        },
        Status::JAMMED => ScanFault::Jam,
        Status::NO_DOCUMENTS => match asked {
            Asked::List
            | Asked::Open { .. }
            | Asked::Option { .. }
            | Asked::Options
            | Asked::Start => ScanFault::FeederEmpty,
            // A sheet may have moved already: no end of a stack.
            Asked::Shape | Asked::Read => ScanFault::DriverLied {
                what: "no more documents where it had begun a page".to_owned(),
            },
        },
        Status::COVER_OPEN => ScanFault::CoverOpen,
        Status::IO_ERROR => ScanFault::InputOutput,
        Status::NO_MEMORY => ScanFault::OutOfMemory,
        Status::ACCESS_DENIED => ScanFault::AccessDenied,
        Status::WARMING_UP => ScanFault::WarmingUp,
        Status::HARDWARE_LOCKED => ScanFault::TransportLock,
        Status(number) => {
            ScanFault::DriverLied { what: format!("status {number} when asked {}", asked.doing()) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_status_is_a_fault_of_its_own() {
        let faults: Vec<ScanFault> =
            (1..=13).map(|number| fault(Status(number), Asked::Start)).collect();
        for (i, one) in faults.iter().enumerate() {
            for other in &faults[i + 1..] {
                assert_ne!(one, other);
            }
        }
    }

    #[test]
    fn an_invalid_device_is_no_settings_trouble() {
        let device = "pixma:04A9176D";
        assert_eq!(
            fault(Status::INVALID, Asked::Open { device }),
            ScanFault::NoSuchDevice { device: device.to_owned() }
        );
    }
}
