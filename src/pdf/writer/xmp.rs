//! The document's metadata packet (ISO 19005-2, 6.6): standard properties, and
//! one of our own, the station, with the extension schema that explains it.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use quick_xml::Writer;
use quick_xml::events::BytesText;

use super::DocumentDescription;
use super::plain_text::plain_text;

/// The program a person would name.
pub const CREATOR_TOOL: &str = "Outguide";

/// Names a vocabulary; nothing is fetched from it.
const OUTGUIDE_NAMESPACE: &str = "urn:outguide:capture:1#";

const NAMESPACES: [(&str, &str); 9] = [
    ("xmlns:rdf", "http://www.w3.org/1999/02/22-rdf-syntax-ns#"),
    ("xmlns:dc", "http://purl.org/dc/elements/1.1/"),
    ("xmlns:xmp", "http://ns.adobe.com/xap/1.0/"),
    ("xmlns:pdf", "http://ns.adobe.com/pdf/1.3/"),
    ("xmlns:pdfaid", "http://www.aiim.org/pdfa/ns/id/"),
    ("xmlns:pdfaExtension", "http://www.aiim.org/pdfa/ns/extension/"),
    ("xmlns:pdfaSchema", "http://www.aiim.org/pdfa/ns/schema#"),
    ("xmlns:pdfaProperty", "http://www.aiim.org/pdfa/ns/property#"),
    ("xmlns:outguide", OUTGUIDE_NAMESPACE),
];

type Xml = Writer<Vec<u8>>;

/// The packet, read-only, in UTF-8.
pub fn packet(description: &DocumentDescription, title: &str, producer: &str) -> Vec<u8> {
    let mut xml = Writer::new(Vec::new());
    let written = xml
        .create_element("x:xmpmeta")
        .with_attribute(("xmlns:x", "adobe:ns:meta/"))
        .write_inner_content(|xml| {
            xml.create_element("rdf:RDF").with_attributes(NAMESPACES).write_inner_content(
                |xml| {
                    xml.create_element("rdf:Description")
                        .with_attribute(("rdf:about", ""))
                        .write_inner_content(|xml| properties(xml, description, title, producer))?;
                    Ok(())
                },
            )?;
            Ok(())
        })
        .map(drop);
    written.expect("memory takes every byte");
    [
        "<?xpacket begin=\"\u{FEFF}\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\n".as_bytes(),
        &xml.into_inner(),
        b"\n<?xpacket end=\"r\"?>",
    ]
    .concat()
}

fn properties(
    xml: &mut Xml,
    description: &DocumentDescription,
    title: &str,
    producer: &str,
) -> std::io::Result<()> {
    let created = seconds_utc(description.created);
    simple(xml, "pdfaid:part", "2")?;
    simple(xml, "pdfaid:conformance", "B")?;
    simple(xml, "dc:format", "application/pdf")?;
    xml.create_element("dc:title").write_inner_content(|xml| {
        xml.create_element("rdf:Alt").write_inner_content(|xml| {
            xml.create_element("rdf:li")
                .with_attribute(("xml:lang", "x-default"))
                .write_text_content(BytesText::new(&plain_text(title)))?;
            Ok(())
        })?;
        Ok(())
    })?;
    simple(xml, "dc:identifier", &description.document_id)?;
    if let Some(source) = &description.source {
        simple(xml, "dc:source", source)?;
    }
    if let Some(language) = &description.language {
        xml.create_element("dc:language").write_inner_content(|xml| {
            xml.create_element("rdf:Bag")
                .write_inner_content(|xml| simple(xml, "rdf:li", language.as_str()))?;
            Ok(())
        })?;
    }
    simple(xml, "xmp:CreateDate", &created)?;
    simple(xml, "xmp:ModifyDate", &created)?;
    simple(xml, "xmp:MetadataDate", &created)?;
    simple(xml, "xmp:CreatorTool", CREATOR_TOOL)?;
    simple(xml, "pdf:Producer", producer)?;
    if let Some(station) = &description.station {
        simple(xml, "outguide:Station", station)?;
        station_schema(xml)?;
    }
    Ok(())
}

/// Explains `outguide:Station` to a reader that never heard of it
/// (ISO 19005-2, 6.6.2.3.3).
fn station_schema(xml: &mut Xml) -> std::io::Result<()> {
    listed(xml, "pdfaExtension:schemas", "rdf:Bag", |xml| {
        simple(xml, "pdfaSchema:schema", "Outguide capture")?;
        simple(xml, "pdfaSchema:namespaceURI", OUTGUIDE_NAMESPACE)?;
        simple(xml, "pdfaSchema:prefix", "outguide")?;
        listed(xml, "pdfaSchema:property", "rdf:Seq", |xml| {
            simple(xml, "pdfaProperty:name", "Station")?;
            simple(xml, "pdfaProperty:valueType", "Text")?;
            simple(xml, "pdfaProperty:category", "external")?;
            simple(xml, "pdfaProperty:description", "The station that scanned the paper")
        })
    })
}

/// A property whose value is a list of one structure.
fn listed(
    xml: &mut Xml,
    name: &str,
    list: &str,
    item: impl FnOnce(&mut Xml) -> std::io::Result<()>,
) -> std::io::Result<()> {
    xml.create_element(name).write_inner_content(|xml| {
        xml.create_element(list).write_inner_content(|xml| {
            xml.create_element("rdf:li")
                .with_attribute(("rdf:parseType", "Resource"))
                .write_inner_content(item)?;
            Ok(())
        })?;
        Ok(())
    })?;
    Ok(())
}

fn simple(xml: &mut Xml, name: &str, value: &str) -> std::io::Result<()> {
    xml.create_element(name).write_text_content(BytesText::new(&plain_text(value)))?;
    Ok(())
}

/// As the document information dictionary says it: to the second, UTC.
fn seconds_utc(at: Timestamp) -> String {
    TimeZone::UTC.to_datetime(at).strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
