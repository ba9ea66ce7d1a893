//! JPEG kinds that the golden set lacks: made with Pillow 13 from a formula's pixels, and its result.

use std::fs;

use clsrl_data::image::decode_rgb;

use crate::sha256;

const SIZE: (u32, u32) = (21, 19);

const PROGRESSIVE_420: &str = "\
    ffd8ffdb004300140e0f120f0d14121012171514181e32211e1c1c1e3d2c2e243249404c4b47404645505a736250 \
    556d5645466488656d777b8182814e608d978c7d96737e817cffdb0043011517171e1a1e3b21213b7c5346537c7c \
    7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c \
    7c7cffc20011080013001503012200021101031101ffc40018000101010101000000000000000000000000040201 \
    05ffc40017010003010000000000000000000000000001020403ffda000c0301000210031000000187d28aedc71b \
    4ef15201a0b0ff00ffc4001b10000202030100000000000000000000000002010312223132ffda00080101000105 \
    02582b882b5d54e56b38aa8fe0ffc4001b11000203000300000000000000000000000001020321113233ffda0008 \
    010301013f015b84ee8c65c3657d917fa33fffc400191101000301010000000000000000000000010002310310ff \
    da0008010201013f01e9618955c8ef9fffc40017100100030000000000000000000000000010012081ffda000801 \
    0100063f02a4ba7fffc4001b10000203010101000000000000000000000011012131415171ffda0008010100013f \
    2185e11ae688846cd2b88594d9b24a2bb63cf87fffda000c03010002000300000010433f40ffc4001b1100020105 \
    00000000000000000000000000011011214181a1ffda0008010301013f1047426464b8dc0eb3ffc4001811010100 \
    030000000000000000000000000100112131ffda0008010201013f10d5a13c4173b37fffc4001f10010002010305 \
    00000000000000000000010011213141b1617191a1c1ffda0008010100013f10da1e262001955a08fdc4c283ae2f \
    d98fb390ca80a443aa08ea32f2100aec72cfffd9";
const PROGRESSIVE_420_RGB: &str =
    "52aefa9b32d3e77ac8cf1038503e3dc605432fbc0c22ad505937e6f22ecd9698";

const RESTARTS_422: &str = "\
    ffd8ffdb00430064454b584b3f64585158716a647796faa3968a8a96ffdbe7b5faffffffffffffffffffffffffff \
    ffffffffffffffffffffffffffffffffffffffffffffffffffffdb0043016a7171968396ffa3a3ffffffffffffff \
    ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff \
    ffffffc00011080013001503012100021101031101ffc40017000101010100000000000000000000000002000304 \
    ffc4001b10000300030101000000000000000000000001020312213161ffc4001701000301000000000000000000 \
    0000000000010203ffc400191101010101010100000000000000000000010002113132ffdd00040001ffda000c03 \
    010002110311003f00c651d18d234d832bffd058e56a427076b5bfffd1ce51b790ca582fffd272f595c2096b7c79 \
    7fffd3323ae42fac4fb33dbfffd4444d96fe9bffd9";
const RESTARTS_422_RGB: &str = "52da39889a087c3ac7cc37883272c8c4a45f3b7c668872e01158ce8e677c31b6";

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<char> = hex.chars().filter(|digit| !digit.is_whitespace()).collect();
    let byte = |pair: &[char]| u8::from_str_radix(&pair.iter().collect::<String>(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

fn decode(jpeg: &[u8]) -> Result<String, String> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("image");
    fs::write(&path, jpeg).unwrap();
    let rgb = decode_rgb(&path).map_err(|error| format!("{:?}", error))?;
    assert_eq!((rgb.width, rgb.height), SIZE);
    Ok(sha256(&rgb.pixels))
}

#[test]
fn progressive_scans_with_quartered_chroma_have_pillows_bits() {
    assert_eq!(decode(&bytes(PROGRESSIVE_420)).as_deref(), Ok(PROGRESSIVE_420_RGB));
}

#[test]
fn restarts_with_halved_chroma_have_pillows_bits() {
    assert_eq!(decode(&bytes(RESTARTS_422)).as_deref(), Ok(RESTARTS_422_RGB));
}

#[test]
fn a_stream_without_its_end_is_truncated() {
    let jpeg = bytes(RESTARTS_422);
    for cut in [jpeg.len() - 2, jpeg.len() / 2, 40] {
        assert!(decode(&jpeg[..cut]).unwrap_err().contains("Truncated"), "{cut}");
    }
}

#[test]
fn a_lost_restart_interval_spoils_nothing_behind_it() {
    let jpeg = bytes(RESTARTS_422);
    let first = jpeg.windows(2).position(|pair| pair == [0xff, 0xd0]).unwrap();
    let second = jpeg.windows(2).position(|pair| pair == [0xff, 0xd1]).unwrap();
    let without = [&jpeg[..first], &jpeg[second..]].concat();
    assert!(decode(&without).is_ok());
}

#[test]
fn data_before_a_marker_that_is_too_new_is_not_read_as_the_next_interval() {
    let jpeg = bytes(RESTARTS_422);
    let first = jpeg.windows(2).position(|pair| pair == [0xff, 0xd0]).unwrap();
    let rest = [0x35, 0x77, 0x99, 0x12, 0x35, 0x77, 0x99, 0x12, 0x35, 0x11];
    let too_new = [&jpeg[..first], &rest, &[0xff, 0xd2], &jpeg[first + 2..]].concat();
    let pillows = "fcb202bade4b9215fcbaa2c87a0fdfe1da495f543c67c9251d04771972201297";
    assert_eq!(decode(&too_new).as_deref(), Ok(pillows));
}
