//! What `--version` says of the code, with git and without.

use std::{fs, path::Path, process::Command};

use crate::program::{Ended, end, program, root, temporary};

/// The version that a program tells that finds its project in a folder.
fn version_in(home: &Path) -> Ended {
    end(program(&["--version"]).env("CLSRL_HOME", home))
}

fn git(dir: &Path, args: &[&str]) {
    let identity = ["-c", "user.name=a", "-c", "user.email=a@b"];
    let done = Command::new("git").arg("-C").arg(dir).args(identity).args(args).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

#[test]
fn the_version_has_the_commit_and_whether_files_differ() {
    let dir = temporary();
    for folder in ["suites", "harness"] {
        fs::create_dir(dir.path().join(folder)).unwrap();
    }
    fs::write(dir.path().join("suites/a.toml"), "").unwrap();
    let expected =
        |commit: &str| format!("clsrl-bench {} (commit {commit})\n", env!("CARGO_PKG_VERSION"));
    // Without a checkout only an archive of the sources could tell, and this is none.
    let ended = version_in(dir.path());
    assert_eq!((ended.code, ended.stdout), (Some(0), expected("unknown")));
    git(dir.path(), &["init", "--quiet"]);
    git(dir.path(), &["add", "."]);
    git(dir.path(), &["commit", "--quiet", "--message", "a"]);
    let head = Command::new("git").arg("-C").arg(dir.path()).args(["rev-parse", "HEAD"]).output();
    let head = String::from_utf8(head.unwrap().stdout).unwrap()[..12].to_owned();
    assert_eq!(version_in(dir.path()).stdout, expected(&head));
    fs::write(dir.path().join("suites/a.toml"), "a").unwrap();
    assert_eq!(version_in(dir.path()).stdout, expected(&format!("{head}-dirty")));
}

#[test]
fn an_archive_of_the_sources_brings_its_commit() {
    let file = "harness/cli/archived-commit.txt";
    let git = |args: &[&str]| Command::new("git").current_dir(root()).args(args).output().unwrap();
    let head = git(&["rev-parse", "HEAD"]);
    if !head.status.success() {
        eprintln!("skipped: not a git checkout, so there is nothing to make an archive of");
        return;
    }
    let archive = git(&["archive", "--format=tar", "HEAD", file]);
    assert!(archive.status.success(), "{}", String::from_utf8_lossy(&archive.stderr));
    let (head, archive) = (String::from_utf8(head.stdout).unwrap(), archive.stdout);
    assert!(String::from_utf8_lossy(&archive).contains(&format!("\0{head}")), "{head}");
}
