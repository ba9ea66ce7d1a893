//! What a file is that is no image we read: other formats by name, and what stands where an image should.

/// Formats that Pillow or a browser opens and we do not: what files begin with, and the format's name.
const SIGNATURES: &[(&[u8], &str)] = &[
    (b"II*\0", "a TIFF image"),
    (b"MM\0*", "a TIFF image"),
    (b"II+\0", "a BigTIFF image"),
    (b"MM\0+", "a BigTIFF image"),
    (b"\0\0\0\x0cjP  ", "a JPEG 2000 image"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 code stream"),
    (b"\xff\x0a", "a JPEG XL image"),
    (b"\0\0\0\x0cJXL ", "a JPEG XL image"),
    (b"icns", "an ICNS image"),
    (b"8BPS", "a PSD image"),
    (b"DDS ", "a DDS image"),
    (b"qoif", "a QOI image"),
    (b"\x01\xda", "an SGI image"),
    (b"\x59\xa6\x6a\x95", "a Sun raster image"),
    (b"SIMPLE  =", "a FITS image"),
    (b"/* XPM */", "an XPM image"),
    (b"gimp xcf", "a GIMP file"),
    (b"%PDF", "a PDF document"),
    (b"%!PS", "a PostScript document"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ\0", "an xz archive"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"\x89HDF", "an HDF5 file"),
];

/// Brands of ISO base media files, which name themselves after `ftyp`.
const BRANDS: &[(&[&[u8; 4]], &str)] = &[
    (&[b"avif", b"avis"], "an AVIF image"),
    (&[b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"], "a HEIC image"),
];

/// Says what some bytes are, if it is known.
pub(super) fn name_of(bytes: &[u8]) -> Option<&'static str> {
    if bytes.is_empty() {
        return Some("an empty file");
    }
    if let Some(stand_in) = stand_in(bytes) {
        return Some(stand_in);
    }
    let signature = SIGNATURES.iter().find(|(start, _)| bytes.starts_with(start));
    signature.map(|(_, name)| *name).or_else(|| by_structure(bytes))
}

/// Says what stands where a file should that was not fetched; `None` for anything else.
pub(crate) fn stand_in(bytes: &[u8]) -> Option<&'static str> {
    if bytes.starts_with(b"version https://git-lfs.github.com/spec/") {
        return Some("a Git LFS pointer, not the file itself (`git lfs pull` gets it)");
    }
    if bytes.starts_with(b"/annex/objects/") || bytes.starts_with(b"../.git/annex/objects/") {
        return Some("a git-annex pointer, not the file itself (`git annex get` gets it)");
    }
    let start = String::from_utf8_lossy(&bytes[..bytes.len().min(64)]).trim_start().to_lowercase();
    let is_page = ["<!doctype html", "<html"].iter().any(|tag| start.starts_with(tag));
    is_page.then_some("an HTML page, as a failed download leaves it")
}

fn by_structure(bytes: &[u8]) -> Option<&'static str> {
    let head = &bytes[..bytes.len().min(1024)];
    if head.get(4..8) == Some(b"ftyp") {
        let brand = head.get(8..12).unwrap_or_default();
        let known =
            BRANDS.iter().find(|(brands, _)| brands.iter().any(|known| &known[..] == brand));
        return Some(known.map_or("an ISO media file", |(_, name)| name));
    }
    match head {
        // How many images follow distinguishes it from a TGA image without a colour map, which has zeros there.
        [0, 0, 1, 0, low, high, ..] if (*low, *high) != (0, 0) => return Some("an ICO image"),
        [0, 0, 2, 0, low, high, ..] if (*low, *high) != (0, 0) => return Some("a CUR image"),
        [b'P', b'1'..=b'7' | b'f' | b'F', b' ' | b'\t' | b'\r' | b'\n' | b'#', ..] => {
            return Some("a PPM, PGM, PBM or PAM image");
        }
        [0x0a, 0 | 2..=5, 0 | 1, 1 | 2 | 4 | 8, ..] if 128 <= bytes.len() => {
            return Some("a PCX image");
        }
        _ => {}
    }
    let text = String::from_utf8_lossy(head);
    if text.contains("<svg") {
        return Some("an SVG image");
    }
    if text.trim_start().starts_with("#define") && text.contains("_width") {
        return Some("an XBM image");
    }
    is_tga(bytes).then_some("a TGA image")
}

/// TGA has no signature: its newer files end with one, and the header of the older ones has few values.
fn is_tga(bytes: &[u8]) -> bool {
    if bytes.ends_with(b"TRUEVISION-XFILE.\0") {
        return true;
    }
    let [_, map, kind, ..] = *bytes else { return false };
    let depth = bytes.get(16).copied().unwrap_or_default();
    18 < bytes.len()
        && map <= 1
        && matches!(kind, 1..=3 | 9..=11)
        && (map == 1) == matches!(kind, 1 | 9)
        && matches!(depth, 8 | 15 | 16 | 24 | 32)
        && bytes[12..16] != [0; 4]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_read_is_told_by_name() {
        let mut tga = vec![0; 40];
        (tga[2], tga[12], tga[14], tga[16]) = (2, 8, 8, 24);
        let mut pcx = vec![0; 200];
        pcx[..4].copy_from_slice(&[10, 5, 1, 8]);
        for (bytes, name) in [
            (b"II*\0\x08\0\0\0".as_slice(), "TIFF"),
            (b"MM\0*\0\0\0\x08", "TIFF"),
            (b"P6\n2 2\n255\n", "PPM"),
            (b"P5 2 2 255 ", "PGM"),
            (b"\0\0\0\x1cftypavif\0\0\0\0", "AVIF"),
            (b"\0\0\0\x18ftypheic\0\0\0\0", "HEIC"),
            (b"\0\0\0\x18ftypmif1\0\0\0\0", "HEIC"),
            (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
            (b"\xff\x4f\xff\x51\0", "JPEG 2000"),
            (b"\0\0\x01\0\x01\0", "ICO"),
            (b"\0\0\x02\0\x01\0", "CUR"),
            (&tga, "TGA"),
            (&pcx, "PCX"),
            (b"8BPS\0\x01", "PSD"),
            (b"DDS |\0\0\0", "DDS"),
            (b"<?xml version='1.0'?>\n<svg xmlns='x'/>", "SVG"),
            (b"%PDF-1.7", "PDF"),
            (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "Git LFS pointer"),
            (b"/annex/objects/MD5E-s3--0\n", "git-annex pointer"),
            (b"\n<!DOCTYPE html><title>Quota exceeded</title>", "HTML page"),
            (b"", "empty"),
        ] {
            let found = name_of(bytes).unwrap_or_default();
            assert!(found.contains(name), "{name}: found {found:?}");
        }
        assert_eq!(name_of(b"words that nobody knows"), None);
    }
}
