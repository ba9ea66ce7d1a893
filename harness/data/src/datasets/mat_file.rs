//! MATLAB's MAT-file of version 5: the variables that two datasets' annotations are in.
//!
//! Follows MathWorks' "MAT-File Format" (R2019b), of which it reads what annotations are made of: numbers,
//! texts, cells and structures, compressed or not, in either byte order. Whatever else a file holds is
//! passed over. No length of a file is believed before it is compared with the bytes that are there, and
//! what is compressed is unpacked up to a limit.

use std::io::Read;

use flate2::read::ZlibDecoder;

use self::element::{Bytes, Element, Kind};

mod element;

/// The most bytes that one compressed variable is unpacked to; the largest annotations have 4 MB.
const MAX_UNPACKED: u64 = 1 << 25;

/// The longest name of a field, its end counted: MATLAB's own bound.
const MAX_FIELD_NAME: usize = 64;

/// How deep cells and structures may stand in one another.
const MAX_DEPTH: usize = 8;

const HEADER_BYTES: usize = 128;

/// A MATLAB array, its elements in column-major order.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum MatArray {
    /// Numbers of any type; complex ones without their imaginary part.
    Numbers(Vec<f64>),
    /// A text of one row.
    Text(String),
    /// Cells.
    Cells(Vec<MatArray>),
    /// Structures of one shape.
    Structs(MatStructs),
    /// Something of another class.
    Other,
}

/// Structures with the same fields.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct MatStructs {
    /// The fields' names.
    pub(super) fields: Vec<String>,
    /// Every structure's values, in the order of the names.
    pub(super) rows: Vec<Vec<MatArray>>,
}

impl MatArray {
    /// What it is, for a message.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            MatArray::Numbers(_) => "numbers",
            MatArray::Text(_) => "a text",
            MatArray::Cells(_) => "cells",
            MatArray::Structs(_) => "structures",
            MatArray::Other => "an array of another class",
        }
    }
}

/// Reads the variable `name` of a MAT-file; the error says what was found where.
pub(super) fn read_variable(file: &[u8], name: &str) -> Result<MatArray, String> {
    let mut bytes = Bytes::after_header(file, HEADER_BYTES)?;
    let mut names = Vec::new();
    while !bytes.is_at_end() {
        let found = match bytes.element()? {
            Element { kind: Kind::Compressed, data } => {
                let unpacked = unpack(&data)?;
                named_array(data.same_order(&unpacked).element()?, name)?
            }
            element => named_array(element, name)?,
        };
        match found {
            Named::Wanted(array) => return Ok(array),
            Named::Other(other) => names.push(format!("`{other}`")),
        }
    }
    Err(match names.as_slice() {
        [] => format!("found no variable, expected `{name}`"),
        names => format!("found the variables {}, expected `{name}`", names.join(", ")),
    })
}

fn unpack(packed: &Bytes) -> Result<Vec<u8>, String> {
    let mut unpacked = Vec::new();
    ZlibDecoder::new(packed.rest())
        .take(MAX_UNPACKED + 1)
        .read_to_end(&mut unpacked)
        .map_err(|error| format!("{}: found no zlib data ({error})", packed.place()))?;
    if MAX_UNPACKED < unpacked.len() as u64 {
        return Err(format!("{}: found over {MAX_UNPACKED} bytes packed", packed.place()));
    }
    Ok(unpacked)
}

/// A variable that is read, or the name of one that is passed over.
enum Named {
    Wanted(MatArray),
    Other(String),
}

fn named_array(element: Element, wanted: &str) -> Result<Named, String> {
    let Element { kind: Kind::Matrix, data } = element else {
        return Ok(Named::Other(format!("element of type {}", element.kind.number())));
    };
    let (head, rest) = Head::read(data)?;
    if head.name != wanted {
        return Ok(Named::Other(head.name));
    }
    read_body(&head, rest, 0).map(Named::Wanted)
}

/// What every array begins with.
struct Head {
    class: u8,
    n_elements: usize,
    n_rows: usize,
    name: String,
}

