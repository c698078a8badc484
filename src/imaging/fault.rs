//! What can be wrong with an image file, in words for whoever must mend it.

use std::fmt;

/// Why a file, or one page of it, is not an image we can use. The messages
/// name the cause and what to do, and never quote the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImageFault {
    #[error("the file is empty (0 bytes): scan or copy it again")]
    Empty,

    /// Not a fault of the file: the `pdf` module reads these.
    #[error("the file is a PDF, not an image")]
    IsPdf,

    #[error(
        "the file is no image that Outguide reads: use PNG, JPEG, TIFF, PBM, PGM, PPM or PDF \
         (the content counts, not the name)"
    )]
    UnknownFormat,

    #[error("the file is {0}, which Outguide does not read: convert it to PNG, JPEG or TIFF")]
    OtherFormat(&'static str),

    #[error(
        "the {format} file ends before its picture does ({found}): it was cut off while being \
         written or copied; scan or copy it again"
    )]
    Truncated { format: ImageFormat, found: String },

    #[error("the {format} file is damaged ({found}): scan or copy it again")]
    Damaged { format: ImageFormat, found: String },

    #[error(
        "the {format} file uses {feature}, which Outguide does not read: save it as an ordinary \
         gray, colour or black-and-white image"
    )]
    Unsupported { format: ImageFormat, feature: String },

    #[error(
        "the picture is {width} × {height} pixels, more than a page can have (at most {max_side} \
         pixels a side and {max_megapixels} million in all): scan at a lower resolution or cut it \
         into pages"
    )]
    TooLarge { width: u64, height: u64, max_side: u32, max_megapixels: u32 },

    #[error("the file holds more than {most} pages: split it")]
    TooManyPages { most: usize },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageFormat {
    Png,
    Jpeg,
    Tiff,
    Pnm,
}

impl fmt::Display for ImageFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ImageFormat::Png => "PNG",
            ImageFormat::Jpeg => "JPEG",
            ImageFormat::Tiff => "TIFF",
            ImageFormat::Pnm => "PNM",
        })
    }
}

impl ImageFormat {
    pub(super) fn truncated(self, found: impl fmt::Display) -> ImageFault {
        ImageFault::Truncated { format: self, found: found.to_string() }
    }

    pub(super) fn damaged(self, found: impl fmt::Display) -> ImageFault {
        ImageFault::Damaged { format: self, found: found.to_string() }
    }

    pub(super) fn unsupported(self, feature: impl fmt::Display) -> ImageFault {
        ImageFault::Unsupported { format: self, feature: feature.to_string() }
    }
}
