//! What the bytes of a file must be: by SHA-256 where they are large, as git names them where they are small, by MD5
//! where nothing better was published.

use std::{fmt, io, io::Read, str::FromStr};

use clsrl_spec::lock::Digest;
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

/// The digest that the hub lists for a file, which is also its name in the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ContentDigest {
    /// Over its bytes.
    Sha256(Digest),
    /// Over git's header, which has the size, and its bytes.
    GitSha1([u8; 20]),
    /// Over its bytes. It finds what went wrong on the way; it proves nothing against whoever made the file.
    Md5([u8; 16]),
    /// Nobody has published one.
    Unknown,
}

/// Both digests of some bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hashed {
    pub(crate) n_bytes: u64,
    pub(crate) sha256: Digest,
    git_sha1: [u8; 20],
    md5: [u8; 16],
}

/// Hashes bytes as they come.
pub(crate) struct Hasher {
    n_bytes: u64,
    sha256: Sha256,
    /// Large files are not named by it, and it costs as much again.
    sha1: Option<Sha1>,
    /// Asked for by the files of datasets alone.
    md5: Option<Md5>,
}

impl ContentDigest {
    /// Reads the 40 digits with which git names a file.
    pub(crate) fn git(text: &str) -> Option<Self> {
        bytes_of(text).map(ContentDigest::GitSha1)
    }

    /// Reads the 32 digits of an MD5.
    pub(crate) fn md5(text: &str) -> Option<Self> {
        bytes_of(text).map(ContentDigest::Md5)
    }

    /// Reads the 64 digits of a SHA-256.
    pub(crate) fn sha256(text: &str) -> Option<Self> {
        Digest::from_str(text).ok().map(ContentDigest::Sha256)
    }

    /// Whether these are the bytes.
    pub(crate) fn is_of(&self, hashed: &Hashed) -> bool {
        match self {
            ContentDigest::Sha256(digest) => *digest == hashed.sha256,
            ContentDigest::GitSha1(digest) => *digest == hashed.git_sha1,
            ContentDigest::Md5(digest) => *digest == hashed.md5,
            ContentDigest::Unknown => true,
        }
    }

    /// The digest, of some bytes, that compares with this one.
    pub(crate) fn alike(&self, hashed: &Hashed) -> ContentDigest {
        match self {
            ContentDigest::Sha256(_) => ContentDigest::Sha256(hashed.sha256),
            ContentDigest::GitSha1(_) => ContentDigest::GitSha1(hashed.git_sha1),
            ContentDigest::Md5(_) => ContentDigest::Md5(hashed.md5),
            ContentDigest::Unknown => ContentDigest::Unknown,
        }
    }

    /// Starts to hash a file that must be of this size.
    pub(crate) fn hasher(&self, size: u64) -> Hasher {
        let sha1 = matches!(self, ContentDigest::GitSha1(_))
            .then(|| Sha1::new_with_prefix(format!("blob {size}\0").as_bytes()));
        let md5 = matches!(self, ContentDigest::Md5(_)).then(Md5::new);
        Hasher { n_bytes: 0, sha256: Sha256::new(), sha1, md5 }
    }

    /// Hashes everything that a reader gives; `on_bytes` hears of every piece and may stop it with an error.
    pub(crate) fn hash(
        &self,
        size: u64,
        mut reader: impl Read,
        mut on_bytes: impl FnMut(u64) -> io::Result<()>,
    ) -> io::Result<Hashed> {
        let mut hasher = self.hasher(size);
        let mut buffer = vec![0; 1 << 20];
        loop {
            match reader.read(&mut buffer) {
                Ok(0) => return Ok(hasher.finish()),
                Ok(n_read) => {
                    hasher.update(&buffer[..n_read]);
                    on_bytes(n_read as u64)?;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl Hasher {
    /// Takes the next bytes.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.n_bytes += bytes.len() as u64;
        self.sha256.update(bytes);
        if let Some(sha1) = &mut self.sha1 {
            sha1.update(bytes);
        }
        if let Some(md5) = &mut self.md5 {
            md5.update(bytes);
        }
    }

    /// Gives the digests.
    pub(crate) fn finish(self) -> Hashed {
        let git_sha1 = self.sha1.map_or([0; 20], |sha1| sha1.finalize().into());
        let md5 = self.md5.map_or([0; 16], |md5| md5.finalize().into());
        let sha256 = Digest(self.sha256.finalize().into());
        Hashed { n_bytes: self.n_bytes, sha256, git_sha1, md5 }
    }
}

impl fmt::Display for ContentDigest {
    /// The hexadecimal digits alone: the file's name in the cache.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ContentDigest::Sha256(digest) => digest.fmt(f),
            ContentDigest::GitSha1(digest) => hex(digest, f),
            ContentDigest::Md5(digest) => hex(digest, f),
            ContentDigest::Unknown => f.write_str("unknown"),
        }
    }
}

fn hex(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

/// The bytes that as many pairs of lower-case digits stand for.
fn bytes_of<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    if text.len() != 2 * N || !text.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
    {
        return None;
    }
    for (byte, n) in bytes.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(&text[n..n + 2], 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hashed(digest: ContentDigest, bytes: &[u8]) -> Hashed {
        digest.hash(bytes.len() as u64, bytes, |_| Ok(())).unwrap()
    }

    #[test]
    fn a_small_file_has_gits_name() {
        // `printf 'what is up, doc?' | git hash-object --stdin`, as in the book on git.
        let digest = ContentDigest::git("bd9dbf5aae1a3862dd1526723246b20206e5fc37").unwrap();
        let found = hashed(digest, b"what is up, doc?");
        assert!(digest.is_of(&found));
        assert_eq!(digest.alike(&found).to_string(), "bd9dbf5aae1a3862dd1526723246b20206e5fc37");
        assert!(!digest.is_of(&hashed(digest, b"what is up, dog?")));
    }

    #[test]
    fn a_large_file_has_its_sha_256() {
        let text = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let digest = ContentDigest::sha256(text).unwrap();
        assert!(digest.is_of(&hashed(digest, b"abc")));
        assert_eq!(digest.to_string(), text);
        assert!(!digest.is_of(&hashed(digest, b"")));
    }

    #[test]
    fn an_archive_has_its_md5() {
        // RFC 1321, A.5.
        let text = "900150983cd24fb0d6963f7d28e17f72";
        let digest = ContentDigest::md5(text).unwrap();
        assert!(digest.is_of(&hashed(digest, b"abc")));
        assert_eq!(digest.to_string(), text);
        assert!(!digest.is_of(&hashed(digest, b"")));
    }

    #[test]
    fn what_is_no_digest_is_none() {
        for text in [
            "",
            "xyz",
            "../../../../../../../../../../etc/passwd..",
            &"A".repeat(40),
            &"é".repeat(20),
        ] {
            assert_eq!(ContentDigest::git(text), None, "{text}");
            assert_eq!(ContentDigest::sha256(text), None, "{text}");
            assert_eq!(ContentDigest::md5(text), None, "{text}");
        }
    }
}
