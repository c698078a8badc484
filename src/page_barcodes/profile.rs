//! The bars of a stripe added up along their length: one line that shows them
//! with the noise averaged away, its blur taken back, and where its edges are.

use super::gray::{Frame, Gray};

/// Lines sampled across the height of the bars.
const MOST_LINES: usize = 96;
/// Lines that tell bars from text.
const FEW_LINES: usize = 12;
/// Pixels of the page between two samples of a line.
const STEP: f32 = 0.5;

/// A stripe, aligned to its bars: lines of samples from bar to bar.
pub(super) struct Bars {
    /// Where the lines lie on the page.
    pub frame: Frame,
    samples: usize,
    /// Line after line.
    lines: Vec<f32>,
}

/// A part of the bars' height, in lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Band {
    pub from: usize,
    pub to: usize,
}

impl Band {
    pub fn overlaps(self, other: Band) -> bool {
        self.from < other.to && other.from < self.to
    }
}

/// How the lines of a band become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Combine {
    Mean,
    /// Ignores streaks and handwriting across a minority of the lines.
    Median,
}

impl Bars {
    /// Samples `frame` and turns it until the bars stand upright in it, by at
    /// most three degrees. `None` where adding up the lines leaves nothing: no bars.
    pub fn align(page: &Gray, frame: Frame) -> Option<Bars> {
        let mut frame = frame;
        if Bars::sample(page, frame, FEW_LINES).best_uprightness() < LEAST_UPRIGHT {
            return None;
        }
        for (widest, step) in [(0.05f32, 0.0125f32), (0.009, 0.003)] {
            let bars = Bars::sample(page, frame, 24);
            let angle = frame.angle + bars.best_turn(widest, step);
            frame = Frame::around(frame.center(), angle, frame.width, frame.height);
        }
        let bars = Bars::sample(page, frame, MOST_LINES);
        (bars.uprightness() > LEAST_UPRIGHT).then_some(bars)
    }

    fn sample(page: &Gray, frame: Frame, most_lines: usize) -> Bars {
        let samples = ((frame.width / STEP) as usize).max(8);
        let count = (frame.height as usize).clamp(4, most_lines);
        let mut lines = Vec::with_capacity(samples * count);
        let (sin, cos) = frame.angle.sin_cos();
        for line in 0..count {
            let (x, y) = frame.on_page(0.0, (line as f32 + 0.5) * frame.height / count as f32);
            lines.extend((0..samples).map(|i| {
                let along = i as f32 * STEP;
                page.at_inside(x + along * cos, y + along * sin).unwrap_or(f32::NAN)
            }));
        }
        fill_with_paper(&mut lines);
        Bars { frame, samples, lines }
    }

    fn count(&self) -> usize {
        self.lines.len() / self.samples
    }

    fn line(&self, line: usize) -> &[f32] {
        &self.lines[line * self.samples..][..self.samples]
    }

    /// The turn, in radians, that makes the summed line steepest.
    fn best_turn(&self, widest: f32, step: f32) -> f32 {
        self.steepest(widest, step).1
    }

    /// What [`Bars::uprightness`] may become by turning.
    fn best_uprightness(&self) -> f32 {
        let single: f32 = (0..self.count()).map(|line| edge_energy(self.line(line))).sum();
        let (steepest, _) = self.steepest(0.05, 0.0125);
        if single > 0.0 { steepest / (self.count() as f32 * single) } else { 0.0 }
    }

    fn steepest(&self, widest: f32, step: f32) -> (f32, f32) {
        let spacing = self.frame.height / self.count() as f32;
        let middle = self.count() as f32 / 2.0;
        let steps = (widest / step).round() as i32;
        let steepness = |turn: f32| {
            let mut sum = vec![0.0; self.samples];
            for line in 0..self.count() {
                // A bar at `x` of the turned frame is at `x − y·turn` of this one.
                let shift = (line as f32 + 0.5 - middle) * spacing * turn / STEP;
                add_shifted(&mut sum, self.line(line), shift.round() as isize);
            }
            edge_energy(&sum)
        };
        (-steps..=steps)
            .map(|i| i as f32 * step)
            .map(|turn| (steepness(turn), turn))
            .max_by(|a, b| a.0.total_cmp(&b.0))
            .unwrap_or((0.0, 0.0))
    }

