//! Entries of a zip. The crate reads the central directory; that the local headers agree with it is checked here, as
//! is that no two entries share bytes, by which a small archive becomes a large tree.

use std::io::{Read, Seek, SeekFrom};

use zip::{CompressionMethod, ZipArchive, result::ZipError};

use crate::{
    error::Fault,
    inner_path::{checked, fit},
    tree::{Target, Tree},
};

/// The signature of a local header, its fixed part, and where in that the lengths of name and extra field stand.
const LOCAL_SIGNATURE: [u8; 4] = *b"PK\x03\x04";
const LOCAL_FIXED: usize = 30;
const NAME_LENGTH: usize = 26;

/// The kind of file in a Unix mode, and the kinds that are files and folders.
const KIND: u32 = 0o170_000;
const REGULAR: u32 = 0o100_000;
const FOLDER: u32 = 0o040_000;

/// An entry as the central directory has it.
struct Listed {
    name: Vec<u8>,
    header_at: u64,
    data_end: u64,
}

/// Unpacks what has a target.
pub(crate) fn unpack_zip<R: Read + Seek>(
    reader: &mut R,
    tree: &mut Tree,
    target: Target,
) -> Result<(), Fault> {
    let mut archive = ZipArchive::new(&mut *reader).map_err(fault)?;
    let mut listed = Vec::with_capacity(archive.len());
    for index in 0..archive.len() {
        tree.count_entry()?;
        let entry = archive.by_index_raw(index).map_err(fault)?;
        let data_end = entry.data_start().unwrap_or(0).saturating_add(entry.compressed_size());
        listed.push(Listed {
            name: entry.name_raw().to_vec(),
            header_at: entry.header_start(),
            data_end,
        });
    }
    if listed.is_empty() {
        return Err(Fault::Broken("it holds nothing".to_owned()));
    }
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).map_err(fault)?;
        let path = checked(entry.name_raw())?;
        let Some(to) = target(&path).filter(|_| !path.is_empty()) else { continue };
        let kind = entry.unix_mode().map_or(0, |mode| mode & KIND);
        if kind != 0 && ![REGULAR, FOLDER].contains(&kind) {
            let path = fit(path.as_bytes());
            return Err(Fault::Hostile(format!(
                "`{path}` is a link, a device or something else than a file"
            )));
        }
        if entry.encrypted() {
            return Err(Fault::Broken(format!("`{}` is encrypted", fit(path.as_bytes()))));
        }
        if entry.is_dir() {
            tree.folder(&to)?;
            continue;
        }
        let method = entry.compression();
        if ![CompressionMethod::Stored, CompressionMethod::Deflated].contains(&method) {
            return Err(Fault::Broken(format!("`{}` is packed by {method}", fit(path.as_bytes()))));
        }
        let size = entry.size();
        tree.file(&to, size, &mut entry)?;
    }
    drop(archive);
    expect_apart(&mut listed)?;
    listed.iter().try_for_each(|entry| expect_local(reader, entry))
}

/// Refuses entries that share bytes.
fn expect_apart(listed: &mut [Listed]) -> Result<(), Fault> {
    listed.sort_by_key(|entry| entry.header_at);
    let shared = listed.windows(2).find(|pair| pair[1].header_at < pair[0].data_end);
    match shared {
        None => Ok(()),
        Some(pair) => {
            let [a, b] = [&pair[0], &pair[1]].map(|entry| fit(&entry.name));
            Err(Fault::Hostile(format!("`{a}` and `{b}` share bytes in it")))
        }
    }
}

/// Refuses an entry whose own header has another name than the directory.
fn expect_local<R: Read + Seek>(reader: &mut R, entry: &Listed) -> Result<(), Fault> {
    let mut read = || -> std::io::Result<Option<Vec<u8>>> {
        reader.seek(SeekFrom::Start(entry.header_at))?;
        let mut fixed = [0; LOCAL_FIXED];
        reader.read_exact(&mut fixed)?;
        let length = u16::from_le_bytes([fixed[NAME_LENGTH], fixed[NAME_LENGTH + 1]]);
        let mut name = vec![0; length.into()];
        reader.read_exact(&mut name)?;
        Ok(fixed.starts_with(&LOCAL_SIGNATURE).then_some(name))
    };
    let found = read().map_err(|error| Fault::reading(&error))?;
    match found {
        Some(found) if found == entry.name => Ok(()),
        found => {
            let (listed, found) = (fit(&entry.name), fit(&found.unwrap_or_default()));
            Err(Fault::Hostile(format!("`{listed}` is called `{found}` by its own header")))
        }
    }
}

fn fault(error: ZipError) -> Fault {
    match error {
        ZipError::Io(error) => Fault::reading(&error),
        error => Fault::Broken(format!("it is no zip that can be read: {error}")),
    }
}
