//! How far hashing has come: files, bytes and bytes per second.

use std::sync::atomic::{AtomicUsize, Ordering};

use clsrl_data::lock::Hashed;
use indicatif::{HumanCount, ProgressBar, ProgressStyle};

use crate::{progress::Detail, terminal::draw_target};

const TEMPLATE: &str = "{spinner} {prefix}: {msg}, {bytes} read ({bytes_per_sec}, {elapsed})";

/// How often the number of files is written out.
const FILES_PER_MESSAGE: usize = 64;

/// A line on the terminal that counts; hidden where there are no bars.
pub struct Meter {
    bar: ProgressBar,
    n_files: AtomicUsize,
}

impl Meter {
    /// Begins to count what is hashed of `what`.
    pub fn new(detail: Detail, what: &str) -> Self {
        let bar = match detail {
            Detail::Bars => ProgressBar::with_draw_target(None, draw_target()),
            Detail::Lines | Detail::Quiet => ProgressBar::hidden(),
        };
        bar.set_style(ProgressStyle::with_template(TEMPLATE).expect("the template is valid"));
        bar.set_prefix(what.to_owned());
        bar.set_message("0 files");
        Meter { bar, n_files: AtomicUsize::new(0) }
    }

    /// Counts what was hashed; from any thread.
    pub fn add(&self, hashed: Hashed) {
        if 0 < hashed.n_bytes {
            self.bar.inc(hashed.n_bytes);
        }
        if hashed.n_files == 0 {
            return;
        }
        let before = self.n_files.fetch_add(hashed.n_files, Ordering::Relaxed);
        let n_files = before + hashed.n_files;
        if before / FILES_PER_MESSAGE < n_files / FILES_PER_MESSAGE {
            self.bar.set_message(format!("{} files", HumanCount(n_files as u64)));
        }
    }

    /// Takes the line away.
    pub fn close(self) {
        self.bar.finish_and_clear();
    }
}
