//! The digest of a tree: a Merkle root over its files, built as they come.
//!
//! In the shape of RFC 6962: a leaf is the SHA-256 over a byte 0 and its data, a node over a byte 1 and its
//! two children, and a tree of n leaves has the largest power of two below n on its left; no leaves have the
//! SHA-256 of nothing. A leaf's data is the file's path (its length in 8 bytes, the least significant first,
//! then its bytes), its size in 8 bytes, and its SHA-256 in 32. Leaves are sorted by the bytes of the path.

use clsrl_spec::lock::{Digest, Tree};
use sha2::{Digest as _, Sha256};

/// A tree in the making; it holds one digest for each level.
#[derive(Default)]
pub(super) struct Merkle {
    /// The roots of whole subtrees with their numbers of leaves, from large to small.
    subtrees: Vec<(usize, Digest)>,
    n_files: usize,
    n_bytes: u64,
}

impl Merkle {
    /// Adds the next file.
    pub(super) fn push(&mut self, path: &str, size: u64, sha256: Digest) {
        let mut hasher = Sha256::new();
        hasher.update([0]);
        hasher.update((path.len() as u64).to_le_bytes());
        hasher.update(path.as_bytes());
        hasher.update(size.to_le_bytes());
        hasher.update(sha256.0);
        let mut leaf = (1, Digest(hasher.finalize().into()));
        while let Some(left) = self.subtrees.pop_if(|(n_leaves, _)| *n_leaves == leaf.0) {
            leaf = (2 * leaf.0, node(left.1, leaf.1));
        }
        self.subtrees.push(leaf);
        self.n_files += 1;
        self.n_bytes = self.n_bytes.saturating_add(size);
    }

    /// The tree of what was added.
    pub(super) fn finish(mut self) -> Tree {
        let root = match self.subtrees.pop() {
            None => Digest(Sha256::digest([]).into()),
            Some((_, last)) => {
                self.subtrees.iter().rev().fold(last, |right, (_, left)| node(*left, right))
            }
        };
        Tree { n_files: self.n_files, n_bytes: self.n_bytes, sha256: root }
    }
}

fn node(left: Digest, right: Digest) -> Digest {
    let mut hasher = Sha256::new();
    hasher.update([1]);
    hasher.update(left.0);
    hasher.update(right.0);
    Digest(hasher.finalize().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves(n: usize) -> Vec<(String, u64, Digest)> {
        (0..n).map(|i| (format!("{i:03}"), i as u64, Digest([i as u8; 32]))).collect()
    }

    fn root(leaves: &[(String, u64, Digest)]) -> Digest {
        let mut merkle = Merkle::default();
        for (path, size, sha256) in leaves {
            merkle.push(path, *size, *sha256);
        }
        merkle.finish().sha256
    }

    /// RFC 6962's own definition.
    fn recursive(leaves: &[(String, u64, Digest)]) -> Digest {
        if leaves.len() < 2 {
            return root(leaves);
        }
        let half = leaves.len().next_power_of_two() / 2;
        node(recursive(&leaves[..half]), recursive(&leaves[half..]))
    }

    #[test]
    fn a_tree_built_in_a_stream_is_the_recursive_one() {
        for n in 0..70 {
            assert_eq!(root(&leaves(n)), recursive(&leaves(n)), "{n} leaves");
        }
    }

    #[test]
    fn every_part_of_every_leaf_counts() {
        let tree = leaves(5);
        for at in 0..tree.len() {
            let mut changed = [tree.clone(), tree.clone(), tree.clone()];
            changed[0][at].0.push('x');
            changed[1][at].1 += 1;
            changed[2][at].2.0[31] ^= 1;
            for changed in changed {
                assert_ne!(root(&changed), root(&tree));
            }
        }
        assert_ne!(root(&tree[..4]), root(&tree));
    }

    #[test]
    fn no_leaves_have_the_digest_of_nothing() {
        let expected = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(root(&[]).to_string(), expected);
    }
}
