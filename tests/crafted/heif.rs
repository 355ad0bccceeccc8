//! AVIF and HEIF files with many repeated boxes or entries.

/// Returns a box with this type and content.
fn boxed(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 8).unwrap();
    [&length.to_be_bytes()[..], kind, body].concat()
}

const NO_FLAGS: &[u8] = b"\0\0\0\0";

/// Returns a file whose primary item is 1, with these properties, associations and other boxes.
fn file(brand: &[u8; 4], ipco: &[u8], ipma: &[u8], others: &[u8]) -> Vec<u8> {
    let meta = [
        NO_FLAGS.to_vec(),
        boxed(b"pitm", b"\0\0\0\0\0\x01"),
        others.to_vec(),
        boxed(b"iprp", &[boxed(b"ipco", ipco), ipma.to_vec()].concat()),
    ];
    let brands = [&brand[..], b"\0\0\0\0"].concat();
    [boxed(b"ftyp", &brands), boxed(b"meta", &meta.concat())].concat()
}

fn size() -> Vec<u8> {
    boxed(b"ispe", b"\0\0\0\0\0\0\0\x04\0\0\0\x03")
}

/// Returns an `ipma` box with this number of entries, which `content` encodes.
fn associations_of(entries: usize, content: &[u8]) -> Vec<u8> {
    let entries = u32::try_from(entries).unwrap().to_be_bytes();
    boxed(b"ipma", &[NO_FLAGS, &entries[..], content].concat())
}

/// Returns an `iref` box that makes the items from 2 on auxiliaries of item 1.
fn auxiliaries(count: u16) -> Vec<u8> {
    let references = (2..count + 2).flat_map(|picture| {
        let [high, low] = picture.to_be_bytes();
        boxed(b"auxl", &[high, low, 0, 1, 0, 1])
    });
    boxed(b"iref", &[NO_FLAGS.to_vec(), references.collect()].concat())
}

/// Associations of items that do not exist, and 16 auxiliaries that must each be searched for in them.
pub fn associations(bytes: usize) -> Vec<u8> {
    let entries = bytes.saturating_sub(600) / 3;
    let pieces = [&b"\xff\xff\0".repeat(entries)[..], b"\0\x01\x01\x01"].concat();
    let ipma = associations_of(entries + 1, &pieces);
    file(b"avif", &size(), &ipma, &auxiliaries(16))
}

/// Like [`associations`], but each item has the maximum number of properties.
pub fn long_associations(bytes: usize) -> Vec<u8> {
    let entry = [&b"\xff\xff\xff"[..], &[1; 255]].concat();
    let entries = bytes.saturating_sub(600) / entry.len();
    let pieces = [&entry.repeat(entries)[..], b"\0\x01\x01\x01"].concat();
    let ipma = associations_of(entries + 1, &pieces);
    file(b"avif", &size(), &ipma, &auxiliaries(16))
}

/// Like [`long_associations`], but half as long and followed by references, so that a prefix of the file already has
/// the maximum cost.
pub fn associations_before_references(bytes: usize) -> Vec<u8> {
    let half = long_associations(bytes / 2);
    let other = boxed(b"auxl", b"\0\x02\0\0");
    let others = other.repeat((bytes / 2).saturating_sub(600) / other.len());
    let auxiliaries = auxiliaries(16);
    let iref = boxed(b"iref", &[&auxiliaries[8..], &others].concat());
    // `ftyp` has 16 bytes, the start of `meta` 12, `pitm` 14. `iref` moves to the end.
    let start = [&half[28..42], &half[42 + auxiliaries.len()..], &iref].concat();
    let meta = boxed(b"meta", &[NO_FLAGS, &start].concat());
    [&half[..16], &meta].concat()
}

/// An auxiliary that repeats one property, whose URN differs from that of an alpha channel only in its last byte.
pub fn repeated_property(bytes: usize) -> Vec<u8> {
    let urn = b"\0\0\0\0urn:mpeg:mpegB:cicp:systems:auxiliary:alphb";
    let entry = [&b"\0\x02\xff"[..], &[2; 255]].concat();
    let entries = bytes.saturating_sub(600) / entry.len();
    let pieces = [&entry.repeat(entries)[..], b"\0\x01\x01\x01"].concat();
    let ipma = associations_of(entries + 1, &pieces);
    let ipco = [size(), boxed(b"auxC", urn)].concat();
    file(b"avif", &ipco, &ipma, &auxiliaries(16))
}

/// Items that each repeat the last property of a long list as often as is allowed.
pub fn late_properties(bytes: usize) -> Vec<u8> {
    let ipco = [boxed(b"free", b"").repeat(1_023), size()].concat();
    let entry = |picture: u8| [&[0, picture, 64][..], &b"\x04\0".repeat(64)].concat();
    let pieces: Vec<u8> = (1..18).flat_map(entry).collect();
    let ipma = boxed(b"ipma", &[b"\0\0\0\x01\0\0\0\x11", &pieces[..]].concat());
    let rest = boxed(b"free", &vec![0; bytes.saturating_sub(12_000)]);
    file(b"avif", &ipco, &[ipma, rest].concat(), &auxiliaries(16))
}

/// Returns a file whose primary item has one property, with these references.
fn referring(references: &[u8]) -> Vec<u8> {
    let iref = boxed(b"iref", &[NO_FLAGS, references].concat());
    let association = associations_of(1, b"\0\x01\x01\x01");
    file(b"avif", &size(), &association, &iref)
}

/// References between other items.
pub fn references(bytes: usize) -> Vec<u8> {
    let reference = boxed(b"auxl", b"\0\x02\0\0");
    let all = reference.repeat(bytes.saturating_sub(200) / reference.len());
    referring(&all)
}

/// References that each name the maximum number of items.
pub fn long_reference(bytes: usize) -> Vec<u8> {
    let count = (bytes / 2).min(65_535);
    let ids = b"\0\x07".repeat(count);
    let count = u16::try_from(count).unwrap().to_be_bytes();
    let reference = boxed(b"auxl", &[b"\0\x02", &count[..], &ids].concat());
    let all = reference.repeat((bytes / reference.len()).max(1));
    referring(&all)
}

/// Items of other types, in a file whose brand does not decide its format.
pub fn items(bytes: usize) -> Vec<u8> {
    let item = boxed(b"infe", b"\x02\0\0\0\0\x02\0\0Exif");
    let all = item.repeat(bytes.saturating_sub(200) / item.len());
    let iinf = boxed(b"iinf", &[b"\0\0\0\0\0\0", &all[..]].concat());
    file(
        b"mif1",
        &size(),
        &associations_of(1, b"\0\x01\x01\x01"),
        &iinf,
    )
}

/// Properties that are not associated with any item.
pub fn properties(bytes: usize) -> Vec<u8> {
    let all = boxed(b"free", b"").repeat(bytes.saturating_sub(200) / 8);
    let ipco = [size(), all].concat();
    file(b"avif", &ipco, &associations_of(1, b"\0\x01\x01\x01"), &[])
}

/// Boxes in `meta` that are skipped.
pub fn boxes_of_meta(bytes: usize) -> Vec<u8> {
    let all = boxed(b"free", b"").repeat(bytes.saturating_sub(200) / 8);
    file(
        b"avif",
        &size(),
        &associations_of(1, b"\0\x01\x01\x01"),
        &all,
    )
}

/// Unknown brands.
pub fn brands(bytes: usize) -> Vec<u8> {
    let all = b"xxxx".repeat(bytes / 4);
    boxed(b"ftyp", &[b"avif\0\0\0\0", &all[..]].concat())
}
