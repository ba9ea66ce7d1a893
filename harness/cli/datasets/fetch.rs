//! `datasets fetch`: the files of datasets, from where they are published or from folders of the user's, checked,
//! unpacked beside and renamed into place.
//!
//! It ends with 7 where bytes are not those that were published or locked, with 5 where something is left to do by
//! hand, and with 0 only where everything is in place.

use std::{collections::BTreeSet, fs};

use anyhow::{Context, anyhow};
use clsrl_data::lock::Mode;
use clsrl_files::{FileLock, free_bytes};
use clsrl_hub::{Client, FetchError, Session, sleep_unless};
use clsrl_sources::{SourceFile, UnpackError, sources};
use clsrl_spec::{DatasetId, lock::Lock};
use indicatif::DecimalBytes;

use super::{
    fetch_file::{Fetching, Outcome},
    place::Place,
    sources::{Wanted, Way, table},
    verify::{section, verify_dataset},
};
use crate::{
    ending::Signals,
    exit::Exit,
    hub::{Coming, INTERRUPTED, client_settings, stop_soon},
    locked::{find_lock, read_lock},
    options::{DatasetsOptions, FetchDatasetsOptions},
    output::{note, print},
    progress::Detail,
    project::Project,
};

/// What stays free on the disk.
const MARGIN: u64 = 1 << 30;

/// A file that is not in place, and why.
struct Left {
    file: SourceFile,
    reason: String,
    steps: Vec<String>,
}

/// What was left undone.
#[derive(Default)]
struct Ended {
    by_hand: Vec<Left>,
    /// What is not as it was published.
    differs: Vec<String>,
}

/// Fetches what is missing, verifies the datasets and says what is left.
pub fn fetch(
    options: &FetchDatasetsOptions,
    signals: &Signals,
    detail: Detail,
) -> anyhow::Result<Exit> {
    let project = Project::find()?;
    let lock_path = find_lock(&project, options.place.lock.as_deref())?;
    let (_, lock) = read_lock(&lock_path)?;
    let wanted = choose_files(options, &lock)?;
    if options.dry_run {
        print(&table(&wanted, false))?;
        return Ok(Exit::Ok);
    }
    fs::create_dir_all(&options.dir)
        .with_context(|| format!("cannot create `{}`", options.dir.display()))?;
    expect_space(options, &wanted)?;
    let client = Client::new(&client_settings()?)?;
    let mut coming = Coming::new(detail);
    let bars = coming.bars();
    let mut on_event = |event: clsrl_hub::FetchEvent<'_>| coming.show(event);
    let pause = sleep_unless(signals.stop());
    let mut session = Session::new(&client, signals.stop(), &pause, &mut on_event);
    stop_soon(signals, bars);
    let fetching = Fetching { options, lock: &lock, signals, detail };
    let fetched = fetch_all(&fetching, wanted, &mut session);
    coming.close();
    let asked = signals.end_at_once();
    match fetched {
        Err(error) if is_stop(&error) => {
            note(INTERRUPTED);
            Ok(asked.unwrap_or(Exit::Interrupted))
        }
        Err(error) => Err(error),
        Ok(ended) => verify_and_tell(options, ended, detail),
    }
}

/// The files of the datasets that were named.
fn choose_files(options: &FetchDatasetsOptions, lock: &Lock) -> anyhow::Result<Vec<Wanted>> {
    if let Some(missing) = options.from.iter().find(|dir| !dir.is_dir()) {
        return Err(Exit::Usage.because(anyhow!("there is no folder `{}`", missing.display())));
    }
    let is_wanted = |id| options.ids.is_empty() || options.ids.contains(&id);
    let look = |file: SourceFile| {
        let dir = options.dir.join(file.dataset.folder());
        Wanted::look(
            file,
            Some(&dir),
            &options.from,
            (options.mirror.is_some(), options.trust_first_use),
        )
    };
    Ok(sources(lock)?.into_iter().filter(|file| is_wanted(file.dataset)).map(look).collect())
}

