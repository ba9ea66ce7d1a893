//! How many tokens of a step the device holds at once: the size of micro-batches.
//!
//! A step's prompts are run in order, at most as many at a time as the suite allows and at most as many tokens as
//! have fitted so far. Where the device has no memory left, the budget is halved and the work starts over: gradients
//! accumulate in another order then, and nothing else changes.

use std::ops::Range;

use clsrl_libtorch::{OutOfMemory, catch_out_of_memory};
use clsrl_spec::{Fitted, GrpoSettings};

use crate::EngineError;

/// What may run at once, and how often less than was tried.
#[derive(Debug, Clone)]
pub struct TokenBudget {
    max_prompts: usize,
    /// None as long as everything has fitted.
    tokens: Option<usize>,
    n_refusals: usize,
    /// A test's device has no memory for more tokens at once.
    #[cfg(test)]
    pub(crate) device_tokens: Option<usize>,
}

impl TokenBudget {
    /// Starts without a limit; runs at most `max_prompts` at once.
    pub fn new(max_prompts: usize) -> Self {
        TokenBudget {
            max_prompts,
            tokens: None,
            n_refusals: 0,
            #[cfg(test)]
            device_tokens: None,
        }
    }

    /// The budget and its refusals, for a record.
    pub fn fitted(&self) -> Fitted {
        Fitted { tokens: self.tokens, out_of_memory: self.n_refusals, batch: None }
    }

    /// Goes on with what an earlier part of the same work found to fit.
    pub(crate) fn restore(&mut self, fitted: Fitted) {
        self.tokens = fitted.tokens;
        self.n_refusals = fitted.out_of_memory;
    }

    /// Whether prompts of these sizes, in tokens, may be run at once.
    pub fn holds(&self, sizes: &[usize]) -> bool {
        self.runs(sizes).len() <= 1
    }

    /// Works on prompts of these sizes, in tokens, one micro-batch after the other. Where one runs out of memory, all
    /// starts over with smaller ones; `begin` resets what a failed attempt has left.
    pub fn fit(
        &mut self,
        sizes: &[usize],
        begin: impl Fn() -> Result<(), EngineError>,
        mut work: impl FnMut(Range<usize>) -> Result<(), EngineError>,
    ) -> Result<(), EngineError> {
        loop {
            begin()?;
            let runs = self.runs(sizes);
            let attempt = catch_out_of_memory(|| {
                runs.iter().try_for_each(|run| {
                    self.refuse_in_tests(&sizes[run.clone()]);
                    work(run.clone())
                })
            });
            match attempt {
                Ok(done) => return done,
                Err(OutOfMemory) => self.shrink(sizes)?,
            }
        }
    }

    /// Halves the budget after a refusal; an error where no run has more than one prompt.
    pub fn shrink(&mut self, sizes: &[usize]) -> Result<(), EngineError> {
        let runs = self.runs(sizes);
        let n_tokens = |run: &Range<usize>| sizes[run.clone()].iter().sum::<usize>();
        let of_several = runs.iter().filter(|run| 1 < run.len()).map(n_tokens).max();
        self.n_refusals += 1;
        self.tokens = match of_several {
            Some(n_tokens) => Some(n_tokens / 2),
            None => {
                let n_tokens = runs.iter().map(n_tokens).max().unwrap_or(0);
                return Err(EngineError::OutOfMemory { n_tokens });
            }
        };
        Ok(())
    }

    fn runs(&self, sizes: &[usize]) -> Vec<Range<usize>> {
        let most_tokens = self.tokens.unwrap_or(usize::MAX);
        let mut runs: Vec<Range<usize>> = Vec::new();
        let mut n_tokens = 0;
        for (at, size) in sizes.iter().enumerate() {
            n_tokens += size;
            match runs.last_mut() {
                Some(run) if run.len() < self.max_prompts && n_tokens <= most_tokens => {
                    run.end = at + 1;
                }
                _ => {
                    runs.push(at..at + 1);
                    n_tokens = *size;
                }
            }
        }
        runs
    }