    /// Edge energy of the mean line over that of the single lines, 0 to 1.
    fn uprightness(&self) -> f32 {
        let all = Band { from: 0, to: self.count() };
        let single: f32 = (0..self.count()).map(|line| edge_energy(self.line(line))).sum();
        let mean = edge_energy(&self.combined(all, Combine::Mean));
        if single > 0.0 { mean * self.count() as f32 / single } else { 0.0 }
    }

    /// The longest run of lines that show the same bars as the whole.
    pub fn barred(&self) -> Band {
        let all = Band { from: 0, to: self.count() };
        let mean = self.combined(all, Combine::Mean);
        let likeness: Vec<f32> =
            (0..self.count()).map(|line| correlation(self.line(line), &mean)).collect();
        let best = likeness.iter().copied().fold(0.0, f32::max);
        let most_gap = self.count() / 16;
        let mut runs: Vec<Band> = Vec::new();
        for (line, likeness) in likeness.iter().enumerate() {
            if *likeness <= 0.5 * best {
                continue;
            }
            match runs.last_mut() {
                Some(run) if line - run.to <= most_gap => run.to = line + 1,
                Some(_) | None => runs.push(Band { from: line, to: line + 1 }),
            }
        }
        runs.into_iter().max_by_key(|run| run.to - run.from).unwrap_or(all)
    }

    /// Where the bars change on the way down, as where one label stands under
    /// another: a frame for each kind of them. One frame alone is the whole.
    pub fn layers(&self) -> Vec<Frame> {
        let bands = self.alike();
        if bands.len() < 2 {
            return vec![self.frame];
        }
        let spacing = self.frame.height / self.count() as f32;
        let frame = |band: &Band| {
            let (top, height) =
                (band.from as f32 * spacing, (band.to - band.from) as f32 * spacing);
            self.frame.part(0.0, top, self.frame.width, height)
        };
        bands.iter().map(frame).collect()
    }

    /// Runs of lines that go on alike.
    fn alike(&self) -> Vec<Band> {
        let count = self.count();
        if count < 4 * COMPARED_LINES {
            return Vec::new();
        }
        let means: Vec<Vec<f32>> = (0..=count - COMPARED_LINES)
            .map(|from| self.combined(Band { from, to: from + COMPARED_LINES }, Combine::Mean))
            .collect();
        let likeness: Vec<f32> = means
            .iter()
            .zip(&means[COMPARED_LINES..])
            .map(|(above, below)| correlation(above, below))
            .collect();
        let best = likeness.iter().copied().fold(0.0, f32::max);
        let mut bands: Vec<Band> = Vec::new();
        for (from, _) in likeness.iter().enumerate().filter(|(_, like)| **like > 0.5 * best) {
            let to = from + 2 * COMPARED_LINES;
            match bands.last_mut() {
                Some(band) if from < band.to - COMPARED_LINES => band.to = to,
                Some(_) | None => bands.push(Band { from, to }),
            }
        }
        bands
    }

    /// The lines of a band as one.
    pub fn combined(&self, band: Band, combine: Combine) -> Vec<f32> {
        match combine {
            Combine::Mean => {
                let mut sum = vec![0.0; self.samples];
                for line in band.from..band.to {
                    add_shifted(&mut sum, self.line(line), 0);
                }
                let scale = 1.0 / (band.to - band.from).max(1) as f32;
                sum.iter_mut().for_each(|s| *s *= scale);
                sum
            }
            Combine::Median => {
                let mut column = Vec::with_capacity(band.to - band.from);
                (0..self.samples)
                    .map(|i| {
                        column.clear();
                        column.extend((band.from..band.to).map(|line| self.line(line)[i]));
                        let middle = column.len() / 2;
                        *column.select_nth_unstable_by(middle, f32::total_cmp).1
                    })
                    .collect()
            }
        }
    }

