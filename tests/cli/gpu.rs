//! The program on a GPU that is none: tensors of a device of their own, in a memory as small as a test wants.
//!
//! `tests/gpu/libtorch_cuda.cpp` stands in for the CUDA half of libtorch. It tells a tensor on the wrong device, how
//! often the host waits for the GPU, and what happens when memory runs out.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};

use serde_json::{Value, json};

use crate::{
    pauses::signal_when_kept,
    program::{Ended, end, golden_sets, model, program, root, temporary, text},
};

/// The folder with the stand-in's library, compiled once.
fn stand_in() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("gpu");
        fs::create_dir_all(&folder).unwrap();
        let include = Path::new(env!("CLSRL_LIBTORCH_LIB")).with_file_name("include");
        let compiler = std::env::var_os("CXX").unwrap_or_else(|| "c++".into());
        let compiled = Command::new(compiler)
            .args(["-std=c++17", "-O1", "-shared", "-fPIC", "-isystem"])
            .args([&include, Path::new("-isystem")])
            .arg(include.join("torch/csrc/api/include"))
            .arg(root().join("tests/gpu/libtorch_cuda.cpp"))
            .args([Path::new("-o"), &folder.join("libtorch_cuda.so")])
            .output()
            .unwrap();
        assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
        folder
    })
}

/// Calls the program where there are two GPUs.
fn call_with(settings: &[(&str, &str)], args: &[&str]) -> Ended {
    let settings = settings.iter().map(|&(name, value)| (name, value));
    end(program(args).env("LD_LIBRARY_PATH", stand_in()).envs(settings))
}

#[track_caller]
fn expect_ok(settings: &[(&str, &str)], args: &[&str]) -> String {
    let ended = call_with(settings, args);
    assert_eq!(ended.code, Some(0), "{args:?}: {}{}", ended.stdout, ended.stderr);
    ended.stdout
}

/// Arguments that run some methods of the smoke suite on a GPU.
fn run<'a>(methods: &'a str, gpu: &'a str, out: &'a Path) -> Vec<&'a str> {
    let suite = ["run", "--suite", "smoke", "--datasets", "dtd", "--limit", "4"];
    [&suite[..], &["--methods", methods, "--device", gpu, "--out", text(out)]].concat()
}

