//! PDFs that other readers stumble over or leave pages out of, written by hand.

use super::*;
use crate::records::raster::Dpi;

/// A file of these objects, numbered from 1; the first is the catalog.
fn pdf_of(objects: &[String]) -> Vec<u8> {
    let mut file = b"%PDF-1.7\n".to_vec();
    let mut places = Vec::new();
    for (nth, object) in objects.iter().enumerate() {
        places.push(file.len());
        file.extend(format!("{} 0 obj\n{object}\nendobj\n", nth + 1).bytes());
    }
    let table = file.len();
    file.extend(format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1).bytes());
    for place in places {
        file.extend(format!("{place:010} 00000 n \n").bytes());
    }
    let size = objects.len() + 1;
    file.extend(
        format!("trailer\n<</Size {size}/Root 1 0 R>>\nstartxref\n{table}\n%%EOF\n").bytes(),
    );
    file
}

/// One page that draws `content` with these X objects (the first has number 5).
fn page_of(content: &str, resources: &str, drawn: &[String]) -> Vec<u8> {
    let mut objects = vec![
        "<</Type/Catalog/Pages 2 0 R>>".to_owned(),
        "<</Type/Pages/Kids[3 0 R]/Count 1>>".to_owned(),
        format!(
            "<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 100]/Contents 4 0 R/Resources<<{resources}>>>>"
        ),
        stream("", content),
    ];
    objects.extend_from_slice(drawn);
    pdf_of(&objects)
}

fn stream(keys: &str, content: &str) -> String {
    format!("<<{keys}/Length {}>>stream\n{content}\nendstream", content.len())
}

fn form(within: &str, content: &str) -> String {
    let keys = format!("/Type/XObject/Subtype/Form/BBox[0 0 200 100]/Resources<<{within}>>");
    stream(&keys, content)
}

const A_LINE: &str = "10 10 180 20 re f";

fn first_page(file: Vec<u8>) -> Result<Raster, PdfFault> {
    open(file, |_| true)?.page(0)
}

#[test]
fn forms_that_multiply_through_each_other_are_refused_and_not_drawn() {
    let ten = "/F Do ".repeat(10);
    let depth = 12;
    let mut forms: Vec<String> =
        (0..depth).map(|nth| form(&format!("/XObject<</F {} 0 R>>", 6 + nth), &ten)).collect();
    forms.push(form("", A_LINE));
    let drawn = first_page(page_of("/F Do", "/XObject<</F 5 0 R>>", &forms));
    assert!(matches!(drawn, Err(PdfFault::TakesTooLong { page: 1 })), "{drawn:?}");

    let itself = [form("/XObject<</F 5 0 R>>", "/F Do /F Do")];
    let drawn = first_page(page_of("/F Do", "/XObject<</F 5 0 R>>", &itself));
    assert!(drawn.is_err(), "{drawn:?}");
}

#[test]
fn a_form_drawn_many_times_is_drawn() {
    let forms = [form("/XObject<</F 6 0 R>>", &"/F Do ".repeat(20)), form("", A_LINE)];
    let file = page_of(&"/F Do ".repeat(20), "/XObject<</F 5 0 R>>", &forms);
    let page = first_page(file).unwrap();
    assert!(page.pixels().iter().any(|byte| *byte != 0), "something is drawn");
}

#[test]
fn a_page_painted_over_and_over_is_refused_before_it_fills_the_memory() {
    let over = "0 0 200 100 re f\n".repeat(100_000);
    let lines = "0 0 m 200 100 l S\n".repeat(100_000);
    let tile = stream(
        "/PatternType 1/PaintType 1/TilingType 1/BBox[0 0 200 100]/XStep 200/YStep 100/Resources<<>>",
        &over,
    );
    let patterned = page_of("/Pattern cs /P scn 0 0 9 9 re f", "/Pattern<</P 5 0 R>>", &[tile]);
    let clips = "q 1 1 m 9 9 l 9 1 l h W n\n".repeat(2_000) + A_LINE;
    for file in [page_of(&over, "", &[]), patterned, page_of(&clips, "", &[])] {
        let page = first_page(file);
        assert!(matches!(page, Err(PdfFault::TakesTooLong { page: 1 })), "{page:?}");
    }
    assert!(first_page(page_of(&lines, "", &[])).is_ok());
}

#[test]
fn work_without_end_is_given_up() {
    let (never, waited_for) = mpsc::channel::<()>();
    let given_up = within(Duration::ZERO, move || waited_for.recv().is_ok());
    assert_eq!(given_up, Err(GivenUp::TookTooLong));
    drop(never);
    assert_eq!(within(Duration::MAX, || 7), Ok(7));
}

