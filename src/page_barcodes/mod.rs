//! Barcodes and patch codes: read on a page, drawn on paper.
