//! Ink that hangs together: connected runs of black and their bounds.

use crate::imaging::runs::{blacken, find_changes};
use crate::records::raster::{PixelFormat, Raster};

/// Pixels that touch, corners included. Right and bottom are exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Blob {
    pub left: u32,
    pub top: u32,
    pub right: u32,
    pub bottom: u32,
    /// Black pixels.
    pub area: u32,
}

impl Blob {
    pub(super) fn width(&self) -> u32 {
        self.right - self.left
    }

    pub(super) fn height(&self) -> u32 {
        self.bottom - self.top
    }

    pub(super) fn longer_side(&self) -> u32 {
        self.width().max(self.height())
    }

    pub(super) fn shorter_side(&self) -> u32 {
        self.width().min(self.height())
    }
}

struct Run {
    y: u32,
    from: u32,
    to: u32,
    blob: u32,
}

/// All blobs of a bitonal raster.
pub(super) struct Blobs {
    runs: Vec<Run>,
    blobs: Vec<Blob>,
}

impl Blobs {
    pub(super) fn of(raster: &Raster) -> Blobs {
        let mut runs: Vec<Run> = Vec::new();
        // Which run each run was found to touch, in the end the blob's first.
        let mut parents: Vec<u32> = Vec::new();
        let mut changes = Vec::new();
        let mut above = 0..0;
        for y in 0..raster.height() {
            find_changes(raster.row(y), raster.width(), &mut changes);
            let start = runs.len();
            let mut near = above.start;
            for pair in changes.chunks(2) {
                let (from, to) = (pair[0], pair.get(1).copied().unwrap_or(raster.width()));
                let this = runs.len() as u32;
                parents.push(this);
                while near < above.end && runs[near].to < from {
                    near += 1;
                }
                let mut touching = near;
                while touching < above.end && runs[touching].from <= to {
                    join(&mut parents, touching as u32, this);
                    touching += 1;
                }
                runs.push(Run { y, from, to, blob: 0 });
            }
            above = start..runs.len();
        }
        let blobs = gathered(&mut runs, &mut parents);
        Blobs { runs, blobs }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Blob> {
        self.blobs.iter()
    }

    /// A raster of the same size as `like` with only the blobs that are kept.
    pub(super) fn painted(&self, like: &Raster, keep: impl Fn(&Blob) -> bool) -> Raster {
        let kept: Vec<bool> = self.blobs.iter().map(keep).collect();
        let stride = PixelFormat::Bitonal.row_bytes(like.width());
        let mut pixels = vec![0; stride * like.height() as usize];
        for run in self.runs.iter().filter(|run| kept[run.blob as usize]) {
            blacken(&mut pixels[run.y as usize * stride..][..stride], run.from, run.to);
        }
        Raster::new(like.width(), like.height(), like.dpi(), PixelFormat::Bitonal, pixels)
            .expect("the same size as before")
    }
}

fn root(parents: &mut [u32], mut run: u32) -> u32 {
    while parents[run as usize] != run {
        let above = parents[parents[run as usize] as usize];
        parents[run as usize] = above;
        run = above;
    }
    run
}

fn join(parents: &mut [u32], a: u32, b: u32) {
    let (a, b) = (root(parents, a), root(parents, b));
    parents[a.max(b) as usize] = a.min(b);
}

fn gathered(runs: &mut [Run], parents: &mut [u32]) -> Vec<Blob> {
    let mut blobs: Vec<Blob> = Vec::new();
    // The blob's first run comes before its others, so its number is known.
    for index in 0..runs.len() {
        let first = root(parents, index as u32) as usize;
        let run = &runs[index];
        let (from, to, y) = (run.from, run.to, run.y);
        let number = if first == index {
            blobs.push(Blob { left: from, top: y, right: to, bottom: y + 1, area: 0 });
            blobs.len() as u32 - 1
        } else {
            runs[first].blob
        };
        runs[index].blob = number;
        let blob = &mut blobs[number as usize];
        blob.left = blob.left.min(from);
        blob.right = blob.right.max(to);
        blob.bottom = y + 1;
        blob.area += to - from;
    }
    blobs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::raster::Dpi;

    fn bits(rows: &[u16]) -> Raster {
        let pixels = rows.iter().flat_map(|row| row.to_be_bytes()).collect();
        Raster::new(16, rows.len() as u32, Dpi(150), PixelFormat::Bitonal, pixels).unwrap()
    }

    #[test]
    fn ink_that_touches_even_at_a_corner_is_one_blob() {
        let raster = bits(&[
            0b1100_0000_0000_0001, //
            0b0010_0000_1000_0001,
            0b0001_0001_1000_0000,
            0b0000_0000_0000_0110,
        ]);
        let blobs = Blobs::of(&raster);
        let found: Vec<_> =
            blobs.iter().map(|b| (b.left, b.top, b.right, b.bottom, b.area)).collect();
        assert_eq!(found, [(0, 0, 4, 3, 4), (15, 0, 16, 2, 2), (7, 1, 9, 3, 3), (13, 3, 15, 4, 2)]);
    }

    #[test]
    fn arms_that_meet_at_the_bottom_are_one_blob() {
        let raster = bits(&[0b1010_1000_0000_0000, 0b1010_1000_0000_0000, 0b1111_1000_0000_0000]);
        let blobs = Blobs::of(&raster);
        assert_eq!(blobs.iter().map(|blob| blob.area).collect::<Vec<_>>(), [11]);
        assert!(blobs.painted(&raster, |_| true) == raster);
        assert!(blobs.painted(&raster, |_| false).pixels().iter().all(|&byte| byte == 0));
    }
}
