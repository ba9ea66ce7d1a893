//! What a supervised loss covers: the labels of an example's tokens.

use clsrl_spec::LabelMask;

use super::{TextError, TextTokenizer, template::ASSISTANT_HEADER};

/// The label of a token that the loss leaves out.
pub const IGNORED: i64 = -100;

/// The labels of a rendered and expanded example, not shifted: a token's own id, or [`IGNORED`].
///
/// [`LabelMask::All`] leaves out padding and image placeholders only, so a trailing generation prompt
/// counts. [`LabelMask::Completion`] keeps the answer and its `<|im_end|>`.
pub fn example_labels(
    tokenizer: &TextTokenizer,
    ids: &[i64],
    mask: LabelMask,
) -> Result<Vec<i64>, TextError> {
    match mask {
        LabelMask::All => {
            let left_out =
                [tokenizer.token_id("<|endoftext|>")?, tokenizer.token_id("<|image_pad|>")?];
            let label = |id: &i64| if left_out.contains(id) { IGNORED } else { *id };
            Ok(ids.iter().map(label).collect())
        }
        LabelMask::Completion => {
            let (start, end) = answer_span(tokenizer, ids)?;
            let mut labels = vec![IGNORED; ids.len()];
            labels[start..end].copy_from_slice(&ids[start..end]);
            Ok(labels)
        }
    }
}

/// Where the answer starts, and where its `<|im_end|>` has passed.
///
/// The answer is the last turn that is ended; a trailing header opens a turn and ends none.
fn answer_span(tokenizer: &TextTokenizer, ids: &[i64]) -> Result<(usize, usize), TextError> {
    let turn_start = tokenizer.token_id("<|im_start|>")?;
    let turn_end = tokenizer.token_id("<|im_end|>")?;
    let header = tokenizer.encode(ASSISTANT_HEADER);
    let end = ids.iter().rposition(|id| *id == turn_end).ok_or(TextError::NoAnswer)?;
    let turn = ids[..end].iter().rposition(|id| *id == turn_start).ok_or(TextError::NoAnswer)?;
    if !ids[turn..end].starts_with(&header) {
        return Err(TextError::NoAnswer);
    }
    Ok((turn + header.len(), end + 1))
}