    /// Whether the bars show the start or stop pattern of a PDF417, which is the
    /// same in all of its rows: eight or seven modules dark, then or before them
    /// single ones.
    pub fn shows_pdf417(&self) -> bool {
        const PATTERNS: [[f32; 8]; 4] = [
            [8.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 3.0],
            [3.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 8.0],
            [7.0, 1.0, 1.0, 3.0, 1.0, 1.0, 1.0, 2.0],
            [2.0, 1.0, 1.0, 1.0, 3.0, 1.0, 1.0, 7.0],
        ];
        let shows = |band: &Band| {
            let line = self.combined(*band, Combine::Mean);
            let matches = |edges: &[f32]| {
                let widths: Vec<f32> = edges.windows(2).map(|e| e[1] - e[0]).collect();
                let long = edges.last().unwrap_or(&0.0) - edges.first().unwrap_or(&0.0);
                widths.windows(8).any(|w| {
                    let module = w.iter().sum::<f32>() / 17.0;
                    let is_like =
                        |p: &[f32; 8]| w.iter().zip(p).all(|(w, p)| (w / module - p).abs() < 0.6);
                    long > FEWEST_STACK_MODULES * module && PATTERNS.iter().any(is_like)
                })
            };
            let seen = edges(&line, 0.2);
            // The widest elements survive any blur; without them nothing is hidden.
            matches(&seen)
                || seen.len() >= 4
                    && [1.5, 2.5].iter().any(|blur| matches(&edges(&sharpened(&line, *blur), 0.2)))
        };
        let count = self.count();
        let thirds = (0..3).map(|i| Band { from: count * i / 3, to: count * (i + 1) / 3 });
        shows(&Band { from: 0, to: count }) || thirds.filter(shows).count() >= 2
    }

    /// The bars with all that goes on half dark at both ends: the codewords of a
    /// PDF417 have edges along its rows too, so it may show in parts. `None` where
    /// no end is in sight.
    pub fn to_the_quiet_zones(&self, page: &Gray) -> Option<Bars> {
        let (middle, width) = (self.frame.width / 2.0, self.frame.width);
        let left = self.reach(page, -1.0)?.max(middle);
        let right = self.reach(page, 1.0)?.max(width - middle);
        let grown = self.frame.part(middle - left, 0.0, left + right, self.frame.height);
        Some(Bars::sample(page, grown, FEW_LINES * 2))
    }

    /// Pixels of the page from the middle of the frame to where the dark ends.
    fn reach(&self, page: &Gray, direction: f32) -> Option<f32> {
        let (light, dark) = (percentile(&self.lines, 0.9), percentile(&self.lines, 0.1));
        let is_busy = |along: f32| {
            let points = (0..QUIET_POINTS).map(|i| {
                let down = (i as f32 + 0.5) * self.frame.height / QUIET_POINTS as f32;
                let (x, y) = self.frame.on_page(along, down);
                page.at(x, y)
            });
            light - points.sum::<f32>() / QUIET_POINTS as f32 > 0.2 * (light - dark)
        };
        let longest = LONGEST_STACK * self.frame.height;
        let (mut end, mut distance) = (0.0, 0.0);
        while distance - end < QUIET_PIXELS {
            distance += 2.0;
            if distance > longest {
                return None;
            }
            if is_busy(self.frame.width / 2.0 + direction * distance) {
                end = distance;
            }
        }
        Some(end)
    }

    /// Samples and lines as pixels of the frame.
    pub fn in_frame(&self, sample: f32, line: usize) -> (f32, f32) {
        (sample * STEP, line as f32 * self.frame.height / self.count() as f32)
    }
}

/// Lines above and below a place that tell whether the bars change there.
const COMPARED_LINES: usize = 3;
/// Modules of the narrowest PDF417, with some lost: start, left row indicator,
/// one column, right row indicator, stop.
const FEWEST_STACK_MODULES: f32 = 75.0;
/// Points across the bars' height that tell print from paper.
const QUIET_POINTS: usize = 24;
/// White pixels of the page that end a code: more than its widest space.
const QUIET_PIXELS: f32 = 36.0;
/// Heights of a PDF417 from its middle to its end: it may be ten times as long
/// as it is high.
const LONGEST_STACK: f32 = 6.0;