#[test]
fn a_page_that_names_what_is_not_there_is_damaged_and_not_blank() {
    let no_box = stream("/Subtype/Form", A_LINE);
    let cases = [
        ("no such name", page_of("/G Do", "/XObject<</F 5 0 R>>", &[form("", A_LINE)])),
        ("no resources", page_of("/F Do", "", &[])),
        ("no such object", page_of("/F Do", "/XObject<</F 9 0 R>>", &[])),
        ("in a form", page_of("/F Do", "/XObject<</F 5 0 R>>", &[form("", "/Im Do")])),
        ("without a box", page_of("/F Do", "/XObject<</F 5 0 R>>", &[no_box])),
    ];
    for (name, file) in cases {
        let page = first_page(file);
        assert!(matches!(page, Err(PdfFault::PageDamaged { page: 1 })), "{name}: {page:?}");
    }
}

#[test]
fn a_page_whose_content_is_missing_is_damaged_and_one_without_is_blank() {
    let page_with = |contents: &str| {
        first_page(pdf_of(&[
            "<</Type/Catalog/Pages 2 0 R>>".to_owned(),
            "<</Type/Pages/Kids[3 0 R]/Count 1>>".to_owned(),
            format!("<</Type/Page/Parent 2 0 R/MediaBox[0 0 20 10]{contents}>>"),
            stream("", A_LINE),
        ]))
    };
    for missing in ["/Contents 9 0 R", "/Contents[4 0 R 9 0 R]", "/Contents(what?)"] {
        let page = page_with(missing);
        assert!(matches!(page, Err(PdfFault::PageDamaged { page: 1 })), "{missing}: {page:?}");
    }
    for whole in ["", "/Contents null", "/Contents[]", "/Contents 4 0 R", "/Contents[4 0 R 4 0 R]"]
    {
        assert!(page_with(whole).is_ok(), "{whole}");
    }
}

#[test]
fn a_list_that_names_more_pages_than_there_are_is_refused() {
    let listed = |kids: &str, count: usize| {
        let page = "<</Type/Page/Parent 2 0 R/MediaBox[0 0 20 10]>>".to_owned();
        open(
            pdf_of(&[
                "<</Type/Catalog/Pages 2 0 R>>".to_owned(),
                format!("<</Type/Pages/Kids[{kids}]/Count {count}>>"),
                page.clone(),
                page,
                "<</Type/Pages/Kids[4 0 R]/Count 1>>".to_owned(),
                "<</Kids[4 0 R]>>".to_owned(),
            ]),
            |_| true,
        )
        .map(|pages| pages.count())
    };
    for (kids, count) in [
        ("3 0 R 3 0 R", 2),
        ("3 0 R 4 0 R 5 0 R", 3),
        ("3 0 R 5 0 R 5 0 R", 3),
        ("3 0 R 9 0 R", 2),
        ("3 0 R 2 0 R", 2),
        ("3 0 R 6 0 R", 2),
        ("3 0 R 4 0 R", 3),
    ] {
        let opened = listed(kids, count);
        assert!(matches!(opened, Err(PdfFault::PagesMissing { .. })), "{kids}: {opened:?}");
    }
    for (kids, count) in [("3 0 R 4 0 R", 2), ("3 0 R 5 0 R", 2), ("3 0 R 4 0 R", 0)] {
        assert!(matches!(listed(kids, count), Ok(2)), "{kids}");
    }
}

/// As `/Filter[/ASCIIHexDecode/FlateDecode]` has it, without the end mark.
fn packed_in_hex(content: &str) -> String {
    let packed = miniz_oxide::deflate::compress_to_vec_zlib(content.as_bytes(), 6);
    packed.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn page_of_coded(keys: &str, coded: &str) -> Vec<u8> {
    pdf_of(&[
        "<</Type/Catalog/Pages 2 0 R>>".to_owned(),
        "<</Type/Pages/Kids[3 0 R]/Count 1>>".to_owned(),
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 100]/Contents 4 0 R>>".to_owned(),
        stream(keys, coded),
    ])
}

