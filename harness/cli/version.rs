//! Which code this is: its version and its commit, for `--version`, records, benches and `doctor`.

use crate::project;

/// The commit of a program that was built to be carried elsewhere; `build.rs` sets it in a release.
const BUILT_FROM: Option<&str> = option_env!("CLSRL_COMMIT");

/// In an archive that git made: its commit. In a checkout: what git would put there.
const ARCHIVED: &str = include_str!("archived-commit.txt");

/// What is said of code whose commit nobody knows.
const UNKNOWN: &str = "unknown";

/// Digits of a commit.
const N_DIGITS: usize = 12;

/// The commit, with `-dirty` if the project's files differ from it; `unknown` where nothing tells.
pub fn commit() -> String {
    let built_from = BUILT_FROM.filter(|commit| !commit.is_empty()).map(str::to_owned);
    built_from
        .or_else(|| project::commit(N_DIGITS))
        .or_else(|| archived(ARCHIVED))
        .unwrap_or_else(|| UNKNOWN.to_owned())
}

/// The line of `--version`.
pub fn line() -> String {
    format!("clsrl-bench {} (commit {})\n", env!("CARGO_PKG_VERSION"), commit())
}

/// The commit that `git archive` wrote, shortened as all are.
fn archived(text: &str) -> Option<String> {
    let commit = text.trim();
    let is_commit = commit.len() == 40 && commit.chars().all(|char| char.is_ascii_hexdigit());
    is_commit.then(|| commit[..N_DIGITS].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_tells_its_commit_and_a_checkout_none() {
        let commit = "0123456789abcdef0123456789abcdef01234567";
        assert_eq!(archived(&format!("{commit}\n")).as_deref(), Some("0123456789ab"));
        for text in ["", "\n", concat!("$For", "mat:%H$\n"), "0123", &"g".repeat(40)] {
            assert_eq!(archived(text), None, "{text:?}");
        }
    }
}
