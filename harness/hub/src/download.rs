//! One file, from the first byte or from where an earlier run broke off, until its digest is right.

use std::{
    io::{self, Read, Write},
    path::PathBuf,
};

use clsrl_files::PartFile;

use crate::{
    address::{Address, printable},
    cache::MAX_SMALL,
    client::{Answer, Rest},
    content::{ContentDigest, Hashed, Hasher},
    destination::Spot,
    error::FetchError,
    listing::ListedFile,
    session::{Attempts, FetchEvent, Session},
};

/// How often a file may begin anew.
const MAX_BEGUN: u32 = 4;

/// How many bytes are taken at a time.
const PIECE: usize = 1 << 17;

/// Fetches a file into a part beside its spot. What it returns has the digest of the file.
pub(crate) fn download(
    session: &mut Session,
    address: &Address,
    file: &ListedFile,
    spot: &Spot,
) -> Result<(PartFile, Hashed), FetchError> {
    let mut attempts = Attempts::new(&format!("`{}`", file.name));
    let mut coming = Coming::take_up(file, spot)?;
    tell_fetching(session, file, coming.part.n_bytes());
    let (mut n_begun, mut n_wrong) = (1, 0);
    loop {
        let step = match coming.part.n_bytes().cmp(&file.size) {
            std::cmp::Ordering::Less => coming.go_on(session, address, &mut attempts)?,
            std::cmp::Ordering::Equal => Step::Whole,
            std::cmp::Ordering::Greater => Step::Useless("it is longer than the file".to_owned()),
        };
        let reason = match step {
            Step::Cut(reason) => {
                attempts.failed(session, &reason, None)?;
                continue;
            }
            Step::Useless(reason) => {
                attempts.failed(session, &reason, None)?;
                reason
            }
            // The answer to a request for the rest was the whole file, which is in its own part by now.
            Step::Begun(reason) => reason,
            Step::Whole => {
                let was_taken_up = coming.hasher.is_none();
                let hashed = coming.hashed(session)?;
                if file.digest.is_of(&hashed) && hashed.n_bytes == file.size {
                    return Ok((coming.finish(), hashed));
                }
                n_wrong += u32::from(!was_taken_up);
                if 1 < n_wrong {
                    let (expected, found) =
                        (file.digest.to_string(), file.digest.alike(&hashed).to_string());
                    coming.discard()?;
                    return Err(FetchError::WrongBytes {
                        name: file.name.clone(),
                        expected,
                        found,
                    });
                }
                "its bytes are not those of its digest".to_owned()
            }
        };
        n_begun += 1;
        if MAX_BEGUN < n_begun {
            let (what, n_attempts) = (format!("`{}`", file.name), n_begun - 1);
            return Err(FetchError::GaveUp { what, n_attempts, reason });
        }
        coming = coming.anew()?;
        session.send(FetchEvent::Again { name: &file.name, reason: &reason });
        tell_fetching(session, file, 0);
    }
}

fn tell_fetching(session: &mut Session, file: &ListedFile, from: u64) {
    session.send(FetchEvent::Fetching { name: &file.name, size: file.size, from });
}

/// A file on its way.
struct Coming<'f> {
    file: &'f ListedFile,
    spot: &'f Spot,
    part: PartFile,
    /// Of all bytes; none if some were there before, which are read again in the end.
    hasher: Option<Hasher>,
    /// What the server tags the file with.
    etag: Option<String>,
}

/// What came of a request.
enum Step {
    /// All bytes are there.
    Whole,
    /// Some are still missing.
    Cut(String),
    /// What is there is of no use.
    Useless(String),
    /// The server does not send rests.
    Begun(String),
}

