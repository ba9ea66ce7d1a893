//! What exports say beside the results: the start model's name on the hub, and what is published of the datasets.

use std::{
    collections::BTreeMap,
    time::{SystemTime, UNIX_EPOCH},
};

use clsrl_report::{BaseModel, ExportContext, PublishedData};
use clsrl_sources::sources;
use clsrl_spec::{DatasetId, ModelId};

use crate::{
    hub,
    locked::{find_lock, read_lock},
    stored_run::{InputNames, StoredRun},
    suites::describe,
};

/// Names that no record has.
#[derive(Debug, Clone, Default)]
pub struct Names {
    /// The start model on Hugging Face's hub, where `models.lock` does not know it by its name.
    pub base_model: Option<ModelId>,
    /// Who made the results.
    pub organization: Option<String>,
}

/// Gathers what an export of a run says beside its rows.
pub fn gather(run: &StoredRun, given: &Names) -> anyhow::Result<ExportContext> {
    let request = &run.request;
    let names = InputNames::read(&run.store)?;
    let is_drawn = names.is_drawn(&request.suite);
    let known = match &given.base_model {
        Some(id) => Some(id.clone()),
        None => hub::locked_id(&names.model)?,
    };
    let base_model = match known {
        Some(id) => BaseModel { id: id.as_str().to_owned(), is_published: true },
        None => BaseModel { id: names.model, is_published: false },
    };
    Ok(ExportContext {
        suite: request.suite.name.clone(),
        suite_description: describe(&request.suite),
        command: request.command.clone(),
        base_model,
        data: names.data,
        published: if is_drawn { BTreeMap::new() } else { published(run)? },
        organization: given.organization.clone().unwrap_or_else(|| "unknown".to_owned()),
        now: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
    })
}

/// The addresses and licences of the datasets' files, each once.
fn published(run: &StoredRun) -> anyhow::Result<BTreeMap<DatasetId, PublishedData>> {
    let (_, lock) = read_lock(&find_lock(&run.request.project, None)?)?;
    let mut published: BTreeMap<DatasetId, PublishedData> = BTreeMap::new();
    for file in sources(&lock)? {
        let of_dataset = published.entry(file.dataset).or_default();
        of_dataset.urls.extend(file.url);
        if !of_dataset.licences.contains(&file.licence) {
            of_dataset.licences.push(file.licence);
        }
    }
    Ok(published)
}
