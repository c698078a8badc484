//! XML list file for Laserfiche Import Agent.
//!
//! From Laserfiche's "Importing List Files" (Import Agent 11): the namespace,
//! `importengine`, `toc` with its two conflict rules, `document` with `name`
//! and `template`, `metadata`, `field_values`; and that a list is imported only
//! once every file it names can be read, so that it may be written last. **Not
//! checked against the maker's documentation**, whose schema file comes only
//! with the product: how a single value (`field`, `value`) and the electronic
//! file (`electronic_file`, `path`) are spelled. Try one file before going
//! live; what must be changed is in this file only.

use std::io;

use quick_xml::events::{BytesDecl, BytesText, Event};
use quick_xml::{Reader, Writer, XmlVersion};

use super::{IndexEntry, NotAnIndex, SidecarFault, entry};
use crate::repository::index::{DocumentIndex, FiledPdf};

pub(super) const NAMESPACE: &str = "http://laserfiche.com/namespaces/importengine";

const DOCUMENT_ID: &str = "Outguide Document ID";
const SHA256: &str = "SHA-256";
const BYTES: &str = "Bytes";
const REPLACES: &str = "Replaces Document ID";
const WITHDRAWN_BY: &str = "Withdrawn By";
const WITHDRAWN_BECAUSE: &str = "Withdrawn Because";

pub fn write(index: &DocumentIndex, pdf: &FiledPdf) -> Result<Vec<u8>, SidecarFault> {
    compose(index, pdf).map_err(SidecarFault::Compose)
}

fn compose(index: &DocumentIndex, pdf: &FiledPdf) -> io::Result<Vec<u8>> {
    let mut own = vec![
        (DOCUMENT_ID, index.document.to_string()),
        (SHA256, pdf.sha256.to_string()),
        (BYTES, pdf.bytes.to_string()),
    ];
    own.extend(index.replaces.as_ref().map(|replaces| (REPLACES, replaces.to_string())));
    if let Some(withdrawn) = &index.withdrawn {
        own.push((WITHDRAWN_BY, withdrawn.by.clone()));
        own.push((WITHDRAWN_BECAUSE, withdrawn.reason.clone()));
    }
    let name = pdf.name.strip_suffix(".pdf").unwrap_or(&pdf.name);
    let mut xml = Writer::new_with_indent(Vec::new(), b' ', 1);
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    xml.create_element("LF:importengine")
        .with_attribute(("xmlns:LF", NAMESPACE))
        .with_attribute(("version", "1.0"))
        .write_inner_content(|xml| {
            xml.create_element("LF:toc")
                .with_attribute(("on_document_conflict", "unique"))
                .with_attribute(("on_folder_conflict", "unique"))
                .write_inner_content(|xml| {
                    xml.create_element("LF:document")
                        .with_attribute(("name", allowed(name).as_str()))
                        .with_attribute(("template", allowed(&index.document_type_title).as_str()))
                        .write_inner_content(|xml| {
                            write_values(xml, index, &own)?;
                            xml.create_element("LF:electronic_file")
                                .with_attribute(("path", allowed(&pdf.path_seen).as_str()))
                                .write_empty()?;
                            Ok(())
                        })?;
                    Ok(())
                })?;
            Ok(())
        })?;
    let mut bytes = xml.into_inner();
    bytes.push(b'\n');
    Ok(bytes)
}

fn write_values(
    xml: &mut Writer<Vec<u8>>,
    index: &DocumentIndex,
    own: &[(&str, String)],
) -> io::Result<()> {
    let read = index.fields.iter().map(|field| (field.name.as_str(), field.value.as_str()));
    let own = own.iter().map(|(name, value)| (*name, value.as_str()));
    let values: Vec<_> = read.chain(own).collect();
    xml.create_element("LF:metadata").write_inner_content(|xml| {
        xml.create_element("LF:field_values").write_inner_content(|xml| {
            for (name, value) in values {
                xml.create_element("LF:field").with_attribute(("name", name)).write_inner_content(
                    |xml| {
                        xml.create_element("LF:value")
                            .write_text_content(BytesText::new(&allowed(value)))?;
                        Ok(())
                    },
                )?;
            }
            Ok(())
        })?;
        Ok(())
    })?;
    Ok(())
}

/// What XML 1.0 has no way to write becomes U+FFFD; escaping is the writer's.
fn allowed(text: &str) -> String {
    let writable = |c: char| {
        matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{7E}' | '\u{85}' | '\u{A0}'..='\u{D7FF}'
            | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..='\u{10FFFF}')
    };
    text.chars().map(|c| if writable(c) { c } else { '\u{FFFD}' }).collect()
}

pub fn read(bytes: &[u8]) -> Result<IndexEntry, NotAnIndex> {
    let broken = || NotAnIndex("its XML is malformed".to_owned());
    let text = str::from_utf8(bytes).map_err(|_| broken())?;
    let mut reader = Reader::from_str(text);
    let mut found = Found::default();
    loop {
        match reader.read_event().map_err(|_| broken())? {
            Event::Start(tag) | Event::Empty(tag) => {
                let attribute = |name: &str| {
                    let found = tag.try_get_attribute(name).ok().flatten()?;
                    Some(found.normalized_value(XmlVersion::Explicit1_0).ok()?.into_owned())
                };
                match tag.name().as_ref() {
                    "LF:field" => found.field = attribute("name").unwrap_or_default(),
                    "LF:electronic_file" => found.path = attribute("path"),
                    _ => {}
                }
            }
            Event::Text(value) => found.hold(&value),
            Event::End(tag) if tag.name().as_ref() == "LF:importengine" => break,
            Event::Eof => return Err(broken()),
            _ => {}
        }
    }
    entry(
        found.document.as_deref(),
        found.path.as_deref(),
        found.sha256.as_deref(),
        found.bytes.as_deref(),
    )
}

#[derive(Default)]
struct Found {
    field: String,
    document: Option<String>,
    path: Option<String>,
    sha256: Option<String>,
    bytes: Option<String>,
}

impl Found {
    fn hold(&mut self, value: &str) {
        let value = value.trim();
        if value.is_empty() {
            return;
        }
        match self.field.as_str() {
            DOCUMENT_ID => self.document = Some(value.to_owned()),
            SHA256 => self.sha256 = Some(value.to_owned()),
            BYTES => self.bytes = Some(value.to_owned()),
            _ => {}
        }
    }
}
