//! AdamW over float32 master weights, with clipping by global norm.
//!
//! As `torch.optim.AdamW` and `torch.nn.utils.clip_grad_norm_`. One deviation from the published trainer,
//! which has no weight decay: a suite's decay applies to every parameter, where transformers' trainer
//! would spare biases and layer norms.

use clsrl_spec::OptimizerSettings;
use tch::{Tensor, no_grad};

/// Added to the norm in clipping, as torch does.
const CLIP_EPSILON: f64 = 1e-6;

/// The optimizer's state: two moments per parameter.
#[derive(Debug)]
pub struct AdamW {
    settings: OptimizerSettings,
    slots: Vec<Slot>,
    n_steps: i32,
}

#[derive(Debug)]
struct Slot {
    parameter: Tensor,
    decays: bool,
    moment1: Tensor,
    moment2: Tensor,
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
            .map(|(_, parameter)| Slot {
                decays: decays(&parameter),
                moment1: parameter.detach().zeros_like(),
                moment2: parameter.detach().zeros_like(),
                parameter,
            })
            .collect();
        AdamW { settings: settings.clone(), slots, n_steps: 0 }
    }

    /// Clips the gradients, takes one step at a learning rate, clears the gradients, and returns the
    /// global gradient norm before clipping.
    pub fn step(&mut self, learning_rate: f64) -> f64 {
        let norm = no_grad(|| self.clip());
        self.n_steps += 1;
        let correction1 = 1.0 - self.settings.beta1.powi(self.n_steps);
        let correction2 = 1.0 - self.settings.beta2.powi(self.n_steps);
        let step_size = learning_rate / correction1;
        no_grad(|| {
            for slot in &mut self.slots {
                slot.step(&self.settings, learning_rate, step_size, correction2.sqrt());
            }
        });
        norm
    }

    fn clip(&self) -> f64 {
        let norms: Vec<Tensor> = self.gradients().map(|gradient| gradient.norm()).collect();
        if norms.is_empty() {
            return 0.0;
        }
        let norm = Tensor::stack(&norms, 0).norm().double_value(&[]);
        let scale = self.settings.max_grad_norm / (norm + CLIP_EPSILON);
        if scale < 1.0 {
            self.gradients().for_each(|mut gradient| drop(gradient.g_mul_scalar_(scale)));
        }
        norm
    }

    fn gradients(&self) -> impl Iterator<Item = Tensor> {
        self.slots.iter().map(|slot| slot.parameter.grad()).filter(Tensor::defined)
    }
}

impl Slot {
    fn step(&mut self, settings: &OptimizerSettings, learning_rate: f64, size: f64, root2: f64) {
        let mut gradient = self.parameter.grad();
        if !gradient.defined() {
            return;
        }
        if self.decays && settings.weight_decay != 0.0 {
            let _ = self.parameter.g_mul_scalar_(1.0 - learning_rate * settings.weight_decay);
        }
        let _ = self.moment1.lerp_(&gradient, 1.0 - settings.beta1);
        let _ = self.moment2.g_mul_scalar_(settings.beta2);
        let _ = self.moment2.addcmul_(&(&gradient * (1.0 - settings.beta2)), &gradient);
        let root = (self.moment2.sqrt() / root2).g_add_scalar(settings.epsilon);
        let _ = self.parameter.addcdiv_(&(&self.moment1 * -size), &root);
        let _ = gradient.zero_();
    }
}

/// The learning rate of a step (counted from 1): it falls linearly from the first step's to 0.
pub fn linear_schedule(learning_rate: f64, step: usize, n_steps: usize) -> f64 {
    learning_rate * (n_steps + 1 - step) as f64 / n_steps as f64
}
