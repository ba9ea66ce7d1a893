//! What a GPU is asked before the first step: what its libraries want, and what fits its memory.

use clsrl_libtorch::clear_gradients;
use clsrl_vlm::Prompt;
use tch::{Device, Kind, Tensor};

use super::{Grpo, TrainingState};
use crate::{
    EngineError,
    inputs::AskedPrompt,
    loss::{Group, StepGroups},
    reference::Reference,
};

impl Grpo<'_> {
    /// Runs a token forward and backward, for no gradients: what the device's libraries allocate for themselves when
    /// each thread first calls them, they get before the rehearsal fills the device.
    pub(super) fn warm_up(&self, state: &TrainingState) -> Result<(), EngineError> {
        let policy = &state.model.working_copy();
        let patch_len = policy.config().vision_config.patch_len();
        let pixels = Tensor::zeros([0, patch_len], (Kind::Float, Device::Cpu));
        let prompt = Prompt { ids: vec![self.pad_id], pixels, grids: Vec::new() };
        // The second token has the first one run after the prompt.
        let completions = vec![vec![self.pad_id; 2]];
        let group = Group { prompt: &prompt, name: None, completions, advantages: vec![1.0] };
        let reference = state.reference.as_ref().map(Reference::of);
        self.loss(policy, reference, self.settings.beta).accumulate(&[group], 1.0)?;
        Ok(clear_gradients(&state.leaves)?)
    }

    /// Finds what fits the device's memory before the first step, so that no later one is run twice: an update of
    /// these prompts with completions of the longest length, whose gradients are thrown away.
    ///
    /// One prompt that does not fit with them is no error yet: its completions may turn out shorter. A CPU's memory
    /// is not looked for: it does not refuse, its system ends the process.
    pub(super) fn rehearse(
        &self,
        state: &mut TrainingState,
        prompts: &[AskedPrompt],
    ) -> Result<(), EngineError> {
        let n_generations = self.settings.generations;
        let longest = |prompt_idx: usize| Group {
            prompt: &prompts[prompt_idx].prompt,
            name: None,
            completions: vec![vec![self.pad_id; self.settings.max_new_tokens]; n_generations],
            advantages: vec![1.0; n_generations],
        };
        let TrainingState { model, leaves, reference, budgets, .. } = state;
        let policy = model.working_copy();
        let all: Vec<usize> = (0..prompts.len()).collect();
        let groups = StepGroups::new(&all, longest, None, &policy);
        let models = (&policy, reference.as_ref().map(Reference::of));
        match self.update(models, leaves, self.settings.beta, groups, &mut budgets.update) {
            Ok(_) | Err(EngineError::OutOfMemory { .. }) => Ok(clear_gradients(&*leaves)?),
            Err(error) => Err(error),
        }
    }
}
