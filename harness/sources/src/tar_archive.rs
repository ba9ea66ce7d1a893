//! Entries of a tar. The crate reads headers; long names are read here, because it would take any length into memory.

use std::io::Read;

use tar::{Archive, Entry, EntryType, PaxExtensions};

use crate::{
    error::Fault,
    inner_path::{checked, fit},
    tree::{Target, Tree},
};

/// The most bytes of an entry that only describes the next one.
const MAX_DESCRIPTION: u64 = 1 << 16;

/// What a tar of class tars calls each of them.
const TAR: &str = ".tar";

/// Unpacks what has a target.
pub(crate) fn unpack_tar(reader: impl Read, tree: &mut Tree, target: Target) -> Result<(), Fault> {
    each(reader, tree, &mut |tree, path, entry| {
        let kind = entry.header().entry_type();
        let Some(to) = target(path) else { return Ok(()) };
        match kind {
            EntryType::Directory => tree.folder(&to),
            EntryType::Regular | EntryType::Continuous => {
                let size = size(entry)?;
                tree.file(&to, size, entry)
            }
            kind => Err(Fault::Hostile(format!("`{}` is {}", fit(path.as_bytes()), word(kind)))),
        }
    })
}

/// Unpacks a tar of tars: `n01440764.tar` into the folder `n01440764` below `to`.
pub(crate) fn unpack_tars(reader: &mut dyn Read, tree: &mut Tree, to: &str) -> Result<(), Fault> {
    each(reader, tree, &mut |tree, path, entry| {
        let Some(class) = path.strip_suffix(TAR).filter(|class| !class.contains('/')) else {
            return Ok(());
        };
        let folder = format!("{to}/{class}");
        tree.folder(&folder)?;
        unpack_tar(entry, tree, &mut |path| Some(format!("{folder}/{path}")))
    })
}

type OnEntry<'o> = &'o mut dyn FnMut(&mut Tree, &str, &mut dyn EntryRead) -> Result<(), Fault>;

/// An entry, whatever it is read from.
pub(crate) trait EntryRead: Read {
    /// Its header.
    fn header(&self) -> &tar::Header;
}

impl<R: Read> EntryRead for Entry<'_, R> {
    fn header(&self) -> &tar::Header {
        Entry::header(self)
    }
}

/// Walks through the entries of a tar with the names that they have.
fn each(reader: impl Read, tree: &mut Tree, on_entry: OnEntry) -> Result<(), Fault> {
    let reading = |error: std::io::Error| Fault::reading(&error);
    let mut archive = Archive::new(reader);
    // A name longer than a header's field stands in an entry before.
    let mut long_name: Option<Vec<u8>> = None;
    let mut n_entries = 0;
    for entry in archive.entries().map_err(reading)?.raw(true) {
        let mut entry = entry.map_err(reading)?;
        n_entries += 1;
        tree.count_entry()?;
        let kind = entry.header().entry_type();
        match kind {
            EntryType::XGlobalHeader => continue,
            EntryType::GNULongName => {
                let mut name = description(&mut entry)?;
                name.truncate(name.iter().position(|byte| *byte == 0).unwrap_or(name.len()));
                long_name = Some(name);
                continue;
            }
            EntryType::XHeader => {
                let bytes = description(&mut entry)?;
                if let Some(name) = pax_name(&bytes)? {
                    long_name = Some(name);
                }
                continue;
            }
            // The link itself follows, and is refused or skipped.
            EntryType::GNULongLink => continue,
            _ => {}
        }
        let name = long_name.take().unwrap_or_else(|| entry.path_bytes().into_owned());
        // Old archives mark a folder by its name alone.
        let is_folder = kind == EntryType::Regular && name.ends_with(b"/");
        let path = checked(&name)?;
        if path.is_empty() || is_folder {
            continue;
        }
        on_entry(tree, &path, &mut entry)?;
    }
    match n_entries {
        0 => Err(Fault::Broken("it holds nothing".to_owned())),
        _ => Ok(()),
    }
}

/// The bytes of an entry that describes the next one.
fn description(entry: &mut impl EntryRead) -> Result<Vec<u8>, Fault> {
    let mut bytes = Vec::new();
    entry
        .take(MAX_DESCRIPTION + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Fault::reading(&error))?;
    match bytes.len() as u64 <= MAX_DESCRIPTION {
        true => Ok(bytes),
        false => Err(Fault::Hostile("a name in it has more than 65,536 bytes".to_owned())),
    }
}

/// The name that extended headers give the next entry. What would change its size or make it sparse is refused:
/// no image needs that.
fn pax_name(bytes: &[u8]) -> Result<Option<Vec<u8>>, Fault> {
    let mut name = None;
    for extension in PaxExtensions::new(bytes) {
        let extension = extension.map_err(|error| Fault::reading(&error))?;
        match extension.key_bytes() {
            b"path" => name = Some(extension.value_bytes().to_vec()),
            b"size" => {
                return Err(Fault::Hostile("an entry in it has its size elsewhere".to_owned()));
            }
            key if key.starts_with(b"GNU.sparse") => {
                return Err(Fault::Hostile("it holds a sparse file".to_owned()));
            }
            _ => {}
        }
    }
    Ok(name)
}

fn size(entry: &dyn EntryRead) -> Result<u64, Fault> {
    entry.header().entry_size().map_err(|error| Fault::reading(&error))
}

/// What an entry is that is neither file nor folder.
fn word(kind: EntryType) -> &'static str {
    match kind {
        EntryType::Link => "a hard link",
        EntryType::Symlink => "a symbolic link",
        EntryType::Char | EntryType::Block => "a device",
        EntryType::Fifo => "a pipe",
        EntryType::GNUSparse => "a sparse file",
        _ => "neither a file nor a folder",
    }
}
