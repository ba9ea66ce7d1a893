//! `fuzz TARGET SECONDS FOUND [SEED]`: mutates the corpus and reads, for so many seconds; what panics or takes long
//! is left in the folder FOUND, and so is what is being read when the process dies.

use std::{
    env, fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    process::ExitCode,
    time::{Duration, Instant},
};

use clsrl_fuzz::{Corpus, Coverage, Mutator, Site, TARGETS, Target, corpus_dir};

/// Beyond that a reader counts as one that hangs.
const TOO_LONG: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let parsed = match args.as_slice() {
        [target, seconds, found, rest @ ..] => {
            let target = TARGETS.into_iter().find(|known| known.name == *target);
            let seed = rest.first().map_or(Some(1), |seed| seed.parse().ok());
            target.zip(seconds.parse().ok()).zip(seed).map(|of| (of, found))
        }
        _ => None,
    };
    let Some((((target, seconds), seed), found)) = parsed else {
        let names = TARGETS.map(|target| target.name).join(", ");
        eprintln!("usage: fuzz TARGET SECONDS FOUND [SEED], a target is one of {names}");
        return ExitCode::from(2);
    };
    let session = Session { target, found: Path::new(found) };
    match session.run(Duration::from_secs(seconds), seed) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{}: {message}", target.name);
            ExitCode::FAILURE
        }
    }
}

struct Session<'a> {
    target: Target,
    found: &'a Path,
}

impl Session<'_> {
    fn run(&self, duration: Duration, seed: u64) -> Result<(), String> {
        let name = self.target.name;
        let mut corpus = Corpus::read(&corpus_dir(name)).map_err(|e| format!("no corpus: {e}"))?;
        fs::create_dir_all(self.found).map_err(|e| e.to_string())?;
        let site = Site::new();
        let mut coverage = Coverage::new();
        let mut mutator = Mutator::new(seed, name);
        coverage.reset();
        let n_seeds = corpus.inputs.len();
        for input in &corpus.inputs {
            self.read(&site, input)?;
            coverage.is_new();
        }
        let began = Instant::now();
        let mut n_read = 0_u64;
        let mut slowest = Duration::ZERO;
        while began.elapsed() < duration {
            // Later inputs more often: they reached something that the ones before did not.
            let n = corpus.inputs.len();
            let idx = mutator.choose(n).max(mutator.choose(n));
            let other = mutator.choose(n);
            let input = mutator.mutate(&corpus.inputs[idx], &corpus.inputs[other]);
            slowest = slowest.max(self.read(&site, &input)?);
            n_read += 1;
            if coverage.is_new() {
                corpus.inputs.push(input);
            }
        }
        let _ = fs::remove_file(self.found.join(name));
        println!(
            "{name}: {n_read} inputs, {} of {} edges, {n_seeds} seeds, {} kept, slowest {slowest:.1?}",
            coverage.n_reached(),
            coverage.n_edges(),
            corpus.inputs.len() - n_seeds
        );
        Ok(())
    }

    /// Reads one input, which lies in the folder until it was read well.
    fn read(&self, site: &Site, input: &[u8]) -> Result<Duration, String> {
        let path = self.found.join(self.target.name);
        fs::write(&path, input).map_err(|error| error.to_string())?;
        let began = Instant::now();
        let read = catch_unwind(AssertUnwindSafe(|| (self.target.read)(site, input)));
        let took = began.elapsed();
        match read {
            Err(_) => Err(format!("a panic; the input is `{}`", path.display())),
            Ok(()) if TOO_LONG < took => {
                Err(format!("{took:.1?} for one input, which is `{}`", path.display()))
            }
            Ok(()) => Ok(took),
        }
    }
}
