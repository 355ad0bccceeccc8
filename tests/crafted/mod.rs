//! Images that are crafted to cost the reader as much as possible for their size.

pub mod heif;
pub mod jxl;

/// Creates an image of about this many bytes.
pub type Craft = fn(usize) -> Vec<u8>;

/// One or more crafted images of every format, by name.
pub const IMAGES: &[(&str, Craft)] = &[
    ("jpeg: fill bytes", |bytes| {
        fill(b"\xff\xd8\xff", b"\xff", bytes)
    }),
    ("jpeg: bytes between segments", |bytes| {
        fill(b"\xff\xd8\xff", b"\0", bytes)
    }),
    ("jpeg: markers without data", |bytes| {
        fill(b"\xff\xd8", b"\xff\x01", bytes)
    }),
    ("jpeg: empty segments", |bytes| {
        fill(b"\xff\xd8", b"\xff\xfe\0\x02", bytes)
    }),
    (
        "jpeg: segments that differ from Exif in one byte",
        |bytes| fill(b"\xff\xd8", b"\xff\xe1\0\x08Exif\0\x01", bytes),
    ),
    ("jpeg: long Exif blocks", |bytes| {
        let block = tiff_fields(bytes.saturating_sub(12).min(65_000), &[]);
        let length = u16::try_from(block.len() + 8).unwrap().to_be_bytes();
        let segment = [b"\xff\xe1", &length[..], b"Exif\0\0", &block].concat();
        fill(b"\xff\xd8", &segment, bytes)
    }),
    ("jpeg: truncated long Exif blocks", |bytes| {
        let mut block = tiff_fields(bytes.saturating_sub(12).min(65_000), &[]);
        block.truncate(block.len() - 15);
        let length = u16::try_from(block.len() + 8).unwrap().to_be_bytes();
        let segment = [b"\xff\xe1", &length[..], b"Exif\0\0", &block].concat();
        fill(b"\xff\xd8", &segment, bytes)
    }),
    ("jpeg: parts of profiles", |bytes| {
        fill(b"\xff\xd8", b"\xff\xe2\0\x0eICC_PROFILE\0", bytes)
    }),
    ("jpeg: JFIF segments without a density", |bytes| {
        fill(b"\xff\xd8", b"\xff\xe0\0\x0eJFIF\0\0\0\x01\0\0\0\0", bytes)
    }),
    ("png: densities of 0", |bytes| {
        let chunk = b"\0\0\0\x09pHYs\0\0\0\0\0\0\0\0\x01\0\0\0\0";
        fill(PNG, chunk, bytes)
    }),
    ("png: empty chunks", |bytes| {
        fill(PNG, b"\0\0\0\0tEXt\0\0\0\0", bytes)
    }),
    ("png: animation chunks", |bytes| {
        fill(PNG, b"\0\0\0\x04acTL\0\0\0\x02\0\0\0\0", bytes)
    }),
    ("png: malformed Exif blocks", |bytes| {
        fill(PNG, b"\0\0\0\x01eXIf\0\0\0\0\0", bytes)
    }),
    ("png: a long Exif block", |bytes| {
        let block = tiff_fields(bytes.min(786_000), &[]);
        let length = u32::try_from(block.len()).unwrap().to_be_bytes();
        let chunk = [&length[..], b"eXIf", &block, b"\0\0\0\0"].concat();
        fill(&[PNG, &chunk].concat(), b"\0\0\0\0tEXt\0\0\0\0", bytes)
    }),
    ("gif: short sub-blocks", |bytes| {
        fill(b"GIF89a\x04\0\x03\0\0\0\0\x21\xfe", b"\x01\0", bytes)
    }),
    ("gif: short sub-blocks of a frame", |bytes| {
        fill(&[GIF, b"\x01\0".as_slice()].concat(), b"\x01\0", bytes)
    }),
    ("gif: frames without data", |bytes| {
        fill(
            &[GIF, b"\0".as_slice()].concat(),
            b"\x2c\0\0\0\0\x04\0\x03\0\0\x02\0",
            bytes,
        )
    }),
    ("gif: empty extensions", |bytes| {
        fill(&[GIF, b"\0".as_slice()].concat(), b"\x21\xf9\0", bytes)
    }),
    ("gif: empty application extensions", |bytes| {
        fill(&[GIF, b"\0".as_slice()].concat(), b"\x21\xff\0", bytes)
    }),
    ("gif: empty profiles", |bytes| {
        let profile = b"\x21\xff\x0bICCRGBG1012\0";
        fill(&[GIF, b"\0".as_slice()].concat(), profile, bytes)
    }),
    ("gif: bytes between blocks", |bytes| {
        fill(&[GIF, b"\0".as_slice()].concat(), b"\0", bytes)
    }),
    ("gif: frames after bytes between blocks", |bytes| {
        fill(
            &[GIF, b"\0".as_slice()].concat(),
            b"\0\x2c\0\0\0\0\x04\0\x03\0\0\x02\0",
            bytes,
        )
    }),
    ("webp: empty chunks", |bytes| {
        fill(WEBP, b"XMP \0\0\0\0", bytes)
    }),
    ("webp: frames without data", |bytes| {
        fill(WEBP, b"ANMF\0\0\0\0", bytes)
    }),
    ("webp: empty Exif blocks", |bytes| {
        fill(WEBP, b"EXIF\0\0\0\0", bytes)
    }),
    ("bmp: the longest header", |bytes| {
        fill(
            b"BM\0\0\0\0\0\0\0\0\0\0\0\0\x7c\0\0\0\x04\0\0\0\x03\0\0\0\x01\0\x20\0",
            b"\0",
            bytes,
        )
    }),
    ("ico: many images", |bytes| {
        let count = u16::try_from((bytes / 16).min(65_535))
            .unwrap()
            .to_le_bytes();
        fill(
            &[b"\0\0\x01\0", &count[..]].concat(),
            b"\x04\x03\0\0\0\0\0\0\x01\0\0\0\xff\xff\xff\xff",
            bytes,
        )
    }),
    ("tiff: many fields", |bytes| {
        tiff_fields(bytes.min(786_000), &[256, 257])
    }),
    ("tiff: many fields of a reduced-resolution image", |bytes| {
        tiff_fields(bytes.min(786_000), &[254, 256, 257])
    }),
    ("bigtiff: many fields", big_tiff_fields),
    ("svg: white space", |bytes| fill(b"<?xml?>", b" ", bytes)),
    ("svg: comments", |bytes| fill(b"", b"<!---->", bytes)),
    ("svg: a long comment", |bytes| fill(b"<!--", b" -", bytes)),
    ("svg: processing instructions", |bytes| {
        fill(b"", b"<??>", bytes)
    }),
    ("svg: entities", |bytes| {
        fill(b"<!DOCTYPE svg [", b"<!ENTITY a '&a;&a;'>", bytes)
    }),
    ("svg: declarations", |bytes| {
        fill(b"<!DOCTYPE svg [", b"<!ATTLIST width ''>", bytes)
    }),
    ("svg: an unfinished declaration", |bytes| {
        fill(b"<!DOCTYPE svg [<!ENTITY", b" a''", bytes)
    }),
    ("svg: processing instructions in a document type", |bytes| {
        fill(b"<!DOCTYPE svg [", b"<?]?>", bytes)
    }),
    ("svg: parameter entities", |bytes| {
        fill(b"<!DOCTYPE svg [", b"%a;", bytes)
    }),
    ("svg: long entity names", |bytes| {
        let name = "a".repeat(bytes / 20);
        let declared = format!("<!ENTITY {name} ''>").repeat(16);
        let root = format!("<svg width='&{name};' viewBox='&{name};'/>");
        format!("<!DOCTYPE svg [{declared}]>{root}").into_bytes()
    }),
    ("svg: entity references", |bytes| references(bytes / 3)),
    ("svg: entity references in a short image", |_| references(0)),
    ("svg: comments in a document type", |bytes| {
        fill(b"<!DOCTYPE svg [", b"<!---->", bytes)
    }),
    (
        "svg: incomplete comment openings in a document type",
        |bytes| fill(b"<!DOCTYPE svg [", b"<!-", bytes),
    ),
    ("svg: a long name", |bytes| fill(b"<", b"svg:", bytes)),
    ("svg: attributes", |bytes| fill(b"<svg ", b"a='' ", bytes)),
    ("svg: widths", |bytes| fill(b"<svg ", b"width='1' ", bytes)),
    ("svg: a long width", |bytes| {
        closed(b"<svg width='", b"1", b"'>", bytes)
    }),
    ("svg: character references", |bytes| {
        closed(b"<svg width='", b"&#48;", b"'>", bytes)
    }),
    ("svg: a long character reference", |bytes| {
        closed(b"<svg width='&#", b"0", b"48;'>", bytes)
    }),
    ("svg: a long style", |bytes| {
        closed(b"<svg width='1' height='1' style='", b"a:", b"'>", bytes)
    }),
    ("svg: many style properties", |bytes| {
        closed(b"<svg width='1' height='1' style='", b";", b"'>", bytes)
    }),
    ("svg: namespaces", |bytes| {
        closed(b"<svg width='1' height='1'", b" xmlns:a=''", b">", bytes)
    }),
    ("svg: a long viewBox", |bytes| {
        closed(b"<svg viewBox='0 0 1 ", b"1", b"'>", bytes)
    }),
    ("svg: a viewBox with many spaces", |bytes| {
        closed(b"<svg viewBox='0 0 1", b" ", b"'>", bytes)
    }),
    ("heif: a long ipma with auxiliaries", heif::associations),
    (
        "heif: a very long ipma with auxiliaries",
        heif::long_associations,
    ),
    (
        "heif: a long ipma before long references",
        heif::associations_before_references,
    ),
    ("heif: a repeated property", heif::repeated_property),
    (
        "heif: the last property of a long list",
        heif::late_properties,
    ),
    ("heif: references", heif::references),
    ("heif: a long reference", heif::long_reference),
    ("heif: items", heif::items),
    ("heif: properties", heif::properties),
    ("heif: boxes in meta", heif::boxes_of_meta),
    ("heif: brands", heif::brands),
    ("heif: boxes before meta", |bytes| {
        fill(b"\0\0\0\x10ftypavif\0\0\0\0", b"\0\0\0\x08free", bytes)
    }),
    ("jxl: boxes", |bytes| fill(JXL, b"\0\0\0\x08free", bytes)),
    ("jxl: a long header", jxl::codestream),
    ("jxl: a header in pieces", jxl::pieces),
    ("jxl: empty pieces", |bytes| {
        fill(JXL, b"\0\0\0\x0cjxlp\0\0\0\0", bytes)
    }),
];

