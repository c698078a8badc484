//! Where on a page bars or modules may stand: cheap, and generous. What is
//! found here is only worth a closer look; a page of text gives a handful.
//!
//! The page is cut into cells. Bars have edges in one direction only, whatever
//! that direction is, which the structure tensor of a neighbourhood shows; it
//! needs no guess of the angle. Matrix codes have edges in every direction, as
//! text has, but are half dark, which text is not.

use super::gray::Gray;

/// Pixels of the map on a cell's side.
const CELL: usize = 8;

/// Bars that may be a linear code or a PDF417: a rectangle whose `angle` is the
/// direction across the bars, in pixels of the map.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Stripe {
    pub center: (f32, f32),
    /// Radians clockwise on the page, −π/2 to π/2: from bar to bar.
    pub angle: f32,
    /// From the first bar to the last, about.
    pub length: f32,
    /// Of the bars, about.
    pub height: f32,
}

/// A patch of modules that may be a matrix code, in pixels of the map.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Block {
    pub left: usize,
    pub top: usize,
    pub right: usize,
    pub bottom: usize,
    /// How much of the box is busy and half dark, 0 to 1.
    solidity: f32,
    /// 0 to 1.
    darkness: f32,
    /// 1 where all edges have one direction.
    coherence: f32,
}

/// Measures of the map's cells, row by row.
pub(super) struct Cells {
    columns: usize,
    rows: usize,
    tensor: Vec<Tensor>,
    lightness: Vec<Lightness>,
    /// Edge strength that stands out from the paper's own grain.
    floor: f32,
}

/// Summed products of the two gradients.
#[derive(Debug, Clone, Copy, Default)]
struct Tensor {
    xx: f32,
    yy: f32,
    xy: f32,
}

#[derive(Debug, Clone, Copy)]
struct Lightness {
    darkest: u8,
    lightest: u8,
    mean: u8,
}

impl Tensor {
    fn energy(self) -> f32 {
        self.xx + self.yy
    }

    /// 1 where all edges have one direction, 0 where they have every direction.
    fn coherence(self) -> f32 {
        let (difference, energy) = (self.xx - self.yy, self.energy());
        if energy > 0.0 { difference.hypot(2.0 * self.xy) / energy } else { 0.0 }
    }

    /// Direction of the steepest change, radians clockwise.
    fn angle(self) -> f32 {
        0.5 * (2.0 * self.xy).atan2(self.xx - self.yy)
    }

    fn plus(self, other: Tensor) -> Tensor {
        Tensor { xx: self.xx + other.xx, yy: self.yy + other.yy, xy: self.xy + other.xy }
    }
}

impl Cells {
    /// Measures a page of at least 2×2 cells; `None` for a smaller one.
    pub fn of(map: &Gray) -> Option<Cells> {
        let (columns, rows) = ((map.width - 1) / CELL, (map.height - 1) / CELL);
        if columns < 2 || rows < 2 {
            return None;
        }
        let mut tensor = vec![Tensor::default(); columns * rows];
        let mut lightness = Vec::with_capacity(columns * rows);
        for row in 0..rows {
            let cells = &mut tensor[row * columns..][..columns];
            for y in row * CELL..(row + 1) * CELL {
                add_gradients(map.row(y), map.row(y + 1), cells);
            }
            lightness.extend((0..columns).map(|column| lightness_of(map, column, row)));
        }
        let floor = floor(&tensor);
        Some(Cells { columns, rows, tensor, lightness, floor })
    }

    /// Groups of cells with strong edges of one direction, strongest first.
    /// `reach` is how many cells around one are looked at with it: more for
    /// wider bars.
    pub fn stripes(&self, reach: usize) -> Vec<Stripe> {
        let smooth = self.smoothed(reach);
        let barred: Vec<bool> = smooth
            .iter()
            .map(|t| t.energy() > self.floor && t.coherence() > BARS_COHERENCE)
            .collect();
        let groups = self.groups(&barred, |a, b| {
            let (a, b) = (smooth[a], smooth[b]);
            (2.0 * (a.angle() - b.angle())).cos() > SAME_DIRECTION
        });
        let mut stripes: Vec<(f32, Stripe)> = Vec::new();
        for group in groups {
            let sum = group.iter().fold(Tensor::default(), |sum, i| sum.plus(self.tensor[*i]));
            let found = self.stripes_of(&group, sum.angle(), reach);
            stripes.extend(found.into_iter().map(|stripe| (sum.energy(), stripe)));
        }
        stripes.sort_by(|a, b| b.0.total_cmp(&a.0));
        stripes.into_iter().map(|(_, stripe)| stripe).collect()
    }

