//! Changing a file that others may change as well: read, change and replace, with nothing lost between.
//!
//! The lock is on the file itself, which is replaced under it: whoever waited for the old file sees that the name
//! leads to another one by now and begins again. So no second file is left beside it.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::Path,
};

use rustix::fs::OFlags;

use crate::NewFile;

/// Replaces a file by what `change` makes of it, `None` where there is none yet; nothing is written where it
/// makes nothing. `change` is asked again if somebody else was quicker. What a link leads to is replaced, not the
/// link.
///
/// # Errors
///
/// Those of the system, of a file of more than `max_bytes`, and those of `change`; the file is then as it was.
pub fn update<E: From<io::Error>>(
    path: &Path,
    max_bytes: u64,
    mut change: impl FnMut(Option<Vec<u8>>) -> Result<Option<Vec<u8>>, E>,
) -> Result<(), E> {
    let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    loop {
        let Some(mut held) = open_held(path)? else {
            let Some(bytes) = change(None)? else { return Ok(()) };
            let mut file = NewFile::create(path)?;
            file.write_all(&bytes)?;
            if file.finish_new()? {
                return Ok(());
            }
            continue;
        };
        let mut before = Vec::new();
        (&mut held).take(max_bytes.saturating_add(1)).read_to_end(&mut before)?;
        if max_bytes < before.len() as u64 {
            return Err(crate::open::too_large(max_bytes).into());
        }
        return match change(Some(before))? {
            Some(bytes) => Ok(crate::replace(path, &bytes)?),
            None => Ok(()),
        };
    }
}

/// Opens a file and waits until nobody else holds it; `None` if there is none.
fn open_held(path: &Path) -> io::Result<Option<File>> {
    loop {
        match crate::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // A link that leads nowhere is in the way of a new file.
                return if fs::symlink_metadata(path).is_ok() { Err(error) } else { Ok(None) };
            }
            opened => drop(opened?),
        }
        // Some file systems over a network lock for writing only what is open for writing.
        let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
        let mut options = File::options();
        options.read(true).write(true).custom_flags(flags.bits() as i32);
        let file = match options.open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                options.write(false).open(path)?
            }
            opened => opened?,
        };
        file.lock()?;
        let (held, named) = (file.metadata()?, fs::metadata(path));
        match named {
            Ok(named) if (named.dev(), named.ino()) == (held.dev(), held.ino()) => {
                return Ok(Some(file));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn many_writers_at_once_lose_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.txt");
        let add = |number: usize| {
            update::<io::Error>(&path, 1 << 20, |before| {
                let mut text = before.unwrap_or_default();
                text.extend(format!("{number}\n").bytes());
                Ok(Some(text))
            })
        };
        thread::scope(|scope| {
            for writer in 0..8 {
                scope.spawn(move || (0..25).for_each(|n| add(25 * writer + n).unwrap()));
            }
        });
        let text = fs::read_to_string(&path).unwrap();
        let mut numbers: Vec<usize> = text.lines().map(|line| line.parse().unwrap()).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (0..200).collect::<Vec<_>>());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn what_a_link_leads_to_is_changed_and_a_link_to_nothing_refused() {
        let dir = tempfile::tempdir().unwrap();
        let (file, link) = (dir.path().join("a.txt"), dir.path().join("link"));
        fs::write(&file, "before").unwrap();
        std::os::unix::fs::symlink("a.txt", &link).unwrap();
        update::<io::Error>(&link, 10, |_| Ok(Some(b"after".to_vec()))).unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"after");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        fs::remove_file(&file).unwrap();
        let refused = update::<io::Error>(&link, 10, |_| Ok(Some(Vec::new()))).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn an_error_or_nothing_new_leaves_the_file_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.txt");
        update::<io::Error>(&path, 10, Ok).unwrap();
        assert!(!path.exists());
        fs::write(&path, "before").unwrap();
        let refused = update(&path, 10, |_| Err::<Option<Vec<u8>>, _>(io::Error::other("no")));
        assert_eq!(refused.unwrap_err().to_string(), "no");
        update::<io::Error>(&path, 10, |_| Ok(None)).unwrap();
        assert!(update::<io::Error>(&path, 5, |_| Ok(Some(Vec::new()))).is_err());
        assert_eq!(fs::read(&path).unwrap(), b"before");
    }
}