const PNG: &[u8] =
    b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x04\0\0\0\x03\x08\x02\0\0\0\x3b\x96\x39\x91";

/// Up to the data of the first frame.
const GIF: &[u8] = b"GIF89a\x04\0\x03\0\0\0\0\x2c\0\0\0\0\x04\0\x03\0\0\x02";

/// An animated image that announces an Exif block and more bytes than any of these files have.
const WEBP: &[u8] = b"RIFF\xff\xff\xff\x7fWEBPVP8X\x0a\0\0\0\x0a\0\0\0\x03\0\0\x02\0\0";

const JXL: &[u8] = b"\0\0\0\x0cJXL \r\n\x87\n";

/// Returns an SVG with the maximum number of entity references that are resolved, all to the last entity, followed by
/// `spaces` spaces.
fn references(spaces: usize) -> Vec<u8> {
    let text = "&#x000000000000000000000000030;";
    let declared: String = ('a'..='p')
        .map(|name| format!("<!ENTITY {name} '{text}'>"))
        .collect();
    let value = format!("&p;&p;&p;&p;{}", " ".repeat(spaces));
    let root = format!("<svg xmlns='{value}' width='{value}' height='{value}' viewBox='{value}'/>");
    format!("<!DOCTYPE svg [{declared}]>{root}").into_bytes()
}

