//! Suites under Slurm: scripts and calls against commands played by shell scripts, and a real Slurm of two nodes.

mod lab;
mod nodes;

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use tempfile::TempDir;

use crate::program::{Ended, SMALL, assert_same_results, end, finished, program, temporary, text};

/// A machine whose commands of Slurm are shell scripts; each notes what it is asked in `asked`.
struct Fakes {
    dir: TempDir,
}

impl Fakes {
    fn new() -> Self {
        let fakes = Fakes { dir: temporary() };
        // It counts jobs from 100, and refuses what is told in `refuses`.
        fakes.play(
            "sbatch",
            "if [ -e refuses ]; then cat refuses >&2; exit 1; fi\n\
             n=$(( $(cat next 2>/dev/null || echo 100) + 1 )); echo $n >next; echo $(( n - 1 ))",
        );
        fakes.play("squeue", "if [ -e queue ]; then cat queue; fi");
        fakes.play("scontrol", "if [ \"$1\" = show ]; then echo 'MaxArraySize            = 2'; fi");
        fakes.play("scancel", "case \"$*\" in *TERM*) rm -f queue;; esac");
        fakes
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn play(&self, name: &str, body: &str) {
        let dir = self.dir.path().display();
        let text = format!("#!/bin/bash\ncd '{dir}'\necho \"{name} $*\" >>asked\n{body}\n");
        fs::create_dir_all(self.path("bin")).unwrap();
        let path = self.path("bin").join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// What the commands were asked since this was last looked at.
    fn asked(&self) -> Vec<String> {
        let asked = fs::read_to_string(self.path("asked")).unwrap_or_default();
        fs::write(self.path("asked"), "").unwrap();
        asked.lines().map(str::to_owned).collect()
    }

    fn out(&self) -> PathBuf {
        self.path("out")
    }

    fn slurm(&self, verb: &str, more: &[&str]) -> Command {
        let out = self.out();
        let args = [&["slurm", verb], SMALL.as_slice(), &["--out", text(&out)], more].concat();
        let mut command = program(&args);
        command.env("PATH", self.search_path());
        command
    }

    fn search_path(&self) -> String {
        format!("{}:{}", self.path("bin").display(), std::env::var("PATH").unwrap())
    }

    fn submit(&self, more: &[&str]) -> Ended {
        let cpu = ["--gpus-per-task", "0", "--tasks", "3", "--time", "10"];
        end(&mut self.slurm("submit", &[&cpu, more].concat()))
    }

    /// A script as Slurm would run an element of an array.
    fn element(&self, array: &str, element: &str, first: &str) -> Command {
        let mut command = Command::new("bash");
        command
            .args([self.submission().join("task.sh"), first.into()])
            .env("PATH", self.search_path())
            .env("XDG_CACHE_HOME", Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache"))
            .envs([("SLURM_ARRAY_JOB_ID", array), ("SLURM_ARRAY_TASK_ID", element)])
            .env("SLURMD_NODENAME", "n1")
            .stdin(Stdio::null());
        command
    }

    fn submission(&self) -> PathBuf {
        self.out().join("smoke/.slurm/1")
    }
}

#[track_caller]
fn expect_ok(ended: &Ended) {
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
}

#[test]
fn a_dry_run_shows_scripts_and_calls_and_leaves_nothing_behind() {
    let fakes = Fakes::new();
    let out = fakes.out();
    let ended = fakes.submit(&[
        "--dry-run",
        "--partition",
        "gpu",
        "--account",
        "vision",
        "--array-limit",
        "16",
        "--setup",
        "module load cuda",
        "--sbatch=--exclude=n7",
    ]);
    expect_ok(&ended);
    let dir = out.join("smoke/.slurm/1");
    let dir = dir.display();
    for expected in [
        "smoke: 3 of 3 trials to run in 3 tasks of at most 0:10:00\n".to_owned(),
        format!("--- {dir}/task.sh\n#!/bin/bash\n"),
        "#SBATCH --partition=gpu\n#SBATCH --account=vision\n#SBATCH --job-name=clsrl-smoke\n".to_owned(),
        "#SBATCH --time=0:10:00\n#SBATCH --requeue\n#SBATCH --open-mode=append\n#SBATCH --signal=B:USR1@180\n".to_owned(),
        format!("#SBATCH --output={dir}/log/%A_%a.log\n#SBATCH --exclude=n7\n"),
        format!("module load cuda\nexec {dir}/program run --plan {dir}/plan.json --task \"$task\"\n"),
        format!("{dir}/program report --suite smoke --methods zero-shot,sft --datasets dtd,eurosat --limit 2 --out "),
        format!(
            "sbatch --parsable --array=0-1%16 {dir}/task.sh 0\nsbatch --parsable --array=0-0%16 {dir}/task.sh 2\n\
             sbatch --parsable --dependency=afterany:ARRAY1:ARRAY2 {dir}/report.sh\n"
        ),
    ] {
        assert!(ended.stdout.contains(&expected), "no {expected}\nin {}", ended.stdout);
    }
    assert!(!out.exists());
    assert_eq!(fakes.asked(), ["scontrol show config"]);
}

#[test]
fn a_submission_is_run_by_its_scripts_and_followed_to_its_end() {
    let fakes = Fakes::new();
    let submitted = fakes.submit(&[]);
    expect_ok(&submitted);
    let first_line = "submitted 3 tasks as array 100, array 101, the report as job 102\n";
    assert!(submitted.stdout.starts_with(first_line), "{}", submitted.stdout);
    let script = fakes.submission().join("task.sh");
    assert_eq!(
        fakes.asked(),
        [
            "scontrol show config".to_owned(),
            format!("sbatch --parsable --array=0-1 {} 0", script.display()),
            format!("sbatch --parsable --array=0-0 {} 2", script.display()),
            format!(
                "sbatch --parsable --dependency=afterany:100:101 {}",
                fakes.submission().join("report.sh").display()
            ),
        ]
    );
    assert!(fakes.submission().join("log").is_dir(), "without it no job would start");

    fs::write(fakes.path("queue"), "100|0|RUNNING|None|n1|0:10\n101|0|PENDING|Priority||0:00\n")
        .unwrap();
    let status = end(&mut fakes.slurm("status", &[]));
    expect_ok(&status);
    for line in
        ["3 tasks, 0 of 3 trials done, 0 claimed", "queue: 1 pending, 1 running (1 Priority)"]
    {
        assert!(status.stdout.contains(line), "{}", status.stdout);
    }
    let second = fakes.submit(&[]);
    assert_eq!(second.code, Some(2), "{}", second.stderr);
    assert!(second.stderr.contains("submission 1 has 2 jobs in the queue"), "{}", second.stderr);

    for (array, element, first) in [("101", "0", "2"), ("100", "1", "0"), ("100", "0", "0")] {
        let log = fakes.submission().join(format!("log/{array}_{element}.log"));
        let ended = end(&mut fakes.element(array, element, first));
        fs::write(log, &ended.stderr).unwrap();
        expect_ok(&ended);
    }
    let report = end(Command::new("bash").arg(fakes.submission().join("report.sh")));
    expect_ok(&report);
    assert_same_results(finished(), &fakes.out());
    let status = end(&mut fakes.slurm("status", &["--json"]));
    let status: serde_json::Value = serde_json::from_str(&status.stdout).unwrap();
    assert_eq!((&status["done"], &status["trials"]), (&3.into(), &3.into()));
    let logs = end(&mut fakes.slurm("logs", &["sft.dtd.4shot.seed1"]));
    expect_ok(&logs);
    assert!(logs.stdout.contains("sft.dtd.4shot.seed1 done in "), "{}", logs.stdout);
    let nobody = end(&mut fakes.slurm("logs", &["sft.dtd.4shot.seed9"]));
    assert_eq!(nobody.code, Some(2), "{}", nobody.stderr);
    fs::remove_file(fakes.path("queue")).unwrap();
    let nothing = fakes.submit(&[]);
    expect_ok(&nothing);
    assert!(nothing.stderr.contains("nothing is left to run"), "{}", nothing.stderr);
}

#[test]
fn before_its_time_limit_an_element_puts_itself_and_no_other_into_the_queue_again() {
    let fakes = Fakes::new();
    expect_ok(&fakes.submit(&["--array-max", "100", "--max-restarts", "1"]));
    fakes.asked();
    for (n_restarts, code) in [("0", 0), ("1", 75)] {
        let mut task = fakes.element("100", "0", "0");
        let mut child =
            task.env("SLURM_RESTART_COUNT", n_restarts).stderr(Stdio::piped()).spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        while !line.contains("of its own to run") {
            line.clear();
            assert_ne!(stderr.read_line(&mut line).unwrap(), 0, "it ended too early");
        }
        // The program has taken the place of the shell.
        let sent = Command::new("kill").args(["-USR1", &child.id().to_string()]).status().unwrap();
        assert!(sent.success());
        let mut rest = String::new();
        stderr.read_to_string(&mut rest).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(code), "{rest}");
        assert!(rest.contains("out of time: its trials are given back"), "{rest}");
    }
    assert_eq!(fakes.asked(), ["scontrol requeue 100_0"]);
}

#[test]
fn cancelled_jobs_are_told_first_and_their_claims_removed() {
    let fakes = Fakes::new();
    expect_ok(&fakes.submit(&[]));
    fakes.asked();
    fs::write(fakes.path("queue"), "100|0|RUNNING|None|n1|0:10\n").unwrap();
    let ended = end(&mut fakes.slurm("cancel", &[]));
    expect_ok(&ended);
    assert!(ended.stdout.contains("cancelled 1 job"), "{}", ended.stdout);
    let cancels: Vec<String> =
        fakes.asked().into_iter().filter(|asked| asked.starts_with("scancel")).collect();
    assert_eq!(
        cancels,
        [
            "scancel --state=PENDING --quiet 100 101 102",
            "scancel --batch --signal=TERM --quiet 100 101 102",
            "scancel --quiet 100 101 102",
        ]
    );
}

#[test]
fn a_file_of_jobs_that_was_changed_is_told_and_nothing_is_asked_for() {
    let fakes = Fakes::new();
    expect_ok(&fakes.submit(&[]));
    let path = fakes.out().join("smoke/.slurm/1/jobs.json");
    let jobs = fs::read_to_string(&path).unwrap();
    fs::write(&path, jobs.replace("\"100\"", "\"--me\"")).unwrap();
    fakes.asked();
    let ended = end(&mut fakes.slurm("cancel", &[]));
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains("\"--me\" is no job's number"), "{}", ended.stderr);
    assert!(ended.stderr.contains("\nhint: `squeue --me` does"), "{}", ended.stderr);
    assert_eq!(fakes.asked(), Vec::<String>::new());
}

#[test]
fn a_refusal_is_told_in_slurms_words_and_what_was_taken_can_be_cancelled() {
    let fakes = Fakes::new();
    let said = "sbatch: error: Batch job submission failed: Invalid partition name specified";
    fs::write(fakes.path("refuses"), said).unwrap();
    let ended = fakes.submit(&["--partition", "gpus"]);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains("nothing was submitted"), "{}", ended.stderr);
    assert!(ended.stderr.contains("Invalid partition name") && ended.stderr.contains("sinfo -s"));
    for (given, word) in [
        (["--partition", "gpu\nid"], "the partition is"),
        (["--report-partition", "\""], "partition is"),
    ] {
        let ended = fakes.submit(&given);
        assert_eq!(ended.code, Some(2), "{}", ended.stderr);
        assert!(ended.stderr.contains(word), "{}", ended.stderr);
    }
    let without = end(program(&[&["slurm", "status"], SMALL.as_slice()].concat()).env("PATH", "/"));
    assert_eq!(without.code, Some(2), "{}", without.stderr);
}

#[test]
fn where_nothing_tells_how_long_trials_take_a_number_of_tasks_must_be_said() {
    let fakes = Fakes::new();
    let ended = end(&mut fakes.slurm("submit", &["--gpus-per-task", "0", "--time", "10"]));
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(ended.stderr.contains("--tasks N"), "{}", ended.stderr);
    let gpu = end(&mut fakes.slurm("submit", &["--time", "8:00:00", "--dry-run"]));
    expect_ok(&gpu);
    assert!(gpu.stdout.contains("by a table of estimates for one H200"), "{}", gpu.stdout);
}
