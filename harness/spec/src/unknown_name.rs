//! The error for a name of which there is no variant.

use strum::VariantNames;

use crate::closest;

/// A name that stands for nothing known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown {kind} `{found}`{guess} expected one of {expected}")]
pub struct UnknownName {
    kind: &'static str,
    found: String,
    /// The name that was probably meant, as a part of the sentence.
    guess: String,
    expected: String,
}

impl UnknownName {
    /// Says of `found` that it is no variant of an enum, which holds things of a `kind`.
    pub(crate) fn among<T: VariantNames>(kind: &'static str, found: &str) -> Self {
        let expected = T::VARIANTS;
        let guess = match closest(found, expected.iter().copied()) {
            Some(meant) => format!(", did you mean `{meant}`?"),
            None => ",".to_owned(),
        };
        UnknownName { kind, found: found.to_owned(), guess, expected: expected.join(", ") }
    }
}

#[cfg(test)]
mod tests {
    use std::{fmt::Debug, str::FromStr};

    use serde::{Serialize, de::DeserializeOwned};

    use crate::*;

    /// Records, protocols and the command line have one name for each of `all`.
    fn check<T: Serialize + DeserializeOwned + PartialEq + Debug + Copy>(
        all: &[T],
        name: impl Fn(T) -> &'static str,
    ) {
        for &value in all {
            let json = serde_json::to_value(value).unwrap();
            assert_eq!(json, name(value), "{value:?}");
            assert_eq!(serde_json::from_value::<T>(json).unwrap(), value);
        }
    }

    fn check_parsed<T: FromStr + PartialEq + Debug + Copy + ToString>(all: &[T])
    where
        T::Err: Debug,
    {
        for &value in all {
            assert_eq!(value.to_string().parse::<T>().unwrap(), value);
        }
    }

    #[test]
    fn an_enum_s_names_are_those_of_its_json() {
        check(&DatasetId::ALL, DatasetId::as_str);
        check(&MethodId::ALL, MethodId::as_str);
        check(&PromptStyle::ALL, PromptStyle::as_str);
        check(&Form::ALL, Form::as_str);
        check(&RewardId::ALL, RewardId::as_str);
        check(&[Scorer::Published, Scorer::Strict], Scorer::as_str);
        check(&[EvalSplit::Test, EvalSplit::Val], EvalSplit::as_str);
        check_parsed(&DatasetId::ALL);
        check_parsed(&MethodId::ALL);
        check_parsed(&PromptStyle::ALL);
        check_parsed(&Form::ALL);
    }

    #[test]
    fn an_unknown_name_is_reported_with_a_guess_and_with_what_there_is() {
        let message = |text: &str| text.parse::<PromptStyle>().unwrap_err().to_string();
        let all = "expected one of thinking, direct, think-after-answer, adaptive-thinking";
        assert_eq!(message("x"), format!("unknown prompt style `x`, {all}"));
        assert_eq!(
            message("thinkin"),
            format!("unknown prompt style `thinkin`, did you mean `thinking`? {all}")
        );
    }
}
