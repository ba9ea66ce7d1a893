//! Reading a lock file strictly: every mistake with its line, all of them at once.

use std::fmt;

use super::{
    Annotation, Archive, Classes, Counts, Digest, FileDigest, Known, LOCK_VERSION, Lock, LockEntry,
    LockKey, Tree, UNVERIFIED,
};
use crate::{
    DatasetId, Seed, SuiteError,
    suite::read::{Section, Source, Value},
};

/// The most images or bytes of a dataset: above it sums overflow.
const MAX_COUNT: usize = 1 << 50;

/// All mistakes of a lock file, in the order of lines. Never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockErrors(pub Vec<SuiteError>);

impl std::error::Error for LockErrors {}

impl fmt::Display for LockErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        crate::SuiteErrors(self.0.clone()).fmt(f)
    }
}

impl Lock {
    /// Reads a lock. `file` is its name in messages.
    pub fn parse(text: &str, file: &str) -> Result<Lock, LockErrors> {
        let source = Source::new(file, text);
        let lock = source.root().and_then(|root| {
            let section = Section::root(&source, root.get_ref());
            if !is_of_this_version(&section) {
                return None; // whatever else it says may mean something else
            }
            let lock = read_lock(&section);
            section.finish();
            Some(lock)
        });
        let errors = source.into_errors();
        match lock {
            Some(lock) if errors.is_empty() => Ok(lock),
            _ => Err(LockErrors(errors)),
        }
    }
}

fn is_of_this_version(section: &Section) -> bool {
    let Some(value) = section.take("version") else {
        section.finish();
        return false;
    };
    match value.count(1) {
        Some(LOCK_VERSION) => true,
        Some(version) => {
            value.refuse(format!(
                "lock format {version} is newer than this program, which knows {LOCK_VERSION}; \
                 it is left alone"
            ));
            false
        }
        None => false,
    }
}

fn read_lock(section: &Section) -> Lock {
    let mut lock = Lock::default();
    read_entries(section, None, &mut lock);
    let Some(drawn) = section.find("drawn").and_then(|value| value.section()) else { return lock };
    for (name, value) in drawn.each() {
        let Some(seed) = seed_of(name) else {
            value.refuse(format!("`drawn` has the key `{name}`, expected one like `seed1`"));
            continue;
        };
        if let Some(section) = value.section() {
            read_entries(&section, Some(seed), &mut lock);
            section.finish();
        }
    }
    lock
}

fn seed_of(name: &str) -> Option<Seed> {
    let seed: Seed = name.strip_prefix("seed")?.parse().ok()?;
    (name == format!("seed{seed}")).then_some(seed)
}

fn read_entries(section: &Section, drawn_seed: Option<Seed>, lock: &mut Lock) {
    for dataset in DatasetId::ALL {
        let Some(table) = section.find(dataset.as_str()).and_then(|value| value.section()) else {
            continue;
        };
        let entry = read_entry(&table);
        table.finish();
        lock.entries.extend(entry.map(|entry| (LockKey { drawn_seed, dataset }, entry)));
    }
}

fn read_entry(table: &Section) -> Option<LockEntry> {
    let counts = table.section("counts").and_then(|section| read_counts(&section));
    let classes = table.take("classes").and_then(|value| known(&value, read_classes));
    let split = table.take("split").and_then(|value| known(&value, digest));
    let images = table.take("images").and_then(|value| known(&value, read_tree));
    let annotations = table.take("annotations").and_then(|value| each(&value, read_annotation));
    let archives = table.find("archives").map(|value| each(&value, read_archive));
    if let (Some(value), Some(files)) = (table.find("annotations"), &annotations) {
        refuse_twice(&value, files.iter().map(|file| &file.path));
    }
    Some(LockEntry {
        counts: counts?,
        classes: classes?,
        split: split?,
        images: images?,
        annotations: annotations?,
        archives: archives.unwrap_or(Some(Vec::new()))?,
    })
}

