//! Trying again what a file server over a network refuses for a moment.
//!
//! NFS says ESTALE of a name whose file was replaced on another machine, and EIO while a server starts again. Both pass;
//! on a disk that is broken they do not, and are reported after a second or so.

use std::{io, thread, time::Duration};

use rustix::io::Errno;

/// How often something is tried.
const N_TRIES: u32 = 6;

/// The pause before the second try; each further one is twice as long.
const PAUSE: Duration = Duration::from_millis(40);

/// Does what only reads, and does it again where a file server refuses it for a moment.
pub fn again<T>(read: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    again_after(read, thread::sleep)
}

fn again_after<T>(
    mut read: impl FnMut() -> io::Result<T>,
    pause: impl Fn(Duration),
) -> io::Result<T> {
    for n_pauses in 0..N_TRIES - 1 {
        match read() {
            Err(error) if is_passing(&error) => pause(PAUSE * 2_u32.pow(n_pauses)),
            ended => return ended,
        }
    }
    read()
}

/// Whether the same may go well a moment later.
fn is_passing(error: &io::Error) -> bool {
    [Errno::STALE, Errno::IO].iter().any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// How often something was tried that fails so often, with what it came to.
    fn tried(errno: Errno, n_failures: u32) -> (u32, bool) {
        let n = Cell::new(0);
        let read = || {
            n.set(n.get() + 1);
            if n.get() <= n_failures { Err(io::Error::from(errno)) } else { Ok(()) }
        };
        let ended = again_after(read, |_| {}).is_ok();
        (n.get(), ended)
    }

    #[test]
    fn what_passes_is_tried_again_so_often_and_no_oftener() {
        assert_eq!(tried(Errno::STALE, 0), (1, true));
        assert_eq!(tried(Errno::STALE, 2), (3, true));
        assert_eq!(tried(Errno::IO, 5), (6, true));
        assert_eq!(tried(Errno::IO, 100), (6, false));
    }

    #[test]
    fn what_does_not_pass_is_told_at_once() {
        assert_eq!(tried(Errno::NOENT, 100), (1, false));
        assert_eq!(tried(Errno::ACCESS, 1), (1, false));
    }
}
