//! One file of the web, held to what was published of it: how datasets come.

use std::{
    fs, io,
    io::Read,
    path::{Path, PathBuf},
};

use clsrl_files::{NewFile, PartFile};
use clsrl_spec::lock::Digest;

use crate::{
    address::Address,
    content::ContentDigest,
    destination::Spot,
    download::{download, expect_no_page, hash},
    error::FetchError,
    listing::ListedFile,
    session::{Attempts, FetchEvent, Session},
};

/// The most bytes of a file whose server does not say how long it is.
const MAX_UNTOLD: u64 = 64 << 20;

/// The largest file that is believed: 1 TiB.
const MAX_SIZE: u64 = 1 << 40;

/// What is published of a file's bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checksum {
    /// Their SHA-256.
    Sha256(Digest),
    /// Their MD5, as 32 lower-case hexadecimal digits.
    Md5(String),
    /// Nothing.
    Unknown,
}

/// A file of the web.
#[derive(Debug, Clone)]
pub struct WebFile<'f> {
    /// Its name here.
    pub name: &'f str,
    /// Its address. Without a checksum only encrypted ones are asked.
    pub url: &'f str,
    /// Its bytes, where they are known.
    pub size: Option<u64>,
    /// What its bytes must be.
    pub checksum: Checksum,
}

/// Fetches a file into a folder, or goes on with what an earlier run left there, and gives its path. The file has
/// its name only when its checksum is right; a page that a server sends instead of it is never kept.
///
/// # Errors
///
/// What kept it from being fetched; what came so far is kept.
pub fn fetch_web_file(
    session: &mut Session,
    file: &WebFile,
    dir: &Path,
) -> Result<PathBuf, FetchError> {
    fs::create_dir_all(dir).map_err(FetchError::io("create", dir))?;
    let digest = file.checksum.digest();
    let address = match digest {
        ContentDigest::Unknown => Address::parse(file.url)?,
        _ => Address::parse_plain_too(file.url)?,
    };
    let target = dir.join(file.name);
    let size = match file.size {
        Some(size) => Some(size),
        None => announced(session, &address, file.name)?,
    };
    let Some(size) = size else { return take_at_once(session, &address, file, &target) };
    let listed = ListedFile { name: file.name.to_owned(), size, digest, refuses_pages: true };
    let tag = match digest {
        ContentDigest::Unknown => size.to_string(),
        digest => digest.to_string(),
    };
    let spot = Spot {
        target: target.clone(),
        parts_dir: dir.to_owned(),
        prefix: format!("{}.{tag}", file.name),
        lock: None,
    };
    let (part, _) = download(session, &address, &listed, &spot)?;
    // Nothing else would tell a page that its server calls something else.
    if digest == ContentDigest::Unknown && begins_as_page(&part, &target)? {
        let path = part.path().to_owned();
        part.discard().map_err(FetchError::io("remove", path))?;
        return Err(FetchError::Page { address: address.to_string(), name: file.name.to_owned() });
    }
    part.finish(&target).map_err(FetchError::io("write", &target))?;
    session.send(FetchEvent::Done { name: file.name });
    Ok(target)
}

/// Reads a file that lies here and says whether its bytes are those that were published; of a file without a
/// checksum, whether its size is.
///
/// # Errors
///
/// A file that cannot be read, or being told to stop.
pub fn check_file(session: &mut Session, path: &Path, file: &WebFile) -> Result<bool, FetchError> {
    let reader = clsrl_files::open(path).map_err(FetchError::io("open", path))?;
    let size = reader.metadata().map_err(FetchError::io("read", path))?.len();
    if file.size.is_some_and(|expected| expected != size) {
        return Ok(false);
    }
    let digest = file.checksum.digest();
    if digest == ContentDigest::Unknown {
        return Ok(true);
    }
    let listed = ListedFile { name: file.name.to_owned(), size, digest, refuses_pages: true };
    let hashed = hash(session, &listed, reader, path.to_owned())?;
    session.send(FetchEvent::Done { name: file.name });
    Ok(digest.is_of(&hashed))
}

