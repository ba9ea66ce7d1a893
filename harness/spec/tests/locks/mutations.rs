//! Locks that were cut, flipped and shuffled from a seed: the reader answers, and never panics.

use clsrl_spec::{
    Stream,
    lock::{Lock, with_entries},
};

use crate::LOCK;

const N_MUTATIONS: u64 = 3000;

/// Texts that mean something in TOML or here.
const PIECES: [&str; 16] = [
    "[",
    "]",
    "{",
    "}",
    "\"",
    "'''",
    "\n",
    "=",
    ".",
    ",",
    "#",
    "unverified",
    "[drawn]",
    "1e999",
    "\u{feff}",
    "ü",
];

/// A lock with up to eight changes.
fn mutated(seed: u64) -> String {
    let mut stream = Stream::new(seed, &["mutated lock"]);
    let mut text: Vec<char> = LOCK.chars().collect();
    for _ in 0..=stream.below(8) {
        let at = stream.below(text.len() + 1);
        match stream.below(5) {
            0 => text.truncate(at),
            1 => drop(text.drain(at..text.len().min(at + 1 + stream.below(40)))),
            2 => {
                let copied: Vec<char> = text[at..text.len().min(at + stream.below(200))].to_vec();
                let to = stream.below(text.len() + 1);
                text.splice(to..to, copied);
            }
            3 => {
                let piece = PIECES[stream.below(PIECES.len())];
                text.splice(at..at, piece.chars());
            }
            _ if at < text.len() => {
                text[at] = char::from_u32(stream.below(0x3000) as u32).unwrap_or('x');
            }
            _ => {}
        }
    }
    text.into_iter().collect()
}

#[test]
fn no_lock_makes_the_reader_panic() {
    let (mut n_read, mut n_refused) = (0, 0);
    for seed in 0..N_MUTATIONS {
        let text = mutated(seed);
        match Lock::parse(&text, "datasets.lock") {
            Ok(_) => n_read += 1,
            Err(errors) => {
                n_refused += 1;
                let n_lines = 1 + text.matches('\n').count();
                assert!(!errors.0.is_empty(), "{text}");
                assert!(errors.0.iter().all(|error| (1..=n_lines).contains(&error.line)), "{text}");
            }
        }
        // What is read can be written, and what is written says the same.
        if let (Ok(lock), Ok(written)) =
            (Lock::parse(&text, "datasets.lock"), with_entries(&text, &[]))
        {
            assert_eq!(Lock::parse(&written, "datasets.lock").as_ref(), Ok(&lock), "{text}");
        }
    }
    assert!(50 < n_read && 1000 < n_refused, "{n_read} read, {n_refused} refused");
}

#[test]
fn deep_nesting_is_an_error() {
    for open in ["[", "{a="] {
        let text = format!("version = 1\ndtd = {}", open.repeat(100_000));
        Lock::parse(&text, "datasets.lock").unwrap_err();
    }
}
