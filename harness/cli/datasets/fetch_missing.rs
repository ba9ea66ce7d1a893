//! `datasets fetch` in a program that was built without the network: it says so.

use anyhow::anyhow;

use crate::{ending::Signals, exit::Exit, options::FetchDatasetsOptions, progress::Detail};

/// Refuses to fetch.
pub fn fetch(_: &FetchDatasetsOptions, _: &Signals, _: Detail) -> anyhow::Result<Exit> {
    Err(Exit::Usage.because(anyhow!(
        "this program was built without the network, which `datasets fetch` needs\n\
         hint: build it with --features fetch"
    )))
}
