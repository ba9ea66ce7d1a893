//! What the hub says of a model: which commit a revision is, and which files that has.

use std::collections::BTreeSet;

use clsrl_spec::{Commit, ModelId, Revision};
use serde::{Deserialize, de::DeserializeOwned};

use crate::{
    address::{Address, encoded, printable},
    content::ContentDigest,
    error::FetchError,
    session::Session,
};

/// The most bytes of one answer about a model.
const MAX_ANSWER: u64 = 16 << 20;

/// The most files in a model's own folder, and answers that list them.
const MAX_FILES: usize = 10_000;
const MAX_PAGES: usize = 20;

/// The largest file that is believed: 1 TiB.
const MAX_SIZE: u64 = 1 << 40;

/// A file of a model, as the hub lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ListedFile {
    /// Its name in the model's own folder.
    pub(crate) name: String,
    /// Its bytes.
    pub(crate) size: u64,
    /// What its bytes must be.
    pub(crate) digest: ContentDigest,
    /// Whether a page of the web may come instead of it, and is to be refused.
    pub(crate) refuses_pages: bool,
}

#[derive(Deserialize)]
struct ModelAnswer {
    sha: String,
}

#[derive(Deserialize)]
struct EntryAnswer {
    #[serde(rename = "type")]
    kind: String,
    path: String,
    #[serde(default)]
    size: u64,
    #[serde(default)]
    oid: String,
    lfs: Option<LfsAnswer>,
}

#[derive(Deserialize)]
struct LfsAnswer {
    oid: String,
    size: u64,
}

/// Asks which commit a revision is.
pub(crate) fn resolve(
    session: &mut Session,
    id: &ModelId,
    revision: &Revision,
) -> Result<Commit, FetchError> {
    let address = session
        .client
        .endpoint()
        .below(&format!("api/models/{id}/revision/{}", encoded(revision.as_str())));
    let what = format!("model `{id}` with a revision `{revision}`");
    let (bytes, answer) = session.read(&address, &what, MAX_ANSWER)?;
    let hostile = |what| FetchError::Hostile { address: answer.address.to_string(), what };
    let found: ModelAnswer = json(&bytes, &answer.address)?;
    let commit: Commit = found
        .sha
        .parse()
        .map_err(|_| hostile(format!("`{}` for a commit", printable(&found.sha))))?;
    match revision.commit() {
        Some(asked) if asked != commit => {
            Err(hostile(format!("commit {commit} when asked for {asked}")))
        }
        _ => Ok(commit),
    }
}

/// Lists the files in a model's own folder, in the order of names. Folders below it hold nothing that is used.
pub(crate) fn list(
    session: &mut Session,
    id: &ModelId,
    commit: &Commit,
) -> Result<Vec<ListedFile>, FetchError> {
    let mut address = session.client.endpoint().below(&format!("api/models/{id}/tree/{commit}"));
    let mut files = Vec::new();
    let mut seen = BTreeSet::new();
    for _ in 0..MAX_PAGES {
        let (bytes, answer) = session.read(&address, &format!("files of `{id}`"), MAX_ANSWER)?;
        let hostile = |what| FetchError::Hostile { address: answer.address.to_string(), what };
        let entries: Vec<EntryAnswer> = json(&bytes, &answer.address)?;
        for entry in entries.into_iter().filter(|entry| entry.kind == "file") {
            check_name(&entry.path).map_err(hostile)?;
            if entry.path.contains('/') {
                continue;
            }
            let file = parse_entry(entry).map_err(hostile)?;
            // On some disks names that differ in case alone are one.
            if !seen.insert(file.name.to_lowercase()) {
                return Err(hostile(format!("the file `{}` twice", printable(&file.name))));
            }
            files.push(file);
        }
        if MAX_FILES < files.len() {
            return Err(hostile(format!("more than {MAX_FILES} files")));
        }
        let Some(next) = answer.header("link").and_then(next_page) else {
            files.sort_by(|a, b| a.name.cmp(&b.name));
            return Ok(files);
        };
        address = answer.address.join(next).map_err(|error| hostile(error.to_string()))?;
        if !address.is_same_origin(session.client.endpoint()) {
            return Err(hostile(format!("a next page on another host, {}", address.host())));
        }
    }
    let what = format!("more than {MAX_PAGES} pages of files");
    Err(FetchError::Hostile { address: address.to_string(), what })
}

