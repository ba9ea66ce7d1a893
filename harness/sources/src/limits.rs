//! How much an archive may hold.

/// Bounds of an archive; what exceeds one is a bomb, whatever it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Entries, those that are skipped too.
    pub max_entries: u64,
    /// Bytes that are written.
    pub max_bytes: u64,
    /// Bytes of one file.
    pub max_file_bytes: u64,
    /// Bytes that are written for each of the archive's, beyond [`Limits::FREE_BYTES`].
    pub max_ratio: u64,
}

impl Limits {
    /// Written before the ratio counts: small archives of texts pack well.
    pub const FREE_BYTES: u64 = 64 << 20;

    /// Bounds that every published archive of the eleven keeps with a wide margin: the largest has 1.3 million files
    /// and 148 GB, and photographs do not pack.
    pub const DATASETS: Limits = Limits {
        max_entries: 2_500_000,
        max_bytes: 400 << 30,
        max_file_bytes: 4 << 30,
        max_ratio: 20,
    };

    /// The most bytes that an archive of this size may become.
    pub(crate) fn max_bytes_of(&self, archive_bytes: u64) -> u64 {
        let packed = archive_bytes.saturating_mul(self.max_ratio).saturating_add(Self::FREE_BYTES);
        packed.min(self.max_bytes)
    }
}
