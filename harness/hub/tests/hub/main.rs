//! A model is fetched from servers that are good, bad and hostile.

mod server;
mod layout;
mod resume;
mod lies;
mod answers;
mod locked;

use std::{
    cell::RefCell,
    fs,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use clsrl_hub::{
    Client, ClientSettings, Destination, Fetch, FetchError, FetchEvent, Fetched, HubCache, Session,
};
use clsrl_spec::LockedModel;
use server::{Model, Server};
use tempfile::TempDir;

/// How a model is fetched, and what happened meanwhile.
struct Fetching {
    endpoint: String,
    destination: Destination,
    model: String,
    locked: Option<LockedModel>,
    token: Option<String>,
    proxy: Option<String>,
    is_offline: bool,
    /// How long the server may say nothing: a loaded machine is slow.
    silence: Duration,
    /// Stops at the first event of this kind.
    stop_at: Option<&'static str>,
    events: Vec<String>,
    waits: Vec<u64>,
}

impl Fetching {
    fn new(server: &Server, dir: &Path) -> Self {
        Fetching::from(server.url(), dir)
    }

    fn from(endpoint: String, dir: &Path) -> Self {
        Fetching {
            endpoint,
            destination: Destination::Cache(HubCache::new(dir)),
            model: "org/tiny".to_owned(),
            locked: None,
            token: None,
            proxy: None,
            is_offline: false,
            silence: Duration::from_secs(3600),
            stop_at: None,
            events: Vec::new(),
            waits: Vec::new(),
        }
    }

    fn into_folder(mut self, dir: &Path) -> Self {
        self.destination = Destination::Folder(dir.to_owned());
        self
    }

    fn run(&mut self) -> Result<Fetched, FetchError> {
        let settings = ClientSettings {
            endpoint: self.endpoint.clone(),
            token: self.token.clone(),
            proxy: self.proxy.clone(),
            no_proxy: Vec::new(),
            silence: self.silence,
            user_agent: "test".to_owned(),
            is_offline: self.is_offline,
        };
        let client = Client::new(&settings)?;
        let model = self.model.parse().unwrap();
        let stop = AtomicBool::new(false);
        let waits = RefCell::new(Vec::new());
        let pause = |wait: Duration| waits.borrow_mut().push(wait.as_secs());
        let events = &mut self.events;
        let stop_at = self.stop_at;
        let mut on_event = |event: FetchEvent<'_>| {
            let message = describe(event);
            if stop_at.is_some_and(|kind| message.starts_with(kind)) {
                stop.store(true, Ordering::Relaxed);
            }
            events.push(message);
        };
        let mut session = Session::new(&client, &stop, &pause, &mut on_event);
        let fetch =
            Fetch { model: &model, destination: &self.destination, locked: self.locked.as_ref() };
        let plan = match self.is_offline {
            true => fetch.plan_offline(&mut session),
            false => fetch.plan(&mut session),
        };
        let fetched = plan.and_then(|plan| plan.run(&mut session));
        self.waits = waits.into_inner();
        fetched
    }

    /// Fetches, and expects the error's text to have this word.
    fn expect_error(&mut self, word: &str) -> FetchError {
        let error = self.run().expect_err("nothing should be fetched");
        let text = describe_error(&error);
        assert!(text.contains(word), "expected {word:?} in {text:?}");
        error
    }
}

fn describe(event: FetchEvent<'_>) -> String {
    match event {
        FetchEvent::Checking { name, .. } => format!("checking {name}"),
        FetchEvent::Fetching { name, from, .. } => format!("fetching {name} from {from}"),
        FetchEvent::Unpacking { name, .. } => format!("unpacking {name}"),
        FetchEvent::Bytes(_) => "bytes".to_owned(),
        FetchEvent::Again { name, .. } => format!("again {name}"),
        FetchEvent::Done { name } => format!("done {name}"),
        FetchEvent::Waiting { reason, .. } => format!("waiting {reason}"),
        FetchEvent::Held { name } => format!("held {name}"),
    }
}

fn describe_error(error: &FetchError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        text += &format!("\n{error}");
        source = error.source();
    }
    text
}

/// The model's folder of a cache.
fn repo(cache: &TempDir) -> std::path::PathBuf {
    cache.path().join("models--org--tiny")
}

/// Every file and link below a folder, as paths relative to it, in order.
fn tree(dir: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut dirs = vec![dir.to_owned()];
    while let Some(next) = dirs.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let entry = entry.unwrap();
            match entry.file_type().unwrap().is_dir() {
                true => dirs.push(entry.path()),
                false => {
                    found.push(entry.path().strip_prefix(dir).unwrap().to_str().unwrap().to_owned())
                }
            }
        }
    }
    found.sort();
    found
}

/// Fails unless the fetched folder has the model's bytes in every file that is used, and nothing else.
fn assert_is_model(dir: &Path, model: &Model, names: &[&str]) {
    let mut found: Vec<String> =
        tree(dir).into_iter().filter(|name| !name.starts_with(".cache/")).collect();
    found.sort();
    assert_eq!(found, names);
    for name in names {
        assert_eq!(fs::read(dir.join(name)).unwrap(), model.content(name), "{name}");
    }
}

/// What is used of [`Model::new`].
const USED: [&str; 5] = [
    "chat_template.json",
    "config.json",
    "model.safetensors",
    "preprocessor_config.json",
    "tokenizer.json",
];

/// The good hub's answer.
fn good(_: &server::Seen, reply: server::Reply) -> server::Reply {
    reply
}
