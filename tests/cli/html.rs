//! The HTML report as the program writes it; what it does in a browser is tested beside its writer.

use std::{fs, path::Path};

use crate::program::{call, copy_of_finished, expect_ok, text};

fn report(out: &Path, more: &[&str]) -> String {
    expect_ok(&[&["report", "--suite", "smoke", "--out", text(out)], more].concat());
    fs::read_to_string(out.join("smoke.html")).unwrap()
}

#[test]
fn a_run_and_a_report_write_the_same_html_with_the_drawn_images() {
    let dir = copy_of_finished();
    let of_run = fs::read_to_string(dir.path().join("smoke.html")).unwrap();
    assert!(of_run.contains("All 16 samples are here"));
    // Two images of each of the two datasets, each embedded once.
    assert!(of_run.contains("Each of the 4 images is shown small."));
    assert_eq!(of_run.matches("/9j/").count(), 4);
    assert!(report(dir.path(), &[]) == of_run);
}

#[test]
fn a_folder_without_the_images_leaves_their_paths() {
    let dir = copy_of_finished();
    let empty = dir.path().join("data");
    fs::create_dir(&empty).unwrap();
    let html = report(dir.path(), &["--data", text(&empty)]);
    assert!(html.contains("No image was found") && !html.contains("/9j/"));
    let missing = text(&dir.path().join("missing")).to_owned();
    let ended =
        call(&["report", "--suite", "smoke", "--out", text(dir.path()), "--data", &missing]);
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(ended.stderr.contains("there is no data folder"), "{}", ended.stderr);
}
