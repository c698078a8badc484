//! Rows of black and white as runs of one colour.

/// Where the colour changes along a row that starts white: to black at even
/// indices, to white at odd ones, all left of `width`.
pub(super) fn find_changes(row: &[u8], width: u32, changes: &mut Vec<u32>) {
    changes.clear();
    let mut previous = 0u64;
    for (index, chunk) in row.chunks(8).enumerate() {
        let mut bytes = [0; 8];
        bytes[..chunk.len()].copy_from_slice(chunk);
        let word = u64::from_be_bytes(bytes);
        // A bit is set where a pixel differs from the one to its left.
        let mut edges = word ^ (word >> 1 | previous << 63);
        while edges != 0 {
            let at = edges.leading_zeros();
            edges &= !(1 << 63 >> at);
            changes.push(index as u32 * 64 + at);
        }
        previous = word & 1;
    }
    // The unused bits after a row that ends black look like a change.
    if changes.last().is_some_and(|&last| last >= width) {
        changes.pop();
    }
}

/// Blackens the pixels from `from` up to `to`.
pub(super) fn blacken(row: &mut [u8], from: u32, to: u32) {
    if from >= to {
        return;
    }
    let (first, last) = (from as usize / 8, (to as usize - 1) / 8);
    let head = 0xffu8 >> (from % 8);
    let tail = 0xffu8 << (7 - (to - 1) % 8);
    if first == last {
        row[first] |= head & tail;
        return;
    }
    row[first] |= head;
    row[first + 1..last].fill(0xff);
    row[last] |= tail;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_found_and_painted_again_are_the_same_row() {
        for (width, row) in [
            (1u32, vec![0x80u8]),
            (9, vec![0x0f, 0x80]),
            (64, vec![0xaa; 8]),
            (70, vec![0xff; 8].into_iter().chain([0xfc]).collect()),
            (130, (0..16).map(|i| (i * 13) ^ 0x35).chain([0x40]).collect()),
        ] {
            let mut changes = Vec::new();
            find_changes(&row, width, &mut changes);
            assert!(changes.is_sorted() && changes.iter().all(|&at| at < width));
            let mut painted = vec![0; row.len()];
            for run in changes.chunks(2) {
                blacken(&mut painted, run[0], run.get(1).copied().unwrap_or(width));
            }
            assert_eq!(painted, row);
        }
    }
}
