//! SHA-256 of files, and files that are held to theirs while they are read.
//!
//! Who looks at a file and reads it later reads it twice, and somebody may have replaced it in between. So what
//! was found at the first look goes along, and the second reader hashes the very bytes that it takes.

use std::{
    collections::BTreeMap,
    error::Error,
    fs::File,
    io::{self, Read},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::mpsc::sync_channel,
    thread,
};

use sha2::{Digest, Sha256};

use crate::{limit, open_up_to};

/// Bytes that are read at once.
const CHUNK: usize = 1 << 20;

/// From this many bytes on hashing has a thread of its own, beside the one that reads.
const WORTH_A_THREAD: usize = 8 * CHUNK;

/// A file that is not what it was when it was looked at. It travels as the inner error of an [`io::Error`], through
/// whatever reads files, and is found again by [`difference_in`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{}` is not what it was when it was checked: expected {expected}, found {found}\n\
     hint: it was replaced meanwhile; put the checked file back, or run again to check and use the new one",
    path.display()
)]
pub struct Differs {
    /// The file.
    pub path: PathBuf,
    /// Its digest when it was checked, or that there was none.
    pub expected: String,
    /// What it has now.
    pub found: String,
}

impl From<Differs> for io::Error {
    fn from(differs: Differs) -> Self {
        io::Error::new(io::ErrorKind::InvalidData, differs)
    }
}

/// The difference from what was checked in an error or in what caused it.
pub fn difference_in<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e Differs> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        // An `io::Error` shows the cause of what it holds, and not that itself.
        let held = error.downcast_ref::<io::Error>().and_then(|error| error.get_ref());
        let held = held.and_then(|held| held.downcast_ref());
        if let Some(differs) = held.or_else(|| error.downcast_ref()) {
            return Some(differs);
        }
        cause = error.source();
    }
    None
}

/// Refuses bytes that have not this SHA-256, 64 hexadecimal digits.
///
/// # Errors
///
/// [`Differs`], naming the file.
pub fn check_bytes(path: &Path, bytes: &[u8], expected: &str) -> io::Result<()> {
    check(path, expected, &hex(Sha256::new_with_prefix(bytes)))
}

/// Hashes a regular file piece by piece to 64 hexadecimal digits.
pub fn sha256(path: &Path) -> io::Result<String> {
    let mut file = open_up_to(path, limit::STREAMED)?;
    let mut hasher = Sha256::new();
    let mut chunk = vec![0; CHUNK];
    loop {
        match file.read(&mut chunk)? {
            0 => return Ok(hex(hasher)),
            n_read => hasher.update(&chunk[..n_read]),
        }
    }
}

/// A folder whose files are read by name, each held to its digest if there are some.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    dir: PathBuf,
    digests: Option<BTreeMap<String, String>>,
}

impl Folder {
    /// A folder of which nothing is known.
    pub fn unchecked(dir: &Path) -> Self {
        Folder { dir: dir.to_owned(), digests: None }
    }

    /// A folder whose files were checked: their SHA-256 by name. Another file is as if it were not to be there.
    pub fn checked(dir: &Path, digests: BTreeMap<String, String>) -> Self {
        Folder { dir: dir.to_owned(), digests: Some(digests) }
    }

    /// The folder itself.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The path of a file in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Whether there is a file of this name; of a checked folder, whether there was.
    pub fn has(&self, name: &str) -> bool {
        match &self.digests {
            None => self.path(name).exists(),
            Some(digests) => digests.contains_key(name),
        }
    }

    /// Opens a regular file, to be read from its beginning to its end.
    ///
    /// # Errors
    ///
    /// Those of [`open_up_to`]; [`Differs`] where a checked folder's file is gone, or is there and was not.
    pub fn open(&self, name: &str) -> io::Result<HeldFile> {
        let path = self.path(name);
        let Some(digests) = &self.digests else {
            return Ok(HeldFile { file: open_up_to(&path, limit::STREAMED)?, path, held: None });
        };
        let is_gone = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
        let differs = |expected: &str, found: &str| {
            let (expected, found) = (expected.to_owned(), found.to_owned());
            Err(Differs { path: path.clone(), expected, found }.into())
        };
        match (open_up_to(&path, limit::STREAMED), digests.get(name)) {
            (Ok(file), Some(digest)) => {
                let held = Some((Sha256::new(), digest.clone()));
                Ok(HeldFile { file, path, held })
            }
            (Ok(_), None) => differs("no such file", "one"),
            (Err(error), Some(_)) if is_gone(&error) => differs("a file", "none"),
            (Err(error), _) => Err(error),
        }
    }