impl<'f> Coming<'f> {
    fn take_up(file: &'f ListedFile, spot: &'f Spot) -> Result<Self, FetchError> {
        let taken = PartFile::take_up(&spot.parts_dir, &spot.prefix)
            .map_err(FetchError::io("take up", &spot.parts_dir))?;
        let Some(part) = taken else { return Coming::begin(file, spot) };
        let etag = clsrl_files::read_to_string(&etag_path(&part), MAX_SMALL).ok();
        // Without a tag the digest finds out in the end whether the parts belong together; without either nobody does.
        if etag.is_none() && file.digest == ContentDigest::Unknown {
            return Coming { file, spot, part, hasher: None, etag }.anew();
        }
        Ok(Coming { file, spot, part, hasher: None, etag })
    }

    fn begin(file: &'f ListedFile, spot: &'f Spot) -> Result<Self, FetchError> {
        let part = PartFile::create(&spot.parts_dir, &spot.prefix)
            .map_err(FetchError::io("write into", &spot.parts_dir))?;
        Ok(Coming { file, spot, part, hasher: Some(file.digest.hasher(file.size)), etag: None })
    }

    /// Removes what came, and begins another part.
    fn anew(self) -> Result<Self, FetchError> {
        let (file, spot) = (self.file, self.spot);
        self.discard()?;
        Coming::begin(file, spot)
    }

    fn discard(self) -> Result<(), FetchError> {
        self.forget_etag();
        let path = self.part.path().to_owned();
        self.part.discard().map_err(FetchError::io("remove", path))
    }

    fn finish(self) -> PartFile {
        self.forget_etag();
        self.part
    }

    fn forget_etag(&self) {
        // Where there is none, there is nothing to forget.
        let _ = std::fs::remove_file(etag_path(&self.part));
    }

    /// Asks for what is missing and takes what comes.
    fn go_on(
        &mut self,
        session: &mut Session,
        address: &Address,
        attempts: &mut Attempts,
    ) -> Result<Step, FetchError> {
        let from = self.part.n_bytes();
        let rest = (0 < from).then_some(Rest { from, etag: self.etag.as_deref() });
        let answer = session.get(address, rest, attempts)?;
        if self.file.refuses_pages {
            expect_no_page(&answer, &self.file.name)?;
        }
        match answer.status {
            200 if 0 < from => return Ok(Step::Begun("the server sends no rests".to_owned())),
            200 => {}
            206 if 0 < from => {
                if let Err(reason) = self.check_range(&answer, from) {
                    return Ok(Step::Useless(reason));
                }
            }
            416 if 0 < from => return Ok(Step::Useless("the server has no such rest".to_owned())),
            206 | 416 => {
                let reason = format!(
                    "{} answered {} to a request without a range",
                    answer.address, answer.status
                );
                return Ok(Step::Cut(reason));
            }
            _ => return Err(session.refusal(answer, &format!("`{}`", self.file.name))),
        }
        let missing = self.file.size - from;
        if let Some(reason) = lie(&answer, missing) {
            return Ok(Step::Cut(reason));
        }
        self.note_etag(&answer)?;
        self.take(session, answer, attempts)
    }

    /// Takes the bytes of an answer, up to the size of the file.
    fn take(
        &mut self,
        session: &mut Session,
        mut answer: Answer,
        attempts: &mut Attempts,
    ) -> Result<Step, FetchError> {
        let mut reader = answer.body.as_reader();
        let mut piece = vec![0; PIECE];
        loop {
            session.check_stop()?;
            let n_read = match reader.read(&mut piece) {
                Ok(0) if self.part.n_bytes() == self.file.size => return Ok(Step::Whole),
                Ok(0) => return Ok(Step::Cut(format!("{} ended too soon", answer.address))),
                Ok(n_read) => n_read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Ok(Step::Cut(format!("{}: {error}", answer.address))),
            };
            if self.file.size - self.part.n_bytes() < n_read as u64 {
                return Ok(Step::Useless(format!(
                    "{} sends more than the file has",
                    answer.address
                )));
            }
            let bytes = &piece[..n_read];
            self.part.write_all(bytes).map_err(FetchError::io("write", self.part.path()))?;
            if let Some(hasher) = &mut self.hasher {
                hasher.update(bytes);
            }
            attempts.progressed(n_read as u64);
            session.send(FetchEvent::Bytes(n_read as u64));
        }
    }

