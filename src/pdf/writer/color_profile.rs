//! The sRGB profile of the output intent, made here (ICC.1:2001-04, version
//! 2.1): no file of another's is carried along. Gray pages need no profile of
//! their own: DeviceGray is allowed under any PDF/A output intent.

/// What the profile describes, as registered with the ICC.
pub const CONDITION: &str = "sRGB IEC61966-2.1";

/// The white of the profile connection space, D50, as the standard writes it.
const D50: [i32; 3] = [0xF6D6, 0x1_0000, 0xD32D];

/// Red, green and blue of IEC 61966-2-1 adapted to D50 (Bradford), in
/// fifteen-and-sixteen bit fixed point: X, Y, Z of each.
const COLORANTS: [(&[u8; 4], [i32; 3]); 3] = [
    (b"rXYZ", [28_578, 14_581, 912]),
    (b"gXYZ", [25_241, 46_981, 6_362]),
    (b"bXYZ", [9_376, 3_972, 46_799]),
];

/// Points of the tone curve; the error between them stays under half of one
/// of 255 levels.
const CURVE_POINTS: u16 = 256;

/// The profile, about 1 KB.
pub fn srgb() -> Vec<u8> {
    let mut tags: Vec<(&[u8; 4], Vec<u8>)> = vec![
        (b"desc", description()),
        (b"cprt", text("No copyright, use freely")),
        (b"wtpt", xyz(D50)),
    ];
    tags.extend(COLORANTS.map(|(name, colorant)| (name, xyz(colorant))));
    let first_curve = tags.len();
    tags.push((b"rTRC", tone_curve()));

    let shared = [b"gTRC", b"bTRC"];
    let table_bytes = 4 + 12 * (tags.len() + shared.len());
    let mut table = u32_of(tags.len() + shared.len()).to_vec();
    let mut data = Vec::new();
    let mut entries = Vec::new();
    for (name, tag) in &tags {
        entries.push((*name, 128 + table_bytes + data.len(), tag.len()));
        data.extend_from_slice(tag);
        data.resize(data.len().next_multiple_of(4), 0);
    }
    let (_, offset, length) = entries[first_curve];
    entries.extend(shared.map(|name| (name, offset, length)));
    for (name, offset, length) in entries {
        table.extend_from_slice(name);
        table.extend_from_slice(&u32_of(offset));
        table.extend_from_slice(&u32_of(length));
    }
    [header(128 + table_bytes + data.len()), table, data].concat()
}

/// A display profile, RGB to XYZ, dated when this was written.
fn header(profile_bytes: usize) -> Vec<u8> {
    let mut header = Vec::with_capacity(128);
    header.extend_from_slice(&u32_of(profile_bytes));
    header.extend_from_slice(&[0; 4]);
    header.extend_from_slice(&[2, 0x10, 0, 0]);
    header.extend_from_slice(b"mntrRGB XYZ ");
    for part in [2026_u16, 11, 1, 0, 0, 0] {
        header.extend_from_slice(&part.to_be_bytes());
    }
    header.extend_from_slice(b"acsp");
    // Platform, flags, manufacturer, model, attributes, intent: none of them.
    header.extend_from_slice(&[0; 28]);
    for value in D50 {
        header.extend_from_slice(&value.to_be_bytes());
    }
    header.resize(128, 0);
    header
}

fn xyz(values: [i32; 3]) -> Vec<u8> {
    let mut tag = b"XYZ \0\0\0\0".to_vec();
    for value in values {
        tag.extend_from_slice(&value.to_be_bytes());
    }
    tag
}

fn text(words: &str) -> Vec<u8> {
    [b"text\0\0\0\0", words.as_bytes(), b"\0"].concat()
}

/// The name in ASCII; the Unicode and Macintosh forms the type also has are empty.
fn description() -> Vec<u8> {
    let mut tag = b"desc\0\0\0\0".to_vec();
    tag.extend_from_slice(&u32_of(CONDITION.len() + 1));
    tag.extend_from_slice(CONDITION.as_bytes());
    tag.push(0);
    tag.extend_from_slice(&[0; 4 + 4 + 2 + 1 + 67]);
    tag
}

fn tone_curve() -> Vec<u8> {
    let mut tag = b"curv\0\0\0\0".to_vec();
    tag.extend_from_slice(&u32::from(CURVE_POINTS).to_be_bytes());
    for point in 0..CURVE_POINTS {
        let coded = f64::from(point) / f64::from(CURVE_POINTS - 1);
        let light = linear(coded) * 65_535.0;
        // Within 0 to 65535 by the curve.
        tag.extend_from_slice(&(light.round() as u16).to_be_bytes());
    }
    tag
}

/// IEC 61966-2-1: coded value to light, both 0 to 1.
fn linear(coded: f64) -> f64 {
    if coded <= 0.040_45 { coded / 12.92 } else { ((coded + 0.055) / 1.055).powf(2.4) }
}

fn u32_of(value: usize) -> [u8; 4] {
    u32::try_from(value).expect("a profile of 1 KB").to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_profile_says_its_own_length_and_its_colours_add_up_to_white() {
        let profile = srgb();
        assert_eq!(profile[..4], u32_of(profile.len()));
        assert_eq!(&profile[36..40], b"acsp");
        for axis in 0..3 {
            let sum: i32 = COLORANTS.iter().map(|(_, colorant)| colorant[axis]).sum();
            assert!((sum - D50[axis]).abs() <= 20, "axis {axis}: {sum}");
        }
    }
}