/// Text measures 0.05 to 0.15 over its lines, bars in heavy noise 0.3.
const LEAST_UPRIGHT: f32 = 0.18;

/// Around the page is paper: a code may be cut out close.
fn fill_with_paper(lines: &mut [f32]) {
    if lines.iter().any(|v| v.is_nan()) {
        let inside: Vec<f32> = lines.iter().copied().filter(|v| !v.is_nan()).collect();
        let paper = if inside.is_empty() { 255.0 } else { percentile(&inside, 0.9) };
        lines.iter_mut().filter(|v| v.is_nan()).for_each(|v| *v = paper);
    }
}

fn add_shifted(sum: &mut [f32], line: &[f32], shift: isize) {
    let length = sum.len();
    let start = shift.unsigned_abs().min(length);
    let (to, from) = if shift >= 0 {
        (&mut sum[start..], &line[..length - start])
    } else {
        (&mut sum[..length - start], &line[start..])
    };
    to.iter_mut().zip(from).for_each(|(s, v)| *s += v);
}

fn edge_energy(line: &[f32]) -> f32 {
    let step = (1.0 / STEP) as usize;
    line.iter().zip(&line[step..]).map(|(a, b)| (a - b) * (a - b)).sum()
}

fn correlation(a: &[f32], b: &[f32]) -> f32 {
    let count = a.len() as f32;
    let (mean_a, mean_b) = (a.iter().sum::<f32>() / count, b.iter().sum::<f32>() / count);
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (a, b) in a.iter().zip(b) {
        let (a, b) = (a - mean_a, b - mean_b);
        ab += a * b;
        aa += a * a;
        bb += b * b;
    }
    if aa > 0.0 && bb > 0.0 { ab / (aa * bb).sqrt() } else { 0.0 }
}

/// Takes back a Gaussian blur of `sigma` pixels of the page from a line: the
/// line between its paper's and its ink's gray that, blurred again, comes
/// nearest (projected gradient with Nesterov's momentum). The two bounds are
/// what makes it stable: print is black or white.
pub(super) fn sharpened(line: &[f32], sigma: f32) -> Vec<f32> {
    let (ink, paper) = (percentile(line, 0.02), percentile(line, 0.98));
    let kernel = gaussian(sigma / STEP);
    let mut estimate = line.to_vec();
    let mut ahead = line.to_vec();
    let mut momentum = 1.0f32;
    for _ in 0..SHARPENING_ROUNDS {
        let again = convolved(&ahead, &kernel);
        let wrong: Vec<f32> = line.iter().zip(&again).map(|(l, a)| l - a).collect();
        let correction = convolved(&wrong, &kernel);
        let next_momentum = (1.0 + (1.0 + 4.0 * momentum * momentum).sqrt()) / 2.0;
        let carry = (momentum - 1.0) / next_momentum;
        momentum = next_momentum;
        for ((ahead, estimate), correction) in ahead.iter_mut().zip(&mut estimate).zip(&correction)
        {
            let next = (*ahead + correction).clamp(ink, paper);
            *ahead = next + carry * (next - *estimate);
            *estimate = next;
        }
    }
    estimate
}

/// More rounds sharpen further, and the noise too.
const SHARPENING_ROUNDS: usize = 40;

/// Half of a symmetric kernel, its centre first.
fn gaussian(sigma: f32) -> Vec<f32> {
    let reach = (3.0 * sigma).ceil() as i32;
    let mut kernel: Vec<f32> =
        (0..=reach).map(|i| (-0.5 * (i as f32 / sigma).powi(2)).exp()).collect();
    let sum = kernel[0] + 2.0 * kernel[1..].iter().sum::<f32>();
    kernel.iter_mut().for_each(|k| *k /= sum);
    kernel
}