    fn check_range(&self, answer: &Answer, from: u64) -> Result<(), String> {
        let found = answer.header("content-range").unwrap_or("none");
        let size = self.file.size;
        let expected = format!("bytes {from}-{}/{size}", size - 1);
        if found != expected {
            return Err(format!(
                "{} sends another range than bytes {from}- of {size}",
                answer.address
            ));
        }
        match (&self.etag, strong_etag(answer)) {
            (Some(before), Some(now)) if *before != now => {
                Err("the file changed at the server".to_owned())
            }
            _ => Ok(()),
        }
    }

    /// Keeps the tag beside the part, for the run that takes it up.
    fn note_etag(&mut self, answer: &Answer) -> Result<(), FetchError> {
        let Some(etag) = strong_etag(answer).filter(|_| self.etag.is_none()) else { return Ok(()) };
        let path = etag_path(&self.part);
        clsrl_files::replace(&path, etag.as_bytes()).map_err(FetchError::io("write", &path))?;
        self.etag = Some(etag);
        Ok(())
    }

    /// The digests of everything that came.
    fn hashed(&mut self, session: &mut Session) -> Result<Hashed, FetchError> {
        if let Some(hasher) = self.hasher.take() {
            return Ok(hasher.finish());
        }
        let file = self.part.reader().map_err(FetchError::io("read", self.part.path()))?;
        hash(session, self.file, file, self.part.path().to_owned())
    }
}

/// Reads and hashes what lies there of a file.
pub(crate) fn hash(
    session: &mut Session,
    file: &ListedFile,
    reader: impl Read,
    path: PathBuf,
) -> Result<Hashed, FetchError> {
    session.send(FetchEvent::Checking { name: &file.name, size: file.size });
    let hashed = file.digest.hash(file.size, reader, |n_bytes| {
        session.send(FetchEvent::Bytes(n_bytes));
        // The kind that is never a disk's.
        session.check_stop().map_err(|_| io::ErrorKind::ConnectionAborted.into())
    });
    session.check_stop()?;
    hashed.map_err(FetchError::io("read", path))
}

/// Refuses a page of the web that came instead of a file: what servers say of quotas, scans and log-ins.
pub(crate) fn expect_no_page(answer: &Answer, name: &str) -> Result<(), FetchError> {
    let is_page = answer.status == 200
        && answer.header("content-type").is_some_and(|kind| {
            let kind = kind.split(';').next().unwrap_or("").trim();
            ["text/html", "application/xhtml+xml"]
                .iter()
                .any(|page| kind.eq_ignore_ascii_case(page))
        });
    match is_page {
        true => {
            let (address, name) = (answer.address.to_string(), name.to_owned());
            Err(FetchError::Page { address, name })
        }
        false => Ok(()),
    }
}

/// What an answer says of its body that cannot be true.
fn lie(answer: &Answer, missing: u64) -> Option<String> {
    let packed = answer
        .header("content-encoding")
        .filter(|encoding| !encoding.eq_ignore_ascii_case("identity"));
    if packed.is_some() {
        return Some(format!("{} sends packed bytes, which nobody asked for", answer.address));
    }
    let said = answer.header("content-length").filter(|said| said.trim() != missing.to_string())?;
    let address = &answer.address;
    Some(format!("{address} announces {} bytes where {missing} are missing", printable(said)))
}

/// The tag of an answer, if equal tags mean equal bytes.
fn strong_etag(answer: &Answer) -> Option<String> {
    let etag = answer.header("etag")?;
    let is_strong =
        2 < etag.len() && etag.len() < 512 && etag.starts_with('"') && etag.ends_with('"');
    is_strong.then(|| etag.to_owned())
}

fn etag_path(part: &PartFile) -> PathBuf {
    part.path().with_extension("etag.incomplete")
}
