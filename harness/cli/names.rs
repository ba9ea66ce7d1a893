//! Names as users type them: those of suites, and those that reports print, in any case.

use std::str::FromStr;

use clsrl_report::column_head;
use clsrl_spec::{DatasetId, MethodId, closest};

/// A dataset by its id, its folder, or its name in a report: `oxford_flowers`, `Flowers102`, `Flow`.
pub fn dataset(text: &str) -> Result<DatasetId, String> {
    let names = |id: DatasetId| [id.as_str(), id.folder(), id.title(), column_head(id)];
    let is_meant = |id: &DatasetId| names(*id).iter().any(|name| name.eq_ignore_ascii_case(text));
    if let Some(id) = DatasetId::ALL.into_iter().find(is_meant) {
        return Ok(id);
    }
    // A slip in a report's name is answered with the id.
    let known = DatasetId::ALL.into_iter().flat_map(|id| names(id).map(|name| (name, id)));
    let meant = closest(text, known.clone().map(|(name, _)| name));
    let meant = known.into_iter().find(|(name, _)| Some(*name) == meant).map(|(_, id)| id.as_str());
    Err(unknown("dataset", text, meant, &DatasetId::ALL.map(DatasetId::as_str)))
}

/// A method by its id or its name in a report: `cls-rl`, `CLS-RL`.
pub fn method(text: &str) -> Result<MethodId, String> {
    let is_meant = |id: &MethodId| {
        [id.as_str(), id.title()].iter().any(|name| name.eq_ignore_ascii_case(text))
    };
    let names = MethodId::ALL.map(MethodId::as_str);
    let found = MethodId::ALL.into_iter().find(is_meant);
    found.ok_or_else(|| unknown("method", text, closest(text, names), &names))
}

/// Makes a parser of values that have names, which guesses at one that is mistyped.
pub fn value<T>(
    names: &'static [&'static str],
) -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync + 'static
where
    T: FromStr<Err = String>,
{
    |text: &str| {
        text.parse().map_err(|expected: String| guess(text, names.iter().copied()) + &expected)
    }
}

/// `did you mean ...? ` in front of a list of names, where one of them is near.
pub fn guess<'n>(found: &str, names: impl IntoIterator<Item = &'n str>) -> String {
    closest(found, names).map_or(String::new(), |meant| format!("did you mean `{meant}`? "))
}

fn unknown(kind: &str, found: &str, meant: Option<&str>, names: &[&str]) -> String {
    let meant = meant.map_or(",".to_owned(), |meant| format!(", did you mean `{meant}`?"));
    format!("unknown {kind} `{found}`{meant} expected one of {}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_that_a_report_prints_is_the_datasets() {
        for id in DatasetId::ALL {
            for name in [id.as_str(), id.title(), id.folder(), column_head(id)] {
                for text in [name.to_owned(), name.to_lowercase(), name.to_uppercase()] {
                    assert_eq!(dataset(&text), Ok(id), "{text}");
                }
            }
        }
        for id in MethodId::ALL {
            for name in [id.as_str(), id.title()] {
                assert_eq!(method(&name.to_uppercase()), Ok(id), "{name}");
            }
        }
    }

    #[test]
    fn a_slip_is_guessed_and_the_rest_is_listed() {
        for (found, expected) in
            [("dtdd", "dtd"), ("imagnet", "imagenet"), ("flowers103", "oxford_flowers")]
        {
            let message = dataset(found).unwrap_err();
            assert!(
                message.contains(&format!("did you mean `{expected}`? expected one of imagenet, ")),
                "{message}"
            );
        }
        let message = dataset("mnist").unwrap_err();
        assert!(
            message.starts_with("unknown dataset `mnist`, expected one of imagenet, "),
            "{message}"
        );
        assert!(method("clsrl").unwrap_err().contains("did you mean `cls-rl`?"));
    }
    #[test]
    fn a_mistyped_value_is_guessed() {
        let parse = value::<clsrl_report::DatasetOrder>(&["coop", "paper"]);
        assert!(parse("paper").is_ok());
        assert_eq!(parse("papr").unwrap_err(), "did you mean `paper`? expected coop or paper");
        assert_eq!(parse("xyzzy").unwrap_err(), "expected coop or paper");
    }
}
