//! Makes this crate's tests find libtorch at run time, and hands its folder on to `clsrl-engine`.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // Absent when tch is built for its documentation alone.
    let Ok(lib) = std::env::var("DEP_TCH_LIBTORCH_LIB") else { return };
    println!("cargo::rustc-link-arg=-Wl,-rpath,{lib}");
    println!("cargo::metadata=libtorch_lib={lib}");
}
