//! The readers. Each takes any bytes, and an error is as good as a value: what counts is that it comes back.

use std::{
    fs,
    path::{Path, PathBuf},
};

use clsrl_data::{
    datasets::{Dataset, read_few_shot_cache},
    image::{Processor, decode_rgb},
    lock::{Checking, Mode, check_without_lists},
    text::TextTokenizer,
};
use clsrl_engine::TrialJob;
use clsrl_files::lines;
use clsrl_report::{baseline::Baseline, paper::PublishedNumbers};
use clsrl_runner::{Store, trial_statuses};
use clsrl_spec::{
    Binding, Completion, DatasetId, MethodId, Prediction, ProtocolFile, RewardId, Selection,
    Solution, Suite, Trial, extract_published, lock::Lock, plan,
};
use clsrl_vlm::{Config, GenerationConfig, Model, Precision};
use tempfile::TempDir;

/// A reader.
#[derive(Clone, Copy)]
pub struct Target {
    /// Its name, and that of its folder in the corpus.
    pub name: &'static str,
    /// Reads.
    pub read: fn(&Site, &[u8]),
}

/// All readers.
pub const TARGETS: [Target; 17] = [
    Target { name: "suite", read: |_, bytes| suite(&text(bytes)) },
    Target { name: "protocol", read: |_, bytes| drop(ProtocolFile::parse(&text(bytes), "p", "p")) },
    Target { name: "lock", read: |_, bytes| drop(Lock::parse(&text(bytes), "l")) },
    Target { name: "completion", read: |_, bytes| completion(&text(bytes)) },
    Target { name: "image", read: |site, bytes| drop(decode_rgb(&site.put("image", bytes))) },
    Target { name: "list", read: Site::list },
    Target { name: "few_shot_cache", read: Site::few_shot_cache },
    Target { name: "sidecar", read: Site::sidecar },
    Target { name: "tokenizer", read: Site::tokenizer },
    Target { name: "preprocessor", read: Site::preprocessor },
    Target { name: "config", read: Site::config },
    Target { name: "safetensors", read: Site::safetensors },
    Target { name: "record", read: Site::record },
    Target { name: "predictions", read: Site::predictions },
    Target { name: "baseline", read: |_, bytes| drop(Baseline::read(&text(bytes), "b")) },
    Target { name: "published", read: |_, bytes| drop(PublishedNumbers::read(&text(bytes))) },
    Target { name: "job", read: |_, bytes| job(bytes) },
];

/// A folder in which files are put where readers look for them.
pub struct Site {
    dir: TempDir,
    trials: Vec<Trial>,
    dataset: Dataset,
}

impl Site {
    /// Draws data and copies the tiny model's settings.
    ///
    /// # Panics
    ///
    /// Where the folder cannot be written.
    pub fn new() -> Self {
        let dir = tempfile::tempdir().expect("a folder can be made");
        let model = dir.path().join("model");
        fs::create_dir(&model).expect("the folder is new");
        for file in [
            "config.json",
            "generation_config.json",
            "preprocessor_config.json",
            "tokenizer.json",
            "tokenizer_config.json",
        ] {
            let from = project().join("harness/tiny/model").join(file);
            fs::copy(from, model.join(file)).expect("the tiny model is whole");
        }
        let data = dir.path().join("data");
        clsrl_tiny::write_drawn(&data, 1, &mut |_| ()).expect("the folder is new");
        let dataset = Dataset::open(DatasetId::Dtd, &data).expect("it was drawn");
        Site { trials: trials(), dataset, dir }
    }

