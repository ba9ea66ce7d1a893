//! Names the files in which two trees differ, from the lists of both, read side by side.

use super::{Difference, DifferenceKind, difference::Differences, sidecar::Listed};

/// The differences of `found` from `expected`, both in the order of paths. A path in `is_reported` has a fault
/// of its own, which is reported already.
pub(super) fn compare(
    expected: impl Iterator<Item = Listed>,
    found: impl Iterator<Item = Listed>,
    is_reported: impl Fn(&str) -> bool,
) -> Differences {
    let mut differences = Differences::default();
    let (mut expected, mut found) = (expected.peekable(), found.peekable());
    loop {
        let (wanted, there) = match (expected.peek(), found.peek()) {
            (None, None) => return differences,
            (Some(wanted), Some(there)) if wanted.path == there.path => {
                (expected.next(), found.next())
            }
            (Some(wanted), Some(there)) if there.path < wanted.path => (None, found.next()),
            (None, Some(_)) => (None, found.next()),
            (Some(_), _) => (expected.next(), None),
        };
        match (wanted, there) {
            (Some(wanted), Some(there)) => {
                same_path(&wanted, &there).into_iter().for_each(|found| differences.push(found));
            }
            (Some(wanted), None) if !is_reported(&wanted.path) => {
                let expected = format!("a file of {} bytes", wanted.size);
                differences.push(Difference::missing(&wanted.path, expected));
            }
            (None, Some(there)) => differences.push(Difference {
                kind: DifferenceKind::Extra,
                subject: there.path,
                expected: "no such file".to_owned(),
                found: format!("one of {} bytes", there.size),
            }),
            (Some(_), None) | (None, None) => {}
        }
    }
}

fn same_path(wanted: &Listed, there: &Listed) -> Option<Difference> {
    if wanted == there {
        return None;
    }
    let (kind, expected, found) = match wanted.size == there.size {
        true => (
            DifferenceKind::Changed,
            format!("sha256 {}", wanted.sha256),
            format!("sha256 {}", there.sha256),
        ),
        false => (
            DifferenceKind::Size,
            format!("{} bytes", wanted.size),
            format!("{} bytes", there.size),
        ),
    };
    Some(Difference { kind, subject: there.path.clone(), expected, found })
}
