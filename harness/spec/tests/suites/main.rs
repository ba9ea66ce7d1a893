//! Suites from text to identity: the project's own files, mistakes, plans, ids.

mod given;

mod files;
mod formats;
mod mistakes;
mod plan;
mod set;

mod identity;
