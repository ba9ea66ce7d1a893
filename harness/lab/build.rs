//! Makes this crate's tests and benches find libtorch at run time.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // Absent when tch is built for its documentation alone.
    let Ok(lib) = std::env::var("DEP_CLSRL_ENGINE_LIBTORCH_LIB") else { return };
    println!("cargo::rustc-link-arg=-Wl,-rpath,{lib}");
}