fn record(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

#[test]
fn a_model_on_a_gpu_computes_what_it_should() {
    let golden_sets = golden_sets();
    let small = ["doctor", "--image-size", "56", "--device", "cuda:1", "--dtype"];
    let dir = temporary();
    for (dtype, kernel) in [("fp32", "efficient"), ("bf16", "flash")] {
        let log = dir.path().join(dtype);
        let settings = [("CLSRL_STAND_IN_GPU_LOG", text(&log))];
        let small = [&small[..], &[dtype]].concat();
        for goldens in &golden_sets {
            expect_ok(&settings, &[&small[..], &["--goldens", text(goldens)]].concat());
        }
        expect_ok(&settings, &small);
        // Each the best kernel that takes its kind; what is written out would not be there.
        let kernel = format!("_scaled_dot_product_{kernel}_attention");
        for kernel in [&kernel, &format!("{kernel}_backward")] {
            assert!(0 < n_launched(&log, kernel), "{dtype}: {kernel}");
        }
    }
}

/// How often a process launched an operator on its GPU.
fn n_launched(log: &Path, operator: &str) -> usize {
    let log = fs::read_to_string(log).unwrap();
    let n = log.lines().filter_map(|line| line.split_once(' ')).find(|(_, name)| *name == operator);
    n.map_or(0, |(n, _)| n.parse().unwrap())
}

#[test]
fn every_method_runs_on_a_gpu() {
    let dir = temporary();
    let methods = "zero-shot,sft,no-thinking-cls-rl";
    expect_ok(&[], &[&run(methods, "cuda:1", dir.path())[..], &["--deterministic"]].concat());
    for trial in ["zero-shot", "sft.dtd.4shot.seed1", "no-thinking-cls-rl.dtd.4shot.seed1"] {
        let record = record(&dir.path().join("smoke").join(trial).join("training.json"));
        let run = &record["record"]["run"];
        assert_eq!(run["place"]["device"], "cuda:1 Stand-in GPU", "{trial}");
        let uuid = "GPU-10111213-1415-1617-1819-1a1b1c1d1e1f";
        let gpu = json!({"name": "Stand-in GPU", "uuid": uuid, "driver": "13.0"});
        assert_eq!(run["place"]["gpu"], gpu, "{trial}");
        assert_eq!(run["place"]["float32_products"], "float32", "{trial}");
        assert_eq!(run["place"]["bfloat16_sums"], "float32", "{trial}");
        assert!(0.0 < run["peak_memory_bytes"].as_f64().unwrap(), "{trial}");
        if trial != "zero-shot" {
            // Attention's backward pass as well, which libtorch leaves out where it only warns.
            assert!(0 < run["repeated_step"]["n_tensors"].as_u64().unwrap(), "{trial}");
            assert_eq!(run["repeated_step"]["differing"], json!([]), "{trial}");
        }
    }
    let small_gpu = [&run("cls-rl", "cuda", dir.path())[..], &["--lora", "2", "--recompute"]];
    expect_ok(&[], &small_gpu.concat());
}

#[test]
fn a_trial_on_a_gpu_goes_on_where_it_was_asked_to_end_and_its_record_says_so() {
    let dir = temporary();
    let args = run("no-thinking-cls-rl", "cuda:1", dir.path());
    let trial = dir.path().join("smoke/no-thinking-cls-rl.dtd.4shot.seed1");
    let mut asked = program(&[&args[..], &["--checkpoint-every", "0s"]].concat());
    asked.env("LD_LIBRARY_PATH", stand_in());
    let ended = signal_when_kept(&mut asked, &trial, "-USR1");
    assert_eq!(ended.code, Some(75), "{}", ended.stderr);
    expect_ok(&[], &args);
    let record = record(&trial.join("training.json"));
    let (run, outcome) = (&record["record"]["run"], &record["record"]["outcome"]);
    assert_eq!(run["place"]["device"], "cuda:1 Stand-in GPU");
    let resumed_at = run["resumed_at"].as_array().unwrap();
    assert_eq!(resumed_at.len(), 1);
    let n_steps = outcome["steps"].as_array().unwrap().len();
    assert!(resumed_at[0].as_u64().unwrap() < n_steps as u64, "{resumed_at:?}");
    assert_eq!(run["steps"].as_array().unwrap().len(), n_steps);
}

#[test]
fn whatever_computes_has_the_environment_of_a_worker() {
    let (dir, model) = (temporary(), model());
    let log = dir.path().join("log");
    let settings = [("CLSRL_STAND_IN_GPU_LOG", text(&log)), ("CLSRL_STAND_IN_GPU_MIB", "100")];
    let (one, other) = (dir.path().join("one"), dir.path().join("other"));
    let trial = run("zero-shot", "cuda", &one);
    let in_process = [&run("zero-shot", "cuda", &other)[..], &["--in-process"]].concat();
    let doctor = ["doctor", "--image-size", "56", "--device", "cuda"];
    let bench = ["bench", "eval", "--device", "cuda", "--model", text(&model), "--steps", "1"];
    let sizes = ["--image-size", "56", "--prompt-tokens", "40", "--completion-tokens", "2"];
    let bench = [&bench[..], &sizes, &["--batch", "1", "--warmup", "0"]].concat();
    for args in [&trial[..], &in_process, &doctor, &bench] {
        expect_ok(&settings, args);
        let log = fs::read_to_string(&log).unwrap();
        let cublas = "CUBLAS_WORKSPACE_CONFIG=:4096:8";
        let memory =
            "PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True,per_process_memory_fraction:0.96";
        for setting in [cublas, memory] {
            assert!(log.contains(setting), "{args:?}: {log}");
        }
    }
}

/// What a bench of the small model asks of its GPU.
#[derive(Debug, PartialEq, Eq)]
struct Counts {
    /// Times that the host waits until it has read.
    reads: usize,
    /// Times that it waits until it has written.
    writes: usize,
    /// Copies to the GPU, waited for or not.
    uploads: usize,
    launches: usize,
}

fn counts_of(bench: &[&str], n_steps: &str) -> Counts {
    let (dir, model) = (temporary(), model());
    let (log, phases) = (dir.path().join("log"), dir.path().join("phases"));
    let sizes = ["--image-size", "56", "--prompt-tokens", "40", "--warmup", "0"];
    let of_model = ["--device", "cuda", "--model", text(&model), "--steps", n_steps];
    // So much memory that the probes of the device's rates are no long ones.
    let settings = [
        ("CLSRL_STAND_IN_GPU_LOG", text(&log)),
        ("CLSRL_STAND_IN_GPU_PHASES", text(&phases)),
        ("CLSRL_STAND_IN_GPU_MIB", "100"),
    ];
    expect_ok(&settings, &[&["bench"], bench, &sizes, &of_model].concat());
    // Of the phases of steps alone: the probes that follow run as often as time allows.
    let phases = fs::read_to_string(&phases).unwrap();
    let launches: Vec<usize> =
        phases.lines().map(|line| line.split_once(' ').unwrap().0.parse().unwrap()).collect();
    let writes = n_launched(&log, "to the GPU, waited for");
    Counts {
        reads: n_launched(&log, "to the host"),
        writes,
        uploads: writes + n_launched(&log, "to the GPU"),
        launches: launches.into_iter().filter(|&n| OF_A_PROBE < n).sum(),
    }
}

/// Launches between two waits, of which a probe of the device has no more.
const OF_A_PROBE: usize = 2;

#[test]
fn the_host_waits_for_a_gpu_where_it_needs_numbers_and_texts() {
    let of_a_step = |bench: &[&str]| {
        let (of_three, of_one) = (counts_of(bench, "3"), counts_of(bench, "1"));
        let count = |of: fn(&Counts) -> usize| (of(&of_three) - of(&of_one)) / 2;
        Counts {
            reads: count(|counts| counts.reads),
            writes: count(|counts| counts.writes),
            uploads: count(|counts| counts.uploads),
            launches: count(|counts| counts.launches),
        }
    };
    // Each launch costs the host microseconds, so a change that needs more of them is one to be made knowingly:
    // `count-launches` tells them by phase and layer.
    // Loss and norm of the gradients are read; a batch is written, and which tokens are scored.
    let expected = Counts { reads: 2, writes: 0, uploads: 2, launches: 624 };
    assert_eq!(of_a_step(&["sft"]), expected);
    // The tokens are read 16 at a time, and their entropies when all are sampled; what they are drawn by is written.
    let grpo = ["grpo", "--accum", "2", "--num-generations", "2", "--completion-tokens"];
    let grpo = |tokens| of_a_step(&[&grpo[..], &[tokens]].concat());
    let expected = Counts { reads: 4, writes: 0, uploads: 3, launches: 1871 };
    assert_eq!(grpo("5"), expected);
    let expected = Counts { reads: 5, writes: 0, uploads: 3, launches: 3539 };
    assert_eq!(grpo("17"), expected);
    let eval = |tokens| of_a_step(&["eval", "--batch", "3", "--completion-tokens", tokens]);
    let expected = Counts { reads: 1, writes: 0, uploads: 1, launches: 728 };
    assert_eq!(eval("5"), expected);
    assert_eq!(eval("16"), Counts { launches: 2026, ..expected });
}

#[test]
fn a_small_gpu_works_in_smaller_parts_and_says_so() {
    let allocator = "CUDA out of memory. Tried to allocate 2.00 GiB";
    let cublas = "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`";
    for (methods, mib, file, says) in [
        ("sft", "36", "sft.dtd.4shot.seed1/training.json", allocator),
        ("sft", "36", "sft.dtd.4shot.seed1/training.json", cublas),
        ("zero-shot", "10", "zero-shot/dtd.direct.json", "cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
    ] {
        let dir = temporary();
        let settings = [("CLSRL_STAND_IN_GPU_MIB", mib), ("CLSRL_STAND_IN_GPU_SAYS", says)];
        expect_ok(&settings, &run(methods, "cuda", dir.path()));
        let fitted = &record(&dir.path().join("smoke").join(file))["record"]["run"]["fitted"];
        assert!(0 < fitted["out_of_memory"].as_u64().unwrap(), "{file}: {fitted}");
        assert!(0 < fitted["tokens"].as_u64().unwrap(), "{file}: {fitted}");
        let batch = if methods == "zero-shot" { json!(256) } else { Value::Null };
        assert_eq!(fitted["batch"], batch, "{file}");
    }
}

#[test]
fn a_gpu_without_room_is_an_error_with_a_hint() {
    let dir = temporary();
    for mib in ["1", "24"] {
        let settings = [("CLSRL_STAND_IN_GPU_MIB", mib)];
        for more in [&[][..], &["--in-process"]] {
            let args = [&run("sft", "cuda", dir.path())[..], more].concat();
            let Ended { code, stderr, .. } = call_with(&settings, &args);
            assert_eq!(code, Some(5), "{stderr}");
            assert!(stderr.contains("do not fit the device"), "{stderr}");
            assert!(stderr.contains("hint: ") && !stderr.contains("panicked"), "{stderr}");
        }
    }
    let model = model();
    let bench = ["bench", "sft", "--device", "cuda", "--model", text(&model)];
    let Ended { code, stderr, .. } = call_with(&[("CLSRL_STAND_IN_GPU_MIB", "1")], &bench);
    assert_eq!((code, &*stderr), (Some(1), "error: the device is out of memory\n"));
}

/// The GPU of each slot is the entry of the inherited variable, as text; the run itself opens no CUDA.
#[test]
fn each_slot_sees_the_gpu_that_its_entry_names_and_the_run_sees_none() {
    let dir = temporary();
    let mut run = program(
        &[
            &["run", "--suite", "smoke", "--datasets", "dtd,eurosat", "--limit", "2"][..],
            &["--methods", "sft", "--devices", "all", "--out", text(dir.path())],
        ]
        .concat(),
    );
    run.env("LD_LIBRARY_PATH", stand_in()).env("CUDA_VISIBLE_DEVICES", "7, GPU-1f");
    let run = run.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let of_run = |file: &str| fs::read(format!("/proc/{}/{file}", run.id())).unwrap_or_default();
    let (mut seen, mut maps) = (BTreeSet::new(), Vec::new());
    let children = format!("task/{}/children", run.id());
    let mut ended = None;
    while ended.is_none() {
        maps.extend(of_run("maps"));
        for worker in String::from_utf8_lossy(&of_run(&children)).split_whitespace() {
            let arguments = fs::read(format!("/proc/{worker}/cmdline")).unwrap_or_default();
            let environment = fs::read(format!("/proc/{worker}/environ")).unwrap_or_default();
            let is_worker = String::from_utf8_lossy(&arguments).contains("--of-run");
            let environment = String::from_utf8_lossy(&environment).into_owned();
            let visible =
                environment.split('\0').find_map(|set| set.strip_prefix("CUDA_VISIBLE_DEVICES="));
            seen.extend(visible.filter(|_| is_worker).map(str::to_owned));
        }
        ended = wait_a_moment(run.id()).then_some(());
    }
    let output = run.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), ["7", "GPU-1f"]);
    assert!(!String::from_utf8_lossy(&maps).contains("libtorch_cuda"), "the run opened CUDA");
}

/// Whether a process has ended and waits to be taken leave of.
fn wait_a_moment(process: u32) -> bool {
    std::thread::yield_now();
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    status.is_empty() || status.contains("State:\tZ")
}
