//! Models of Hugging Face's hub: where they lie here, and what the lock says of them.
//!
//! Nothing here uses the network but [`fetch`].

#[cfg(feature = "fetch")]
mod fetch;
#[cfg(feature = "fetch")]
mod coming;
#[cfg(feature = "fetch")]
mod client_settings;
#[cfg(feature = "fetch")]
mod interruption;
#[cfg(not(feature = "fetch"))]
#[path = "hub/fetch_missing.rs"]
mod fetch;
mod models;
mod model_lock;

#[cfg(feature = "fetch")]
pub use self::{
    client_settings::client_settings,
    coming::Coming,
    interruption::{INTERRUPTED, stop_soon},
};
pub use self::{
    fetch::fetch,
    model_lock::expect_locked,
    models::{dir_of, locked_id},
};