fn convolved(line: &[f32], half_kernel: &[f32]) -> Vec<f32> {
    let reach = half_kernel.len() - 1;
    let mut padded = vec![line[0]; reach];
    padded.extend_from_slice(line);
    padded.extend(std::iter::repeat_n(line[line.len() - 1], reach));
    let mut sum: Vec<f32> = line.iter().map(|v| v * half_kernel[0]).collect();
    for (distance, weight) in half_kernel.iter().enumerate().skip(1) {
        let (before, after) = (&padded[reach - distance..], &padded[reach + distance..]);
        sum.iter_mut().zip(before.iter().zip(after)).for_each(|(s, (b, a))| *s += weight * (b + a));
    }
    sum
}

/// Positions, in samples, at which a line turns dark, light, dark, …: between
/// each two extremes that differ by at least `prominence` (a part of the line's
/// whole range), where it passes the middle between them.
pub(super) fn edges(line: &[f32], prominence: f32) -> Vec<f32> {
    let few: Vec<f32> = line.iter().step_by(line.len() / 256 + 1).copied().collect();
    let range = percentile(&few, 0.98) - percentile(&few, 0.02);
    let extremes = extremes(line, prominence * range);
    extremes.windows(2).filter_map(|pair| crossing(line, pair[0], pair[1])).collect()
}

/// Indices of alternating maxima and minima, a maximum (light) first and last.
fn extremes(line: &[f32], least: f32) -> Vec<usize> {
    let mut found = Vec::new();
    // The line is taken to start in the light: a minimum is looked for.
    let (mut extreme, mut falling) = (0, true);
    for (i, value) in line.iter().enumerate() {
        let passed = if falling { line[extreme] - value } else { value - line[extreme] };
        if passed <= 0.0 {
            extreme = i;
        } else if passed >= least {
            found.push(extreme);
            (extreme, falling) = (i, !falling);
        }
    }
    if falling {
        found.push(extreme);
    }
    found
}

fn crossing(line: &[f32], from: usize, to: usize) -> Option<f32> {
    let middle = (line[from] + line[to]) / 2.0;
    let falling = line[from] > line[to];
    (from..to).find_map(|i| {
        let (a, b) = (line[i], line[i + 1]);
        let passes = if falling { a >= middle && b < middle } else { a <= middle && b > middle };
        passes.then(|| i as f32 + (middle - a) / (b - a))
    })
}

fn percentile(line: &[f32], part: f32) -> f32 {
    let mut sorted = line.to_vec();
    let i = ((sorted.len() - 1) as f32 * part) as usize;
    *sorted.select_nth_unstable_by(i, f32::total_cmp).1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar_line(widths: &[usize]) -> Vec<f32> {
        let mut line = vec![255.0; 40];
        for (i, width) in widths.iter().enumerate() {
            line.extend(std::iter::repeat_n(if i % 2 == 0 { 0.0 } else { 255.0 }, *width));
        }
        line.extend([255.0; 40]);
        line
    }

    #[test]
    fn edges_stand_where_the_bars_begin_and_end() {
        let edges = edges(&bar_line(&[6, 12, 18, 6, 6]), 0.2);
        let widths: Vec<f32> = edges.windows(2).map(|e| e[1] - e[0]).collect();
        assert_eq!(widths, [6.0, 12.0, 18.0, 6.0, 6.0]);
    }

    #[test]
    fn a_blurred_line_gets_its_narrow_bars_back() {
        let widths = [8, 8, 8, 24, 8, 8, 16, 8, 8];
        let blurred = convolved(&bar_line(&widths), &gaussian(5.0));
        assert!(edges(&blurred, 0.2).len() < widths.len(), "blur alone must lose bars");
        let edges = edges(&sharpened(&blurred, 5.0 * STEP), 0.2);
        assert_eq!(edges.len(), widths.len() + 1);
        for (edge, width) in edges.windows(2).zip(widths) {
            assert!((edge[1] - edge[0] - width as f32).abs() < 2.5, "{edges:?}");
        }
    }
}
