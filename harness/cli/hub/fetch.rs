//! `model fetch`: the weights of a model, from the hub into its cache or a folder.

use anyhow::{Context, anyhow};
use clsrl_hub::{
    Client, ClientSettings, Destination, Fetch, FetchError, Fetched, HubCache, Plan, Presence,
    Session, sleep_unless,
};
use clsrl_spec::{HubModel, LockedModel, ModelId, with_model};
use indicatif::DecimalBytes;

use super::{
    client_settings::client_settings,
    coming::Coming,
    interruption::{INTERRUPTED, stop_soon},
    model_lock::{LOCK, MAX_LOCK, parse_lock, read_lock},
    models::cache_root,
};
use crate::{
    ending::Signals,
    exit::Exit,
    options::FetchOptions,
    output::{note, print},
    progress::Detail,
    project::{LockFile, Project},
};

/// Fetches a model and prints its folder.
pub fn fetch(options: &FetchOptions, signals: &Signals, detail: Detail) -> anyhow::Result<Exit> {
    let lock_file = match &options.lock {
        Some(path) => LockFile::named(path),
        None => Project::find()?.lock(LOCK),
    };
    let lock = read_lock(&lock_file.read)?;
    let locked = lock.model(&options.model.id).filter(|_| !options.accept_changes);
    let destination = match &options.to {
        Some(dir) => Destination::Folder(
            std::path::absolute(dir).context("the current folder cannot be found")?,
        ),
        None => Destination::Cache(HubCache::new(cache_root()?)),
    };
    let settings = client_settings()?;
    let client =
        Client::new(&settings).map_err(|error| explain(error, &settings, &options.model))?;
    let mut coming = Coming::new(detail);
    let bars = coming.bars();
    let mut on_event = |event: clsrl_hub::FetchEvent<'_>| coming.show(event);
    let pause = sleep_unless(signals.stop());
    let mut session = Session::new(&client, signals.stop(), &pause, &mut on_event);
    let fetch = Fetch { model: &options.model, destination: &destination, locked };
    stop_soon(signals, bars);
    let planned = match settings.is_offline {
        true => fetch.plan_offline(&mut session),
        false => fetch.plan(&mut session),
    };
    let fetched = planned.and_then(|plan| {
        detail.say(&summary(&plan)?);
        match options.dry_run {
            true => Ok(Err(table(&plan))),
            false => plan.run(&mut session).map(Ok),
        }
    });
    coming.close();
    let asked = signals.end_at_once();
    match fetched {
        Err(FetchError::Stopped) => {
            note(INTERRUPTED);
            Ok(asked.unwrap_or(Exit::Interrupted))
        }
        Err(error) => Err(explain(error, &settings, &options.model)),
        Ok(Err(table)) => print(&table).map(|()| Exit::Ok),
        Ok(Ok(fetched)) => {
            // The folder is there whatever becomes of the lock.
            print(&format!("{}\n", fetched.dir.display()))?;
            if locked.is_none() {
                write_lock(&lock_file, &options.model.id, fetched, detail)?;
            }
            Ok(Exit::Ok)
        }
    }
}

/// Writes what was fetched into the lock, in which somebody else may have locked another model meanwhile.
fn write_lock(
    lock: &LockFile,
    id: &ModelId,
    fetched: Fetched,
    detail: Detail,
) -> anyhow::Result<()> {
    let path = lock.written.as_path();
    let model = LockedModel { commit: fetched.commit, files: fetched.files };
    let mut is_new = false;
    let updated = clsrl_files::update(path, MAX_LOCK, |before| -> anyhow::Result<_> {
        let text = String::from_utf8(lock.before(before)).context("it is not UTF-8")?;
        is_new = parse_lock(path, &text)?.model(id) != Some(&model);
        match is_new {
            true => Ok(Some(with_model(&text, id, &model)?.into_bytes())),
            false => Ok(None),
        }
    });
    updated.with_context(|| {
        format!(
            "the model is fetched, but cannot be locked in `{}`\nhint: --lock FILE names another lock",
            path.display()
        )
    })?;
    if is_new {
        detail.say(&format!("{id} is locked in `{}`: commit {}", path.display(), model.commit));
    }
    Ok(())
}

