//! The name of a model on Hugging Face's hub: its id, and which state of it.
//!
//! These texts become parts of addresses and of paths, so nothing that could leave a folder gets past here.

use std::{fmt, str::FromStr};

use serde::{Serialize, Serializer};

/// The longest id that the hub has.
const MAX_ID: usize = 96;

/// The longest name of a branch or tag that is taken.
const MAX_REVISION: usize = 200;

/// A model and, if it is said, which state of it: `Qwen/Qwen2-VL-2B-Instruct@main`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubModel {
    /// The model.
    pub id: ModelId,
    /// The branch, tag or commit.
    pub revision: Option<Revision>,
}

/// The id of a model: `Qwen/Qwen2-VL-2B-Instruct`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ModelId(String);

/// A branch, a tag or a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision(String);

/// The commit that is one state of a model, for ever: the SHA-1 of git.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit(String);

/// A text that is no name on the hub.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} is no {what}, expected {expected}")]
pub struct BadHubName {
    what: &'static str,
    found: String,
    expected: &'static str,
}

impl ModelId {
    /// The id as a text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Revision {
    /// What is meant where nothing is said.
    pub fn main() -> Self {
        Revision("main".to_owned())
    }

    /// The revision as a text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The revision as a commit, if it is one and not the name of a branch or tag.
    pub fn commit(&self) -> Option<Commit> {
        self.0.parse().ok()
    }
}

impl Commit {
    /// The commit's 40 hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Enough digits for a message.
    pub fn short(&self) -> &str {
        &self.0[..12]
    }
}

impl FromStr for HubModel {
    type Err = BadHubName;

    fn from_str(text: &str) -> Result<Self, BadHubName> {
        match text.split_once('@') {
            Some((id, revision)) => {
                Ok(HubModel { id: id.parse()?, revision: Some(revision.parse()?) })
            }
            None => Ok(HubModel { id: text.parse()?, revision: None }),
        }
    }
}

impl FromStr for ModelId {
    type Err = BadHubName;

    /// Takes what the hub takes: one or two parts of letters, digits, `-`, `_` and `.`.
    fn from_str(text: &str) -> Result<Self, BadHubName> {
        let is_part = |part: &str| {
            let is_edge = |c: char| c.is_ascii_alphanumeric() || c == '_';
            part.starts_with(is_edge)
                && part.ends_with(is_edge)
                && part.chars().all(|c| is_edge(c) || matches!(c, '-' | '.'))
        };
        let is_id = text.len() <= MAX_ID
            && text.split('/').count() <= 2
            && text.split('/').all(is_part)
            && !text.contains("--")
            && !text.contains("..")
            && !text.ends_with(".git");
        match is_id {
            true => Ok(ModelId(text.to_owned())),
            false => Err(BadHubName {
                what: "model id",
                found: text.to_owned(),
                expected: "one like `Qwen/Qwen2-VL-2B-Instruct`",
            }),
        }
    }
}

impl FromStr for Revision {
    type Err = BadHubName;

    fn from_str(text: &str) -> Result<Self, BadHubName> {
        let is_part = |part: &str| {
            !part.is_empty()
                && !part.starts_with('.')
                && part.chars().all(|c| c.is_ascii_alphanumeric() || "-_.+".contains(c))
        };
        match text.len() <= MAX_REVISION && text.split('/').all(is_part) {
            true => Ok(Revision(text.to_owned())),
            false => Err(BadHubName {
                what: "revision",
                found: text.to_owned(),
                expected: "a branch, a tag or a commit",
            }),
        }
    }
}

impl FromStr for Commit {
    type Err = BadHubName;

    fn from_str(text: &str) -> Result<Self, BadHubName> {
        match is_hex(text, 40) {
            true => Ok(Commit(text.to_owned())),
            false => Err(BadHubName {
                what: "commit",
                found: text.to_owned(),
                expected: "40 lower-case hexadecimal digits",
            }),
        }
    }
}

fn is_hex(text: &str, n_digits: usize) -> bool {
    text.len() == n_digits && text.bytes().all(|digit| b"0123456789abcdef".contains(&digit))
}

impl fmt::Display for HubModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.revision {
            Some(revision) => write!(f, "{}@{revision}", self.id),
            None => self.id.fmt(f),
        }
    }
}

impl fmt::Display for ModelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Display for Commit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl Serialize for Commit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<(&str, Option<&str>)>) {
        let parsed: Option<HubModel> = text.parse().ok();
        let found = parsed.as_ref().map(|model| {
            (model.id.as_str(), model.revision.as_ref().map(|revision| revision.as_str()))
        });
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn a_model_is_an_id_and_perhaps_a_revision() {
        check("Qwen/Qwen2-VL-2B-Instruct", Some(("Qwen/Qwen2-VL-2B-Instruct", None)));
        check("gpt2@refs/pr/1", Some(("gpt2", Some("refs/pr/1"))));
        check("a/b_c.d@v1.0", Some(("a/b_c.d", Some("v1.0"))));
    }

    #[test]
    fn a_name_that_could_leave_its_folder_is_no_model() {
        for text in [
            "",
            "/",
            "a/",
            "/a",
            "a//b",
            "a/b/c",
            "..",
            "../a",
            "a/..",
            ".a/b",
            "a/.b",
            "a--b/c",
            "a\\b",
            "a/b\n",
            "a b",
            "-a/b",
            "a/b.git",
            "a/b@",
            "a/b@..",
            "a/b@/x",
            "a/b@x/../y",
            "a/b@x//y",
            "a/b@x@y",
            "a/ß",
            "a/b@x y",
            "a/b\u{1b}[2J",
            "C:/b",
        ] {
            check(text, None);
        }
        check(&"a".repeat(97), None);
    }

    #[test]
    fn a_commit_is_40_hexadecimal_digits() {
        let commit = "895c3a49bc3fa70a340399125c650a463535e71c";
        let revision = |text: &str| text.parse::<Revision>().unwrap();
        assert_eq!(revision(commit).commit().unwrap().as_str(), commit);
        assert_eq!(revision("main").commit(), None);
        assert_eq!(revision(&commit[1..]).commit(), None);
        assert_eq!(revision(&commit.to_uppercase()).commit(), None);
    }
}
