//! Suites and their mistakes.
