//! The tokenizer of a Hugging Face model folder.
//!
//! Owns the joining of `tokenizer.json` with the tokens that stand only in `tokenizer_config.json`: the
//! published Qwen2-VL files name `<|image_pad|>` in the second alone. The library reads nothing that
//! `tokenizer_file.rs` has not found sound.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use clsrl_files::Folder;
use serde::Deserialize;
use tokenizers::{AddedToken, DecoderWrapper, ModelWrapper, Tokenizer};

use super::{
    TextError,
    tokenizer_file::{self, MAX_ADDED, MAX_BYTES, Unfit, odd_token},
};

/// A byte-level BPE tokenizer: every text has tokens, and every list of tokens a text.
#[derive(Debug, Clone)]
pub struct TextTokenizer {
    tokenizer: Tokenizer,
    dir: PathBuf,
}

impl TextTokenizer {
    /// Loads `tokenizer.json` and the added tokens of `tokenizer_config.json`.
    ///
    /// An added token must have, in both files, the same id and the same properties.
    ///
    /// # Errors
    ///
    /// Where a file cannot be read, the first holds what no Qwen tokenizer does, or they contradict each other.
    pub fn from_dir(model_dir: &Path) -> Result<TextTokenizer, TextError> {
        TextTokenizer::from_folder(&Folder::unchecked(model_dir))
    }

    /// As [`TextTokenizer::from_dir`], from files that may be held to their digests.
    ///
    /// # Errors
    ///
    /// Those of [`TextTokenizer::from_dir`].
    pub fn from_folder(model: &Folder) -> Result<TextTokenizer, TextError> {
        let files = ["tokenizer.json", "tokenizer_config.json"].map(|name| read(model, name));
        let [tokenizer, config] = files;
        TextTokenizer::from_bytes(&tokenizer?, &config?, model.dir())
    }

    /// Loads a tokenizer from the bytes of its two files; the directory is for messages.
    ///
    /// # Errors
    ///
    /// Those of [`TextTokenizer::from_dir`], but for reading.
    pub fn from_bytes(
        tokenizer: &[u8],
        config: &[u8],
        model_dir: &Path,
    ) -> Result<TextTokenizer, TextError> {
        let path = model_dir.join("tokenizer.json");
        let parse = |source| TextError::Parse { path: path.clone(), source };
        let added = tokenizer_file::check(tokenizer).map_err(|unfit| match unfit {
            Unfit::Malformed(error) => parse(Box::new(error)),
            Unfit::Other(found) => TextError::Kind { path: path.clone(), found },
        })?;
        let mut tokenizer = Tokenizer::from_bytes(tokenizer).map_err(parse)?;
        if let Some(found) = other_kind(&tokenizer) {
            return Err(TextError::Kind { path, found });
        }
        tokenizer.with_truncation(None).map_err(parse)?.with_padding(None);
        let conflicts =
            added.iter().filter_map(|token| wrong_id(&tokenizer, token.id, &token.content));
        let conflicts: Vec<String> = conflicts.collect();
        if !conflicts.is_empty() {
            return Err(TextError::Conflict { path, conflicts });
        }
        add_tokens(&mut tokenizer, config, &model_dir.join("tokenizer_config.json"))?;
        Ok(TextTokenizer { tokenizer, dir: model_dir.to_owned() })
    }

    /// The ids of a text; the texts of special tokens become those tokens, as in transformers.
    pub fn encode(&self, text: &str) -> Vec<i64> {
        let encoding = self
            .tokenizer
            .encode_fast(text, true)
            .expect("a byte-level BPE with a token for every byte encodes every text");
        encoding.get_ids().iter().map(|id| i64::from(*id)).collect()
    }

    /// The text of ids; bytes that are no UTF-8 become U+FFFD, ids without a token become nothing.
    pub fn decode(&self, ids: &[i64], skip_special: bool) -> String {
        let ids: Vec<u32> = ids.iter().filter_map(|id| u32::try_from(*id).ok()).collect();
        self.tokenizer.decode(&ids, skip_special).expect("a byte-level decoder decodes all tokens")
    }

    /// The id of one token.
    pub fn token_id(&self, token: &str) -> Result<i64, TextError> {
        self.tokenizer
            .token_to_id(token)
            .map(i64::from)
            .ok_or_else(|| TextError::NoToken { path: self.dir.clone(), token: token.to_owned() })
    }

