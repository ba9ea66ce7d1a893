//! Makes this crate's tests find libtorch at run time, hands its folder on to `clsrl-engine`, and
//! remembers its version for the records.

use std::path::Path;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // Absent when tch is built for its documentation alone.
    let Ok(lib) = std::env::var("DEP_TCH_LIBTORCH_LIB") else { return };
    println!("cargo::rustc-link-arg=-Wl,-rpath,{lib}");
    println!("cargo::metadata=libtorch_lib={lib}");
    if let Some(version) = version_of(Path::new(&lib)) {
        println!("cargo::rustc-env=CLSRL_LIBTORCH_VERSION={version}");
    }
}

/// Reads the text of `TORCH_VERSION` in libtorch's headers.
fn version_of(lib: &Path) -> Option<String> {
    let include = lib.parent()?.join("include/torch");
    let text = ["headeronly/version.h", "csrc/api/include/torch/version.h"]
        .iter()
        .find_map(|header| std::fs::read_to_string(include.join(header)).ok())?;
    let (_, value) = text.split_once("#define TORCH_VERSION ")?; // may stand on the next line
    Some(value.split('"').nth(1)?.to_owned())
}