    /// The stripes of a group whose bars follow each other along `angle`: one,
    /// or several where a bridge between labels made one group of them.
    fn stripes_of(&self, group: &[usize], angle: f32, reach: usize) -> Vec<Stripe> {
        let (sin, cos) = angle.sin_cos();
        let place = |i: &usize| {
            let (x, y) = ((i % self.columns) as f32 + 0.5, (i / self.columns) as f32 + 0.5);
            (x * cos + y * sin, y * cos - x * sin)
        };
        let mut rest: Vec<(f32, f32)> = group.iter().map(place).collect();
        let mut stripes = Vec::new();
        for _ in 0..MOST_BRIDGED {
            let lines = widest_lines(rest.iter().map(|(_, v)| *v));
            let (inside, outside): (Vec<_>, Vec<_>) =
                rest.into_iter().partition(|(_, v)| lines.contains(*v));
            let Some((length, height, (u, v))) = extent_of_code(&inside, reach) else { break };
            let center = ((u * cos - v * sin) * CELL as f32, (u * sin + v * cos) * CELL as f32);
            let (length, height) = (length * CELL as f32, height * CELL as f32);
            stripes.push(Stripe { center, angle, length, height });
            rest = outside;
            if rest.is_empty() {
                break;
            }
        }
        stripes
    }

    /// Groups of busy, half dark cells of a matrix code's proportions, most
    /// promising first.
    pub fn blocks(&self) -> Vec<Block> {
        let half_dark: Vec<bool> = (0..self.tensor.len())
            .map(|i| {
                self.tensor[i].energy() > self.floor && self.darkness_around(i) > BLOCK_DARKNESS
            })
            .collect();
        let mut blocks: Vec<Block> = self
            .groups(&half_dark, |_, _| true)
            .iter()
            .map(|group| self.block(group))
            .filter(|b| b.is_plausible())
            .collect();
        blocks.sort_by(|a, b| b.promise().total_cmp(&a.promise()));
        blocks
    }

    fn block(&self, group: &[usize]) -> Block {
        let columns = group.iter().map(|i| i % self.columns);
        let rows = group.iter().map(|i| i / self.columns);
        let (left, right) = (columns.clone().min().unwrap_or(0), columns.max().unwrap_or(0) + 1);
        let (top, bottom) = (rows.clone().min().unwrap_or(0), rows.max().unwrap_or(0) + 1);
        let solidity = group.len() as f32 / ((right - left) * (bottom - top)) as f32;
        let sum = group.iter().fold(Tensor::default(), |sum, i| sum.plus(self.tensor[*i]));
        let darkness = group.iter().map(|i| self.darkness_around(*i)).sum::<f32>();
        Block {
            left: left * CELL,
            top: top * CELL,
            right: right * CELL,
            bottom: bottom * CELL,
            solidity,
            darkness: darkness / group.len() as f32,
            coherence: sum.coherence(),
        }
    }

    /// How dark the cells around one are between their own lightest and darkest
    /// pixel, 0 to 1: the mean of 3×3, or for a symbol of hardly more than two
    /// cells the darkest 2×2 of them, which white weakens less.
    fn darkness_around(&self, i: usize) -> f32 {
        let (mut darkest, mut lightest) = (255u8, 0u8);
        let (x, y) = (i % self.columns, i / self.columns);
        let mut means = [[None; 3]; 3];
        for (row, dy) in means.iter_mut().zip(0..) {
            for (mean, dx) in row.iter_mut().zip(0..) {
                let (x, y) = (x + dx, y + dy);
                if (1..=self.columns).contains(&x) && (1..=self.rows).contains(&y) {
                    let cell = self.lightness[(y - 1) * self.columns + x - 1];
                    darkest = darkest.min(cell.darkest);
                    lightest = lightest.max(cell.lightest);
                    *mean = Some(f32::from(cell.mean));
                }
            }
        }
        let range = f32::from(lightest) - f32::from(darkest);
        if range == 0.0 {
            return 0.0;
        }
        let darkness = |from: (usize, usize), size: usize| {
            let cells = means[from.1..from.1 + size].iter().flat_map(|r| &r[from.0..from.0 + size]);
            let (sum, count) =
                cells.flatten().fold((0.0, 0.0), |(sum, count), mean| (sum + mean, count + 1.0));
            (f32::from(lightest) - sum / count) / range
        };
        [(0, 0), (1, 0), (0, 1), (1, 1)]
            .into_iter()
            .map(|from| SMALL_SYMBOL * darkness(from, 2))
            .fold(darkness((0, 0), 3), f32::max)
    }

