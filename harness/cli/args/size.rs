//! A size on disk as a user writes it: `20GiB`.

use std::str::FromStr;

const UNITS: [(&str, u64); 3] = [("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40)];

/// Of a cache with 256 folders, in each of which the largest images must have room.
const SMALLEST: u64 = 1 << 30;

/// How large a cache may become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheSize {
    /// In bytes.
    pub n_bytes: u64,
}

impl FromStr for CacheSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let in_unit = |(unit, n_bytes): (&str, u64)| {
            text.strip_suffix(unit)?.parse::<u64>().ok()?.checked_mul(n_bytes)
        };
        let n_bytes = UNITS.into_iter().find_map(in_unit).filter(|&n_bytes| SMALLEST <= n_bytes);
        n_bytes.map(|n_bytes| CacheSize { n_bytes }).ok_or_else(|| {
            "expected a whole number of MiB, GiB or TiB, from 1GiB, as in 20GiB".to_owned()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<u64>) {
        let parsed = text.parse::<CacheSize>().ok().map(|size| size.n_bytes);
        assert_eq!(parsed, expected, "{text}");
    }

    #[test]
    fn a_size_is_a_whole_number_with_its_unit() {
        check("1GiB", Some(1 << 30));
        check("20GiB", Some(20 << 30));
        check("1024MiB", Some(1 << 30));
        check("2TiB", Some(2 << 40));
    }

    #[test]
    fn what_is_no_size_or_too_small_or_beyond_all_bounds_is_refused() {
        for text in ["", "20", "GiB", "20GB", "20G", "1.5GiB", "-1GiB", "0GiB", "1023MiB", "20 GiB"]
        {
            check(text, None);
        }
        check("18446744073709551615TiB", None);
    }
}
