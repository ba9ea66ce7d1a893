//! Bounds of what a record may hold: numbers and texts beyond them are damage, whatever wrote them.
//!
//! They lie far above everything that a run can measure, so that no reader after them meets a number
//! that it cannot count with or a text that fills a page.

use serde_json::Value;

use crate::{CellOutcome, CellRecord, CellRun, StepRecord, Times, TrainingRecord, TrainingRun};

/// The longest text of a record, in bytes.
pub const MAX_TEXT: usize = 4096;

/// The largest whole number of a record: frames count with signed ones.
const MAX_WHOLE: u64 = i64::MAX as u64;

/// The largest number of a record.
const MAX_NUMBER: f64 = 1e30;

/// The largest count of images, of tokens in an answer, of names in a list.
const MAX_COUNT: usize = 1_000_000_000;

/// Holds every number and text of a value to the bounds; an error names the first that is beyond them.
pub fn check_bounds(value: &Value) -> Result<(), String> {
    match value {
        Value::Null | Value::Bool(_) => Ok(()),
        Value::Number(number) => {
            let is_whole = number.as_u64().or(number.as_i64().map(i64::unsigned_abs));
            let is_within = match is_whole {
                Some(whole) => whole <= MAX_WHOLE,
                None => number.as_f64().is_some_and(|number| number.abs() <= MAX_NUMBER),
            };
            if is_within { Ok(()) } else { Err("a number is out of range".to_owned()) }
        }
        Value::String(text) if text.len() <= MAX_TEXT => Ok(()),
        Value::String(text) => {
            Err(format!("a text has {} bytes, expected at most {MAX_TEXT}", text.len()))
        }
        Value::Array(items) => items.iter().try_for_each(check_bounds),
        Value::Object(map) => map.iter().try_for_each(|(name, value)| {
            check_bounds(value).map_err(|fault| format!("`{name}`: {fault}"))
        }),
    }
}

impl TrainingRecord {
    /// Whether these are numbers that a fine-tune can have; an error names the first that is none.
    pub fn check(&self) -> Result<(), String> {
        self.outcome
            .steps
            .iter()
            .zip(1..)
            .try_for_each(|(step, expected)| check_step(step, expected))?;
        let TrainingRun { times, seconds, steps, images_per_second, tokens_per_second, .. } =
            &self.run;
        times.as_ref().map_or(Ok(()), Times::check)?;
        if !steps.is_empty() && steps.len() != self.outcome.steps.len() {
            let (found, expected) = (steps.len(), self.outcome.steps.len());
            return Err(format!("it has the seconds of {found} steps, and {expected} steps"));
        }
        let of_steps =
            steps.iter().flat_map(|step| [step.load, step.rollout, step.reward, step.update]);
        let whole = [seconds.load, seconds.rollout, seconds.update];
        check_amounts("seconds", whole.into_iter().chain(of_steps))?;
        check_amounts("rates", [*images_per_second, *tokens_per_second])
    }
}

fn check_step(step: &StepRecord, expected: usize) -> Result<(), String> {
    let named = |fault: String| format!("step {expected}: {fault}");
    if step.step != expected {
        return Err(format!("a step has number {}, expected {expected}", step.step));
    }
    if !step.loss.is_finite() {
        return Err(named("the loss is no number".to_owned()));
    }
    check_amounts("gradient norm and learning rate", [step.grad_norm, step.learning_rate])
        .map_err(named)?;
    let Some(rollout) = &step.rollout else { return Ok(()) };
    let signed = rollout.rewards.iter().chain([&rollout.reward_mean, &rollout.kl]);
    if !signed.chain(&rollout.entropy).all(|value| value.is_finite()) {
        return Err(named("what its rollout measured is no number".to_owned()));
    }
    check_amounts("mean tokens", [rollout.mean_tokens]).map_err(named)?;
    match [rollout.truncated, rollout.zero_variance_groups].iter().all(|s| (0.0..=1.0).contains(s))
    {
        true => Ok(()),
        false => Err(named("a share lies outside of 0 to 1".to_owned())),
    }
}

impl CellRecord {
    /// Whether these are numbers that an evaluation can have; an error names the first that is none.
    /// Nothing is compared with the predictions.
    pub fn check(&self) -> Result<(), String> {
        let CellOutcome { n, n_split, mean_choices, mean_tokens, .. } = self.outcome;
        let CellRun { evaluate_seconds, images_per_second, tokens_per_second, .. } = self.run;
        self.run.times.as_ref().map_or(Ok(()), Times::check)?;
        let at_most = [
            ("n_split", n_split, MAX_COUNT),
            ("n", n, n_split),
            ("n_correct_published", self.outcome.n_correct_published, n),
            ("n_correct_strict", self.outcome.n_correct_strict, n),
            ("n_truncated", self.outcome.n_truncated, n),
            ("n_untagged", self.outcome.n_untagged, n),
        ];
        if n == 0 {
            return Err("it has no image".to_owned());
        }
        if let Some((what, found, most)) = at_most.into_iter().find(|(_, found, most)| most < found)
        {
            return Err(format!("`{what}` is {found}, expected at most {most}"));
        }
        let means = [("mean_choices", mean_choices), ("mean_tokens", mean_tokens)];
        if let Some((what, found)) =
            means.into_iter().find(|(_, mean)| !(0.0..=MAX_COUNT as f64).contains(mean))
        {
            return Err(format!("`{what}` is {found}, expected a number from 0 to {MAX_COUNT}"));
        }
        check_amounts("seconds", [evaluate_seconds])?;
        check_amounts("rates", [images_per_second, tokens_per_second])
    }
}

fn check_amounts(what: &str, amounts: impl IntoIterator<Item = f64>) -> Result<(), String> {
    match amounts.into_iter().find(|amount| !(0.0..=MAX_NUMBER).contains(amount)) {
        None => Ok(()),
        Some(found) => Err(format!("among its {what} is {found}, expected numbers from 0")),
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_and_texts_beyond_all_bounds_are_named() {
        let check = |value: Value, expected: Option<&str>| {
            assert_eq!(check_bounds(&value).err().as_deref(), expected, "{value}");
        };
        check(json!({ "a": [1, -2.5, null, true, "x".repeat(MAX_TEXT)] }), None);
        check(json!({ "a": { "b": 1e31 } }), Some("`a`: `b`: a number is out of range"));
        check(json!({ "a": -1e31 }), Some("`a`: a number is out of range"));
        check(json!([u64::MAX]), Some("a number is out of range"));
        check(json!([i64::MIN]), Some("a number is out of range"));
        let long = json!({ "processor": "x".repeat(70_000) });
        check(long, Some("`processor`: a text has 70000 bytes, expected at most 4096"));
    }

    #[test]
    fn times_are_moments_in_utc_as_they_are_written_here() {
        let check = |started_at: &str, is_right: bool| {
            let ended_at = "2026-12-01T02:21:54Z".to_owned();
            let times = Times { started_at: started_at.to_owned(), ended_at };
            assert_eq!(times.check().is_ok(), is_right, "{started_at}");
        };
        check("2024-02-29T23:59:59Z", true);
        for wrong in
            ["", "yesterday", "2026-12-01", "2026-12-01T02:21:54+01:00", "2025-02-29T00:00:00Z"]
        {
            check(wrong, false);
        }
        let day = SystemTime::UNIX_EPOCH + Duration::from_secs(1_709_164_800);
        let times = Times::between(day, day + Duration::from_millis(61_999));
        assert_eq!(times.started_at, "2024-02-29T00:00:00Z");
        assert_eq!(times.ended_at, "2024-02-29T00:01:01Z");
    }
}
