//! Datasets on disk against their lock: what differs, what leads astray, what is remembered.

mod lock {
    pub mod place;

    mod bad_files;
    mod cache;
    mod differences;
    mod leaks;
    mod links;
    mod broken;
    mod bound;
}