impl Head {
    fn read(mut data: Bytes) -> Result<(Head, Bytes), String> {
        let place = data.place();
        let class =
            data.integers("array flags", &[Kind::U32])?.first().map_or(0, |flags| flags & 0xff);
        let sizes = data.integers("dimensions", &[Kind::I32])?;
        let count = |sizes: &[i64]| {
            sizes.iter().try_fold(1usize, |n, size| n.checked_mul(usize::try_from(*size).ok()?))
        };
        let Some(n_elements) = count(&sizes).filter(|_| 2 <= sizes.len()) else {
            return Err(format!("{place}: found the dimensions {sizes:?}, expected two or more"));
        };
        let n_rows = count(&sizes[..1]).unwrap_or(0);
        let name = data.ascii("name")?;
        Ok((Head { class: class as u8, n_elements, n_rows, name }, data))
    }
}

fn read_body(head: &Head, mut data: Bytes, depth: usize) -> Result<MatArray, String> {
    if depth == MAX_DEPTH {
        return Err(format!("{}: found arrays over {MAX_DEPTH} deep", data.place()));
    }
    match head.class {
        1 => read_cells(head.n_elements, &mut data, depth).map(MatArray::Cells),
        2 => read_structs(head.n_elements, &mut data, depth).map(MatArray::Structs),
        4 => read_text(head, data),
        6..=15 => {
            let place = data.place();
            let numbers = data.element()?.numbers()?;
            if numbers.len() != head.n_elements {
                let (found, expected) = (numbers.len(), head.n_elements);
                return Err(format!("{place}: found {found} numbers, expected {expected}"));
            }
            Ok(MatArray::Numbers(numbers))
        }
        _ => Ok(MatArray::Other),
    }
}

fn read_cells(n_cells: usize, data: &mut Bytes, depth: usize) -> Result<Vec<MatArray>, String> {
    let mut cells = Vec::new();
    for _ in 0..n_cells {
        cells.push(read_nested(data, depth)?);
    }
    Ok(cells)
}

fn read_structs(n_structs: usize, data: &mut Bytes, depth: usize) -> Result<MatStructs, String> {
    let place = data.place();
    let width = data.integers("length of field names", &[Kind::I32])?;
    let width = width.first().and_then(|width| usize::try_from(*width).ok()).unwrap_or(0);
    let names = data.element()?;
    if !(1..=MAX_FIELD_NAME).contains(&width) || names.kind != Kind::I8 {
        return Err(format!("{place}: found no field names, expected some in a structure"));
    }
    let fields: Vec<String> = names.data.rest().chunks(width).map(until_nul).collect();
    let mut rows = Vec::new();
    for _ in 0..if fields.is_empty() { 0 } else { n_structs } {
        rows.push(read_cells(fields.len(), data, depth)?);
    }
    Ok(MatStructs { fields, rows })
}

fn until_nul(bytes: &[u8]) -> String {
    let text: Vec<u8> = bytes.iter().copied().take_while(|byte| *byte != 0).collect();
    String::from_utf8_lossy(&text).into_owned()
}

/// Reads an array inside another; an empty one may be written without anything in it.
fn read_nested(data: &mut Bytes, depth: usize) -> Result<MatArray, String> {
    let place = data.place();
    match data.element()? {
        Element { kind: Kind::Matrix, data } if data.is_at_end() => {
            Ok(MatArray::Numbers(Vec::new()))
        }
        Element { kind: Kind::Matrix, data } => {
            let (head, rest) = Head::read(data)?;
            read_body(&head, rest, depth + 1)
        }
        Element { kind, .. } => {
            Err(format!("{place}: found an element of type {}, expected an array", kind.number()))
        }
    }
}

fn read_text(head: &Head, mut data: Bytes) -> Result<MatArray, String> {
    let place = data.place();
    if head.n_elements == 0 {
        return Ok(MatArray::Text(String::new()));
    }
    if head.n_rows != 1 {
        return Err(format!("{place}: found a text of {} rows, expected one", head.n_rows));
    }
    let text = data.element()?.text()?;
    Ok(MatArray::Text(text))
}