    /// How many tokens there are, added ones counted; a model may have more rows.
    pub fn n_tokens(&self) -> usize {
        self.tokenizer.get_vocab_size(true)
    }
}

fn read(model: &Folder, name: &str) -> Result<Vec<u8>, TextError> {
    let path = model.path(name);
    model.read(name, MAX_BYTES).map_err(|source| TextError::Read { path, source })
}

/// Says in what a tokenizer differs from a byte-level BPE that can encode and decode everything.
fn other_kind(tokenizer: &Tokenizer) -> Option<String> {
    let ModelWrapper::BPE(bpe) = tokenizer.get_model() else {
        return Some("a model of another type than BPE".to_owned());
    };
    if let Some(unknown) = bpe.get_unk_token() {
        return Some(format!("an unknown token, `{unknown}`"));
    }
    if bpe.dropout.is_some() {
        return Some("a BPE with dropout".to_owned());
    }
    let alphabet = tokenizers::pre_tokenizers::byte_level::ByteLevel::alphabet();
    let n_missing = alphabet
        .into_iter()
        .filter(|byte| tokenizer.token_to_id(byte.encode_utf8(&mut [0; 4])).is_none())
        .count();
    if 0 < n_missing {
        return Some(format!("a vocabulary that lacks {n_missing} of the 256 bytes"));
    }
    match tokenizer.get_decoder() {
        Some(DecoderWrapper::ByteLevel(_)) => None,
        _ => Some("a decoder of another type than ByteLevel".to_owned()),
    }
}

/// What `tokenizer_config.json` holds of interest here; its other keys belong to transformers.
#[derive(Deserialize)]
struct TokenizerConfig {
    /// Absent where `tokenizer.json` has all tokens, as transformers 5 writes it.
    added_tokens_decoder: Option<BTreeMap<u32, ConfigToken>>,
}

#[derive(Deserialize)]
struct ConfigToken {
    content: String,
    single_word: bool,
    lstrip: bool,
    rstrip: bool,
    normalized: bool,
    special: bool,
}

impl ConfigToken {
    fn into_added(self) -> AddedToken {
        AddedToken::from(self.content, self.special)
            .single_word(self.single_word)
            .lstrip(self.lstrip)
            .rstrip(self.rstrip)
            .normalized(self.normalized)
    }
}

fn add_tokens(tokenizer: &mut Tokenizer, config: &[u8], path: &Path) -> Result<(), TextError> {
    let parse = |source| TextError::Parse { path: path.to_owned(), source };
    let config: TokenizerConfig =
        serde_json::from_slice(config).map_err(|error| parse(Box::new(error)))?;
    let tokens = config.added_tokens_decoder.unwrap_or_default();
    let odd = tokens.iter().find_map(|(id, token)| odd_token(*id, &token.content));
    let many = || (MAX_ADDED < tokens.len()).then(|| format!("{} added tokens", tokens.len()));
    if let Some(found) = odd.or_else(many) {
        return Err(TextError::Kind { path: path.to_owned(), found });
    }
    let known = tokenizer.get_added_tokens_decoder();
    let tokens = tokens.into_iter().map(|(id, token)| (id, token.into_added()));
    let (other, tokens): (Vec<_>, Vec<_>) =
        tokens.partition(|(id, token)| known.get(id).is_some_and(|known| known != token));
    let describe = |(id, token): &(u32, AddedToken)| {
        format!("found token {id} as {token:?}, expected it as in tokenizer.json")
    };
    let mut conflicts: Vec<String> = other.iter().map(describe).collect();
    tokenizer.add_tokens(tokens.iter().map(|(_, token)| token.clone())).map_err(parse)?;
    conflicts
        .extend(tokens.iter().filter_map(|(id, token)| wrong_id(tokenizer, *id, &token.content)));
    if conflicts.is_empty() {
        return Ok(());
    }
    Err(TextError::Conflict { path: path.to_owned(), conflicts })
}

/// Says that a token has another id than its file gives it, if so.
fn wrong_id(tokenizer: &Tokenizer, id: u32, content: &str) -> Option<String> {
    let given = tokenizer.token_to_id(content);
    if given == Some(id) {
        return None;
    }
    let given = given.map_or("none".to_owned(), |given| given.to_string());
    Some(format!("found token `{content}` with id {id}, expected {given}"))
}