    fn smoothed(&self, reach: usize) -> Vec<Tensor> {
        let columns = self.columns;
        let mut across = vec![Tensor::default(); self.tensor.len()];
        for (i, sum) in across.iter_mut().enumerate() {
            let (x, start) = (i % columns, i - i % columns);
            let near = x.saturating_sub(reach)..(x + reach + 1).min(columns);
            *sum = self.tensor[start..][near].iter().fold(*sum, |s, t| s.plus(*t));
        }
        let scale = 1.0 / ((2 * reach + 1) * (2 * reach + 1)) as f32;
        (0..self.tensor.len())
            .map(|i| {
                let (x, y) = (i % columns, i / columns);
                let near = y.saturating_sub(reach)..(y + reach + 1).min(self.rows);
                let sum = near.fold(Tensor::default(), |s, y| s.plus(across[y * columns + x]));
                Tensor { xx: sum.xx * scale, yy: sum.yy * scale, xy: sum.xy * scale }
            })
            .collect()
    }

    /// Connected marked cells (eight neighbours) that `belong` together.
    fn groups(&self, marked: &[bool], belong: impl Fn(usize, usize) -> bool) -> Vec<Vec<usize>> {
        let mut seen = vec![false; marked.len()];
        let mut groups = Vec::new();
        for start in 0..marked.len() {
            if !marked[start] || seen[start] {
                continue;
            }
            seen[start] = true;
            let mut group = vec![start];
            let mut next = 0;
            while next < group.len() {
                let i = group[next];
                next += 1;
                self.around(i, 1, |j| {
                    if marked[j] && !seen[j] && belong(i, j) {
                        seen[j] = true;
                        group.push(j);
                    }
                });
            }
            groups.push(group);
        }
        groups
    }

    fn around(&self, i: usize, reach: usize, mut visit: impl FnMut(usize)) {
        let (x, y) = (i % self.columns, i / self.columns);
        for y in y.saturating_sub(reach)..(y + reach + 1).min(self.rows) {
            for x in x.saturating_sub(reach)..(x + reach + 1).min(self.columns) {
                visit(y * self.columns + x);
            }
        }
    }
}

/// Text lines measure 0.3 to 0.5, bars under noise 0.6 and more.
const BARS_COHERENCE: f32 = 0.55;
/// Cosine of twice the angle between neighbouring cells of one stripe: 15°.
const SAME_DIRECTION: f32 = 0.86;
/// Labels that touch in one group: a strip of them down the page.
const MOST_BRIDGED: usize = 12;
/// In cells: 0.3 in at the map's usual 150 dpi.
const SHORTEST_CODE: f32 = 6.0;
/// In cells. The start and stop of a PDF417 may show alone, so they must be as
/// high as its fewest rows.
const LOWEST_STACK: f32 = 5.0;
const LOWEST_STRIPE: f32 = 2.0;
/// Text measures 0.1 to 0.25, bold headings up to 0.3, modules 0.4 to 0.5
/// inside and less at the rim.
const BLOCK_DARKNESS: f32 = 0.28;
/// What the darkness of 2×2 cells counts against that of 3×3: words are as dark
/// as modules over so small a square, but not all of them.
const SMALL_SYMBOL: f32 = 0.75;
/// Mean squared gradient of the faintest edges worth a look: a step of 12 gray
/// levels in each fourth pixel.
const FAINTEST: f32 = 150.0;

impl Block {
    /// Words are long, and mostly upright strokes.
    fn is_plausible(&self) -> bool {
        let (short, long) = self.sides();
        short >= 2 * CELL
            && 5 * long <= 11 * short
            && self.solidity > 0.4
            && self.darkness > 0.31
            && self.coherence < 0.5
    }

    /// Square, half dark all over and with edges in every direction.
    pub fn is_promising(&self) -> bool {
        let (short, long) = self.sides();
        2 * long <= 3 * short
            && short >= 2 * CELL
            && self.solidity > 0.55
            && self.darkness > 0.33
            && self.coherence < 0.45
    }

    fn promise(&self) -> f32 {
        let (short, long) = self.sides();
        self.darkness * (1.0 - self.coherence) * self.solidity * (short as f32 / long as f32)
    }

