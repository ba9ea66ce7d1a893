//! Scripts as Slurm and a shell read them.

use std::{process::Command, time::Duration};

use super::*;

fn settings() -> Settings {
    Settings {
        job_name: "clsrl-few-shot".to_owned(),
        partition: Some("gpu".to_owned()),
        account: Some("vision".to_owned()),
        qos: None,
        constraint: Some("h100|h200".to_owned()),
        time: "8:00:00".parse().unwrap(),
        gpus_per_task: 1,
        cpus_per_task: Some(8),
        mem: Some("64G".to_owned()),
        signal_before: Duration::from_secs(180),
        container: None,
        setup: vec!["module load cuda/12.8".to_owned()],
        extra: vec!["--exclude=n7".to_owned()],
        work_dir: "/srv/clsrl bench".into(),
        log_dir: "/scratch/100%/log".into(),
    }
}

fn task_script(settings: &Settings) -> String {
    let (program, plan) = (Path::new("/s/program"), Path::new("/s/it's/plan.json"));
    TaskScript { settings, program, plan, home: Path::new("/srv/clsrl bench") }.render()
}

/// Whether a shell can read it.
#[track_caller]
fn check_syntax(script: &str) {
    let output = Command::new("bash").args(["-n", "-c", script]).output().unwrap();
    assert!(output.status.success(), "{}\n{script}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_task_is_what_a_person_would_write() {
    let script = task_script(&settings());
    check_syntax(&script);
    let expected = r#"#!/bin/bash
# Runs one task of a plan; submit it as an array.
#SBATCH --ntasks=1
#SBATCH --chdir="/srv/clsrl bench"
#SBATCH --partition=gpu
#SBATCH --account=vision
#SBATCH --job-name=clsrl-few-shot
#SBATCH --time=8:00:00
#SBATCH --gpus-per-task=1
#SBATCH --cpus-per-task=8
#SBATCH --mem=64G
#SBATCH --constraint=h100|h200
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --signal=B:USR1@180
#SBATCH --output=/scratch/100%%/log/%A_%a.log
#SBATCH --exclude=n7

export CLSRL_HOME='/srv/clsrl bench'
task=$(( ${1:-0} + SLURM_ARRAY_TASK_ID ))
module load cuda/12.8
exec /s/program run --plan '/s/it'\''s/plan.json' --task "$task"
"#;
    assert_eq!(script, expected);
}

#[test]
fn an_image_of_apptainer_sees_the_folders_and_the_gpu() {
    let dirs = vec!["/data".into(), "/s".into(), "/data/dtd".into(), "/s".into()];
    let container = Container::new("/i/clsrl.sif".to_owned(), Runtime::Apptainer, dirs);
    let script = task_script(&Settings { container: Some(container), ..settings() });
    check_syntax(&script);
    let last = script.lines().last().unwrap();
    let begin =
        "exec apptainer exec --nv --bind /data --bind /s /i/clsrl.sif /s/program run --plan ";
    assert!(last.starts_with(begin), "{last}");
    assert!(script.contains("export APPTAINERENV_CUDA_VISIBLE_DEVICES="), "{script}");
}

#[test]
fn an_image_of_pyxis_is_an_option_with_literal_paths() {
    let dirs = vec!["/data".into(), "/s".into()];
    let container = Container::new("nvcr.io#nvidia/cuda".to_owned(), Runtime::Pyxis, dirs);
    let cpu = Settings { container: Some(container), gpus_per_task: 0, ..settings() };
    let script = task_script(&cpu);
    check_syntax(&script);
    assert!(script.contains("#SBATCH --container-image=\"nvcr.io#nvidia/cuda\"\n"), "{script}");
    assert!(script.contains("#SBATCH --container-mounts=/data:/data,/s:/s\n"), "{script}");
    assert!(!script.contains("gpus-per-task") && script.contains("\nexec /s/program run"));
}

#[test]
fn the_report_runs_every_command_and_ends_with_the_last_code_that_is_no_success() {
    let command = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let code = |commands: &[&str]| {
        let commands: Vec<Vec<String>> = commands.iter().map(|text| command(text)).collect();
        let settings = Settings { setup: Vec::new(), ..settings() };
        let home = Path::new("/");
        let script =
            ReportScript { settings: &settings, partition: Some("cpu"), home, commands: &commands };
        let script = script.render();
        assert!(script.contains("#SBATCH --partition=cpu\n"), "{script}");
        assert!(!script.contains("gpus"), "{script}");
        Command::new("bash").args(["-c", &script]).status().unwrap().code().unwrap()
    };
    assert_eq!(code(&["true", "true"]), 0);
    assert_eq!(code(&["/no/such/program", "true"]), 127);
    assert_eq!(code(&["false", "true"]), 1);
    assert_eq!(code(&["true", "false"]), 1);
}

#[test]
fn what_a_script_would_say_otherwise_is_refused() {
    let check = |change: &dyn Fn(&mut Settings), expected: &str| {
        let mut settings = settings();
        change(&mut settings);
        let found = settings.check().unwrap_err();
        assert!(found.contains(expected), "{found}");
    };
    assert_eq!(settings().check(), Ok(()));
    check(
        &|s| s.partition = Some("gpu\nrm -rf x".to_owned()),
        "the partition is \"gpu\\nrm -rf x\"",
    );
    check(&|s| s.mem = Some("6\"4G".to_owned()), "the memory is");
    check(&|s| s.work_dir = "/a\nb".into(), "the current folder is");
    check(&|s| s.extra = vec!["--exclude=n7\nx".to_owned()], "a further option of `sbatch` is");
    check(&|s| s.signal_before = s.time.duration(), "28800 s before it, and may run 8:00:00");
    for (runtime, folder) in [
        (Runtime::Apptainer, "/data:ro"),
        (Runtime::Pyxis, "/data,other"),
        (Runtime::Pyxis, "/da\"ta"),
    ] {
        let container = Container::new("i".to_owned(), runtime, vec![folder.into()]);
        check(&|s| s.container = Some(container.clone()), "a folder that the image sees is");
    }
}