impl Checksum {
    fn digest(&self) -> ContentDigest {
        match self {
            Checksum::Sha256(digest) => ContentDigest::Sha256(*digest),
            Checksum::Md5(text) => ContentDigest::md5(text).unwrap_or(ContentDigest::Unknown),
            Checksum::Unknown => ContentDigest::Unknown,
        }
    }
}

/// The length that a server announces. Its answer's body is not read.
fn announced(
    session: &mut Session,
    address: &Address,
    name: &str,
) -> Result<Option<u64>, FetchError> {
    let answer = session.get(address, None, &mut Attempts::new(&format!("`{name}`")))?;
    expect_no_page(&answer, name)?;
    if answer.status != 200 {
        return Err(session.refusal(answer, &format!("`{name}`")));
    }
    let size = answer.header("content-length").and_then(|size| size.trim().parse().ok());
    match size {
        Some(size) if MAX_SIZE < size => {
            let what = format!("a file of {size} bytes");
            Err(FetchError::Hostile { address: answer.address.to_string(), what })
        }
        size => Ok(size),
    }
}

/// Takes a small file whose length nobody knows.
fn take_at_once(
    session: &mut Session,
    address: &Address,
    file: &WebFile,
    target: &Path,
) -> Result<PathBuf, FetchError> {
    let what = format!("`{}`", file.name);
    let mut attempts = Attempts::new(&what);
    let digest = file.checksum.digest();
    let mut n_wrong = 0;
    loop {
        let mut answer = session.get(address, None, &mut attempts)?;
        expect_no_page(&answer, file.name)?;
        if answer.status != 200 {
            return Err(session.refusal(answer, &what));
        }
        session.send(FetchEvent::Fetching { name: file.name, size: 0, from: 0 });
        let mut bytes = Vec::new();
        let read = answer.body.as_reader().take(MAX_UNTOLD + 1).read_to_end(&mut bytes);
        if let Err(error) = read {
            attempts.failed(session, &format!("{}: {error}", answer.address), None)?;
            continue;
        }
        let address = answer.address.to_string();
        if MAX_UNTOLD < bytes.len() as u64 {
            return Err(FetchError::NoLength {
                address,
                name: file.name.to_owned(),
                max_bytes: MAX_UNTOLD,
            });
        }
        if is_page(&bytes) {
            return Err(FetchError::Page { address, name: file.name.to_owned() });
        }
        let hashed = digest
            .hash(bytes.len() as u64, bytes.as_slice(), |_| Ok(()))
            .map_err(FetchError::io("read", target))?;
        if digest.is_of(&hashed) {
            write(target, &bytes).map_err(FetchError::io("write", target))?;
            session.send(FetchEvent::Done { name: file.name });
            return Ok(target.to_owned());
        }
        n_wrong += 1;
        if 1 < n_wrong {
            let (expected, found) = (digest.to_string(), digest.alike(&hashed).to_string());
            return Err(FetchError::WrongBytes { name: file.name.to_owned(), expected, found });
        }
    }
}

fn begins_as_page(part: &PartFile, target: &Path) -> Result<bool, FetchError> {
    let mut start = Vec::new();
    let read = part.reader().and_then(|file| file.take(64).read_to_end(&mut start));
    read.map_err(FetchError::io("read", target))?;
    Ok(is_page(&start))
}

/// Whether bytes begin as a page of the web does, whatever their server calls them.
fn is_page(bytes: &[u8]) -> bool {
    let start: Vec<u8> = bytes
        .iter()
        .copied()
        .skip_while(|byte| byte.is_ascii_whitespace() || [0xef, 0xbb, 0xbf].contains(byte))
        .take(14)
        .map(|byte| byte.to_ascii_lowercase())
        .collect();
    start.starts_with(b"<!doctype html") || start.starts_with(b"<html")
}

fn write(target: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = NewFile::create(target)?;
    io::Write::write_all(&mut file, bytes)?;
    file.finish()
}
