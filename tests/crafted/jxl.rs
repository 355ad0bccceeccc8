//! JPEG XL files whose headers are as long as the reader allows.

/// A codestream of 8 by 8 pixels whose header announces 4,096 extra channels, each with a long name.
fn header() -> Vec<u8> {
    let mut bits = Bits::default();
    // A small size, 8 by 8, with the ratio 1:1; not all defaults; no extra fields; 8 bits; 16-bit buffers suffice.
    for (value, length) in [
        (1, 1),
        (0, 5),
        (1, 3),
        (0, 1),
        (0, 1),
        (0, 1),
        (0, 2),
        (1, 1),
    ] {
        bits.put(value, length);
    }
    // The number of extra channels: 1 + 4,095.
    bits.put(3, 2);
    bits.put(4_095, 12);
    while bits.bytes.len() < 4_200 {
        // Not all defaults; type 16, bit depth, shift; a name of 63 bytes.
        for (value, length) in [
            (0, 1),
            (2, 2),
            (14, 4),
            (0, 1),
            (0, 2),
            (0, 2),
            (3, 2),
            (15, 10),
        ] {
            bits.put(value, length);
        }
        for _ in 0..63 {
            bits.put(0x61, 8);
        }
    }
    [b"\xff\x0a", &bits.bytes[..]].concat()
}

/// A bit writer that fills each byte from its lowest bit.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    used: u32,
}

impl Bits {
    fn put(&mut self, value: u32, length: u32) {
        for n in 0..length {
            if self.used.is_multiple_of(8) {
                self.bytes.push(0);
            }
            if let Some(last) = self.bytes.last_mut() {
                *last |= u8::from(value >> n & 1 == 1) << (self.used % 8);
            }
            self.used += 1;
        }
    }
}

pub fn codestream(bytes: usize) -> Vec<u8> {
    let mut file = header();
    file.resize(bytes, 0);
    file
}

/// A `jxlp` box with nearly all of the part of the header that is read, then many boxes of one byte each.
pub fn pieces(bytes: usize) -> Vec<u8> {
    let header = header();
    let (first, rest) = header.split_at(4_070);
    let piece = |bytes: &[u8]| {
        let length = u32::try_from(bytes.len() + 12).unwrap().to_be_bytes();
        [&length[..], b"jxlp\0\0\0\0", bytes].concat()
    };
    let mut file = [super::JXL, &piece(first)].concat();
    for byte in rest {
        file.extend(piece(&[*byte]));
    }
    file.resize(bytes, 0);
    file
}
