//! Locks: what they may say, how mistakes are reported, and how entries are written into them.

mod mistakes;
mod mutations;
mod writing;

/// A lock that says something of everything.
pub const LOCK: &str = r#"# Above.
version = 1

# About DTD.
[dtd]
counts = { train = 2820, val = 1128, test = "unverified" } # behind
classes = { n = 47, sha256 = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff" }
split = "unverified"
images = { n_files = 5640, n_bytes = 625239812, sha256 = "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100" }
annotations = [
    # Inside.
    { path = "split.json", size = 12, sha256 = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff" },
    { path = "a/b.txt", sha256 = "unverified" },
]
archives = [{ name = "dtd.tar.gz", url = "https://example.org/dtd.tar.gz", md5 = "fff73e5086ae6bdbea199a49dfb8a4c1" }]

[drawn.seed1.eurosat]
counts = { train = 1, val = 2, test = 3 }
classes = "unverified"
split = "unverified"
images = "unverified"
annotations = []
"#;
