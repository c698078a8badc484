//! A pen script: letters as strokes on a small grid, joined by curves and made
//! unsteady. Drawn for these fixtures.

use outguide::pdf::paper::{Ink, PaperPage, PointMm};

use crate::chance::Chance;

/// Strokes of a letter: each a word of point pairs, x from 0 to 5, y from 0
/// (ascender) over 3 (x-height) and 7 (baseline) to 9 (descender).
fn strokes(letter: char) -> &'static str {
    match letter {
        'a' => "4323152746 4347",
        'b' => "1017 1433453717",
        'c' => "4323152747",
        'd' => "4323152746 4047",
        'e' => "154543231527 2747",
        'f' => "40302127 1343",
        'g' => "4323152746 43483919",
        'h' => "1017 14334447",
        'i' => "2327 2021",
        'j' => "33383919 3031",
        'k' => "1017 431547",
        'l' => "202637",
        'm' => "1317 14233437 34435457",
        'n' => "1317 14334447",
        'o' => "33141637464433",
        'p' => "1319 1433453717",
        'q' => "4323152746 4349",
        'r' => "1317 143343",
        's' => "4323144637 3717",
        't' => "20263747 1343",
        'u' => "13162746 4347",
        'v' => "132743",
        'w' => "1327344753",
        'x' => "1347 4317",
        'y' => "1336 4319",
        'z' => "13431747",
        'A' => "072047 1444",
        'B' => "1017 1030413313 33453717",
        'C' => "413012153746",
        'D' => "1017 103042453717",
        'E' => "40101747 1333",
        'F' => "401017 1333",
        'G' => "4130121537464434",
        'H' => "1017 4047 1343",
        'I' => "2027",
        'J' => "4046372716",
        'K' => "1017 4013 1347",
        'L' => "101747",
        'M' => "1710345057",
        'N' => "17104740",
        'O' | '0' => "30121537454230",
        'P' => "17103041423313",
        'Q' => "30121537454230 3547",
        'R' => "17103041423313 2347",
        'S' => "413011453716",
        'T' => "1050 3037",
        'U' => "1015374540",
        'V' => "103750",
        'W' => "1027344750",
        'X' => "1047 4017",
        'Y' => "103350 3337",
        'Z' => "10401747",
        '1' => "123037",
        '2' => "1130421747",
        '3' => "104023453716",
        '4' => "301555 4347",
        '5' => "40101333453717",
        '6' => "40141637453415",
        '7' => "104027",
        '8' => "331230423315374533",
        '9' => "423012234237",
        '.' => "2627",
        ',' => "2638",
        '-' => "1535",
        '/' => "4017",
        ':' => "2425 2627",
        '+' => "1545 3337",
        _ => "",
    }
}

/// One unit of the grid.
const UNIT_MM: f64 = 0.62;

/// Writes a line, its baseline starting at `at`.
pub fn write(page: &mut PaperPage, at: PointMm, text: &str, ink: Ink, chance: &mut Chance) {
    let mut x = at.x;
    let mut drift = 0.0;
    for letter in text.chars() {
        drift = (drift + chance.normal() * 0.12) * 0.9;
        let size = UNIT_MM * chance.between(0.93, 1.07);
        let mut widest = 2.0;
        for stroke in strokes(letter).split(' ').filter(|s| !s.is_empty()) {
            let points = grid(stroke);
            widest = points.iter().fold(widest, |w: f64, p| w.max(p.0));
            let pen: Vec<PointMm> = curve(&points)
                .into_iter()
                .map(|(gx, gy)| {
                    let lean = (7.0 - gy) * 0.22;
                    let shake = chance.normal() * 0.035;
                    PointMm::new(
                        x + (gx + lean) * size + shake,
                        at.y + drift + (gy - 7.0) * size + chance.normal() * 0.035,
                    )
                })
                .collect();
            page.stroke(pen, chance.between(0.38, 0.5), ink);
        }
        x += (widest + chance.between(0.75, 1.1)) * size;
    }
}

fn grid(stroke: &str) -> Vec<(f64, f64)> {
    let digit = |b: u8| f64::from(b - b'0');
    stroke.as_bytes().chunks_exact(2).map(|p| (digit(p[0]), digit(p[1]))).collect()
}

/// Catmull–Rom through the points.
fn curve(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let last = points.len() - 1;
    let at = |i: isize| points[i.clamp(0, last as isize) as usize];
    let mut through = vec![points[0]];
    for i in 0..last as isize {
        let (a, b, c, d) = (at(i - 1), at(i), at(i + 1), at(i + 2));
        for step in 1..=5 {
            let t = f64::from(step) / 5.0;
            let blend = |a: f64, b: f64, c: f64, d: f64| {
                let bend = 2.0 * a - 5.0 * b + 4.0 * c - d;
                let rest = 3.0 * b - a - 3.0 * c + d;
                b + 0.5 * t * (c - a + t * (bend + t * rest)) * 0.8 + 0.2 * t * (c - b)
            };
            through.push((blend(a.0, b.0, c.0, d.0), blend(a.1, b.1, c.1, d.1)));
        }
    }
    through
}