fn refuse_twice<'p>(value: &Value, paths: impl Iterator<Item = &'p String>) {
    let mut seen = std::collections::BTreeSet::new();
    for path in paths {
        if !seen.insert(path) {
            value.refuse(format!("`annotations` names `{path}` twice"));
        }
    }
}

/// A value, or the word for none.
fn known<T>(value: &Value, read: impl Fn(&Value) -> Option<T>) -> Option<Known<T>> {
    if value.is_text(UNVERIFIED) {
        return Some(Known::Unverified);
    }
    read(value).map(Known::Verified)
}

fn each<T>(value: &Value, read: impl Fn(&Section) -> Option<T>) -> Option<Vec<T>> {
    let sections = value.items()?.into_iter().map(|item| {
        let section = item.section()?;
        let read = read(&section);
        section.finish();
        read
    });
    // Not straight into an option, which would stop at the first mistake.
    sections.collect::<Vec<_>>().into_iter().collect()
}

fn count(value: &Value) -> Option<usize> {
    value.count_up_to(0, MAX_COUNT)
}

fn digest(value: &Value) -> Option<Digest> {
    let text = value.text()?;
    let digest = text.parse();
    if let Err(error) = &digest {
        value.refuse(format!("{text:?} is no SHA-256, {error} or \"{UNVERIFIED}\""));
    }
    digest.ok()
}

fn read_counts(section: &Section) -> Option<Counts> {
    let of = |key| section.take(key).and_then(|value| known(&value, count));
    let (train, val, test) = (of("train"), of("val"), of("test"));
    section.finish();
    Some(Counts { train: train?, val: val?, test: test? })
}

fn read_classes(value: &Value) -> Option<Classes> {
    let section = value.section()?;
    let n = section.take("n").and_then(|value| count(&value));
    let sha256 = section.take("sha256").and_then(|value| digest(&value));
    section.finish();
    Some(Classes { n: n?, sha256: sha256? })
}

fn read_tree(value: &Value) -> Option<Tree> {
    let section = value.section()?;
    let n_files = section.take("n_files").and_then(|value| count(&value));
    let n_bytes = section.take("n_bytes").and_then(|value| count(&value));
    let sha256 = section.take("sha256").and_then(|value| digest(&value));
    section.finish();
    Some(Tree { n_files: n_files?, n_bytes: n_bytes? as u64, sha256: sha256? })
}

fn read_annotation(section: &Section) -> Option<Annotation> {
    let path = section.take("path").and_then(|value| inner_path(&value));
    let sha256 = section.take("sha256").and_then(|value| known(&value, digest))?;
    let content = match sha256 {
        Known::Verified(sha256) => {
            let size = section.take("size").and_then(|value| count(&value))?;
            Known::Verified(FileDigest { size: size as u64, sha256 })
        }
        Known::Unverified => Known::Unverified,
    };
    Some(Annotation { path: path?, content })
}

/// A path that stays below the folder that it starts from.
fn inner_path(value: &Value) -> Option<String> {
    let path = value.text()?;
    let is_inside = path.split('/').all(|part| !matches!(part, "" | "." | ".."));
    if !is_inside || path.contains(['\\', '\0']) {
        value.refuse(format!("{path:?} is no path below the dataset's folder"));
        return None;
    }
    Some(path)
}

fn read_archive(section: &Section) -> Option<Archive> {
    let name = section.text("name");
    let url = section.find("url").map(|value| value.text());
    let md5 = section.find("md5").map(|value| {
        let text = value.text()?;
        if text.len() != 32 || !text.bytes().all(|digit| b"0123456789abcdef".contains(&digit)) {
            value.refuse(format!("{text:?} is no MD5, expected 32 lower-case hexadecimal digits"));
            return None;
        }
        Some(text)
    });
    // A value that was refused is none as well; the mistake is reported already.
    Some(Archive { name: name?, url: url.flatten(), md5: md5.flatten() })
}