/// Refuses to begin where the disk is too small: images do not pack, so what is unpacked is as large again.
fn expect_space(options: &FetchDatasetsOptions, wanted: &[Wanted]) -> anyhow::Result<()> {
    let sizes = wanted.iter().filter(|wanted| matches!(wanted.way, Way::Fetch | Way::From(_)));
    let sizes: Vec<u64> = sizes.filter_map(|wanted| wanted.file.n_bytes()).collect();
    let kept: u64 = if options.keep_archives { sizes.iter().sum() } else { 0 };
    let largest = sizes.iter().max().copied().unwrap_or(0);
    let needed = sizes.iter().sum::<u64>() + kept.max(largest);
    let free = free_bytes(&options.dir)
        .with_context(|| format!("cannot look for room in `{}`", options.dir.display()))?;
    match sizes.is_empty() || needed + MARGIN <= free {
        true => Ok(()),
        false => Err(anyhow!(
            "`{}` has {} free, and {} are needed\nhint: name fewer datasets, or a folder on another disk",
            options.dir.display(),
            DecimalBytes(free),
            DecimalBytes(needed + MARGIN)
        )),
    }
}

/// Fetches and places one file after the other. What keeps one from being had is no reason to leave the others.
fn fetch_all(
    fetching: &Fetching,
    wanted: Vec<Wanted>,
    session: &mut Session,
) -> anyhow::Result<Ended> {
    let mut ended = Ended::default();
    let mut held: Option<(DatasetId, Option<FileLock>)> = None;
    for mut wanted in wanted {
        let id = wanted.file.dataset;
        if wanted.way == Way::Here {
            continue;
        }
        if held.as_ref().is_none_or(|(dataset, _)| *dataset != id) {
            // The lock of the dataset before is let go first: nobody waits for two.
            drop(held.take());
            held = Some((id, fetching.hold(id)?));
            // Whoever had the lock may have placed it.
            wanted.missing = wanted.file.missing(&fetching.dataset_dir(id));
        }
        if wanted.missing.is_empty() {
            continue;
        }
        match fetching.one(&wanted, session)? {
            Outcome::Placed => {
                let names: Vec<&str> =
                    wanted.missing.iter().map(|piece| piece.to.as_str()).collect();
                fetching.detail.say(&format!("{id}: {} in place", names.join(", ")));
            }
            Outcome::ByHand(reason) => {
                let steps = wanted.steps();
                ended.by_hand.push(Left { file: wanted.file, reason, steps });
            }
            Outcome::Differs(message) => ended.differs.push(message),
        }
    }
    Ok(ended)
}

/// Verifies what is in place and tells what is left.
fn verify_and_tell(
    options: &FetchDatasetsOptions,
    ended: Ended,
    detail: Detail,
) -> anyhow::Result<Exit> {
    let Ended { by_hand, mut differs } = ended;
    let is_named = |id: &DatasetId| options.ids.is_empty() || options.ids.contains(id);
    let datasets: Vec<DatasetId> = DatasetId::ALL
        .into_iter()
        .filter(|id| is_named(id) && options.dir.join(id.folder()).is_dir())
        .collect();
    let incomplete: BTreeSet<DatasetId> = by_hand.iter().map(|left| left.file.dataset).collect();
    if !datasets.is_empty() {
        let place = Place::find(
            &DatasetsOptions { ids: datasets, data: options.place.clone(), json: false },
            false,
            detail,
        )?;
        // Of a dataset that lacks a file everything would differ.
        for &id in place.ids.iter().filter(|id| !incomplete.contains(id)) {
            let report = verify_dataset(&place, id, Mode::Fast, detail)?;
            print(&section(&report))?;
            if report.differs() {
                differs.push(format!("{id} is not what the lock says"));
            }
        }
    }
    differs.iter().for_each(|message| note(&format!("error: {message}")));
    if !by_hand.is_empty() {
        print(&to_do(options, &by_hand))?;
    }
    Ok(match (differs.is_empty(), by_hand.is_empty()) {
        (false, _) => Exit::Differs,
        (true, false) => Exit::Incomplete,
        (true, true) => Exit::Ok,
    })
}

/// The list of what is left to do by hand.
fn to_do(options: &FetchDatasetsOptions, by_hand: &[Left]) -> String {
    let plural = if by_hand.len() == 1 { "file is" } else { "files are" };
    let mut text = format!("{} {plural} left to you:\n", by_hand.len());
    for Left { file, reason, steps } in by_hand {
        text += &format!("- {}/{}: {reason}\n", file.dataset, file.name);
        steps.iter().for_each(|step| text += &format!("    {step}\n"));
    }
    text + &format!(
        "put them into a folder and give it: clsrl-bench datasets fetch --data {} --from FOLDER\n",
        options.dir.display()
    )
}

/// Whether work ended because it was told to.
fn is_stop(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref::<FetchError>(), Some(FetchError::Stopped))
        || matches!(error.downcast_ref::<UnpackError>(), Some(UnpackError::Stopped))
}
