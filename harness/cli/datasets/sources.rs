//! What is published of the datasets, and what of it is here: the table of `datasets list --sources` and of a fetch that
//! only says what it would do.

use std::path::{Path, PathBuf};

use clsrl_sources::{Access, Piece, SourceFile, sources};
use indicatif::DecimalBytes;
use serde::Serialize;

use crate::{
    exit::Exit,
    locked::{find_lock, read_lock},
    options::DatasetsOptions,
    output::print,
    project::Project,
};

/// A published file, and how it is to be had.
pub struct Wanted {
    pub file: SourceFile,
    /// What of it is not in the dataset's folder yet.
    pub missing: Vec<Piece>,
    pub way: Way,
}

/// How a file is to be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// All of it is in place.
    Here,
    /// From a file that the user has.
    From(PathBuf),
    /// From its address.
    Fetch,
    /// From nowhere that a program reaches.
    ByHand,
    /// From its address, if the user trusts bytes that nobody published a digest of.
    Untrusted,
}

/// A row of the table, as JSON.
#[derive(Serialize)]
pub struct Row<'w> {
    dataset: &'static str,
    file: &'w str,
    url: Option<&'w str>,
    bytes: Option<u64>,
    checksum: Option<&'static str>,
    access: &'static str,
    since: Option<&'w str>,
    licence: &'w str,
    steps: &'w [String],
    becomes: Vec<&'w str>,
    missing: Vec<&'w str>,
}

/// `datasets list --sources`: prints what is published of the datasets, and what of it is here.
pub fn list_sources(options: &DatasetsOptions) -> anyhow::Result<Exit> {
    let project = Project::find()?;
    let (_, lock) = read_lock(&find_lock(&project, options.data.lock.as_deref())?)?;
    let is_wanted = |id| options.ids.is_empty() || options.ids.contains(&id);
    let wanted: Vec<Wanted> = sources(&lock)?
        .into_iter()
        .filter(|file| is_wanted(file.dataset))
        .map(|file| {
            // Where no folder is given nothing is there.
            let dir = options.data.dir.as_ref().map(|dir| dir.join(file.dataset.folder()));
            Wanted::look(file, dir.as_deref(), &[], (false, false))
        })
        .collect();
    print(&match options.json {
        true => {
            let rows: Vec<Row> = wanted.iter().map(Wanted::row).collect();
            serde_json::to_string_pretty(&rows)? + "\n"
        }
        false => table(&wanted, true),
    })?;
    Ok(Exit::Ok)
}

/// Looks for a file in the folders that the user has, by its name, there or below the dataset's own folder.
pub fn find_in(folders: &[PathBuf], file: &SourceFile) -> Option<PathBuf> {
    let id = file.dataset;
    let places = |folder: &PathBuf| {
        [folder.join(id.folder()), folder.join(id.as_str()), folder.clone()]
            .map(|dir| dir.join(&file.name))
    };
    folders.iter().flat_map(places).find(|path| path.is_file())
}

impl Wanted {
    /// Looks what of a file is here, and how the rest is to be had.
    pub fn look(
        file: SourceFile,
        dataset_dir: Option<&Path>,
        from: &[PathBuf],
        (has_mirror, trusts): (bool, bool),
    ) -> Self {
        let missing = dataset_dir.map_or(file.pieces.clone(), |dir| file.missing(dir));
        let is_open = has_mirror || matches!(file.access, Access::Fetch | Access::Drive);
        let has_address = has_mirror || file.url.is_some();
        let way = match find_in(from, &file) {
            _ if missing.is_empty() => Way::Here,
            Some(path) => Way::From(path),
            None if !is_open || !has_address => Way::ByHand,
            None if file.has_digest() || trusts => Way::Fetch,
            None => Way::Untrusted,
        };
        Wanted { file, missing, way }
    }

