//! A number of a table as data: what it is of, and everything that is known of it.

use clsrl_spec::{Form, PromptStyle};

use crate::{
    estimate::{Change, Estimate, Rank, Tested},
    summary::{Arm, Group},
};

/// One number.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Datum {
    /// None where the number is of all methods.
    pub(crate) group: Option<Group>,
    /// None where the number is of all forms.
    pub(crate) form: Option<Form>,
    /// None where the number is of all prompts.
    pub(crate) prompt: Option<PromptStyle>,
    /// A dataset's id, or `average`, or `all`.
    pub(crate) dataset: String,
    /// What is measured, with its unit last: `accuracy_pct`, `change_points`.
    pub(crate) quantity: String,
    pub(crate) value: Option<f64>,
    pub(crate) estimate: Option<Estimate>,
    pub(crate) tested: Option<Tested>,
    /// How it stands to the best, or why it was not tested.
    pub(crate) remark: String,
}

impl Datum {
    /// A number without an interval.
    pub(crate) fn of_number(
        group: impl Into<Option<Group>>,
        dataset: impl Into<String>,
        quantity: impl Into<String>,
        value: Option<f64>,
    ) -> Self {
        Datum {
            group: group.into(),
            form: None,
            prompt: None,
            dataset: dataset.into(),
            quantity: quantity.into(),
            value: value.filter(|value| value.is_finite()),
            estimate: None,
            tested: None,
            remark: String::new(),
        }
    }

    /// A mean with its interval.
    pub(crate) fn of_estimate(
        arm: Arm,
        dataset: impl Into<String>,
        quantity: impl Into<String>,
        estimate: Estimate,
    ) -> Self {
        let number = Self::of_number(arm.group, dataset, quantity, estimate.mean);
        Datum { estimate: Some(estimate), ..number.asked(arm) }
    }

    /// A change with its interval and its test.
    pub(crate) fn of_change(
        arm: Arm,
        dataset: impl Into<String>,
        quantity: impl Into<String>,
        change: &Change,
    ) -> Self {
        let remark = change.tested.err().map_or("", |reason| reason.as_str()).to_owned();
        let number = Self::of_estimate(arm, dataset, quantity, change.estimate);
        Datum { tested: change.tested.ok(), remark, ..number }
    }

    /// The same of an arm's form and prompt alone.
    pub(crate) fn asked(self, arm: Arm) -> Self {
        Datum { form: Some(arm.form), prompt: Some(arm.prompt()), ..self }
    }

    /// The same with its standing to the best.
    pub(crate) fn ranked(self, rank: Option<Rank>) -> Self {
        let remark = rank.map_or("", Rank::as_str).to_owned();
        Datum { remark, ..self }
    }
}
