//! Makes everything in `fixtures/`, the same every time: `cargo run --example
//! make_fixtures`. Pages are drawn and rasterised here, then copied, dirtied
//! and turned as paper is; the table in `fixtures/README.md` is written from
//! the same list. No patient in them exists.

mod chance;
mod charts;
mod demo_stack;
mod files;
mod handwriting;
mod pages;
mod paper_shop;
mod scan;
mod sheets;
mod shelf;

fn main() -> std::io::Result<()> {
    let mut shelf = shelf::Shelf::new("fixtures");
    demo_stack::make(&mut shelf)?;
    pages::make(&mut shelf)?;
    sheets::make(&mut shelf)?;
    shelf.write_table()
}
