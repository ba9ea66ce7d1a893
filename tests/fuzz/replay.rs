//! Every reader reads its corpus and some mutations of it, the same ones every time.

use clsrl_fuzz::{Corpus, Mutator, Site, TARGETS, corpus_dir};

/// Mutations of each target.
const N_MUTATIONS: usize = 150;

#[test]
fn no_reader_panics_on_its_corpus_or_on_mutations_of_it() {
    let site = Site::new();
    for target in TARGETS {
        let corpus = Corpus::read(&corpus_dir(target.name)).unwrap();
        assert!(!corpus.inputs.is_empty(), "{} has no corpus", target.name);
        let mut mutator = Mutator::new(0, target.name);
        for input in &corpus.inputs {
            (target.read)(&site, input);
        }
        for _ in 0..N_MUTATIONS {
            let n = corpus.inputs.len();
            let (idx, other) = (mutator.choose(n), mutator.choose(n));
            (target.read)(&site, &mutator.mutate(&corpus.inputs[idx], &corpus.inputs[other]));
        }
    }
}
