//! A driver's options as a person writes them: text to value, value to text,
//! and what is allowed.

use super::super::fault::ScanFault;
use super::super::warning::ScanWarning;
use super::wire::{Constraint, OptionDescriptor, OptionKind, Unit, Value};

/// libsane's capability bits.
const SOFT_SELECT: i32 = 1 << 0;
const AUTOMATIC: i32 = 1 << 4;
const INACTIVE: i32 = 1 << 5;

/// 16.16 fixed point.
const FIXED_ONE: f64 = 65536.0;

/// A thousandth: a person writes 12.1 for the driver's 12.09999.
const FIXED_ROUNDING: i64 = 66;

const MM_PER_INCH: f64 = 25.4;

/// How many values of a list a message names.
const MOST_NAMED: usize = 40;

/// What a person's text comes to.
#[derive(Debug, Clone, PartialEq)]
pub enum Setting {
    Value(Value),
    /// "auto": the driver chooses.
    Automatic,
}

impl OptionDescriptor {
    /// As a person would call it.
    pub fn kind_name(&self) -> &'static str {
        match self.kind {
            OptionKind::Bool => "switch",
            OptionKind::Int if self.word_count() > 1 => "whole numbers",
            OptionKind::Int => "whole number",
            OptionKind::Fixed if self.word_count() > 1 => "numbers",
            OptionKind::Fixed => "number",
            OptionKind::Text => "text",
            OptionKind::Button => "button",
            OptionKind::Group => "group",
            OptionKind::Unknown(_) => "unknown",
        }
    }

    /// None where it counts nothing.
    pub fn unit_name(&self) -> Option<&'static str> {
        match self.unit {
            Unit::None => None,
            Unit::Pixel => Some("pixels"),
            Unit::Bit => Some("bits"),
            Unit::Millimetre => Some("mm"),
            Unit::Dpi => Some("dpi"),
            Unit::Percent => Some("%"),
            Unit::Microsecond => Some("µs"),
        }
    }

    pub fn is_active(&self) -> bool {
        self.capabilities & INACTIVE == 0
    }

    pub fn is_settable(&self) -> bool {
        self.capabilities & SOFT_SELECT != 0
    }

    /// Words of its value: more than one in an array.
    fn word_count(&self) -> usize {
        self.size as usize / 4
    }

    /// The strings it can have, where it has a list of them.
    pub fn texts(&self) -> Option<&[String]> {
        match &self.constraint {
            Constraint::Texts(texts) => Some(texts),
            Constraint::None | Constraint::Range { .. } | Constraint::Words(_) => None,
        }
    }

    pub fn parse(&self, text: &str) -> Result<Setting, ScanFault> {
        let text = text.trim();
        if text.eq_ignore_ascii_case("auto") && self.capabilities & AUTOMATIC != 0 {
            return Ok(Setting::Automatic);
        }
        let value = match self.kind {
            OptionKind::Bool => parse_bool(text).map(|word| Value::Words(vec![word])),
            OptionKind::Int | OptionKind::Fixed => self.parse_words(text).map(Value::Words),
            OptionKind::Text => self.parse_text(text).map(Value::Text),
            OptionKind::Button => {
                (text.is_empty() || parse_bool(text) == Some(1)).then_some(Value::None)
            }
            OptionKind::Group | OptionKind::Unknown(_) => None,
        };
        value.map(Setting::Value).ok_or_else(|| self.bad_value(text))
    }

    pub fn bad_value(&self, text: &str) -> ScanFault {
        ScanFault::BadOptionValue {
            name: self.name.clone(),
            value: text.to_owned(),
            allowed: self.allowed(),
        }
    }

    /// Comma-separated for an array; a single number stands for all of it.
    fn parse_words(&self, text: &str) -> Option<Vec<i32>> {
        let words: Vec<i32> =
            text.split(',').map(|part| self.parse_word(part.trim())).collect::<Option<_>>()?;
        match words[..] {
            [one] => Some(vec![one; self.word_count()]),
            _ => (words.len() == self.word_count()).then_some(words),
        }
    }

    /// Fixed-point numbers are written with fewer digits than they have: what
    /// is as near to an allowed value as writing comes is that value.
    fn parse_word(&self, text: &str) -> Option<i32> {
        let (word, rounding) = match self.kind {
            OptionKind::Fixed => (to_fixed(text.parse().ok()?)?, FIXED_ROUNDING),
            OptionKind::Int | OptionKind::Bool => (text.parse().ok()?, 0),
            OptionKind::Text | OptionKind::Button | OptionKind::Group | OptionKind::Unknown(_) => {
                return None;
            }
        };
        let within = |least: i32, most: i32| {
            let (least, most) = (i64::from(least), i64::from(most));
            let is_near = (least - rounding..=most + rounding).contains(&word);
            is_near.then(|| word.clamp(least, most.max(least)) as i32)
        };
        match &self.constraint {
            // A value between two steps is the driver's to round; it says so.
            Constraint::Range { min, max, .. } => within(*min, *max),
            Constraint::Words(words) => words
                .iter()
                .copied()
                .filter(|&allowed| (i64::from(allowed) - word).abs() <= rounding)
                .min_by_key(|&allowed| (i64::from(allowed) - word).abs()),
            Constraint::None | Constraint::Texts(_) => within(i32::MIN, i32::MAX),
        }
    }

    fn parse_text(&self, text: &str) -> Option<String> {
        match self.texts() {
            Some(texts) => texts
                .iter()
                .find(|t| *t == text)
                .or_else(|| texts.iter().find(|t| t.eq_ignore_ascii_case(text)))
                .cloned(),
            None => {
                (text.len() < self.size as usize && !text.contains('\0')).then(|| text.to_owned())
            }
        }
    }

    /// What may be written for it.
    pub fn allowed(&self) -> String {
        let automatic = if self.capabilities & AUTOMATIC != 0 { ", auto" } else { "" };
        let values = match (&self.constraint, self.kind) {
            (_, OptionKind::Bool) => "yes, no".to_owned(),
            (_, OptionKind::Button) => "yes".to_owned(),
            (_, OptionKind::Group | OptionKind::Unknown(_)) => "nothing".to_owned(),
            (Constraint::Range { min, max, step }, _) => {
                let range = format!("{} to {}", self.number(*min), self.number(*max));
                if *step > 0 {
                    format!("{range} in steps of {}", self.number(*step))
                } else {
                    range
                }
            }
            (Constraint::Words(words), _) => {
                named(words.iter().map(|&word| self.number(word)), words.len())
            }
            (Constraint::Texts(texts), _) => named(texts.iter().cloned(), texts.len()),
            (Constraint::None, OptionKind::Int) => "a whole number".to_owned(),
            (Constraint::None, OptionKind::Fixed) => "a number".to_owned(),
            (Constraint::None, OptionKind::Text) => {
                format!("text of up to {} bytes", self.size.saturating_sub(1))
            }
        };
        let count = self.word_count();
        let is_array = matches!(self.kind, OptionKind::Int | OptionKind::Fixed) && count > 1;
        let several =
            if is_array { format!("; one, or {count} with commas") } else { String::new() };
        format!("{values}{automatic}{several}")
    }

    /// As a person would write it.
    pub fn show(&self, value: &Value) -> String {
        match value {
            Value::Text(text) => text.clone(),
            Value::None => String::new(),
            Value::Words(words) if self.kind == OptionKind::Bool => {
                if words.first() == Some(&0) {
                    "no".to_owned()
                } else {
                    "yes".to_owned()
                }
            }
            Value::Words(words) => {
                let shown: Vec<String> = words.iter().map(|&word| self.number(word)).collect();
                shown.join(",")
            }
        }
    }

    /// A warning where the option came to another value than asked, as far as a
    /// person could tell them apart.
    pub fn inexact(&self, asked: &Value, now: &Value) -> Option<ScanWarning> {
        let (asked, used) = (self.show(asked), self.show(now));
        (asked != used).then(|| ScanWarning::OptionInexact { name: self.name.clone(), asked, used })
    }

    fn number(&self, word: i32) -> String {
        match self.kind {
            OptionKind::Fixed => {
                let rounded = (f64::from(word) / FIXED_ONE * 1000.0).round() / 1000.0;
                rounded.to_string()
            }
            OptionKind::Bool
            | OptionKind::Int
            | OptionKind::Text
            | OptionKind::Button
            | OptionKind::Group
            | OptionKind::Unknown(_) => word.to_string(),
        }
    }

    /// The number a single-word option holds, in its own unit.
    pub fn measure(&self, value: &Value) -> Option<f64> {
        match (value, self.kind) {
            (Value::Words(words), OptionKind::Fixed) => {
                words.first().map(|&w| f64::from(w) / FIXED_ONE)
            }
            (Value::Words(words), OptionKind::Int) => words.first().map(|&w| f64::from(w)),
            (Value::Words(_) | Value::Text(_) | Value::None, _) => None,
        }
    }

    /// The allowed value nearest to `wanted`, in the option's own unit.
    pub fn nearest(&self, wanted: f64) -> Option<Value> {
        let word = match self.kind {
            OptionKind::Fixed => saturated(to_fixed(wanted)?),
            OptionKind::Int => wanted.round() as i32,
            OptionKind::Bool
            | OptionKind::Text
            | OptionKind::Button
            | OptionKind::Group
            | OptionKind::Unknown(_) => return None,
        };
        let nearest = match &self.constraint {
            Constraint::Range { min, max, step } => nearest_step(word, *min, *max, *step),
            // Of two as near, the finer.
            Constraint::Words(words) => {
                words.iter().copied().min_by_key(|w| (w.abs_diff(word), -i64::from(*w)))?
            }
            Constraint::None | Constraint::Texts(_) => word,
        };
        Some(Value::Words(vec![nearest]))
    }

    /// The least value allowed, where there is one.
    pub fn least(&self) -> Option<Value> {
        match &self.constraint {
            Constraint::Range { min, .. } => Some(Value::Words(vec![*min])),
            Constraint::Words(words) => words.iter().min().map(|&w| Value::Words(vec![w])),
            Constraint::None | Constraint::Texts(_) => None,
        }
    }

    /// The largest value allowed, where there is one.
    pub fn largest(&self) -> Option<Value> {
        match &self.constraint {
            Constraint::Range { max, .. } => Some(Value::Words(vec![*max])),
            Constraint::Words(words) => words.iter().max().map(|&w| Value::Words(vec![w])),
            Constraint::None | Constraint::Texts(_) => None,
        }
    }

    /// One millimetre in the option's unit, where it measures paper.
    pub fn units_per_mm(&self, dpi: u32) -> Option<f64> {
        match self.unit {
            Unit::Millimetre => Some(1.0),
            Unit::Pixel => Some(f64::from(dpi) / MM_PER_INCH),
            Unit::None | Unit::Bit | Unit::Dpi | Unit::Percent | Unit::Microsecond => None,
        }
    }
}

