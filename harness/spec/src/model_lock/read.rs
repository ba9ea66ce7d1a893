//! Reading a lock of models strictly: every mistake with its line, all of them at once.

use std::collections::BTreeMap;

use super::{LockedModel, MODEL_LOCK_VERSION, ModelLock};
use crate::{
    Commit, ModelId,
    lock::{Digest, FileDigest, LockErrors},
    suite::read::{Section, Source, Value},
};

/// The most bytes of a file.
const MAX_SIZE: usize = 1 << 50;

impl ModelLock {
    /// Reads a lock. `file` is its name in messages.
    pub fn parse(text: &str, file: &str) -> Result<ModelLock, LockErrors> {
        let source = Source::new(file, text);
        let lock = source.root().and_then(|root| {
            let section = Section::root(&source, root.get_ref());
            read_lock(&section)
        });
        let errors = source.into_errors();
        match lock {
            Some(lock) if errors.is_empty() => Ok(lock),
            _ => Err(LockErrors(errors)),
        }
    }
}

fn read_lock(section: &Section) -> Option<ModelLock> {
    let version = section.take("version");
    let Some(version) = version else {
        section.finish();
        return None;
    };
    match version.count(1)? {
        MODEL_LOCK_VERSION => {}
        newer => {
            version.refuse(format!(
                "lock format {newer} is newer than this program, which knows {MODEL_LOCK_VERSION}; \
                 it is left alone"
            ));
            return None; // whatever else it says may mean something else
        }
    }
    let mut lock = ModelLock::default();
    for (name, value) in section.each() {
        if name == "version" {
            continue;
        }
        let id: Option<ModelId> = parsed(&value, name);
        let model = value.section().and_then(|table| {
            let model = read_model(&table);
            table.finish();
            model
        });
        lock.models.extend(id.zip(model));
    }
    Some(lock)
}

fn read_model(table: &Section) -> Option<LockedModel> {
    let commit: Option<Commit> = table.take("commit").and_then(|value| {
        let text = value.text()?;
        parsed(&value, &text)
    });
    let listed = table.take("files")?;
    let mut files = BTreeMap::new();
    for item in listed.items()? {
        let Some(section) = item.section() else { continue };
        let file = read_file(&section);
        section.finish();
        let Some((name, file)) = file else { continue };
        if files.contains_key(&name) {
            item.refuse(format!("`files` names `{name}` twice"));
        }
        files.insert(name, file);
    }
    if files.is_empty() {
        listed.refuse("`files` is empty, expected every file that is used".to_owned());
    }
    Some(LockedModel { commit: commit?, files })
}

fn read_file(section: &Section) -> Option<(String, FileDigest)> {
    let path = section.take("path").and_then(|value| {
        let name = value.text()?;
        if name.is_empty() || name.starts_with('.') || name.contains(['/', '\\', '\0']) {
            value.refuse(format!("{name:?} is no name of a file in a model's folder"));
            return None;
        }
        Some(name)
    });
    let size = section.take("size").and_then(|value| value.count_up_to(0, MAX_SIZE));
    let sha256: Option<Digest> = section.take("sha256").and_then(|value| {
        let text = value.text()?;
        let digest = text.parse();
        if let Err(error) = &digest {
            value.refuse(format!("{text:?} is no SHA-256, {error}"));
        }
        digest.ok()
    });
    Some((path?, FileDigest { size: size? as u64, sha256: sha256? }))
}

fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(value: &Value, text: &str) -> Option<T> {
    text.parse().map_err(|error: T::Err| value.refuse(error.to_string())).ok()
}
