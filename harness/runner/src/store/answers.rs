//! A cell's predictions file: every answer as a line of JSON, held to the record that counts them.
//!
//! Verdicts are not believed: they are given again from the stored answer, by the scorers that the record
//! names, where those are this program's.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::{Path, PathBuf},
};

use clsrl_files::again;
use clsrl_spec::{
    CellOutcome, ClassHalf, Identity, Prediction, SCORER_VERSION, extract_published,
    has_answer_tag, is_correct_published, is_correct_strict,
};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{
    StoreError, hexadecimal,
    record_file::{cannot_read, is_damage},
    write_error,
};

/// How the name of predictions ends that wait for their record's.
pub(super) const WAITING: &str = ".predictions.tmp";

/// The longest line that is read. A question of ImageNet's thousand names has 20 KB.
const MAX_LINE: u64 = 16 << 20;

/// Why a predictions file is not that of its record: what is wrong with it, or what the system says.
pub(super) enum Fault {
    /// For the reader, without the file's name.
    Damaged(String),
    /// Unknown.
    Store(StoreError),
}

/// What a record says of its predictions.
pub(super) struct Expected<'a> {
    pub(super) identity: &'a Identity,
    pub(super) outcome: &'a CellOutcome,
    /// The file's digest, where the record has a seal.
    pub(super) digest: Option<&'a str>,
}

/// What a pass over the predictions counts.
#[derive(Default)]
struct Counts {
    n: usize,
    n_correct_published: usize,
    n_correct_strict: usize,
    n_truncated: usize,
    n_untagged: usize,
    n_tokens: usize,
    indices: Vec<usize>,
}

/// Holds a predictions file to what its record says; returns the file's digest.
pub(super) fn check(path: &Path, expected: &Expected<'_>) -> Result<String, Fault> {
    patiently(path, || check_once(path, expected))
}

fn check_once(path: &Path, expected: &Expected<'_>) -> Result<String, Fault> {
    let scorer = expected.identity.json()["scorer"].as_u64();
    let is_our_scorer = scorer == Some(u64::from(SCORER_VERSION));
    let mut counts = Counts::default();
    let most = expected.outcome.n;
    let digest = each(path, expected.digest, &mut |prediction: Prediction| {
        if counts.n == most {
            return Err(format!("there are more than the {most} that its record counts"));
        }
        if is_our_scorer {
            check_verdicts(&prediction)?;
        }
        counts.add(&prediction);
        Ok(())
    })?;
    counts.check(expected, is_our_scorer).map_err(Fault::Damaged)?;
    match expected.digest {
        Some(sealed) if sealed != digest => {
            // Which of the two changed is unknown.
            let record = path.with_extension("").with_extension("json");
            let record = record.display();
            Err(Fault::Damaged(format!("they are not what the seal of `{record}` has")))
        }
        _ => Ok(digest),
    }
}

/// Reads predictions that [`check`] found to be sound, whose file had this digest then.
pub(super) fn read(path: &Path, digest: &str) -> Result<Vec<Prediction>, Fault> {
    patiently(path, || read_once(path, digest))
}

fn read_once(path: &Path, digest: &str) -> Result<Vec<Prediction>, Fault> {
    let mut predictions = Vec::new();
    let found = each(path, Some(digest), &mut |prediction| {
        predictions.push(prediction);
        Ok(())
    })?;
    match found == digest {
        true => Ok(predictions),
        false => Err(Fault::Damaged("they changed while they were read".to_owned())),
    }
}

/// A cell's predictions as the lines of their file, and the SHA-256 of its bytes.
pub(super) fn lines_of(predictions: &[Prediction]) -> (Vec<u8>, String) {
    let mut lines = Vec::new();
    for prediction in predictions {
        serde_json::to_writer(&mut lines, prediction).expect("a prediction is plain data");
        lines.push(b'\n');
    }
    let digest = hexadecimal(Sha256::digest(&lines));
    (lines, digest)
}

/// The name of predictions until their record has its own, from their plain name and their digest.
pub(super) fn waiting_path(plain: &Path, digest: &str) -> PathBuf {
    let name = plain.file_name().unwrap_or_default().to_string_lossy();
    let cell = name.strip_suffix(".predictions.jsonl").unwrap_or(&name);
    plain.with_file_name(format!(".{cell}.{digest}{WAITING}"))
}

/// Makes a file whole that should have these bytes.
pub(super) fn expect_bytes(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    match clsrl_files::read(path, bytes.len() as u64) {
        Ok(found) if found == bytes => Ok(()),
        _ => clsrl_files::replace(path, bytes).map_err(|source| write_error(path, source)),
    }
}

/// Reads anew what a file server refuses for a moment in the middle of a file.
fn patiently<T>(path: &Path, mut read: impl FnMut() -> Result<T, Fault>) -> Result<T, Fault> {
    let ended = again(|| match read() {
        Err(Fault::Store(StoreError::Read { source, .. })) => Err(source),
        ended => Ok(ended),
    });
    ended.unwrap_or_else(|source| Err(Fault::Store(cannot_read(path, source))))
}

