//! Compiles the C++ half against the headers of the libtorch that torch-sys found, and makes this
//! crate's tests find that libtorch at run time.

use std::path::Path;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=src/shim.cpp");
    // Absent when tch is built for its documentation alone.
    let Ok(lib) = std::env::var("DEP_TCH_LIBTORCH_LIB") else { return };
    println!("cargo::rustc-link-arg=-Wl,-rpath,{lib}");
    let include = Path::new(&lib).with_file_name("include");
    cc::Build::new()
        .cpp(true)
        .std("c++17")
        .flag("-fvisibility=hidden")
        .flag("-isystem") // no warnings about headers that are not ours
        .flag(include.as_os_str())
        .file("src/shim.cpp")
        .compile("clsrl_shim");
}
