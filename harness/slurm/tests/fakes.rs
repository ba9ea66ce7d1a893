//! Slurm's commands, played by shell scripts that note what they are asked and answer as the real ones do.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use clsrl_slurm::{Array, Element, Jobs, Queued, Slurm, SlurmError, array_args, report_args};

/// Commands that print and end so; each notes its arguments in `asked`.
fn fakes(dir: &Path, commands: &[(&str, &str)]) -> Slurm {
    for (name, body) in commands {
        let path = dir.join(name);
        let asked = dir.join("asked");
        let text = format!("#!/bin/bash\necho \"{name} $*\" >>{}\n{body}\n", asked.display());
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    Slurm::in_path(format!("{}:/usr/bin:/bin", dir.display()).into())
}

fn asked(dir: &Path) -> String {
    fs::read_to_string(dir.join("asked")).unwrap_or_default()
}

fn jobs() -> Jobs {
    let arrays = vec![Array { job: "30".to_owned(), first: 0, n: 4 }];
    Jobs { arrays, report: Some("31".to_owned()), cluster: None }
}

#[test]
fn an_array_and_its_report_are_submitted_by_number() {
    let dir = tempfile::tempdir().unwrap();
    let slurm = fakes(dir.path(), &[("sbatch", "echo 'a greeting of the site'; echo 30")]);
    let script = Path::new("/s/task.sh");
    let taken = slurm.submit(&array_args(script, 100, 71, Some(16))).unwrap();
    assert_eq!((taken.job.as_str(), taken.cluster), ("30", None));
    let slurm = fakes(dir.path(), &[("sbatch", "echo '31;alpha'")]);
    let after = ["30".to_owned(), "29".to_owned()];
    let taken = slurm.submit(&report_args(Path::new("/s/report.sh"), &after)).unwrap();
    assert_eq!((taken.job.as_str(), taken.cluster.as_deref()), ("31", Some("alpha")));
    let expected = "sbatch --parsable --array=0-70%16 /s/task.sh 100\n\
                    sbatch --parsable --dependency=afterany:30:29 /s/report.sh\n";
    assert_eq!(asked(dir.path()), expected);
}

#[test]
fn a_refusal_is_slurms_own_words_with_a_hint() {
    let dir = tempfile::tempdir().unwrap();
    for (said, hint) in [
        (
            "Batch job submission failed: Invalid account or account/partition combination",
            "--partition",
        ),
        ("Batch job submission failed: Invalid job array specification", "--array-max"),
        ("Batch job submission failed: Job violates accounting/QOS policy", "--qos"),
        ("Unable to contact slurm controller (connect failure)", "scontrol ping"),
    ] {
        let slurm =
            fakes(dir.path(), &[("sbatch", &format!("echo 'sbatch: error: {said}' >&2; exit 1"))]);
        let error = slurm.submit(&["task.sh".to_owned()]).unwrap_err().to_string();
        assert!(error.contains(said) && error.contains(hint), "{error}");
    }
    let slurm = fakes(dir.path(), &[("sbatch", "echo Submitted batch job 7")]);
    let error = slurm.submit(&["task.sh".to_owned()]).unwrap_err();
    assert!(matches!(error, SlurmError::Answer { .. }), "{error}");
    let nowhere = Slurm::in_path(dir.path().join("none").into());
    let error = nowhere.submit(&["task.sh".to_owned()]).unwrap_err();
    assert!(matches!(error, SlurmError::Start { .. }), "{error}");
}

#[test]
fn the_largest_array_is_what_the_controller_says() {
    let dir = tempfile::tempdir().unwrap();
    let config = "echo 'Configuration data as of 2026'; echo 'MaxArraySize            = 1001'";
    assert_eq!(fakes(dir.path(), &[("scontrol", config)]).max_elements(), Some(1001));
    assert_eq!(fakes(dir.path(), &[("scontrol", "exit 1")]).max_elements(), None);
}

#[test]
fn the_queue_tells_states_and_knows_nothing_of_what_ended() {
    let dir = tempfile::tempdir().unwrap();
    let lines = "echo '30|2|RUNNING|None|n1|12:00'; echo '31|N/A|PENDING|Dependency||0:00'";
    let queued = fakes(dir.path(), &[("squeue", lines)]).queue(&jobs()).unwrap();
    let tasks: Vec<Option<usize>> = queued.iter().map(|queued| jobs().task_of(queued)).collect();
    assert_eq!(tasks, [Some(2), None]);
    assert_eq!(queued.iter().map(Queued::is_running).collect::<Vec<_>>(), [true, false]);
    let gone = "echo 'slurm_load_jobs error: Invalid job id specified' >&2; exit 1";
    assert_eq!(fakes(dir.path(), &[("squeue", gone)]).queue(&jobs()).unwrap(), []);
    let down = "echo 'Unable to contact slurm controller' >&2; exit 1";
    fakes(dir.path(), &[("squeue", down)]).queue(&jobs()).unwrap_err();
    assert!(asked(dir.path()).starts_with("squeue -h -r -o %F|%K|%T|%r|%N|%M -j 30,31\n"));
}

#[test]
fn one_element_is_requeued_and_all_jobs_are_cancelled_after_they_were_told() {
    let dir = tempfile::tempdir().unwrap();
    let slurm = fakes(dir.path(), &[("scontrol", ""), ("scancel", "")]);
    let variables = |name: &str| match name {
        "SLURM_ARRAY_JOB_ID" | "SLURM_JOB_ID" => Some("30".to_owned()),
        "SLURM_ARRAY_TASK_ID" => Some("2".to_owned()),
        _ => None,
    };
    slurm.requeue(&Element::find(&variables).unwrap()).unwrap();
    let clustered = Jobs { cluster: Some("alpha".to_owned()), ..jobs() };
    slurm.tell_to_end(&clustered).unwrap();
    slurm.cancel(&clustered).unwrap();
    let expected = "scontrol requeue 30_2\n\
                    scancel --clusters=alpha --batch --signal=TERM --quiet 30 31\n\
                    scancel --clusters=alpha --quiet 30 31\n";
    assert_eq!(asked(dir.path()), expected);
}