/// Returns `start`, then `piece` repeated up to `bytes` in total.
fn fill(start: &[u8], piece: &[u8], bytes: usize) -> Vec<u8> {
    let times = bytes.saturating_sub(start.len()) / piece.len();
    [start, &piece.repeat(times)].concat()
}

/// Like [`fill`], but ends with `end`.
fn closed(start: &[u8], piece: &[u8], end: &[u8], bytes: usize) -> Vec<u8> {
    [&fill(start, piece, bytes.saturating_sub(end.len())), end].concat()
}

/// Returns a TIFF with many irrelevant fields, then the fields `last`, each with the value 1.
fn tiff_fields(bytes: usize, last: &[u16]) -> Vec<u8> {
    let field = |tag: u16| [&tag.to_le_bytes()[..], b"\x03\0\x01\0\0\0\x01\0\0\0"].concat();
    let count = bytes.saturating_sub(14) / 12;
    let mut fields = field(1).repeat(count - last.len());
    fields.extend(last.iter().flat_map(|tag| field(*tag)));
    let count = u16::try_from(count).unwrap().to_le_bytes();
    [b"II*\0\x08\0\0\0", &count[..], &fields, &[0; 4]].concat()
}

fn big_tiff_fields(bytes: usize) -> Vec<u8> {
    let field = |tag: u16| {
        let header = b"\x03\0\x01\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0";
        [&tag.to_le_bytes()[..], header].concat()
    };
    let count = (bytes.saturating_sub(32) / 20).min(65_535);
    let fields = [field(1).repeat(count - 2), field(256), field(257)].concat();
    let count = u64::try_from(count).unwrap().to_le_bytes();
    [
        b"II+\0\x08\0\0\0\x10\0\0\0\0\0\0\0",
        &count[..],
        &fields,
        &[0; 8],
    ]
    .concat()
}
