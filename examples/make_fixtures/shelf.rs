//! Where the fixtures go, and the table that says what they are.

use std::fs;
use std::io;
use std::path::PathBuf;

pub struct Shelf {
    root: PathBuf,
    rows: Vec<[String; 4]>,
}

/// What the table says of a file.
pub struct Story<'a> {
    pub made: &'a str,
    pub hard: &'a str,
    pub must_come_out: &'a str,
}

impl Shelf {
    pub fn new(root: &str) -> Self {
        Shelf { root: root.into(), rows: Vec::new() }
    }

    pub fn put(&mut self, file: &str, bytes: &[u8], story: Story<'_>) -> io::Result<()> {
        self.put_quietly(file, bytes)?;
        self.tell(file, story);
        Ok(())
    }

    /// With the page's exact text in `.txt` beside it.
    pub fn put_page(
        &mut self,
        file: &str,
        bytes: &[u8],
        text: &str,
        story: Story<'_>,
    ) -> io::Result<()> {
        let (stem, _) = file.rsplit_once('.').expect("a page has an extension");
        self.put_quietly(&format!("{stem}.txt"), text.as_bytes())?;
        self.put(file, bytes, story)
    }

    /// A file that the table tells of under another name.
    pub fn put_quietly(&mut self, file: &str, bytes: &[u8]) -> io::Result<()> {
        let path = self.root.join(file);
        fs::create_dir_all(path.parent().expect("a fixture has a folder"))?;
        fs::write(path, bytes)
    }

    pub fn tell(&mut self, file: &str, story: Story<'_>) {
        let Story { made, hard, must_come_out } = story;
        self.rows.push([file, made, hard, must_come_out].map(str::to_owned));
    }

    pub fn write_table(&self) -> io::Result<()> {
        let mut page = include_str!("table_head.md").to_owned();
        for [file, made, hard, out] in &self.rows {
            page.push_str(&format!("| `{file}` | {made} | {hard} | {out} |\n"));
        }
        fs::write(self.root.join("README.md"), page)
    }
}
