//! What the file system says about a file's content without reading it.

use std::{fs::Metadata, os::unix::fs::MetadataExt};

/// As long as it is the same and old enough, so is the content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stat {
    pub(super) size: u64,
    /// Which file it is: a link may be turned to another one of the same size and times.
    pub(super) inode: u64,
    /// When its content was changed, as the owner of the file has it.
    pub(super) mtime_ns: i128,
    /// When anything about it, or about the link that leads to it, was changed, as the system has it.
    pub(super) ctime_ns: i128,
}

impl Stat {
    /// Of a file, and of the link that leads to it or the file again.
    pub(super) fn new(file: &Metadata, link: &Metadata) -> Self {
        let ns = |s: i64, ns: i64| i128::from(s) * 1_000_000_000 + i128::from(ns);
        let ctime_ns = |metadata: &Metadata| ns(metadata.ctime(), metadata.ctime_nsec());
        Stat {
            size: file.len(),
            inode: file.ino(),
            mtime_ns: ns(file.mtime(), file.mtime_nsec()),
            ctime_ns: ctime_ns(file).max(ctime_ns(link)),
        }
    }
}
