//! Estimates: a mean with its interval, a change with its test, from records and verdicts by image.
//!
//! Owns which interval and which test stands where. Knows no formula (those are `statistics`) and no
//! wording. All intervals are two-sided at 95 %.
//!
//! | what | seeds | interval | why |
//! |---|---|---|---|
//! | accuracy on one dataset | 1 | Wilson | has a width at 0 and 100 %, holds its level for few images |
//! | accuracy on one dataset | more | Student's t over seeds, n − 1 | what another seed would give on these images |
//! | accuracy on one dataset | more, all alike | Wilson over the images | t would have no width, and be read as certainty |
//! | average accuracy | any | bootstrap | seeds and images at once, over all datasets |
//! | average accuracy | no answer differs | Newcombe, from Wilson's of each dataset | has a width at 0 and 100 %, and goes with those of its parts |
//! | change on one dataset | 1 | Tango's score interval | the paired form of Wilson's |
//! | change on one dataset | more | bootstrap | seeds and images at once |
//! | average change | any | bootstrap | the same |
//!
//! The bootstrap is hierarchical: it resamples the seeds of every fine-tune, then the images of every
//! target. What all resamples there are would tell is worked out, so no digit of it is chance; only where several
//! seeds of several fine-tunes meet on the same images are resamples drawn, as many as the printed digit needs, from
//! a stream that is named after what is estimated, so that the same results give the same interval whatever else is in
//! a report. A digit that is still uncertain is not printed. With one seed it resamples images alone. Where no
//! verdict differs from another it would have no width; of a change the score interval at the number of images
//! then stands in for it, of an accuracy Newcombe's. Every change also has its bootstrap interval beside the one of the table above.
//!
//! A change is tested on the images that both sides answered: by McNemar's mid-p where there is one run
//! on each side and one dataset, by the bootstrap otherwise. Trained sides are paired seed by seed;
//! zero-shot has one run, which stands before each seed. Several changes that are read together are a
//! family, and their p-values are Holm's. Beside a change that is not significant stands the smallest true
//! change that would have been found with 80 % power: by Connor's equation where McNemar tests, by the
//! bootstrap's standard error otherwise, and where nothing differed as if all that would went one way.
//!
//! What a record counts needs no predictions: without them there still is a mean, and Wilson's or
//! Student's interval. What is resampled or paired is not there then, and says why.

mod value;
mod change;
mod sample;
mod estimates;
mod standing;

#[cfg(test)]
mod tests;

pub(crate) use change::{Change, Tested, Untested};
pub(crate) use estimates::{Contrast, Estimates};
pub(crate) use standing::{Rank, Standing, standings};
pub(crate) use value::{Bounds, Estimate, IntervalKind};
