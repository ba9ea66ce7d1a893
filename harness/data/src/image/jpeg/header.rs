//! The segments of a JPEG stream, from the start-of-image marker to the end-of-image marker.

use super::frame::{Colours, Component, Frame, Image};
use super::huffman::Table;
use super::markers::next_marker;
use super::scan::{Scan, decode_scan};
use super::tables::Tables;
use super::transform::ZIGZAG;
use crate::image::error::{DecodeError, JpegError};
use crate::image::limits::check_size;

/// More scans than any encoder writes; a small hostile file could ask for millions.
const MAX_SCANS: usize = 1000;

struct Stream<'a> {
    bytes: &'a [u8],
    pos: usize,
    tables: Tables,
    frame: Option<Frame>,
    n_scans: usize,
    /// Whether the only scan of an image without others has been read.
    is_whole: bool,
    /// Where the data of the last scan end.
    scan_end: usize,
    has_jfif: bool,
    adobe_transform: Option<u8>,
}

/// Reads a whole stream to coefficients.
pub(super) fn read(bytes: &[u8]) -> Result<Image, DecodeError> {
    let tables = Tables {
        quant: [None; 4],
        dc: [const { None }; 4],
        ac: [const { None }; 4],
        restart_interval: 0,
    };
    let mut stream = Stream {
        bytes,
        pos: 2,
        tables,
        frame: None,
        n_scans: 0,
        is_whole: false,
        scan_end: 0,
        has_jfif: false,
        adobe_transform: None,
    };
    loop {
        match stream.segment() {
            Ok(true) => {}
            Ok(false) => break,
            // What is cut off after the image is not missed, as long as there was a marker.
            Err(DecodeError::Jpeg(JpegError::Truncated))
                if stream.is_whole && next_marker(bytes, stream.scan_end).is_some() =>
            {
                break;
            }
            Err(error) => return Err(error),
        }
    }
    stream.image().map_err(DecodeError::Jpeg)
}

impl<'a> Stream<'a> {
    /// Reads one segment; false at the end of the image.
    fn segment(&mut self) -> Result<bool, DecodeError> {
        let (marker, pos) =
            next_marker(self.bytes, self.pos).ok_or(DecodeError::Jpeg(JpegError::Truncated))?;
        self.pos = pos;
        refuse(marker).map_err(DecodeError::Jpeg)?;
        match marker {
            0xd9 => return Ok(false),
            0x01 | 0xd0..=0xd7 => return Ok(true), // stand alone
            _ => {}
        }
        let body = self.body().map_err(DecodeError::Jpeg)?;
        match marker {
            0xc0..=0xc2 => self.frame_header(marker, body)?,
            0xda => self.scan(body).map_err(DecodeError::Jpeg)?,
            _ => self.other(marker, body).map_err(DecodeError::Jpeg)?,
        }
        Ok(true)
    }