#[test]
fn content_that_was_cut_off_or_changed_is_damaged() {
    const FILTER: &str = "/Filter[/ASCIIHexDecode/FlateDecode]";
    let lines: String = (0..40).map(|no| format!("{no} 10 {} 20 re f\n", no * 7)).collect();
    let whole = packed_in_hex(&lines);
    first_page(page_of_coded(FILTER, &format!("{whole}>"))).unwrap();
    // Without its sum, as some writers leave it.
    first_page(page_of_coded(FILTER, &format!("{}>", &whole[..whole.len() - 8]))).unwrap();
    let mut changed = whole.clone();
    changed.replace_range(whole.len() / 2..whole.len() / 2 + 8, "00000000");
    let half = &whole[..whole.len() / 4 * 2];
    for coded in [format!("{half}>"), whole.clone(), format!("{changed}>")] {
        let told = first_page(page_of_coded(FILTER, &coded)).unwrap_err();
        assert_eq!(told.to_string(), PdfFault::PageDamaged { page: 1 }.to_string());
    }
    // Nothing, packed as nothing.
    first_page(page_of_coded("/Filter/FlateDecode", "")).unwrap();
    // The line of the other tests.
    const IN_85: &str = "0ea_)0H`)00H`,)+ED$9Ac";
    for end in ["~>", "~\n>"] {
        first_page(page_of_coded("/Filter/ASCII85Decode", &format!("{IN_85}{end}"))).unwrap();
    }
    let cut = first_page(page_of_coded("/Filter/ASCII85Decode", IN_85)).unwrap_err();
    assert_eq!(cut.to_string(), PdfFault::PageDamaged { page: 1 }.to_string());
}

/// Each byte a code of its own, and the end mark. The reader's table grows all
/// the same; `early` is how many codes before it must, codes become longer.
fn in_lzw(content: &str, early: usize) -> Vec<u8> {
    const CLEAR: usize = 256;
    const END: usize = 257;
    let codes = [CLEAR].into_iter().chain(content.bytes().map(usize::from)).chain([END]);
    let bits: String = (0..)
        .zip(codes)
        .map(|(nth, code): (usize, usize)| {
            let in_table = 258 + nth.saturating_sub(2);
            let width = if in_table + early >= 512 { 10 } else { 9 };
            format!("{code:0width$b}")
        })
        .collect();
    let byte = |eight: &[u8]| {
        eight.iter().chain(&[b'0'; 8]).take(8).fold(0, |byte, bit| byte << 1 | (bit - b'0'))
    };
    bits.as_bytes().chunks(8).map(byte).collect()
}

#[test]
fn content_in_lzw_without_its_end_mark_is_damaged() {
    let content: String = (0..20).map(|no| format!("{no} 10 {} 20 re f\n", no * 7)).collect();
    let plain = first_page(page_of(&content, "", &[])).unwrap();
    for early in [1, 0] {
        let keys =
            format!("/Filter[/ASCIIHexDecode/LZWDecode]/DecodeParms[null<</EarlyChange {early}>>]");
        let page = |packed: &[u8]| {
            let hex: String = packed.iter().map(|byte| format!("{byte:02x}")).collect();
            first_page(page_of_coded(&keys, &format!("{hex}>")))
        };
        let whole = in_lzw(&content, early);
        assert!(page(&whole).unwrap() == plain, "early: {early}");
        for cut in [&whole[..whole.len() / 2], &whole[..whole.len() - 2]] {
            let told = page(cut);
            assert!(matches!(told, Err(PdfFault::PageDamaged { page: 1 })), "{early}: {told:?}");
        }
    }
}

fn hex_of(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>() + ">"
}

#[test]
fn content_in_runs_without_its_end_mark_is_damaged() {
    let page = |runs: &[u8]| {
        first_page(page_of_coded("/Filter[/ASCIIHexDecode/RunLengthDecode]", &hex_of(runs)))
    };
    // A line as it stands, eight spaces as one run, and the line again.
    let plain = [&[A_LINE.len() as u8 - 1], A_LINE.as_bytes()].concat();
    let whole = [&plain[..], &[249, b' '], &plain, &[128]].concat();
    let content = format!("{A_LINE}        {A_LINE}");
    assert!(page(&whole).unwrap() == first_page(page_of(&content, "", &[])).unwrap());
    // In the second line, between a run's length and its byte, and before the mark.
    for length in [whole.len() - 5, plain.len() + 1, whole.len() - 1] {
        let told = page(&whole[..length]);
        assert!(matches!(told, Err(PdfFault::PageDamaged { page: 1 })), "{length}: {told:?}");
    }
}

#[test]
fn content_beyond_what_is_looked_through_is_refused_whole_or_cut_off() {
    let spaces = vec![b' '; 65 << 20];
    let packed = miniz_oxide::deflate::compress_to_vec_zlib(&spaces, 1);
    let runs = [&[129, b' '].repeat(spaces.len() / 128 + 1)[..], &[128]].concat();
    for (filter, coded) in [
        ("FlateDecode", &packed[..]),
        ("FlateDecode", &packed[..packed.len() - 9]),
        ("RunLengthDecode", &runs),
    ] {
        let keys = format!("/Filter[/ASCIIHexDecode/{filter}]");
        let told = first_page(page_of_coded(&keys, &hex_of(coded)));
        assert!(matches!(told, Err(PdfFault::TakesTooLong { page: 1 })), "{filter}: {told:?}");
    }
}

