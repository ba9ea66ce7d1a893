//! What an answer shows beside right and wrong: how it parses, whether the published score is blind to
//! the difference between two names, and whether its thought names what it answers.
//!
//! Everything is read from the stored texts alone, so it can be computed for any prediction ever kept.

use strum::{EnumCount, IntoStaticStr, VariantArray};

use crate::answer::{
    extract_published, is_equal_but_for_case, is_published_in, is_same_name, strip, tag_text,
};

/// What stands before a question's list.
const LIST_START: &str = " Please choose one from list [ ";

/// What stands after it.
const LIST_END: &str = "].";

/// What stands between its names; no name of the eleven datasets has a comma.
const BETWEEN_NAMES: &str = ", ";

/// What asks for an answer tag, in a prompt's suffix.
const ASKS_FOR_TAG: &str = "<answer>";

/// What an answer shows beside right and wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Diagnosis {
    /// The names that the question lists, repeated ones counted; 0 without a list.
    pub n_choices: usize,
    /// How the answer parses.
    pub parse: ParseStatus,
    /// Whether the published score would take it for two or more of the listed names; `None` without a
    /// list.
    pub is_ambiguous: Option<bool>,
    /// Where the name stands in the list that it means: the one that it says, or else the only one that the
    /// published score would take it for; `None` without a list or such a name.
    pub meant: Option<usize>,
    /// What its thought names; `None` without a list, a thought, or a tagged answer.
    pub thought: Option<ThoughtNames>,
}

/// How an answer parses: the first of these that holds, from [`ParseStatus::Empty`] on.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    IntoStaticStr,
    EnumCount,
    VariantArray,
    strum::Display,
)]
#[strum(serialize_all = "kebab-case")]
pub enum ParseStatus {
    /// It says one of the listed names, or says something where nothing is listed.
    Ok,
    /// It says nothing: it is blank, or its answer tag is.
    Empty,
    /// It was cut at the longest length before an answer tag was closed.
    Truncated,
    /// The question asks for an answer tag, and there is none.
    NoTag,
    /// What it says is none of the listed names, after normalisation.
    OffList,
}

/// What a thought names.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    IntoStaticStr,
    EnumCount,
    VariantArray,
    strum::Display,
)]
#[strum(serialize_all = "kebab-case")]
pub enum ThoughtNames {
    /// What is answered, maybe among others.
    Answer,
    /// Listed names, but not what is answered.
    Another,
    /// None of the listed names, nor what is answered.
    Nothing,
}

impl Diagnosis {
    /// Looks at an answer as it was decoded, and at the question as it was asked.
    pub fn of(question: &str, raw: &str, is_truncated: bool) -> Self {
        Diagnosis::among(listed_names(question), question, raw, is_truncated)
    }

    /// The same where it is known which names may be answered, listed or not.
    pub fn among(listed: Option<Vec<&str>>, question: &str, raw: &str, is_truncated: bool) -> Self {
        let tagged = tag_text(raw);
        let said = strip(tagged.unwrap_or(raw));
        let is_said = |name: &&str| is_same_name(name, said);
        let place = listed.as_ref().and_then(|listed| listed.iter().position(is_said));
        let taken = listed.as_ref().map(|listed| taken_for(raw, listed));
        let parse = if said.is_empty() {
            ParseStatus::Empty
        } else if is_truncated && tagged.is_none() {
            ParseStatus::Truncated
        } else if tagged.is_none() && question.contains(ASKS_FOR_TAG) {
            ParseStatus::NoTag
        } else if listed.is_some() && place.is_none() {
            ParseStatus::OffList
        } else {
            ParseStatus::Ok
        };
        Diagnosis {
            n_choices: listed.as_ref().map_or(0, Vec::len),
            parse,
            is_ambiguous: taken.as_ref().map(|taken| 1 < taken.len()),
            meant: place.or(taken.as_deref().and_then(only)),
            thought: listed
                .zip(tagged)
                .and_then(|(listed, tagged)| thought_names(raw, tagged, &listed)),
        }
    }
}

impl ParseStatus {
    /// All of them.
    pub const ALL: [ParseStatus; ParseStatus::COUNT] =
        *<Self as VariantArray>::VARIANTS.first_chunk().expect("it has COUNT variants");

    /// Its name in frames.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

impl ThoughtNames {
    /// All of them.
    pub const ALL: [ThoughtNames; ThoughtNames::COUNT] =
        *<Self as VariantArray>::VARIANTS.first_chunk().expect("it has COUNT variants");

    /// Its name in frames.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// The names that a question lists, in its order, repeated ones repeated; `None` if it lists none.
///
/// They are separated by the comma and blank between them: a name with a comma would be read as two,
/// and one with `].` would end the list.
pub fn listed_names(question: &str) -> Option<Vec<&str>> {
    let (_, rest) = question.split_once(LIST_START)?;
    let (list, _) = rest.split_once(LIST_END)?;
    Some(list.split(BETWEEN_NAMES).collect())
}

/// Where the listed names stand that the published score would take it for, up to the second different one.
fn taken_for(raw: &str, listed: &[&str]) -> Vec<usize> {
    let extracted = extract_published(raw).to_lowercase();
    let mut taken: Vec<usize> = Vec::new();
    for (at, name) in listed.iter().enumerate() {
        let is_new = taken.first().is_none_or(|&first| !is_same_name(listed[first], name));
        if is_new && is_published_in(&extracted, name) {
            taken.push(at);
            if taken.len() == 2 {
                break;
            }
        }
    }
    taken
}

fn only(taken: &[usize]) -> Option<usize> {
    match taken {
        [one] => Some(*one),
        _ => None,
    }
}

/// Names are looked for word by word, from the left, the longest first: `apple pie` names no `apple`,
/// and `primrose` names no `rose`.
fn thought_names(raw: &str, tagged: &str, listed: &[&str]) -> Option<ThoughtNames> {
    let thought: Vec<&str> = words(thought_text(raw)?).collect();
    let n_answer = words(tagged).count();
    if n_answer == 0 {
        return None;
    }
    let (mut at, mut names_another) = (0, false);
    while at < thought.len() {
        let here = &thought[at..];
        let longest = listed.iter().filter_map(|name| n_leading(here, name)).max();
        // Of the same words a listed name is the answer.
        if longest.is_none_or(|n| n <= n_answer) && n_leading(here, tagged).is_some() {
            return Some(ThoughtNames::Answer);
        }
        match longest {
            Some(n) => (at, names_another) = (at + n, true),
            None => at += 1,
        }
    }
    Some(if names_another { ThoughtNames::Another } else { ThoughtNames::Nothing })
}

/// The first thought or reason, to its end, or where it has none, to the answer or to the end of all.
fn thought_text(raw: &str) -> Option<&str> {
    for (start, end) in [("<think>", "</think>"), ("<reason>", "</reason>")] {
        if let Some((_, rest)) = raw.split_once(start) {
            let ends = [end, ASKS_FOR_TAG].into_iter().filter_map(|end| rest.find(end));
            return Some(&rest[..ends.min().unwrap_or(rest.len())]);
        }
    }
    None
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty())
}

/// How many words a name has, if a text begins with them, blind to case. Nearly every name of a list is another one,
/// which its first word shows, so nothing is allocated for it.
fn n_leading(text: &[&str], name: &str) -> Option<usize> {
    let mut n = 0;
    for word in words(name) {
        if !is_equal_but_for_case(text.get(n)?, word) {
            return None;
        }
        n += 1;
    }
    (0 < n).then_some(n)
}

#[cfg(test)]
mod tests;
