//! Which files of a model are used: settings, tokenizer and safetensors; never a pickle or a program.

use std::collections::{BTreeMap, BTreeSet};

use clsrl_spec::ModelId;
use serde::Deserialize;

use crate::{error::FetchError, listing::ListedFile};

/// The files without which nothing runs.
const REQUIRED: [&str; 3] = ["config.json", "preprocessor_config.json", "tokenizer.json"];

/// The files that are used, by this program or by transformers, where a model has them.
const OPTIONAL: [&str; 10] = [
    "added_tokens.json",
    "chat_template.jinja",
    "chat_template.json",
    "generation_config.json",
    "merges.txt",
    "processor_config.json",
    "special_tokens_map.json",
    "tokenizer_config.json",
    "video_preprocessor_config.json",
    "vocab.json",
];

/// All weights in one file. Where it is there, the index is not looked at, as in transformers.
const SINGLE: &str = "model.safetensors";

/// Which tensor is in which of several files.
pub(crate) const INDEX: &str = "model.safetensors.index.json";

/// What files end with that can run programs when they are read.
const PICKLES: [&str; 5] = [".bin", ".pt", ".pth", ".ckpt", ".pkl"];

#[derive(Deserialize)]
struct IndexFile {
    weight_map: BTreeMap<String, String>,
}

/// The index among a model's files, if it says which files the weights are in.
pub(crate) fn index(files: &[ListedFile]) -> Option<&ListedFile> {
    let find = |name: &str| files.iter().find(|file| file.name == name);
    find(SINGLE).is_none().then(|| find(INDEX)).flatten()
}

/// Chooses the files that are used, in the order of names; `index` is the content of [`index`], if there is one.
///
/// # Errors
///
/// A model without something that every model needs, or whose index names files that are not there.
pub(crate) fn choose(
    id: &ModelId,
    files: &[ListedFile],
    index: Option<&[u8]>,
) -> Result<Vec<ListedFile>, FetchError> {
    let is_pickled = files.iter().any(|file| PICKLES.iter().any(|end| file.name.ends_with(end)));
    let unusable =
        |missing: String, is_pickled| FetchError::Unusable { id: id.clone(), missing, is_pickled };
    let names: BTreeSet<&str> = files.iter().map(|file| file.name.as_str()).collect();
    let weights: BTreeSet<String> = match index {
        None if names.contains(SINGLE) => BTreeSet::from([SINGLE.to_owned()]),
        None => return Err(unusable(format!("`{SINGLE}` and no `{INDEX}`"), is_pickled)),
        Some(bytes) => {
            shards(bytes).ok_or_else(|| unusable(format!("`{INDEX}` that can be read"), false))?
        }
    };
    let required = REQUIRED.into_iter().map(str::to_owned).chain(weights.iter().cloned());
    if let Some(missing) = required.into_iter().find(|name| !names.contains(name.as_str())) {
        return Err(unusable(format!("`{missing}`"), false));
    }
    let is_used = |name: &str| {
        REQUIRED.contains(&name)
            || OPTIONAL.contains(&name)
            || weights.contains(name)
            || (index.is_some() && name == INDEX)
    };
    Ok(files.iter().filter(|file| is_used(&file.name)).cloned().collect())
}

/// The files that an index names; none where it is no index, or names what is no file of weights.
fn shards(index: &[u8]) -> Option<BTreeSet<String>> {
    let index: IndexFile = serde_json::from_slice(index).ok()?;
    let shards: BTreeSet<String> = index.weight_map.into_values().collect();
    let is_shard = |name: &String| name.ends_with(".safetensors") && !name.starts_with('.');
    (!shards.is_empty() && shards.iter().all(is_shard)).then_some(shards)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::ContentDigest;

    fn list(names: &[&str]) -> Vec<ListedFile> {
        let digest = ContentDigest::git(&"0".repeat(40)).unwrap();
        let file = |name: &&str| ListedFile {
            name: name.to_string(),
            size: 1,
            digest,
            refuses_pages: false,
        };
        let mut files: Vec<ListedFile> = names.iter().map(file).collect();
        files.sort_by(|a, b| a.name.cmp(&b.name));
        files
    }

    fn check(names: &[&str], index_text: Option<&str>, expected: Result<&[&str], &str>) {
        let files = list(&[names, &REQUIRED].concat());
        assert_eq!(index(&files).is_some(), index_text.is_some());
        let chosen = choose(&"a/b".parse().unwrap(), &files, index_text.map(str::as_bytes));
        match (chosen, expected) {
            (Ok(chosen), Ok(expected)) => {
                let chosen: Vec<&str> = chosen.iter().map(|file| file.name.as_str()).collect();
                let mut expected = [expected, &REQUIRED].concat();
                expected.sort_unstable();
                assert_eq!(chosen, expected);
            }
            (Err(error), Err(expected)) => assert!(error.to_string().contains(expected), "{error}"),
            (found, _) => panic!("{names:?}: {found:?}"),
        }
    }

    #[test]
    fn settings_tokenizer_and_safetensors_are_used_and_nothing_else() {
        let more = [
            "README.md",
            ".gitattributes",
            "pytorch_model.bin",
            "modeling.py",
            "adapter.safetensors",
        ];
        check(
            &[&["model.safetensors", "chat_template.json", "vocab.json"], more.as_slice()].concat(),
            None,
            Ok(&["model.safetensors", "chat_template.json", "vocab.json"]),
        );
    }

    #[test]
    fn an_index_says_which_files_have_the_weights() {
        let names =
            [INDEX, "model-1.safetensors", "model-2.safetensors", "consolidated.safetensors"];
        let index = r#"{"metadata": {}, "weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}"#;
        check(&names, Some(index), Ok(&names[..3]));
        check(&[INDEX, "model-1.safetensors"], Some(index), Err("no `model-2.safetensors`"));
    }

    #[test]
    fn a_hostile_index_chooses_nothing() {
        for shard in ["../x.safetensors", "/etc/passwd", "x.bin", ".safetensors", "config.json"] {
            let index = format!(r#"{{"weight_map": {{"a": "{shard}"}}}}"#);
            check(&[INDEX], Some(&index), Err(""));
        }
        for index in ["", "[]", r#"{"weight_map": {}}"#, r#"{"weight_map": {"a": 1}}"#] {
            check(&[INDEX], Some(index), Err("that can be read"));
        }
    }

    #[test]
    fn pickles_are_no_weights() {
        check(&["pytorch_model.bin"], None, Err("only pickled weights"));
        check(&["README.md"], None, Err("no `model.safetensors` and no"));
    }
}
