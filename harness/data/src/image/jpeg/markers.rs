//! Markers in a stream: where the next one stands.

/// The next marker at or after `pos` and the position after it; skips anything in between.
pub(super) fn next_marker(bytes: &[u8], mut pos: usize) -> Option<(u8, usize)> {
    loop {
        pos += bytes.get(pos..)?.iter().position(|&byte| byte == 0xff)?;
        pos += bytes[pos..].iter().position(|&byte| byte != 0xff)?;
        pos += 1;
        if bytes[pos - 1] != 0 {
            return Some((bytes[pos - 1], pos));
        }
    }
}
