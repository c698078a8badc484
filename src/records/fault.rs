//! Faults in words.

use std::error::Error;

/// What went wrong and why, down to the first cause, in one line. A cause that
/// the words before it end with already is not said again.
pub fn in_one_line(fault: &dyn Error) -> String {
    let mut told = fault.to_string();
    let mut cause = fault.source();
    while let Some(error) = cause {
        let why = error.to_string();
        if !told.ends_with(&why) {
            told.push_str(": ");
            told.push_str(&why);
        }
        cause = error.source();
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{said}")]
    struct Fault {
        said: &'static str,
        source: Option<Box<Fault>>,
    }

    #[test]
    fn every_cause_is_said_once() {
        let disk = Fault { said: "the disk is full", source: None };
        let kept = Fault { said: "page 3 cannot be kept", source: Some(Box::new(disk)) };
        assert_eq!(in_one_line(&kept), "page 3 cannot be kept: the disk is full");
        let around = Fault { said: "page 3 cannot be kept", source: Some(Box::new(kept)) };
        assert_eq!(in_one_line(&around), "page 3 cannot be kept: the disk is full");
    }
}
