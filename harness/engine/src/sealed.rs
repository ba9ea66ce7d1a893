//! What a trial keeps for a later attempt, with a digest over itself: whatever is not what was written counts as none.

use clsrl_spec::sealed_digest;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

/// A value and its digest.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sealed {
    seal: String,
    kept: Value,
}

/// Writes a value with its digest as one line of JSON.
pub(crate) fn to_line(kept: &impl Serialize) -> String {
    let kept = serde_json::to_value(kept).expect("what is kept is plain data");
    let sealed = Sealed { seal: sealed_digest(&kept), kept };
    serde_json::to_string(&sealed).expect("what is kept is plain data") + "\n"
}

/// Reads a value that is what its digest says, or tells what is wrong.
pub(crate) fn parse<T: DeserializeOwned>(text: &[u8]) -> Result<T, String> {
    let Sealed { seal, kept } =
        serde_json::from_slice(text).map_err(|error| format!("it is damaged: {error}"))?;
    if sealed_digest(&kept) != seal {
        return Err("it is not what its seal has".to_owned());
    }
    serde_json::from_value(kept).map_err(|error| format!("another program wrote it: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_comes_back_to_the_last_bit_or_not_at_all() {
        let kept = vec![0.1 + 0.2, 1e-300, -0.0, 1.0 / 3.0];
        let line = to_line(&kept);
        let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&parse::<Vec<f64>>(line.as_bytes()).unwrap()), bits(&kept));
        for (damaged, expected) in [
            (line.replace("0.3", "0.4"), "it is not what its seal has"),
            (line[..line.len() / 2].to_owned(), "it is damaged: "),
            (line.replace("kept", "left"), "it is damaged: unknown field `left`"),
        ] {
            let found = parse::<Vec<f64>>(damaged.as_bytes()).unwrap_err();
            assert!(found.starts_with(expected), "{found}");
        }
        let other = parse::<Vec<String>>(line.as_bytes()).unwrap_err();
        assert!(other.starts_with("another program wrote it: "), "{other}");
    }
}
