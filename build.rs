//! Makes the program and its tests find libtorch at run time, without `LD_LIBRARY_PATH`.
//!
//! A RUNPATH is written, not an RPATH: `LD_LIBRARY_PATH` wins, so the same binary runs against a
//! CUDA build of libtorch elsewhere.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // Absent when tch is built for its documentation alone.
    let Ok(lib) = std::env::var("DEP_CLSRL_ENGINE_LIBTORCH_LIB") else { return };
    println!("cargo::rustc-link-arg=-Wl,-rpath,{lib}");
    println!("cargo::rustc-env=CLSRL_LIBTORCH_LIB={lib}"); // tests compile a stand-in against it
}
