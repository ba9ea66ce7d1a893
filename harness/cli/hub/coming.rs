//! How far a fetch has come: a bar on a terminal, elsewhere a line now and then; rate and time left in both.

use std::time::{Duration, Instant};

use clsrl_hub::FetchEvent;
use indicatif::{DecimalBytes, HumanDuration, MultiProgress, ProgressBar, ProgressStyle};

use crate::{output::note, progress::Detail, terminal::draw_target};

/// Fits 80 columns: the bar takes what the rest leaves.
const TEMPLATE: &str = "{prefix:!32} {wide_bar} {decimal_bytes}/{decimal_total_bytes} {decimal_bytes_per_sec}, {eta} left";

/// How often a line is written where there are no bars.
const EVERY: Duration = Duration::from_secs(10);

/// What is done with a file, in front of its name.
const FETCHING: &str = "";
const CHECKING: &str = "checking ";
const UNPACKING: &str = "unpacking ";

/// What is shown of a fetch.
pub struct Coming {
    detail: Detail,
    bars: MultiProgress,
    bar: ProgressBar,
    /// The file that comes or is checked.
    current: Option<Current>,
}

struct Current {
    name: String,
    size: u64,
    from: u64,
    n_bytes: u64,
    began: Instant,
    reported: Instant,
    doing: &'static str,
}

impl Coming {
    /// Begins to show.
    pub fn new(detail: Detail) -> Self {
        Coming {
            detail,
            bars: MultiProgress::with_draw_target(draw_target()),
            bar: ProgressBar::hidden(),
            current: None,
        }
    }

    /// What is on the terminal, to be taken away by somebody else.
    pub fn bars(&self) -> MultiProgress {
        self.bars.clone()
    }

    /// Shows what happened.
    pub fn show(&mut self, event: FetchEvent<'_>) {
        match event {
            FetchEvent::Checking { name, size } => self.begin((CHECKING, name), size, 0),
            FetchEvent::Unpacking { name, size } => self.begin((UNPACKING, name), size, 0),
            FetchEvent::Fetching { name, size, from } => self.begin((FETCHING, name), size, from),
            FetchEvent::Bytes(n_bytes) => self.advance(n_bytes),
            FetchEvent::Again { name, reason } => {
                self.say(&format!("{name} begins anew: {reason}"))
            }
            FetchEvent::Waiting { reason, wait } => {
                self.say(&format!("{reason}; tried again in {} s", wait.as_secs()));
            }
            FetchEvent::Held { name } => {
                self.say(&format!(
                    "{name} is being fetched by another process, which is waited for"
                ));
            }
            FetchEvent::Done { name } => {
                let is_of_this =
                    |current: &Current| current.doing == FETCHING && current.name == name;
                if self.current.take().is_some_and(|current| is_of_this(&current)) {
                    self.say(&format!("{name} is here and checked"));
                }
                self.bar.finish_and_clear();
            }
        }
    }

    /// Takes the bar away.
    pub fn close(self) {
        self.bar.finish_and_clear();
    }

    fn begin(&mut self, (doing, name): (&'static str, &str), size: u64, from: u64) {
        self.bar.finish_and_clear();
        if self.detail == Detail::Bars {
            let style = ProgressStyle::with_template(TEMPLATE).expect("the template is valid");
            let bar = ProgressBar::new(size).with_style(style.progress_chars("=> "));
            self.bar = self.bars.add(bar);
            self.bar.set_prefix(format!("{doing}{name}"));
            self.bar.set_position(from);
            // What was there before says nothing of how fast the rest comes.
            self.bar.reset_eta();
        }
        let now = Instant::now();
        let name = name.to_owned();
        self.current =
            Some(Current { name, size, from, n_bytes: from, began: now, reported: now, doing });
    }

    fn advance(&mut self, n_bytes: u64) {
        self.bar.inc(n_bytes);
        let Some(current) = &mut self.current else { return };
        current.n_bytes += n_bytes;
        if self.detail == Detail::Lines && EVERY <= current.reported.elapsed() {
            current.reported = Instant::now();
            let what = current.doing;
            let line =
                progress(current.from, current.n_bytes, current.size, current.began.elapsed());
            note(&format!("{what}{}: {line}", current.name));
        }
    }

    fn say(&self, text: &str) {
        self.bar.suspend(|| self.detail.say(text));
    }
}

/// How far it is, how fast it comes and how long it takes; what was there before says nothing of the rate.
fn progress(from: u64, n_bytes: u64, size: u64, elapsed: Duration) -> String {
    let rate = n_bytes.saturating_sub(from) as f64 / elapsed.as_secs_f64().max(1e-3);
    let left = match rate < 1.0 {
        true => "no end in sight".to_owned(),
        false => {
            let seconds = size.saturating_sub(n_bytes) as f64 / rate;
            format!("{} left", HumanDuration(Duration::from_secs_f64(seconds.min(1e9))))
        }
    };
    let (n_bytes, size) = (DecimalBytes(n_bytes), DecimalBytes(size));
    format!("{n_bytes} of {size}, {}/s, {left}", DecimalBytes(rate as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rate_and_time_left_are_those_of_what_came_now() {
        let seconds = Duration::from_secs(10);
        let message = progress(1_000_000_000, 1_500_000_000, 4_000_000_000, seconds);
        assert_eq!(message, "1.50 GB of 4.00 GB, 50.00 MB/s, 50 seconds left");
        assert_eq!(progress(7, 7, 9, seconds), "7 B of 9 B, 0 B/s, no end in sight");
        assert!(progress(0, 9, 9, Duration::ZERO).ends_with("0 seconds left"));
    }
}
