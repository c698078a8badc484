//! Quarter turns and mirroring: every pixel moves, none changes.

use crate::records::page::QuarterTurn;
use crate::records::raster::{PixelFormat, Raster};

/// The raster turned clockwise.
pub fn turned(raster: &Raster, turn: QuarterTurn) -> Raster {
    match turn {
        QuarterTurn::None => raster.clone(),
        QuarterTurn::Half => half_turned(raster),
        QuarterTurn::Right => transposed(raster, Transpose::Right),
        QuarterTurn::Left => transposed(raster, Transpose::Left),
    }
}

/// Left and right exchanged.
pub fn mirrored(raster: &Raster) -> Raster {
    let mut pixels = Vec::with_capacity(raster.pixels().len());
    for y in 0..raster.height() {
        push_reversed_row(raster, y, &mut pixels);
    }
    same_size(raster, pixels)
}

fn half_turned(raster: &Raster) -> Raster {
    let mut pixels = Vec::with_capacity(raster.pixels().len());
    for y in (0..raster.height()).rev() {
        push_reversed_row(raster, y, &mut pixels);
    }
    same_size(raster, pixels)
}

fn same_size(raster: &Raster, pixels: Vec<u8>) -> Raster {
    Raster::new(raster.width(), raster.height(), raster.dpi(), raster.format(), pixels)
        .expect("as many pixels as before")
}

fn push_reversed_row(raster: &Raster, y: u32, pixels: &mut Vec<u8>) {
    let row = raster.row(y);
    match raster.format() {
        PixelFormat::Bitonal => {
            // Reversed as a whole the unused bits come first: shift them out.
            let unused = row.len() * 8 - raster.width() as usize;
            let mut bytes = row.iter().rev().map(|byte| byte.reverse_bits()).peekable();
            while let Some(byte) = bytes.next() {
                let next = bytes.peek().copied().unwrap_or(0);
                pixels.push((u16::from_be_bytes([byte, next]) << unused >> 8) as u8);
            }
        }
        PixelFormat::Gray8 => pixels.extend(row.iter().rev()),
        PixelFormat::Rgb8 => {
            for pixel in row.rchunks_exact(3) {
                pixels.extend_from_slice(pixel);
            }
        }
    }
}

#[derive(Clone, Copy)]
enum Transpose {
    Right,
    Left,
}

fn transposed(raster: &Raster, direction: Transpose) -> Raster {
    let (width, height) = (raster.width() as usize, raster.height() as usize);
    let pixels = match raster.format() {
        PixelFormat::Bitonal => transposed_bits(raster, direction),
        PixelFormat::Gray8 => transposed_bytes::<1>(raster.pixels(), width, height, direction),
        PixelFormat::Rgb8 => transposed_bytes::<3>(raster.pixels(), width, height, direction),
    };
    Raster::new(raster.height(), raster.width(), raster.dpi(), raster.format(), pixels)
        .expect("as many pixels as before")
}

/// A tile of 32×32 pixels stays in the first-level cache on both sides.
const TILE: usize = 32;

fn transposed_bytes<const N: usize>(
    source: &[u8],
    width: usize,
    height: usize,
    direction: Transpose,
) -> Vec<u8> {
    let mut target = vec![0u8; source.len()];
    for top in (0..height).step_by(TILE) {
        for left in (0..width).step_by(TILE) {
            for x in left..(left + TILE).min(width) {
                for y in top..(top + TILE).min(height) {
                    let to = match direction {
                        Transpose::Right => x * height + (height - 1 - y),
                        Transpose::Left => (width - 1 - x) * height + y,
                    };
                    let from = y * width + x;
                    target[to * N..][..N].copy_from_slice(&source[from * N..][..N]);
                }
            }
        }
    }
    target
}

fn transposed_bits(raster: &Raster, direction: Transpose) -> Vec<u8> {
    let (width, height) = (raster.width() as usize, raster.height() as usize);
    let target_stride = PixelFormat::Bitonal.row_bytes(raster.height());
    let mut target = vec![0u8; target_stride * width];
    for y in 0..height {
        let to_x = match direction {
            Transpose::Right => height - 1 - y,
            Transpose::Left => y,
        };
        let mask = 0x80u8 >> (to_x % 8);
        for (byte_index, &byte) in raster.row(y as u32).iter().enumerate() {
            // Most of a page is white, and a byte of white needs no work.
            let mut rest = byte;
            while rest != 0 {
                let bit = rest.leading_zeros() as usize;
                rest &= !(0x80 >> bit);
                let x = byte_index * 8 + bit;
                let to_y = match direction {
                    Transpose::Right => x,
                    Transpose::Left => width - 1 - x,
                };
                target[to_y * target_stride + to_x / 8] |= mask;
            }
        }
    }
    target
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::raster::Dpi;

    fn ramp(format: PixelFormat, width: u32, height: u32) -> Raster {
        let bytes = format.row_bytes(width);
        let mut pixels: Vec<u8> =
            (0..bytes * height as usize).map(|i| (i as u8).wrapping_mul(37) ^ 0x5a).collect();
        if format == PixelFormat::Bitonal && !width.is_multiple_of(8) {
            for row in pixels.chunks_mut(bytes) {
                row[bytes - 1] &= 0xff << (8 - width % 8);
            }
        }
        Raster::new(width, height, Dpi(300), format, pixels).unwrap()
    }

    #[test]
    fn four_right_turns_give_the_page_back() {
        for format in [PixelFormat::Bitonal, PixelFormat::Gray8, PixelFormat::Rgb8] {
            for (width, height) in [(1, 1), (8, 3), (13, 70), (65, 33)] {
                let page = ramp(format, width, height);
                let right = turned(&page, QuarterTurn::Right);
                assert_eq!((right.width(), right.height()), (height, width));
                let half = turned(&right, QuarterTurn::Right);
                assert_eq!(half, turned(&page, QuarterTurn::Half));
                let left = turned(&half, QuarterTurn::Right);
                assert_eq!(left, turned(&page, QuarterTurn::Left));
                assert_eq!(turned(&left, QuarterTurn::Right), page);
                assert_eq!(mirrored(&mirrored(&page)), page);
            }
        }
    }

    #[test]
    fn a_right_turn_brings_the_top_left_to_the_top_right() {
        let page = Raster::new(9, 2, Dpi(300), PixelFormat::Bitonal, vec![0x80, 0, 0, 0]).unwrap();
        let right = turned(&page, QuarterTurn::Right);
        assert_eq!(right.row(0), [0b0100_0000]);
        let mirror = mirrored(&page);
        assert_eq!(mirror.row(0), [0, 0x80]);
    }
}
