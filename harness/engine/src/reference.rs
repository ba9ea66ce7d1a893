//! The frozen reference of the KL term, and what is kept of its prompts over the epochs.
//!
//! The reference never changes, and a training image is asked about in the same words in every epoch: so its prefill is
//! the same as well, and is kept while there is room. Each prompt is prefilled alone, so that no number depends on what
//! stood beside it, or on whether it was kept.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    rc::Rc,
};

use clsrl_libtorch::free_device_memory;
use clsrl_vlm::{Model, PadSide, Prompt, PromptKeys};
use tch::Device;

use crate::{EngineError, machine::available_bytes};

/// Of a CPU's memory that is available, one part in so many: other trials may run beside this one.
const PARTS_OF_HOST: u64 = 8;

/// Of a GPU's memory that is free after the rehearsal, one part in so many.
const PARTS_OF_GPU: u64 = 2;

/// The model that the KL term holds to.
#[derive(Clone, Copy)]
pub struct Reference<'a> {
    /// Without gradients.
    pub model: &'a Model,
    /// Where keys of its prompts are kept; none keeps nothing.
    pub kept: Option<&'a KeptPrompts>,
}

impl<'a> Reference<'a> {
    /// Keeps nothing.
    pub fn of(model: &'a Model) -> Self {
        Reference { model, kept: None }
    }

    /// The keys of a prompt, kept under its name if it has one, or made.
    pub(crate) fn keys(
        &self,
        prompt: &Prompt,
        name: Option<&str>,
        pad_id: i64,
    ) -> Result<Rc<PromptKeys>, EngineError> {
        let side = PadSide::of_prompts(self.model.device());
        let make = || Ok(Rc::new(self.model.prompt_keys(prompt, side, pad_id)?));
        match self.kept.zip(name) {
            Some((kept, name)) => kept.find_or_keep(name, make),
            None => make(),
        }
    }
}

/// Keys of prompts by their names, up to so many bytes.
#[derive(Debug, Default)]
pub struct KeptPrompts {
    keys: RefCell<HashMap<String, Rc<PromptKeys>>>,
    n_bytes: Cell<u64>,
    room: Cell<u64>,
}

impl KeptPrompts {
    /// Keeps so many bytes.
    pub fn with_room(n_bytes: u64) -> Self {
        KeptPrompts { room: Cell::new(n_bytes), ..KeptPrompts::default() }
    }

    /// From now on keeps what a device has room for.
    pub(crate) fn take_room_of(&self, device: Device) {
        let room = match device {
            Device::Cuda(idx) => free_device_memory(idx).map(|free| free / PARTS_OF_GPU),
            _ => available_bytes().map(|available| available / PARTS_OF_HOST),
        };
        self.room.set(room.unwrap_or(0));
    }

    /// Keeps nothing any more: the device has no room.
    pub(crate) fn give_up(&self) {
        self.keys.borrow_mut().clear();
        self.n_bytes.set(0);
        self.room.set(0);
    }

    /// How many prompts are kept.
    pub fn len(&self) -> usize {
        self.keys.borrow().len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// In every epoch each prompt comes once, so what is kept first stays: making room would keep none of them.
    fn find_or_keep(
        &self,
        name: &str,
        make: impl FnOnce() -> Result<Rc<PromptKeys>, EngineError>,
    ) -> Result<Rc<PromptKeys>, EngineError> {
        if let Some(keys) = self.keys.borrow().get(name) {
            return Ok(Rc::clone(keys));
        }
        let keys = make()?;
        let n_bytes = self.n_bytes.get() + keys.n_bytes();
        if n_bytes <= self.room.get() {
            self.n_bytes.set(n_bytes);
            self.keys.borrow_mut().insert(name.to_owned(), Rc::clone(&keys));
        }
        Ok(keys)
    }
}
