//! AdamW over float32 master weights, with clipping by global norm.
//!
//! As `torch.optim.AdamW` and `torch.nn.utils.clip_grad_norm_`, by libtorch's fused kernel: one pass
//! over parameters, gradients and moments, the clipping inside of it. One deviation from the published
//! trainer, which has no weight decay: a suite's decay applies to every parameter, where transformers'
//! trainer would spare biases and layer norms.

use clsrl_libtorch::{
    AdamWCoefficients, AdamWTensors, LibtorchError, clear_gradients, fused_adamw, global_norm,
};
use clsrl_spec::OptimizerSettings;
use tch::{Kind, Tensor, no_grad};

/// Added to the norm in clipping, as torch does.
const CLIP_EPSILON: f64 = 1e-6;

/// The optimizer's state: two moments and a count of steps per parameter.
#[derive(Debug)]
pub struct AdamW {
    settings: OptimizerSettings,
    slots: Vec<Slot>,
}

#[derive(Debug)]
struct Slot {
    name: String,
    parameter: Tensor,
    decays: bool,
    moment1: Tensor,
    moment2: Tensor,
    n_steps: Tensor, // (), float32
}

impl AdamW {
    /// Starts with zero moments. Every parameter decays.
    pub fn new(parameters: Vec<(String, Tensor)>, settings: &OptimizerSettings) -> Self {
        Self::with_decay(parameters, settings, |_| true)
    }

    /// Starts with zero moments; only the parameters that the predicate names decay.
    pub fn with_decay(
        parameters: Vec<(String, Tensor)>,
        settings: &OptimizerSettings,
        decays: impl Fn(&Tensor) -> bool,
    ) -> Self {
        let slots = parameters
            .into_iter()
            .map(|(name, parameter)| Slot {
                name,
                decays: decays(&parameter),
                moment1: parameter.detach().zeros_like(),
                moment2: parameter.detach().zeros_like(),
                n_steps: Tensor::zeros([0i64; 0], (Kind::Float, parameter.device())),
                parameter,
            })
            .collect();
        AdamW { settings: settings.clone(), slots }
    }

    /// All that a step changes, by name: what parameters and moments are given, the next step goes on from.
    pub(crate) fn named_tensors(&self) -> Vec<(String, Tensor)> {
        let of_slot = |slot: &Slot| {
            let Slot { name, parameter, moment1, moment2, n_steps, .. } = slot;
            [("weights", parameter), ("moment1", moment1), ("moment2", moment2), ("steps", n_steps)]
                .map(|(what, tensor)| (format!("{what}.{name}"), tensor.shallow_clone()))
        };
        self.slots.iter().flat_map(of_slot).collect()
    }

    /// Clips the gradients, takes one step at a learning rate, clears the gradients, and returns the
    /// global gradient norm before clipping. A parameter without a gradient stays as it is, as do its
    /// moments; without any gradient the norm is 0.
    pub fn step(&mut self, learning_rate: f64) -> Result<f64, LibtorchError> {
        let slots: Vec<(&Slot, Tensor)> = self
            .slots
            .iter()
            .map(|slot| (slot, slot.parameter.grad()))
            .filter(|(_, gradient)| gradient.defined())
            .collect();
        if slots.is_empty() {
            return Ok(0.0);
        }
        let norm = global_norm(&list(&slots, |(_, gradient)| gradient))?;
        let divisor =
            no_grad(|| ((&norm + CLIP_EPSILON) / self.settings.max_grad_norm).clamp_min(1.0));
        let (decaying, others): (Vec<_>, Vec<_>) =
            slots.into_iter().partition(|(slot, _)| slot.decays);
        for (slots, weight_decay) in [(&decaying, self.settings.weight_decay), (&others, 0.0)] {
            self.step_of(slots, learning_rate, weight_decay, &divisor)?;
            clear_gradients(slots.iter().map(|(slot, _)| &slot.parameter))?;
        }
        // The only wait for the device, when all of the step is under way.
        Ok(norm.double_value(&[]))
    }

    fn step_of(
        &self,
        slots: &[(&Slot, Tensor)],
        learning_rate: f64,
        weight_decay: f64,
        divisor: &Tensor,
    ) -> Result<(), LibtorchError> {
        if slots.is_empty() {
            return Ok(());
        }
        let tensors = AdamWTensors {
            parameters: &list(slots, |(slot, _)| &slot.parameter),
            gradients: &list(slots, |(_, gradient)| gradient),
            moments1: &list(slots, |(slot, _)| &slot.moment1),
            moments2: &list(slots, |(slot, _)| &slot.moment2),
            steps: &list(slots, |(slot, _)| &slot.n_steps),
        };
        let OptimizerSettings { beta1, beta2, epsilon, .. } = self.settings;
        let coefficients = AdamWCoefficients { learning_rate, beta1, beta2, epsilon, weight_decay };
        fused_adamw(tensors, &coefficients, divisor)
    }
}

/// One tensor of every slot.
fn list<'a>(
    slots: &'a [(&'a Slot, Tensor)],
    tensor: impl Fn(&'a (&'a Slot, Tensor)) -> &'a Tensor,
) -> Vec<&'a Tensor> {
    slots.iter().map(tensor).collect()
}

/// The learning rate of a step (counted from 1): it falls linearly from the first step's to 0.
pub fn linear_schedule(learning_rate: f64, step: usize, n_steps: usize) -> f64 {
    learning_rate * (n_steps + 1 - step) as f64 / n_steps as f64
}

#[cfg(test)]
mod tests;
