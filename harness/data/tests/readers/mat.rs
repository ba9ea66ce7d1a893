//! Writes MAT-files of version 5, in either byte order, compressed or not.

use std::io::Write;

use flate2::{Compression, write::ZlibEncoder};

#[derive(Clone)]
pub enum Mat {
    /// A row of doubles, stored as MATLAB stores whole numbers: as small as they go.
    Numbers(Vec<u16>),
    Text(String),
    Cells(Vec<Mat>),
    /// Field names, and every structure's values.
    Structs(Vec<&'static str>, Vec<Vec<Mat>>),
    /// An array of a class that nobody reads here, without a body.
    Opaque,
}

#[derive(Clone, Copy, Default)]
pub struct Writer {
    pub is_compressed: bool,
    pub is_big_endian: bool,
}

pub fn text(text: &str) -> Mat {
    Mat::Text(text.to_owned())
}

impl Writer {
    pub fn file(self, variables: &[(&str, Mat)]) -> Vec<u8> {
        let mut file = format!("{:124}", "MATLAB 5.0 MAT-file, written by a test").into_bytes();
        file.extend(if self.is_big_endian { *b"\x01\x00MI" } else { *b"\x00\x01IM" });
        for (name, array) in variables {
            let matrix = self.matrix(name, array);
            if self.is_compressed {
                let mut packer = ZlibEncoder::new(Vec::new(), Compression::default());
                packer.write_all(&matrix).unwrap();
                let packed = packer.finish().unwrap();
                file.extend(self.u32(15));
                file.extend(self.u32(packed.len() as u32));
                file.extend(packed);
            } else {
                file.extend(matrix);
            }
        }
        file
    }

    fn matrix(self, name: &str, array: &Mat) -> Vec<u8> {
        let (class, n_elements) = match array {
            Mat::Cells(cells) => (1, cells.len()),
            Mat::Structs(_, structs) => (2, structs.len()),
            Mat::Text(text) => (4, text.chars().count()),
            Mat::Numbers(numbers) => (6, numbers.len()),
            Mat::Opaque => (17, 1),
        };
        let mut body = self.element(6, &[self.u32(class), self.u32(0)].concat());
        body.extend(self.element(5, &[self.u32(1), self.u32(n_elements as u32)].concat()));
        body.extend(self.element(1, name.as_bytes()));
        match array {
            Mat::Cells(cells) => cells.iter().for_each(|cell| body.extend(self.matrix("", cell))),
            Mat::Structs(fields, structs) => {
                body.extend(self.element(5, &self.u32(16)));
                let names: String = fields.iter().map(|field| format!("{field:\0<16}")).collect();
                body.extend(self.element(1, names.as_bytes()));
                let values = structs.iter().flatten();
                values.for_each(|value| body.extend(self.matrix("", value)));
            }
            Mat::Text(text) if self.is_big_endian => {
                let units = text.encode_utf16().flat_map(u16::to_be_bytes);
                body.extend(self.element(4, &units.collect::<Vec<u8>>()));
            }
            Mat::Text(text) => body.extend(self.element(16, text.as_bytes())),
            Mat::Numbers(numbers) => body.extend(self.numbers(numbers)),
            Mat::Opaque => {}
        }
        self.long_element(14, &body)
    }

    fn numbers(self, numbers: &[u16]) -> Vec<u8> {
        let small: Option<Vec<u8>> =
            numbers.iter().map(|number| u8::try_from(*number).ok()).collect();
        if let Some(small) = small {
            return self.element(2, &small);
        }
        let wide = |number: &u16| match self.is_big_endian {
            true => number.to_be_bytes(),
            false => number.to_le_bytes(),
        };
        self.element(4, &numbers.iter().flat_map(wide).collect::<Vec<u8>>())
    }

    /// Up to four bytes share the tag's eight.
    fn element(self, kind: u32, data: &[u8]) -> Vec<u8> {
        if data.is_empty() || 4 < data.len() {
            return self.long_element(kind, data);
        }
        let mut element = self.u32(kind | (data.len() as u32) << 16).to_vec();
        element.extend(data);
        element.resize(8, 0);
        element
    }

    fn long_element(self, kind: u32, data: &[u8]) -> Vec<u8> {
        let mut element = [self.u32(kind), self.u32(data.len() as u32)].concat();
        element.extend(data);
        element.resize(element.len().next_multiple_of(8), 0);
        element
    }

    fn u32(self, number: u32) -> [u8; 4] {
        if self.is_big_endian { number.to_be_bytes() } else { number.to_le_bytes() }
    }
}

/// What Stanford's devkit has in a list: box, class from 1, file name.
pub fn cars<'a>(images: impl IntoIterator<Item = (&'a str, usize)>) -> Mat {
    let number = |number: usize| Mat::Numbers(vec![number as u16]);
    let annotation = |(file, class)| vec![number(39), number(300), number(class), text(file)];
    let fields = vec!["bbox_x1", "bbox_y1", "class", "fname"];
    Mat::Structs(fields, images.into_iter().map(annotation).collect())
}