/// Whether the image of a page, so coded, is taken for whole. A JPEG is if it ends
/// as one does.
fn image_is_whole(filters: &str, coded: &str) -> bool {
    let image = stream(
        &format!(
            "/Subtype/Image/Width 8/Height 8/BitsPerComponent 8/ColorSpace/DeviceGray\
             /Filter[{filters}]"
        ),
        coded,
    );
    let file = page_of("9 0 0 9 0 0 cm /Im Do", "/XObject<</Im 5 0 R>>", &[image]);
    let pdf = Pdf::new(file).unwrap();
    let survey = Survey::of(&pdf.pages()[0], 1, |jpeg| jpeg.ends_with(b"\xff\xd9"));
    match survey {
        Ok(survey) => {
            assert!(survey.largest_image().is_some(), "{filters}: the image was seen");
            true
        }
        Err(PdfFault::PageDamaged { page: 1 }) => false,
        Err(fault) => panic!("{filters}: {fault:?}"),
    }
}

#[test]
fn a_jpeg_within_other_filters_is_looked_at_as_it_was_before_them() {
    // FF D8 FF D9 in base 85, and the same without its last byte.
    for (in_85, whole) in [("s4IA)~>", true), ("s4I>~>", false), ("s4IA)", false)] {
        assert_eq!(image_is_whole("/ASCII85Decode/DCTDecode", in_85), whole, "{in_85}");
    }
    for (hex, whole) in [("ffd8ffd9>", true), ("ffd8ff>", false), ("ffd8ffd9", false)] {
        assert_eq!(image_is_whole("/ASCIIHexDecode/DCTDecode", hex), whole, "{hex}");
    }
}

#[test]
fn a_jpeg_2000_without_its_end_mark_is_damaged() {
    // The start, the start of data, and the end.
    for (hex, whole) in [
        ("ff4fff930102ffd9>", true),
        ("ff4fff930102>", false),
        ("ff4fffd9ff930102>", false),
        ("ff4fffd9>", false),
    ] {
        assert_eq!(image_is_whole("/ASCIIHexDecode/JPXDecode", hex), whole, "{hex}");
    }
}

#[test]
fn content_that_is_not_understood_to_its_end_is_damaged() {
    first_page(page_of(&format!("{A_LINE} % end"), "", &[])).unwrap();
    first_page(page_of(&format!("/Own MP {A_LINE} unknown-operator"), "", &[])).unwrap();
    for stop in [")", "]", ">>", "<zz>", "1.2.3 0 m", "+-5 0 m", "5 m", "(never closed"] {
        let told = first_page(page_of(&format!("{A_LINE} {stop} {A_LINE}"), "", &[]));
        assert!(matches!(told, Err(PdfFault::PageDamaged { page: 1 })), "{stop}: {told:?}");
    }
}

#[test]
fn a_page_without_extent_is_damaged_and_not_blank_paper() {
    let page = |boxes: &str| {
        pdf_of(&[
            "<</Type/Catalog/Pages 2 0 R>>".to_owned(),
            "<</Type/Pages/Kids[3 0 R]/Count 1>>".to_owned(),
            format!("<</Type/Page/Parent 2 0 R{boxes}/Contents 4 0 R>>"),
            stream("", A_LINE),
        ])
    };
    first_page(page("/MediaBox[0 0 200 100]/CropBox[10 10 100 90]")).unwrap();
    for boxes in ["/MediaBox[0 0 0 0]", "/MediaBox[0 0 200 100]/CropBox[300 300 400 400]"] {
        let told = first_page(page(boxes));
        assert!(matches!(told, Err(PdfFault::PageDamaged { page: 1 })), "{boxes}: {told:?}");
    }
}

/// Two gray pixels, to be drawn as `Im`.
fn page_with_image(keys: &str, content: &str) -> Vec<u8> {
    let image = "/Subtype/Image/Width 2/Height 1/BitsPerComponent 8/ColorSpace/DeviceGray";
    pdf_of(&[
        "<</Type/Catalog/Pages 2 0 R>>".to_owned(),
        "<</Type/Pages/Kids[3 0 R]/Count 1>>".to_owned(),
        format!(
            "<</Type/Page/Parent 2 0 R{keys}/Contents 4 0 R/Resources<</XObject<</Im 5 0 R>>>>>>"
        ),
        stream("", content),
        stream(image, "\x01\x02"),
    ])
}