    /// Reads a regular file of at most `max_bytes` bytes.
    ///
    /// # Errors
    ///
    /// Those of [`Folder::open`] and of [`crate::read`], and [`Differs`].
    pub fn read(&self, name: &str, max_bytes: u64) -> io::Result<Vec<u8>> {
        let mut file = self.open(name)?;
        let n_bytes = file.n_bytes()?;
        let mut bytes = Vec::new();
        if n_bytes <= max_bytes {
            bytes.reserve(n_bytes as usize);
            (&mut file.file).take(max_bytes.saturating_add(1)).read_to_end(&mut bytes)?;
            file.hash(&bytes);
        }
        if n_bytes.max(bytes.len() as u64) <= max_bytes {
            file.finish()?;
            return Ok(bytes);
        }
        // Another file than the one that was checked is that before anything else.
        file.finish()?;
        Err(crate::open::too_large(max_bytes))
    }
}

/// A file that is read from its beginning, and hashed on the way if it is held to a digest.
#[derive(Debug)]
pub struct HeldFile {
    file: File,
    path: PathBuf,
    held: Option<(Sha256, String)>,
}

impl HeldFile {
    /// Its length now.
    pub fn n_bytes(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    /// Fills a buffer with the bytes that come next.
    ///
    /// # Errors
    ///
    /// Those of the system, and [`Differs`] where a held file is shorter than it was.
    pub fn read_exact(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        let HeldFile { file, path, held } = self;
        let Some((hasher, expected)) = held else { return file.read_exact(buffer) };
        let read = if buffer.len() < WORTH_A_THREAD {
            file.read_exact(buffer).map(|()| hasher.update(&*buffer))
        } else {
            read_and_hash(file, buffer, hasher)
        };
        read.map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => {
                let (expected, found) =
                    (format!("SHA-256 {expected}"), "a shorter file".to_owned());
                Differs { path: path.clone(), expected, found }.into()
            }
            _ => error,
        })
    }

    /// Fills a buffer with the bytes at a place. They are held to nothing.
    pub fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_exact_at(buffer, offset)
    }

    /// Reads what is left, and holds the whole to its digest.
    ///
    /// # Errors
    ///
    /// Those of the system, and [`Differs`].
    pub fn finish(mut self) -> io::Result<()> {
        let Some((mut hasher, expected)) = self.held.take() else { return Ok(()) };
        let mut chunk = vec![0; CHUNK];
        loop {
            match self.file.read(&mut chunk)? {
                0 => break,
                n_read => hasher.update(&chunk[..n_read]),
            }
        }
        check(&self.path, &expected, &hex(hasher))
    }

    fn hash(&mut self, bytes: &[u8]) {
        if let Some((hasher, _)) = &mut self.held {
            hasher.update(bytes);
        }
    }
}

/// Hashes each chunk while the next one is read.
fn read_and_hash(file: &mut File, buffer: &mut [u8], hasher: &mut Sha256) -> io::Result<()> {
    thread::scope(|scope| {
        let (sender, chunks) = sync_channel::<&[u8]>(buffer.len() / CHUNK + 1);
        scope.spawn(move || chunks.iter().for_each(|chunk| hasher.update(chunk)));
        for chunk in buffer.chunks_mut(CHUNK) {
            file.read_exact(chunk)?;
            sender.send(chunk).expect("the hashing thread takes all that is sent");
        }
        Ok(())
    })
}

fn check(path: &Path, expected: &str, found: &str) -> io::Result<()> {
    if found == expected {
        return Ok(());
    }
    let [expected, found] = [expected, found].map(|digest| format!("SHA-256 {digest}"));
    Err(Differs { path: path.to_owned(), expected, found }.into())
}

fn hex(hasher: Sha256) -> String {
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