    #[cfg(test)]
    fn refuse_in_tests(&self, sizes: &[usize]) {
        let n_tokens: usize = sizes.iter().sum();
        if self.device_tokens.is_some_and(|most| most < n_tokens) {
            panic!("CUDA out of memory. Tried to allocate {n_tokens} tokens, as a test wants");
        }
    }

    #[cfg(not(test))]
    fn refuse_in_tests(&self, _: &[usize]) {}
}

/// The budgets of GRPO's two phases: sampling keeps a KV cache, the update keeps activations.
#[derive(Debug, Clone)]
pub(crate) struct MemoryBudgets {
    pub(crate) rollout: TokenBudget,
    pub(crate) update: TokenBudget,
}

impl MemoryBudgets {
    pub(crate) fn new(settings: &GrpoSettings) -> Self {
        let update = TokenBudget::new(settings.micro_batch);
        MemoryBudgets { rollout: TokenBudget::new(usize::MAX), update }
    }

    /// Both, in a fixed order.
    pub(crate) fn all(&mut self) -> Vec<&mut TokenBudget> {
        vec![&mut self.rollout, &mut self.update]
    }

    /// The update's budget, and the refusals of both.
    pub(crate) fn fitted(&self) -> Fitted {
        let (update, rollout) = (self.update.fitted(), self.rollout.fitted());
        Fitted { out_of_memory: update.out_of_memory + rollout.out_of_memory, ..update }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    /// The runs that were worked on in the attempt that went well.
    fn fitted(budget: &mut TokenBudget, sizes: &[usize]) -> Result<Vec<Range<usize>>, EngineError> {
        let worked = RefCell::new(Vec::new());
        let begin = || {
            worked.borrow_mut().clear();
            Ok(())
        };
        budget.fit(sizes, begin, |run| {
            worked.borrow_mut().push(run);
            Ok(())
        })?;
        Ok(worked.into_inner())
    }

    #[test]
    fn runs_keep_to_the_prompts_that_a_suite_allows() {
        let mut budget = TokenBudget::new(2);
        assert_eq!(fitted(&mut budget, &[5, 5, 5]).unwrap(), [0..2, 2..3]);
        assert_eq!(budget.fitted(), Fitted::default());
        assert!(budget.holds(&[5, 5]) && !budget.holds(&[5, 5, 5]));
    }

    #[test]
    fn a_refusal_halves_the_budget_for_good() {
        let mut budget = TokenBudget::new(8);
        budget.device_tokens = Some(25);
        assert_eq!(fitted(&mut budget, &[10; 8]).unwrap(), [0..2, 2..4, 4..6, 6..8]);
        assert_eq!(budget.fitted(), Fitted { tokens: Some(20), out_of_memory: 2, batch: None });
        assert_eq!(fitted(&mut budget, &[10, 15, 1]).unwrap(), [0..1, 1..3]);
        assert_eq!(budget.fitted().out_of_memory, 2, "the third step knows its budget");
    }

    #[test]
    fn one_prompt_that_does_not_fit_is_an_error() {
        let mut budget = TokenBudget::new(8);
        budget.device_tokens = Some(25);
        let error = fitted(&mut budget, &[10, 30]).unwrap_err().to_string();
        assert!(error.starts_with("out of memory: 30 tokens of one prompt"), "{error}");
    }

    #[test]
    fn an_error_of_the_work_is_no_refusal() {
        let mut budget = TokenBudget::new(8);
        let empty = || EngineError::Empty { dataset: "dtd".to_owned(), split: "train" };
        let error = budget.fit(&[1, 2], || Ok(()), |_| Err(empty())).unwrap_err();
        assert!(matches!(error, EngineError::Empty { .. }));
        assert_eq!(budget.fitted().out_of_memory, 0);
    }
}