    fn other(&mut self, marker: u8, body: &[u8]) -> Result<(), JpegError> {
        match marker {
            0xc4 => self.huffman_tables(body),
            0xdb => self.quant_tables(body),
            0xdd => {
                let interval = body.first_chunk::<2>().ok_or(short("DRI"))?;
                self.tables.restart_interval = usize::from(u16::from_be_bytes(*interval));
                Ok(())
            }
            0xe0 => {
                self.has_jfif |= body.starts_with(b"JFIF\0");
                Ok(())
            }
            0xee if body.starts_with(b"Adobe") && 12 <= body.len() => {
                self.adobe_transform = Some(body[11]);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn body(&mut self) -> Result<&'a [u8], JpegError> {
        let rest = &self.bytes[self.pos..];
        let length = rest.first_chunk::<2>().ok_or(JpegError::Truncated)?;
        let length = usize::from(u16::from_be_bytes(*length));
        if length < 2 {
            return Err(JpegError::Segment { segment: "marker", what: "a length below two" });
        }
        let body = rest.get(2..length).ok_or(JpegError::Truncated)?;
        self.pos += length;
        Ok(body)
    }

    fn quant_tables(&mut self, mut body: &[u8]) -> Result<(), JpegError> {
        while let Some((&head, rest)) = body.split_first() {
            let entry_len = if head >> 4 == 0 { 1 } else { 2 };
            let idx = usize::from(head & 15);
            let (Some(values), true) = (rest.get(..64 * entry_len), idx < 4) else {
                return Err(short("DQT"));
            };
            let mut table = [0; 64];
            for (entry, &natural) in values.chunks_exact(entry_len).zip(&ZIGZAG) {
                table[usize::from(natural)] =
                    entry.iter().fold(0, |value, &byte| value << 8 | u16::from(byte));
            }
            self.tables.quant[idx] = Some(table);
            body = &rest[64 * entry_len..];
        }
        Ok(())
    }

    fn huffman_tables(&mut self, mut body: &[u8]) -> Result<(), JpegError> {
        while let Some((&head, rest)) = body.split_first() {
            let (counts, rest) = rest.split_first_chunk::<16>().ok_or(short("DHT"))?;
            let n_symbols = counts.iter().map(|&count| usize::from(count)).sum();
            let symbols = rest.get(..n_symbols).filter(|s| s.len() <= 256).ok_or(short("DHT"))?;
            let table = Table::new(counts, symbols)?;
            let tables = match head >> 4 {
                0 => &mut self.tables.dc,
                1 => &mut self.tables.ac,
                _ => return Err(short("DHT")),
            };
            *tables.get_mut(usize::from(head & 15)).ok_or(short("DHT"))? = Some(table);
            body = &rest[n_symbols..];
        }
        Ok(())
    }

    fn frame_header(&mut self, marker: u8, body: &[u8]) -> Result<(), DecodeError> {
        let broken = |what| DecodeError::Jpeg(JpegError::Segment { segment: "SOF", what });
        if self.frame.is_some() {
            return Err(broken("a second frame"));
        }
        let [precision, h0, h1, w0, w1, n_components] =
            *body.first_chunk::<6>().ok_or(broken("too short"))?;
        let (width, height) = (u16::from_be_bytes([w0, w1]), u16::from_be_bytes([h0, h1]));
        check_size(u64::from(width), u64::from(height))?;
        if precision != 8 {
            return Err(DecodeError::Jpeg(JpegError::Unsupported {
                what: "a depth of not 8 bits",
            }));
        }
        if !matches!(n_components, 1 | 3 | 4) || body.len() != 6 + 3 * usize::from(n_components) {
            return Err(broken("expected one, three or four components"));
        }
        let components: Option<Vec<Component>> = body[6..].chunks_exact(3).map(component).collect();
        let mut frame = Frame {
            width: usize::from(width),
            height: usize::from(height),
            is_progressive: marker == 0xc2,
            h_max: 1,
            v_max: 1,
            components: components.ok_or(broken("a component out of range"))?,
        };
        frame.allocate().map_err(DecodeError::Jpeg)?;
        self.frame = Some(frame);
        Ok(())
    }

    fn scan(&mut self, body: &[u8]) -> Result<(), JpegError> {
        let broken = |what| JpegError::Segment { segment: "SOS", what };
        let frame = self.frame.as_mut().ok_or(broken("before the frame header"))?;
        self.n_scans += 1;
        if MAX_SCANS < self.n_scans {
            return Err(broken("too many scans"));
        }
        let scan = Scan::read(body, frame)?;
        if self.n_scans == 1 && !frame.is_progressive {
            self.tables.complete()?;
        }
        for &(idx, _, _) in &scan.components {
            let component = &mut frame.components[idx];
            if component.quant.is_none() {
                let table = self.tables.quant[component.table_idx];
                component.quant = Some(table.ok_or(broken("a quantisation table is missing"))?);
            }
        }
        self.pos = decode_scan(self.bytes, self.pos, &scan, frame, &self.tables)?;
        self.scan_end = self.pos;
        self.is_whole = !frame.is_progressive && scan.components.len() == frame.components.len();
        Ok(())
    }

    fn image(self) -> Result<Image, JpegError> {
        let frame = self.frame.ok_or(JpegError::Truncated)?;
        let ids: Vec<u8> = frame.components.iter().map(|component| component.id).collect();
        let colours = match (ids.len(), self.adobe_transform) {
            (1, _) => Colours::Gray,
            (3, _) if self.has_jfif => Colours::YCbCr,
            (3, Some(0)) => Colours::Rgb,
            (3, None) if ids == *b"RGB" => Colours::Rgb,
            (3, _) => Colours::YCbCr,
            (_, None | Some(0)) => Colours::Cmyk,
            (_, Some(_)) => Colours::Ycck,
        };
        Ok(Image { frame, colours })
    }
}

/// Refuses markers that libjpeg refuses, and those of codings that are not read, whatever follows them.
fn refuse(marker: u8) -> Result<(), JpegError> {
    let what = match marker {
        0xc3 | 0xc7 | 0xcb | 0xcf => "lossless coding",
        0xc5 | 0xc6 | 0xcd | 0xce => "hierarchical coding",
        0xc9 | 0xca => "arithmetic coding",
        0x02..=0xbf | 0xc8 | 0xd8 | 0xde..=0xdf | 0xf0..=0xfd => {
            return Err(JpegError::Segment { segment: "marker", what: "one that no image has" });
        }
        _ => return Ok(()),
    };
    Err(JpegError::Unsupported { what })
}

fn component(spec: &[u8]) -> Option<Component> {
    let (h, v) = (usize::from(spec[1] >> 4), usize::from(spec[1] & 15));
    let in_range = (1..=4).contains(&h) && (1..=4).contains(&v) && spec[2] < 4;
    in_range.then(|| Component {
        id: spec[0],
        h,
        v,
        table_idx: usize::from(spec[2]),
        quant: None,
        width: 0,
        height: 0,
        blocks_wide: 0,
        blocks_high: 0,
        blocks: Vec::new(),
    })
}

fn short(segment: &'static str) -> JpegError {
    JpegError::Segment { segment, what: "too short or out of range" }
}
