//! Hugging Face's hub: where its models lie on this machine and, with the feature `network`, how they get here; and
//! single files of the web, which datasets are published as.
//!
//! The only home of the network. Nothing here reads the environment: endpoint, token and folders come from
//! the caller. What is fetched is named by its digest, and no byte gets a name before that digest was
//! checked; a server is never trusted with more than being there.

mod cache;
#[cfg(feature = "network")]
mod plan;
#[cfg(feature = "network")]
mod offline;
#[cfg(feature = "network")]
mod fetch;
#[cfg(feature = "network")]
mod listing;
#[cfg(feature = "network")]
mod needed;
#[cfg(feature = "network")]
mod destination;
#[cfg(feature = "network")]
mod presence;
#[cfg(feature = "network")]
mod download;
#[cfg(feature = "network")]
mod content;
#[cfg(feature = "network")]
mod web_file;
#[cfg(feature = "network")]
mod session;
#[cfg(feature = "network")]
mod client;
#[cfg(feature = "network")]
mod address;
#[cfg(feature = "network")]
mod error;

pub use cache::{HubCache, commit_of};
#[cfg(feature = "network")]
pub use client::{Client, ClientSettings};
#[cfg(feature = "network")]
pub use destination::Destination;
#[cfg(feature = "network")]
pub use error::FetchError;
#[cfg(feature = "network")]
pub use fetch::Fetched;
#[cfg(feature = "network")]
pub use plan::{Fetch, Plan, PlannedFile};
#[cfg(feature = "network")]
pub use presence::Presence;
#[cfg(feature = "network")]
pub use session::{FetchEvent, Session, sleep_unless};
#[cfg(feature = "network")]
pub use web_file::{Checksum, WebFile, check_file, fetch_web_file};
