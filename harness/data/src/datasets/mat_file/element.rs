//! The elements of a MAT-file: a type, a length, and that many bytes.

/// Bytes of a file that are not read yet; `offset` counts from where they were cut out of.
#[derive(Clone, Copy)]
pub(super) struct Bytes<'a> {
    all: &'a [u8],
    offset: usize,
    is_little_endian: bool,
}

/// The type of an element's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    I8,
    U8,
    I16,
    U16,
    I32,
    U32,
    F32,
    F64,
    I64,
    U64,
    Matrix,
    Compressed,
    Utf8,
    Utf16,
    Utf32,
}

const KINDS: [(Kind, u32); 15] = [
    (Kind::I8, 1),
    (Kind::U8, 2),
    (Kind::I16, 3),
    (Kind::U16, 4),
    (Kind::I32, 5),
    (Kind::U32, 6),
    (Kind::F32, 7),
    (Kind::F64, 9),
    (Kind::I64, 12),
    (Kind::U64, 13),
    (Kind::Matrix, 14),
    (Kind::Compressed, 15),
    (Kind::Utf8, 16),
    (Kind::Utf16, 17),
    (Kind::Utf32, 18),
];

impl Kind {
    fn new(number: u32) -> Option<Kind> {
        KINDS.iter().find(|(_, other)| *other == number).map(|(kind, _)| *kind)
    }

    /// The number in the file.
    pub(super) fn number(self) -> u32 {
        KINDS.iter().find(|(kind, _)| *kind == self).map_or(0, |(_, number)| *number)
    }
}

/// One element.
pub(super) struct Element<'a> {
    pub(super) kind: Kind,
    pub(super) data: Bytes<'a>,
}

impl<'a> Bytes<'a> {
    /// What follows the header, in the byte order that it says.
    pub(super) fn after_header(file: &'a [u8], n_header: usize) -> Result<Self, String> {
        let Some(header) = file.get(..n_header) else {
            return Err(format!("found {} bytes, expected a header of {n_header}", file.len()));
        };
        let (is_little_endian, version) = match &header[n_header - 4..] {
            [low, high, b'I', b'M'] => (true, [*high, *low]),
            [high, low, b'M', b'I'] => (false, [*high, *low]),
            _ => return Err("found no header of a MAT-file, expected version 5".to_owned()),
        };
        if version != [1, 0] {
            let [major, _] = version;
            return Err(format!(
                "found a MAT-file of version {major} in its header, expected 1 (version 5; 7.3 is HDF5)"
            ));
        }
        Ok(Bytes { all: file, offset: n_header, is_little_endian })
    }