/// One line: which commit, how much of it is there, how much is to come, and how much room there is.
fn summary(plan: &Plan) -> Result<String, FetchError> {
    let n_bytes: u64 = plan.files.iter().map(|file| file.size()).sum();
    let n_there =
        plan.files.iter().filter(|file| matches!(file.presence, Presence::There(_))).count();
    let mut text = format!(
        "{} at commit {}: {} files, {}",
        plan.id,
        plan.commit,
        plan.files.len(),
        DecimalBytes(n_bytes)
    );
    text += &match plan.n_bytes_missing() {
        0 => ", all there and checked".to_owned(),
        missing => format!(
            "; {n_there} there and checked, {} to fetch into `{}` ({} free)",
            DecimalBytes(missing),
            plan.dir().display(),
            DecimalBytes(plan.n_bytes_free()?)
        ),
    };
    if let Some(main) = &plan.moved_on {
        text += &format!("\nthe hub's `main` is {main} by now; the lock says which commit is used");
    }
    Ok(text)
}

/// A row for each file.
fn table(plan: &Plan) -> String {
    let mut text = format!("{:<36}{:>14}  there\n", "file", "bytes");
    for file in &plan.files {
        let there = match file.presence {
            Presence::There(_) => "yes".to_owned(),
            Presence::Begun(n_bytes) => format!("{n_bytes} bytes"),
            Presence::Damaged => "other bytes, to be replaced".to_owned(),
            Presence::Missing => "no".to_owned(),
        };
        text += &format!("{:<36}{:>14}  {there}\n", file.name(), file.size());
    }
    text + &format!("{:<36}{:>14}  to fetch\n", "", plan.n_bytes_missing())
}

/// Gives an error its exit code and its hints.
fn explain(error: FetchError, settings: &ClientSettings, model: &HubModel) -> anyhow::Error {
    let again = "hint: run the same command again to go on; what came so far is kept";
    let (exit, hint) = match &error {
        FetchError::Address { .. } | FetchError::Proxy(_) => (Exit::Usage, String::new()),
        FetchError::NotFound { .. } => (Exit::Usage, describe_not_found(settings)),
        FetchError::Denied { is_gated, .. } => (Exit::Usage, explain_denial(*is_gated, settings, model)),
        FetchError::Offline { .. } | FetchError::NotHere { .. } => {
            (Exit::Incomplete, "hint: fetch it without HF_HUB_OFFLINE".to_owned())
        }
        FetchError::Unreachable { .. } => (
            Exit::Incomplete,
            "hint: machines without a way out fetch through HTTPS_PROXY or from the mirror in HF_ENDPOINT, or \
             take a copy of the cache; own certificates go into SSL_CERT_FILE"
                .to_owned(),
        ),
        FetchError::Busy { .. } if settings.token.is_none() => {
            (Exit::Incomplete, format!("{again}\nhint: the hub lets those ask more often who give HF_TOKEN"))
        }
        FetchError::Busy { .. } | FetchError::GaveUp { .. } => (Exit::Incomplete, again.to_owned()),
        FetchError::Locked { .. } => (
            Exit::Differs,
            "hint: --accept-changes fetches what the hub has and locks that instead".to_owned(),
        ),
        FetchError::WrongBytes { .. } => (Exit::Differs, String::new()),
        FetchError::Foreign { .. } => (Exit::Differs, "hint: give another folder with --to".to_owned()),
        FetchError::NoSpace { .. } => (
            Exit::Unexpected,
            "hint: HF_HUB_CACHE or --to name a folder on another disk".to_owned(),
        ),
        FetchError::Io { .. } if error.is_full() => (Exit::Unexpected, again.to_owned()),
        _ => (Exit::Unexpected, String::new()),
    };
    let text = if hint.is_empty() { error.to_string() } else { format!("{error}\n{hint}") };
    let causes: Vec<String> =
        anyhow::Error::new(error).chain().skip(1).map(ToString::to_string).collect();
    let message = causes
        .into_iter()
        .rev()
        .map(anyhow::Error::msg)
        .reduce(|inner, outer| inner.context(outer.to_string()));
    exit.because(match message {
        Some(cause) => cause.context(text),
        None => anyhow!(text),
    })
}

fn describe_not_found(settings: &ClientSettings) -> String {
    match settings.token {
        Some(_) => "hint: is the name right, and may the owner of the token see it?".to_owned(),
        None => "hint: is the name right? what is not public needs HF_TOKEN".to_owned(),
    }
}

fn explain_denial(is_gated: bool, settings: &ClientSettings, model: &HubModel) -> String {
    let place = format!("{}/{}", settings.endpoint.trim_end_matches('/'), model.id);
    match (is_gated, settings.token.is_some()) {
        (true, true) => format!("hint: its owners want to be asked first, at {place}"),
        (true, false) => {
            format!("hint: its owners want to be asked first, at {place}; then give HF_TOKEN")
        }
        (false, true) => {
            "hint: may the owner of the token read it, and is the token still good?".to_owned()
        }
        (false, false) => "hint: give HF_TOKEN, or log in with `hf auth login`".to_owned(),
    }
}