/// The address of a file's bytes.
pub(crate) fn address_of(session: &Session, id: &ModelId, commit: &Commit, name: &str) -> Address {
    session.client.endpoint().below(&format!("{id}/resolve/{commit}/{}", encoded(name)))
}

fn parse_entry(entry: EntryAnswer) -> Result<ListedFile, String> {
    let name = entry.path;
    let (size, digest) = match &entry.lfs {
        Some(lfs) => (lfs.size, ContentDigest::sha256(&lfs.oid)),
        None => (entry.size, ContentDigest::git(&entry.oid)),
    };
    let digest = digest.ok_or_else(|| format!("no digest of `{}`", printable(&name)))?;
    if MAX_SIZE < size {
        return Err(format!("{size} bytes for `{}`", printable(&name)));
    }
    Ok(ListedFile { name, size, digest, refuses_pages: false })
}

/// Refuses a path that could leave its folder, here or on another system.
fn check_name(path: &str) -> Result<(), String> {
    let is_part = |part: &str| !matches!(part, "" | "." | "..");
    let is_plain = |c: char| !c.is_control() && !matches!(c, '\\' | ':');
    match path.split('/').all(is_part) && path.chars().all(is_plain) && path.len() <= 1024 {
        true => Ok(()),
        false => Err(format!("a file named `{}`", printable(path))),
    }
}

/// The address in `<address>; rel="next"`.
fn next_page(link: &str) -> Option<&str> {
    link.split(',').find_map(|part| {
        let (address, parameters) = part.trim().strip_prefix('<')?.split_once('>')?;
        let is_next =
            parameters.split(';').any(|one| matches!(one.trim(), "rel=\"next\"" | "rel=next"));
        is_next.then_some(address)
    })
}

fn json<T: DeserializeOwned>(bytes: &[u8], address: &Address) -> Result<T, FetchError> {
    serde_json::from_slice(bytes).map_err(|error| FetchError::Hostile {
        address: address.to_string(),
        // Without the error's own text, which repeats the server's.
        what: format!("what no hub says (line {}, column {})", error.line(), error.column()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_could_leave_its_folder_is_refused() {
        for name in [
            "",
            "/etc/passwd",
            "../x",
            "a/../../x",
            "a/..",
            "./a",
            "a//b",
            "..\\x",
            "C:x",
            "a\0b",
            "a\nb",
            "\u{1b}[2J",
            "a/",
            &"a".repeat(1025),
        ] {
            assert!(check_name(name).is_err(), "{name:?}");
        }
        for name in ["config.json", "onnx/a/b/c/d/model.onnx", ".gitattributes", "a..b", "ß.json"]
        {
            assert!(check_name(name).is_ok(), "{name:?}");
        }
    }

    #[test]
    fn the_next_page_is_found_among_links() {
        assert_eq!(next_page("<https://x/?a=1>; rel=\"next\""), Some("https://x/?a=1"));
        assert_eq!(next_page("</p>; rel=\"prev\", </n>; rel=next"), Some("/n"));
        assert_eq!(next_page("</p>; rel=\"prev\""), None);
        assert_eq!(next_page("no link"), None);
    }

    #[test]
    fn what_a_hub_never_says_is_not_repeated() {
        let address = Address::parse("https://example.org/").unwrap();
        for text in ["{\"sha\": [\"\\u001b[2J\"]}", "\"\\u001b[2J\"", "\u{1b}[2J", ""] {
            let error = json::<ModelAnswer>(text.as_bytes(), &address).err().unwrap().to_string();
            assert!(error.contains("no hub says") && !error.contains('['), "{error:?}");
        }
    }
}