    /// Other bytes in the same byte order.
    pub(super) fn same_order<'b>(&self, all: &'b [u8]) -> Bytes<'b> {
        Bytes { all, offset: 0, is_little_endian: self.is_little_endian }
    }

    /// Whether everything is read.
    pub(super) fn is_at_end(&self) -> bool {
        self.all.len() <= self.offset
    }

    /// What is not read yet.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.all.get(self.offset..).unwrap_or_default()
    }

    /// Where reading is, for a message.
    pub(super) fn place(&self) -> String {
        format!("byte {}", self.offset)
    }

    /// Reads an element: long ones are padded to eight bytes, short ones share their eight with the tag.
    pub(super) fn element(&mut self) -> Result<Element<'a>, String> {
        let place = self.place();
        let tag = self.u32()?;
        let (number, n_bytes, is_short) = match tag >> 16 {
            0 => (tag, self.u32()? as usize, false),
            n_bytes => (tag & 0xffff, n_bytes as usize, true),
        };
        if is_short && 4 < n_bytes {
            return Err(format!("{place}: found {n_bytes} bytes in a short element, expected 4"));
        }
        let Some(kind) = Kind::new(number) else {
            return Err(format!("{place}: found an element of the unknown type {number}"));
        };
        let end = self.offset.saturating_add(n_bytes);
        let Some(all) = self.all.get(..end) else {
            return Err(format!(
                "{place}: found {} bytes, expected an element's {n_bytes}",
                self.rest().len()
            ));
        };
        let data = Bytes { all, ..*self };
        let pads = !matches!(kind, Kind::Compressed);
        self.offset = match is_short {
            true => self.offset + 4,
            false if pads => end.saturating_add((8 - n_bytes % 8) % 8),
            false => end,
        };
        Ok(Element { kind, data })
    }

    /// Reads an element of integers that is of one of `kinds`.
    pub(super) fn integers(&mut self, what: &str, kinds: &[Kind]) -> Result<Vec<i64>, String> {
        let place = self.place();
        let element = self.element()?;
        if !kinds.contains(&element.kind) {
            let number = element.kind.number();
            return Err(format!("{place}: found an element of type {number}, expected {what}"));
        }
        Ok(element.numbers()?.into_iter().map(|number| number as i64).collect())
    }

    /// Reads an element of bytes as a text.
    pub(super) fn ascii(&mut self, what: &str) -> Result<String, String> {
        let place = self.place();
        match self.element()? {
            Element { kind: Kind::I8 | Kind::U8 | Kind::Utf8, data } => {
                Ok(String::from_utf8_lossy(data.rest()).into_owned())
            }
            element => {
                let number = element.kind.number();
                Err(format!("{place}: found an element of type {number}, expected a {what}"))
            }
        }
    }

    fn u32(&mut self) -> Result<u32, String> {
        let Some(bytes) = self.rest().first_chunk::<4>() else {
            return Err(format!("{}: found the end, expected an element", self.place()));
        };
        self.offset += 4;
        Ok(match self.is_little_endian {
            true => u32::from_le_bytes(*bytes),
            false => u32::from_be_bytes(*bytes),
        })
    }
}

impl Element<'_> {
    /// The values as numbers.
    pub(super) fn numbers(&self) -> Result<Vec<f64>, String> {
        Ok(match self.kind {
            Kind::I8 => self.values(|[byte]: [u8; 1]| f64::from(byte as i8)),
            Kind::U8 | Kind::Utf8 => self.values(|[byte]: [u8; 1]| f64::from(byte)),
            Kind::I16 => self.values(|bytes| f64::from(i16::from_le_bytes(bytes))),
            Kind::U16 | Kind::Utf16 => self.values(|bytes| f64::from(u16::from_le_bytes(bytes))),
            Kind::I32 => self.values(|bytes| f64::from(i32::from_le_bytes(bytes))),
            Kind::U32 | Kind::Utf32 => self.values(|bytes| f64::from(u32::from_le_bytes(bytes))),
            Kind::F32 => self.values(|bytes| f64::from(f32::from_le_bytes(bytes))),
            Kind::F64 => self.values(f64::from_le_bytes),
            Kind::I64 => self.values(|bytes| i64::from_le_bytes(bytes) as f64),
            Kind::U64 => self.values(|bytes| u64::from_le_bytes(bytes) as f64),
            Kind::Matrix | Kind::Compressed => {
                return Err(format!("{}: found an array, expected numbers", self.data.place()));
            }
        })
    }

    /// Converts every value, given in little-endian order; bytes left over are no value.
    fn values<const N: usize>(&self, number: impl Fn([u8; N]) -> f64) -> Vec<f64> {
        let (chunks, _) = self.data.rest().as_chunks::<N>();
        let ordered = chunks.iter().map(|chunk| {
            let mut chunk = *chunk;
            if !self.data.is_little_endian {
                chunk.reverse();
            }
            chunk
        });
        ordered.map(number).collect()
    }

    /// The values as a text.
    pub(super) fn text(&self) -> Result<String, String> {
        let units = || self.numbers().map(|numbers| numbers.into_iter().map(|unit| unit as u32));
        let text = match self.kind {
            Kind::Utf8 => std::str::from_utf8(self.data.rest()).ok().map(str::to_owned),
            Kind::U16 | Kind::Utf16 => {
                let units: Vec<u16> = units()?.map(|unit| unit as u16).collect();
                String::from_utf16(&units).ok()
            }
            _ => units()?.map(char::from_u32).collect(),
        };
        text.ok_or_else(|| format!("{}: found characters that are none", self.data.place()))
    }
}
