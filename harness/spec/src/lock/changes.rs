//! What a new entry would change of an old one.

use super::{Known, LockEntry, UNVERIFIED};

/// One value that an entry gains or loses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The value's name.
    pub what: String,
    /// What the lock says.
    pub locked: String,
    /// What was found.
    pub found: String,
    /// Whether a verified value would be replaced by another.
    pub replaces: bool,
}

/// Every value in which `found` differs from `locked`. What `found` does not know changes nothing.
pub fn changes(locked: &LockEntry, found: &LockEntry) -> Vec<Change> {
    let (locked, found) = (values(locked), values(found));
    let mut changes = Vec::new();
    for (what, found) in found {
        let Known::Verified(found) = found else { continue };
        let before = locked.iter().find(|(name, _)| *name == what);
        let before = before.and_then(|(_, value)| value.verified());
        if before == Some(&found) {
            continue;
        }
        changes.push(Change {
            what,
            locked: before.cloned().unwrap_or_else(|| UNVERIFIED.to_owned()),
            found,
            replaces: before.is_some(),
        });
    }
    changes
}

/// The values of an entry as texts, by name.
fn values(entry: &LockEntry) -> Vec<(String, Known<String>)> {
    fn text<T>(known: &Known<T>, text: impl Fn(&T) -> String) -> Known<String> {
        known.verified().map_or(Known::Unverified, |value| Known::Verified(text(value)))
    }
    let mut values: Vec<(String, Known<String>)> = entry
        .counts
        .by_split()
        .into_iter()
        .map(|(split, n)| (format!("counts.{split}"), text(n, usize::to_string)))
        .collect();
    values.push((
        "classes".to_owned(),
        text(&entry.classes, |classes| format!("{} classes, {}", classes.n, classes.sha256)),
    ));
    values.push(("split".to_owned(), text(&entry.split, |split| split.to_string())));
    values.push((
        "images".to_owned(),
        text(&entry.images, |tree| {
            format!("{} files, {} bytes, {}", tree.n_files, tree.n_bytes, tree.sha256)
        }),
    ));
    values.extend(entry.annotations.iter().map(|file| {
        let content =
            text(&file.content, |content| format!("{} bytes, {}", content.size, content.sha256));
        (format!("annotations.{}", file.path), content)
    }));
    values
}