    pub fn row(&self) -> Row<'_> {
        let file = &self.file;
        Row {
            dataset: file.dataset.as_str(),
            file: &file.name,
            url: file.url.as_deref(),
            bytes: file.n_bytes(),
            checksum: checksum(file),
            access: access(&file.access),
            since: match &file.access {
                Access::Dead { since } => Some(since),
                _ => None,
            },
            licence: &file.licence,
            steps: &file.steps,
            becomes: file.pieces.iter().map(|piece| piece.to.as_str()).collect(),
            missing: self.missing.iter().map(|piece| piece.to.as_str()).collect(),
        }
    }

    /// What is to be done with it, in a few words.
    fn plan(&self) -> String {
        match (&self.way, &self.file.access) {
            (Way::Here, _) => "here".to_owned(),
            (Way::From(path), _) => format!("from {}", path.display()),
            (Way::Fetch, _) => "to fetch".to_owned(),
            (Way::Untrusted, _) => "to fetch with --trust-first-use".to_owned(),
            (Way::ByHand, Access::Terms) => "by hand: has terms to agree to".to_owned(),
            (Way::ByHand, Access::Dead { since }) => format!("by hand: gone since {since}"),
            (Way::ByHand, _) => "by hand: the lock has no address".to_owned(),
        }
    }

    /// The sentences that say how to have it by hand.
    pub fn steps(&self) -> Vec<String> {
        let mut steps = self.file.steps.clone();
        if steps.is_empty() {
            steps.extend(self.file.url.as_ref().map(|url| format!("download it from {url}")));
        }
        steps
    }
}

/// The table: a line a file below its dataset, at most 80 columns but for paths; with licences and addresses if wanted.
pub fn table(wanted: &[Wanted], is_whole: bool) -> String {
    let mut text = String::new();
    let mut dataset = None;
    for wanted in wanted {
        let file = &wanted.file;
        if dataset != Some(file.dataset) {
            text += &format!("{}\n", file.dataset);
            dataset = Some(file.dataset);
        }
        let size = file.n_bytes().map_or("?".to_owned(), |size| DecimalBytes(size).to_string());
        let checksum = checksum(file).unwrap_or("none");
        text += &format!("  {:<36}{size:>10}  {checksum:<7} {}\n", file.name, wanted.plan());
        if is_whole {
            text += &format!("    licence: {}\n", file.licence);
            text += &file.url.as_ref().map_or(String::new(), |url| format!("    {url}\n"));
            for step in &file.steps {
                text += &format!("    - {step}\n");
            }
        }
    }
    let n_bytes = |is_of: &dyn Fn(&Way) -> bool| -> (usize, u64) {
        let of: Vec<&Wanted> = wanted.iter().filter(|wanted| is_of(&wanted.way)).collect();
        (of.len(), of.iter().filter_map(|wanted| wanted.file.n_bytes()).sum())
    };
    let (n_here, _) = n_bytes(&|way| *way == Way::Here);
    let (n_fetch, size) = n_bytes(&|way| *way == Way::Fetch);
    let (n_from, _) = n_bytes(&|way| matches!(way, Way::From(_)));
    let (n_untrusted, _) = n_bytes(&|way| *way == Way::Untrusted);
    let (n_hand, _) = n_bytes(&|way| *way == Way::ByHand);
    let untrusted = match n_untrusted {
        0 => String::new(),
        n => format!(", {n} without a checksum"),
    };
    text + &format!(
        "{} files: {n_here} here, {n_from} of yours, {n_fetch} to fetch ({}){untrusted}, {n_hand} by hand\n",
        wanted.len(),
        DecimalBytes(size)
    )
}

fn access(access: &Access) -> &'static str {
    match access {
        Access::Fetch => "fetch",
        Access::Drive => "drive",
        Access::Terms => "terms",
        Access::Dead { .. } => "dead",
    }
}

fn checksum(file: &SourceFile) -> Option<&'static str> {
    match (&file.content, &file.md5) {
        (Some(_), _) => Some("sha256"),
        (None, Some(_)) => Some("md5"),
        (None, None) => None,
    }
}