#[test]
fn an_empty_crop_box_says_nothing_of_an_image_that_is_the_page() {
    let page = |boxes: &str, content: &str| {
        first_page(page_with_image(&format!("/MediaBox[36 72 180 144]{boxes}"), content))
    };
    let image = "144 0 0 72 36 72 cm /Im Do";
    for crop in ["/CropBox[0 0 0 0]", "/CropBox[40 80 40 80]", "/CropBox[40 80 40.0001 100]"] {
        for turn in ["", "/Rotate 90", "/Rotate 180", "/Rotate 270"] {
            let boxes = format!("{crop}{turn}");
            let shown = page(&boxes, image).unwrap();
            assert!(shown == page(turn, image).unwrap(), "{boxes}: {shown:?}");
        }
        // What must be drawn would be blank.
        let told = page(crop, A_LINE);
        assert!(matches!(told, Err(PdfFault::PageDamaged { page: 1 })), "{crop}: {told:?}");
    }
}

#[test]
fn a_page_is_as_large_as_its_own_unit_makes_it() {
    let page = |keys: &str, content: &str| {
        first_page(page_with_image(&format!("/MediaBox[0 0 144 72]{keys}"), content)).unwrap()
    };
    let size = |keys, content| {
        let page = page(keys, content);
        (page.width(), page.height(), page.dpi())
    };
    let line = "0 0 72 72 re f";
    assert_eq!(size("", line), (600, 300, Dpi(300)));
    assert_eq!(size("/UserUnit 2", line), (1200, 600, Dpi(300)));
    assert_eq!(size("/UserUnit 0.5/Rotate 90", line), (150, 300, Dpi(300)));
    assert_eq!(size("/UserUnit -2", line), (600, 300, Dpi(300)));
    // Its left half is black, whatever its size.
    for keys in ["", "/UserUnit 2"] {
        let drawn = page(keys, line);
        let row = drawn.row(drawn.height() / 2);
        let half = row.len() / 2;
        assert!(row[..half].iter().all(|eight| *eight == 0xff), "{keys}: {row:?}");
        assert!(row[half + 1..].iter().all(|eight| *eight == 0), "{keys}: {row:?}");
    }

    let image = "144 0 0 72 0 0 cm /Im Do";
    assert_eq!(size("", image), (2, 1, Dpi(1)));
    assert_eq!(size("/UserUnit 0.1", image), (2, 1, Dpi(10)));
}

#[test]
fn an_image_in_colours_that_are_not_known_is_damaged() {
    let image = |space: &str| {
        stream(&format!("/Subtype/Image/Width 1/Height 1/BitsPerComponent 8{space}"), "abcd")
    };
    let drawn = |space: &str| {
        let icc = stream("/N 3", "");
        let resources = "/XObject<</Im 5 0 R>>/ColorSpace<</Own[/Indexed/DeviceRGB 0<ff0000>]>>";
        first_page(page_of("9 0 0 9 0 0 cm /Im Do", resources, &[image(space), icc]))
    };
    for known in [
        "/ColorSpace/DeviceRGB",
        "/ColorSpace[/DeviceCMYK]",
        "/ColorSpace/Own",
        "/ColorSpace[/Indexed[/ICCBased 6 0 R]0<ff0000>]",
        "/ColorSpace[/ICCBased 6 0 R]",
        "/ColorSpace[/CalGray<</WhitePoint[1 1 1]>>]",
        "/ColorSpace/NoSuch/ImageMask true/BitsPerComponent 1",
    ] {
        assert!(drawn(known).is_ok(), "{known}");
    }
    for unknown in [
        "/ColorSpace/NoSuch",
        "/ColorSpace[/NoSuch 6 0 R]",
        "/ColorSpace 9 0 R",
        "/ColorSpace[/ICCBased 9 0 R]",
        "/ColorSpace[/Indexed/NoSuch 0<ff0000>]",
        "/ColorSpace[/Separation/Ink/NoSuch 6 0 R]",
        "/ColorSpace(what?)",
    ] {
        let told = drawn(unknown);
        assert!(matches!(told, Err(PdfFault::PageDamaged { page: 1 })), "{unknown}: {told:?}");
    }
    let inline = |space: &str| {
        first_page(page_of(&format!("BI /W 1 /H 1 /BPC 8 /CS /{space} ID a EI"), "", &[]))
    };
    inline("G").unwrap();
    let told = inline("NoSuch");
    assert!(matches!(told, Err(PdfFault::PageDamaged { page: 1 })), "{told:?}");
}