    fn at(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    fn put(&self, path: &str, bytes: &[u8]) -> PathBuf {
        let path = self.at(path);
        let dir = path.parent().expect("it lies in a folder");
        fs::create_dir_all(dir).and_then(|()| fs::write(&path, bytes)).expect("there is room");
        path
    }

    /// Gives a file these bytes for as long as it is read.
    fn with<R>(&self, path: &str, bytes: &[u8], read: impl FnOnce() -> R) -> R {
        let before = fs::read(self.at(path)).expect("it is there");
        self.put(path, bytes);
        let read = read();
        self.put(path, &before);
        read
    }

    /// The first byte says which list of which dataset.
    fn list(&self, bytes: &[u8]) {
        let Some((&which, bytes)) = bytes.split_first() else { return };
        let lists = [
            (DatasetId::Dtd, "data/dtd/split_zhou_DescribableTextures.json"),
            (DatasetId::Eurosat, "data/eurosat/split_zhou_EuroSAT.json"),
            (DatasetId::ImageNet, "data/imagenet/classnames.txt"),
            (DatasetId::FgvcAircraft, "data/fgvc_aircraft/images_variant_train.txt"),
            (DatasetId::FgvcAircraft, "data/fgvc_aircraft/variants.txt"),
            (DatasetId::Dtd, "data/drawn.json"),
        ];
        let (id, path) = lists[usize::from(which) % lists.len()];
        if self.at(path).is_file() {
            drop(self.with(path, bytes, || Dataset::open(id, &self.at("data"))));
        }
    }

    /// The first byte says whether it is a pickle.
    fn few_shot_cache(&self, bytes: &[u8]) {
        let Some((&which, bytes)) = bytes.split_first() else { return };
        let (ending, other) = if which % 2 == 0 { ("pkl", "json") } else { ("json", "pkl") };
        let name = |ending| format!("few/dtd/split_fewshot/shot_4-seed_1.{ending}");
        let _ = fs::remove_file(self.at(&name(other)));
        self.put(&name(ending), bytes);
        drop(read_few_shot_cache(&self.dataset, &self.at("few"), 4, 1));
    }

    /// The bytes are every file that was left beside the lock.
    fn sidecar(&self, bytes: &[u8]) {
        let sidecars = self.at("sidecars");
        let checking = Checking { mode: Mode::Fast, sidecars: &sidecars, progress: &|_| () };
        let dir = self.at("empty/dtd");
        let check = || check_without_lists((DatasetId::Dtd, dir.as_path()), None, &checking);
        if !sidecars.is_dir() {
            fs::create_dir_all(self.at("empty/dtd/images")).expect("there is room");
            drop(check());
        }
        for file in fs::read_dir(&sidecars).into_iter().flatten().flatten() {
            fs::write(file.path(), bytes).expect("there is room");
        }
        drop(check());
    }

    /// The first byte says which of the two files.
    fn tokenizer(&self, bytes: &[u8]) {
        let Some((&which, bytes)) = bytes.split_first() else { return };
        let file = ["model/tokenizer.json", "model/tokenizer_config.json"][usize::from(which) % 2];
        let loaded = self.with(file, bytes, || TextTokenizer::from_dir(&self.at("model")));
        if let Ok(tokenizer) = loaded {
            let ids = tokenizer.encode("<|im_start|>user\nWhat is this? é漢\u{0}");
            tokenizer.decode(&ids, false);
            tokenizer.decode(&[0, -1, i64::MAX], true);
        }
    }

    fn preprocessor(&self, bytes: &[u8]) {
        let file = "model/preprocessor_config.json";
        drop(self.with(file, bytes, || Processor::from_dir(&self.at("model"))));
    }

    /// The first byte says which of the two files.
    fn config(&self, bytes: &[u8]) {
        let Some((&which, bytes)) = bytes.split_first() else { return };
        let model = self.at("model");
        if which % 2 == 0 {
            drop(self.with("model/config.json", bytes, || Config::from_dir(&model)));
        } else {
            let read = || GenerationConfig::from_dir(&model);
            drop(self.with("model/generation_config.json", bytes, read));
        }
    }

    /// The first byte says whether it is the index of shards.
    fn safetensors(&self, bytes: &[u8]) {
        let Some((&which, bytes)) = bytes.split_first() else { return };
        let names = ["model/model.safetensors", "model/model.safetensors.index.json"];
        for name in names {
            let _ = fs::remove_file(self.at(name));
        }
        self.put(names[usize::from(which) % 2], bytes);
        let cpu = clsrl_vlm::device::parse_device("cpu").expect("there is a CPU");
        drop(Model::load(&self.at("model"), cpu, Precision::Float32));
    }

    /// The bytes are the records of a training and of a cell.
    fn record(&self, bytes: &[u8]) {
        let store = Store::new(&self.at("results"), "smoke");
        self.put("results/smoke/sft.dtd.4shot.seed1/training.json", bytes);
        self.put("results/smoke/sft.dtd.4shot.seed1/dtd.direct.json", bytes);
        self.put("results/smoke/last-run.json", bytes);
        drop(trial_statuses(&store, &self.trials, &binding()));
        drop(store.read_last_run());
    }

    /// The predictions of a cell whose record is in the corpus.
    fn predictions(&self, bytes: &[u8]) {
        let store = Store::new(&self.at("results"), "smoke");
        let trial = "results/smoke/sft.dtd.4shot.seed1";
        self.put(&format!("{trial}/training.json"), include_bytes!("corpus/record/training.json"));
        self.put(&format!("{trial}/dtd.direct.json"), include_bytes!("corpus/record/cell.json"));
        self.put(&format!("{trial}/dtd.direct.predictions.jsonl"), bytes);
        drop(trial_statuses(&store, &self.trials, &binding()));
        for line in lines(bytes, 1 << 20).map_while(Result::ok) {
            drop(serde_json::from_str::<Prediction>(&line));
        }
    }
}

impl Default for Site {
    fn default() -> Self {
        Site::new()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn suite(text: &str) {
    drop(Suite::parse(text, "s", &protocol));
}

fn protocol(name: &str) -> Result<String, String> {
    let path = project().join(format!("suites/protocols/{name}.toml"));
    clsrl_files::read_to_string(&path, clsrl_files::limit::SETTINGS).map_err(|e| e.to_string())
}

fn completion(text: &str) {
    let completion = Completion::new(text);
    for reward in RewardId::ALL {
        completion.earns(reward, &Solution::new("<answer>Tabby cat</answer>"));
        completion.earns(reward, &Solution::new(text));
    }
    extract_published(text);
}

fn job(bytes: &[u8]) {
    for line in lines(bytes, 1 << 20).map_while(Result::ok) {
        drop(serde_json::from_str::<TrialJob>(&line));
    }
}

fn trials() -> Vec<Trial> {
    let path = project().join("suites/smoke.toml");
    let text = clsrl_files::read_to_string(&path, clsrl_files::limit::SETTINGS);
    let suite = Suite::parse(&text.expect("it is there"), "smoke", &protocol);
    let selection = Selection {
        methods: Some(vec![MethodId::ZeroShot, MethodId::Sft]),
        datasets: Some(vec![DatasetId::Dtd]),
        ..Selection::default()
    };
    plan(&suite.expect("the smoke suite is sound"), &selection).expect("it has both methods")
}

fn binding() -> Binding {
    Binding { device_kind: "cpu".to_owned(), precision: "f32".to_owned(), ..Binding::unknown() }
}
