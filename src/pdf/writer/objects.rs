//! The file as a row of numbered objects: header, objects, cross-reference
//! table, trailer. Knows where each object begins and nothing of what is in it.

use std::io::Write;

use miniz_oxide::deflate::compress_to_vec_zlib;
use pdf_writer::{Chunk, Ref, Settings};
use sha2::{Digest, Sha256};

use super::PdfFault;

/// No white space for people: a text layer is half as large without it.
pub const COMPACT: Settings = Settings { pretty: false };

/// Enough for the dictionary around an image's bytes.
pub const DICTIONARY_BYTES: usize = 512;

/// The version, then a comment of four bytes above 127, by which transports
/// know that the file is binary (ISO 19005-2, 6.1.2).
const HEADER: &[u8] = b"%PDF-1.7\n%\xE2\xE3\xCF\xD3\n";

/// zlib's level 6; 9 gains under 1 % on text layers and takes twice as long.
const COMPRESSION_LEVEL: u8 = 6;

pub fn compress(bytes: &[u8]) -> Vec<u8> {
    compress_to_vec_zlib(bytes, COMPRESSION_LEVEL)
}

pub struct ObjectFile<W: Write> {
    sink: W,
    /// Bytes so far.
    length: u64,
    /// Where object `index + 1` begins; `None` until it is written.
    offsets: Vec<Option<u64>>,
    /// Of every byte so far: the file's identifier.
    digest: Sha256,
}

impl<W: Write> ObjectFile<W> {
    pub fn begin(sink: W) -> Result<Self, PdfFault> {
        let mut file = ObjectFile { sink, length: 0, offsets: Vec::new(), digest: Sha256::new() };
        file.put(HEADER)?;
        Ok(file)
    }

    /// The next object's number, to be written at any later time.
    pub fn reserve(&mut self) -> Ref {
        self.offsets.push(None);
        Ref::new(i32::try_from(self.offsets.len()).expect("a document of 2 GB of objects"))
    }

    /// Writes a chunk that holds one reserved object.
    pub fn write(&mut self, object: &Chunk) -> Result<(), PdfFault> {
        let mut refs = object.refs();
        let (id, none_left) = (refs.next().expect("one object a chunk"), refs.next().is_none());
        debug_assert!(none_left, "one object a chunk");
        let index = usize::try_from(id.get() - 1).expect("numbers begin at 1");
        self.offsets[index] = Some(self.length);
        self.put(object.as_bytes())
    }

    /// Writes the cross-reference table and the trailer, flushes the sink and
    /// gives it back. Every reserved object must have been written.
    pub fn finish(mut self, catalog: Ref, description: Ref) -> Result<W, PdfFault> {
        let table_begins = self.length;
        let size = self.offsets.len() + 1;
        let mut tail = format!("xref\n0 {size}\n0000000000 65535 f\r\n").into_bytes();
        for offset in &self.offsets {
            let offset = offset.expect("every reserved object is written before the end");
            tail.extend_from_slice(format!("{offset:010} 00000 n\r\n").as_bytes());
        }
        let id: String = {
            let digest = self.digest.clone().finalize();
            digest[..16].iter().map(|byte| format!("{byte:02X}")).collect()
        };
        tail.extend_from_slice(
            format!(
                "trailer\n<</Size {size}/Root {} 0 R/Info {} 0 R/ID[<{id}><{id}>]>>\n\
                 startxref\n{table_begins}\n%%EOF\n",
                catalog.get(),
                description.get(),
            )
            .as_bytes(),
        );
        self.put(&tail)?;
        self.sink.flush().map_err(|source| PdfFault::Write { source })?;
        Ok(self.sink)
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), PdfFault> {
        self.sink.write_all(bytes).map_err(|source| PdfFault::Write { source })?;
        self.digest.update(bytes);
        self.length += bytes.len() as u64;
        Ok(())
    }
}
