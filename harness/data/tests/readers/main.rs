//! The readers of the eleven datasets: real lists, raw annotations, and files that are wrong.

mod folders;
mod faults;
mod lists;
mod mat;
mod mutated;
mod place;
mod published;
mod small;
mod standard;