    fn sides(&self) -> (usize, usize) {
        let (width, height) = (self.right - self.left, self.bottom - self.top);
        (width.min(height), width.max(height))
    }
}

/// Length, height and middle of cells that fill a rectangle as bars do, along
/// and across them.
fn extent_of_code(cells: &[(f32, f32)], reach: usize) -> Option<(f32, f32, (f32, f32))> {
    let (mut along, mut across) = (Span::EMPTY, Span::EMPTY);
    for (u, v) in cells {
        along.take(*u);
        across.take(*v);
    }
    let (length, height) = (along.length() + 1.0, across.length() + 1.0);
    let filled = cells.len() as f32 / (length * height);
    // Looking around makes every stripe longer by as much.
    let around = 2.0 * reach as f32;
    let code = length >= SHORTEST_CODE + around;
    let end_of_stack = reach == 1 && length >= 5.0 && height >= LOWEST_STACK;
    let is_code = (code || end_of_stack) && height >= LOWEST_STRIPE && filled >= 0.35;
    is_code.then(|| (length, height, (along.middle(), across.middle())))
}

/// A streak of the scanner through a code makes a group of it with long thin
/// tails: the lines that are nearly as full as the fullest, and side by side.
fn widest_lines(places: impl Iterator<Item = f32> + Clone) -> Span {
    let mut whole = Span::EMPTY;
    places.clone().for_each(|place| whole.take(place));
    let mut counts = vec![0u32; whole.length() as usize + 1];
    places.for_each(|place| counts[(place - whole.from) as usize] += 1);
    let (fullest, most) =
        counts.iter().enumerate().max_by_key(|(_, count)| **count).map_or((0, 0), |(i, n)| (i, *n));
    let is_full = |i: &usize| 5 * counts[*i] > 2 * most;
    let from = (0..fullest).rev().take_while(is_full).last().unwrap_or(fullest);
    let to = (fullest..counts.len()).take_while(is_full).last().unwrap_or(fullest);
    Span { from: whole.from + from as f32, to: whole.from + to as f32 + 1.0 }
}

#[derive(Clone, Copy)]
struct Span {
    from: f32,
    to: f32,
}

impl Span {
    const EMPTY: Span = Span { from: f32::INFINITY, to: f32::NEG_INFINITY };

    fn take(&mut self, value: f32) {
        self.from = self.from.min(value);
        self.to = self.to.max(value);
    }

    fn length(self) -> f32 {
        self.to - self.from
    }

    fn middle(self) -> f32 {
        (self.to + self.from) / 2.0
    }

    fn contains(self, value: f32) -> bool {
        (self.from..=self.to).contains(&value)
    }
}

/// Gradients over 2×2 pixels, so that both stand at the same point.
fn add_gradients(upper: &[u8], lower: &[u8], cells: &mut [Tensor]) {
    for (column, cell) in cells.iter_mut().enumerate() {
        let upper = &upper[column * CELL..][..CELL + 1];
        let lower = &lower[column * CELL..][..CELL + 1];
        let (mut xx, mut yy, mut xy) = (0i32, 0i32, 0i32);
        for i in 0..CELL {
            let falling = i32::from(lower[i + 1]) - i32::from(upper[i]);
            let rising = i32::from(upper[i + 1]) - i32::from(lower[i]);
            let (x, y) = (falling + rising, falling - rising);
            xx += x * x;
            yy += y * y;
            xy += x * y;
        }
        cell.xx += xx as f32;
        cell.yy += yy as f32;
        cell.xy += xy as f32;
    }
}

fn lightness_of(map: &Gray, column: usize, row: usize) -> Lightness {
    let (mut darkest, mut lightest, mut sum) = (255u8, 0u8, 0u32);
    for y in row * CELL..(row + 1) * CELL {
        for pixel in &map.row(y)[column * CELL..][..CELL] {
            darkest = darkest.min(*pixel);
            lightest = lightest.max(*pixel);
            sum += u32::from(*pixel);
        }
    }
    Lightness { darkest, lightest, mean: (sum / (CELL * CELL) as u32) as u8 }
}

/// The quietest tenth of the cells is paper, even where a picture is all code:
/// four times its energy is above the paper's grain.
fn floor(tensor: &[Tensor]) -> f32 {
    let mut energies: Vec<f32> = tensor.iter().map(|t| t.energy()).collect();
    let tenth = energies.len() / 10;
    let (_, quiet, _) = energies.select_nth_unstable_by(tenth, f32::total_cmp);
    (4.0 * *quiet).max(FAINTEST * (CELL * CELL) as f32)
}