/// Opens predictions under the name that they have until their record is there, else under their plain one.
pub(super) fn open(path: &Path, digest: Option<&str>) -> io::Result<File> {
    let waiting = digest.map(|digest| clsrl_files::open(&waiting_path(path, digest)));
    match waiting {
        Some(Ok(file)) => Ok(file),
        _ => clsrl_files::open(path),
    }
}

/// Hands over every prediction of a file, line by line; returns the SHA-256 of its bytes.
fn each(
    path: &Path,
    digest: Option<&str>,
    take: &mut dyn FnMut(Prediction) -> Result<(), String>,
) -> Result<String, Fault> {
    let file = open(path, digest).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Fault::Damaged("they are missing".to_owned()),
        _ if is_damage(&error) => Fault::Damaged(error.to_string()),
        _ => Fault::Store(cannot_read(path, error)),
    })?;
    let mut reader = BufReader::with_capacity(1 << 18, file);
    let mut hasher = Sha256::new();
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        let n_read = reader
            .by_ref()
            .take(MAX_LINE)
            .read_until(b'\n', &mut line)
            .map_err(|error| Fault::Store(cannot_read(path, error)))?;
        if n_read == 0 {
            break;
        }
        hasher.update(&line);
        let at_line = |reason: String| Fault::Damaged(format!("line {number}: {reason}"));
        if line.last() != Some(&b'\n') {
            return Err(at_line("it has no end".to_owned()));
        }
        let prediction =
            serde_json::from_slice(&line).map_err(|error| at_line(error.to_string()))?;
        take(prediction).map_err(at_line)?;
    }
    Ok(hexadecimal(hasher.finalize()))
}

/// Gives the verdicts of an answer again.
fn check_verdicts(prediction: &Prediction) -> Result<(), String> {
    let Prediction { raw, gold, extracted, correct_published, correct_strict, .. } = prediction;
    if extract_published(raw) != extracted {
        return Err("`extracted` is not what its answer says".to_owned());
    }
    let verdicts = [
        ("correct_published", *correct_published, is_correct_published(extracted, gold)),
        ("correct_strict", *correct_strict, is_correct_strict(raw, gold)),
    ];
    match verdicts.into_iter().find(|(_, stored, again)| stored != again) {
        None => Ok(()),
        Some((name, stored, again)) => {
            Err(format!("`{name}` is {stored}, the scorer says {again} of its answer"))
        }
    }
}

impl Counts {
    fn add(&mut self, prediction: &Prediction) {
        self.n += 1;
        self.n_correct_published += usize::from(prediction.correct_published);
        self.n_correct_strict += usize::from(prediction.correct_strict);
        self.n_truncated += usize::from(prediction.truncated);
        self.n_untagged += usize::from(!has_answer_tag(&prediction.raw));
        self.n_tokens = self.n_tokens.saturating_add(prediction.n_tokens);
        self.indices.push(prediction.index);
    }

    fn check(mut self, expected: &Expected<'_>, is_our_scorer: bool) -> Result<(), String> {
        let outcome = expected.outcome;
        let counts = [
            ("of them", self.n, outcome.n),
            (
                "correct ones by the published score",
                self.n_correct_published,
                outcome.n_correct_published,
            ),
            ("correct ones by the strict score", self.n_correct_strict, outcome.n_correct_strict),
            ("truncated ones", self.n_truncated, outcome.n_truncated),
        ];
        let untagged = ("untagged ones", self.n_untagged, outcome.n_untagged);
        let mut counts = counts.into_iter().chain(is_our_scorer.then_some(untagged));
        if let Some((what, found, expected)) = counts.find(|(_, found, expected)| found != expected)
        {
            return Err(format!("there are {found} {what}, its record counts {expected}"));
        }
        check_limit(expected)?;
        // As the evaluation computes it.
        let mean_tokens = self.n_tokens as f64 / self.n as f64;
        if mean_tokens != outcome.mean_tokens {
            let recorded = outcome.mean_tokens;
            return Err(format!(
                "they have {mean_tokens} tokens on average, its record says {recorded}"
            ));
        }
        self.indices.sort_unstable();
        if let Some(twice) = self.indices.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(format!("they answer image {} twice", twice[0]));
        }
        // The images of a half stand among those of the other half, in a list of unknown length.
        let is_whole = outcome.cell.form.half() == ClassHalf::All;
        match self.indices.last() {
            Some(&last) if is_whole && outcome.n_split <= last => {
                let n_split = outcome.n_split;
                Err(format!("they answer image {last}, and its split has {n_split} from 0"))
            }
            _ => Ok(()),
        }
    }
}

/// A cell has all images of its split, or as many as its limit asks for.
fn check_limit(Expected { identity, outcome, .. }: &Expected<'_>) -> Result<(), String> {
    let asked = match &identity.json()["limit"] {
        Value::Null => outcome.n_split,
        limit => match limit.as_u64().and_then(|limit| usize::try_from(limit).ok()) {
            Some(limit) => outcome.n_split.min(limit),
            None => return Err("its record names a limit that is no number".to_owned()),
        },
    };
    match outcome.n == asked {
        true => Ok(()),
        false => Err(format!("there are {}, its limit and its split ask for {asked}", outcome.n)),
    }
}