fn parse_bool(text: &str) -> Option<i32> {
    match text.to_ascii_lowercase().as_str() {
        "yes" | "true" | "on" | "1" => Some(1),
        "no" | "false" | "off" | "0" => Some(0),
        _ => None,
    }
}

/// Wider than the 32 bits it must end in, so that rounding cannot overflow.
fn to_fixed(number: f64) -> Option<i64> {
    number.is_finite().then(|| (number * FIXED_ONE).round() as i64)
}

fn saturated(word: i64) -> i32 {
    word.clamp(i32::MIN.into(), i32::MAX.into()) as i32
}

fn nearest_step(word: i32, min: i32, max: i32, step: i32) -> i32 {
    let clamped = i64::from(word).clamp(i64::from(min), i64::from(max.max(min)));
    if step <= 0 {
        return clamped as i32;
    }
    let (min, max, step) = (i64::from(min), i64::from(max), i64::from(step));
    let stepped = min + (clamped - min + step / 2) / step * step;
    (if stepped > max { stepped - step } else { stepped }) as i32
}

fn named(values: impl Iterator<Item = String>, count: usize) -> String {
    let mut shown: Vec<String> = values.take(MOST_NAMED).collect();
    if count > MOST_NAMED {
        shown.push(format!("and {} more", count - MOST_NAMED));
    }
    shown.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn option(kind: OptionKind, size: u32, constraint: Constraint) -> OptionDescriptor {
        OptionDescriptor {
            index: 1,
            name: "brightness".into(),
            kind,
            title: String::new(),
            unit: Unit::None,
            size,
            capabilities: SOFT_SELECT,
            constraint,
        }
    }

    fn words(option: &OptionDescriptor, text: &str) -> Option<Vec<i32>> {
        match option.parse(text) {
            Ok(Setting::Value(Value::Words(words))) => Some(words),
            _ => None,
        }
    }

    #[test]
    fn numbers_are_checked_against_range_and_list() {
        let range = option(OptionKind::Int, 4, Constraint::Range { min: -4, max: 8, step: 2 });
        assert_eq!(words(&range, " 7 "), Some(vec![7]));
        assert_eq!(words(&range, "9"), None);
        assert_eq!(range.allowed(), "-4 to 8 in steps of 2");
        let list = option(OptionKind::Fixed, 4, Constraint::Words(vec![-2_143_027, 792_985]));
        assert_eq!(words(&list, "12.1"), Some(vec![792_985]));
        assert_eq!(words(&list, "12"), None);
        assert_eq!(list.allowed(), "-32.7, 12.1");
    }

    #[test]
    fn the_largest_and_least_value_can_be_written_as_they_are_shown() {
        // SANE_FIX cuts: 215.872 mm is 14147387 and not 14147388 of 65536.
        let cut = Constraint::Range { min: -14_147_387, max: 14_147_387, step: 0 };
        let whole = Constraint::Range { min: i32::MIN, max: i32::MAX, step: 0 };
        for constraint in [cut, whole] {
            let Constraint::Range { min, max, .. } = constraint else { unreachable!() };
            let length = option(OptionKind::Fixed, 4, constraint);
            for word in [min, max] {
                let shown = length.show(&Value::Words(vec![word]));
                assert_eq!(words(&length, &shown), Some(vec![word]), "{shown}");
            }
            assert_eq!(words(&length, "40000"), None);
            assert_eq!(length.nearest(1e9), Some(Value::Words(vec![max])));
        }
        assert_eq!(words(&option(OptionKind::Fixed, 4, Constraint::None), "NaN"), None);
    }

    #[test]
    fn an_array_takes_all_its_numbers_or_one_for_all() {
        let array = option(OptionKind::Int, 12, Constraint::Range { min: 0, max: 255, step: 0 });
        assert_eq!(words(&array, "1, 2,3"), Some(vec![1, 2, 3]));
        assert_eq!(words(&array, "7"), Some(vec![7, 7, 7]));
        for bad in ["1,2", "1,2,3,4", "1,2,256", "1,,3", ""] {
            assert_eq!(words(&array, bad), None, "{bad:?}");
        }
        assert_eq!(array.allowed(), "0 to 255; one, or 3 with commas");
    }

    #[test]
    fn a_name_from_a_list_is_found_in_any_case() {
        let texts = Constraint::Texts(vec!["Lineart".into(), "Gray".into()]);
        let mode = option(OptionKind::Text, 10, texts);
        assert_eq!(mode.parse("gray"), Ok(Setting::Value(Value::Text("Gray".into()))));
        assert_eq!(
            mode.parse("sepia"),
            Err(ScanFault::BadOptionValue {
                name: "brightness".into(),
                value: "sepia".into(),
                allowed: "Lineart, Gray".into()
            })
        );
    }

    #[test]
    fn text_longer_than_the_option_is_refused() {
        let text = option(OptionKind::Text, 5, Constraint::None);
        assert!(text.parse("1234").is_ok());
        assert!(text.parse("12345").is_err());
    }

    #[test]
    fn switches_buttons_and_auto_are_said_in_words() {
        let switch = option(OptionKind::Bool, 4, Constraint::None);
        assert_eq!(words(&switch, "Yes"), Some(vec![1]));
        assert_eq!(words(&switch, "off"), Some(vec![0]));
        assert_eq!(words(&switch, "2"), None);
        assert!(switch.parse("auto").is_err());
        let automatic = OptionDescriptor { capabilities: SOFT_SELECT | AUTOMATIC, ..switch };
        assert_eq!(automatic.parse("auto"), Ok(Setting::Automatic));
        let button = option(OptionKind::Button, 0, Constraint::None);
        assert_eq!(button.parse("yes"), Ok(Setting::Value(Value::None)));
        assert!(button.parse("no").is_err());
    }

    #[test]
    fn a_value_that_reads_as_asked_is_no_other_value() {
        let resolution = option(OptionKind::Fixed, 4, Constraint::None);
        let (asked, now) = (Value::Words(vec![300 << 16]), Value::Words(vec![(300 << 16) - 1]));
        assert_eq!(resolution.inexact(&asked, &now), None);
        assert!(resolution.inexact(&asked, &Value::Words(vec![200 << 16])).is_some());
    }

    #[test]
    fn the_nearest_allowed_value_is_found() {
        let list = option(OptionKind::Int, 4, Constraint::Words(vec![75, 150, 300, 600]));
        for (wanted, got) in [(200.0, 150), (225.0, 300), (1200.0, 600), (1.0, 75)] {
            assert_eq!(list.nearest(wanted), Some(Value::Words(vec![got])), "{wanted}");
        }
        let range = option(OptionKind::Int, 4, Constraint::Range { min: 50, max: 1199, step: 50 });
        for (wanted, got) in [(299.0, 300), (20.0, 50), (9000.0, 1150)] {
            assert_eq!(range.nearest(wanted), Some(Value::Words(vec![got])), "{wanted}");
        }
    }
}
