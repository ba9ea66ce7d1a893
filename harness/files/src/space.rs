//! How much room there is on a disk.

use std::{io, path::Path};

/// The bytes that may still be written to the file system of a path. What of the path is not there yet is
/// looked for upwards.
pub fn free_bytes(path: &Path) -> io::Result<u64> {
    let mut place = path;
    loop {
        match rustix::fs::statvfs(place) {
            Ok(found) => return Ok(found.f_bavail.saturating_mul(found.f_frsize)),
            Err(rustix::io::Errno::NOENT) => {}
            Err(error) => return Err(error.into()),
        }
        place = match place.parent() {
            Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
            Some(parent) => parent,
            None => return Err(io::ErrorKind::NotFound.into()),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_not_there_yet_has_the_room_of_what_holds_it() {
        let dir = tempfile::tempdir().unwrap();
        assert!(0 < free_bytes(&dir.path().join("not/yet/there")).unwrap());
        assert!(0 < free_bytes(Path::new("not-there-either")).unwrap());
    }
}
