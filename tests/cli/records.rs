//! Records of a results folder, changed by hand: as by somebody who seals them anew, or by an older program.

use std::{fs, path::Path};

use clsrl_spec::sealed_digest;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// Reads a file of JSON.
pub fn read(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// Changes a record and leaves its seal as it was.
pub fn edit(path: &Path, change: impl Fn(&mut Value)) {
    let mut file = read(path);
    change(&mut file);
    fs::write(path, serde_json::to_vec_pretty(&file).unwrap()).unwrap();
}

/// Changes a record and seals it anew, with the predictions that lie beside it.
pub fn edit_and_seal(path: &Path, change: impl Fn(&mut Value)) {
    let predictions = fs::read(path.with_extension("predictions.jsonl"));
    edit(path, |file| {
        change(file);
        let digests = [
            ("identity", sealed_digest(&file["identity"])),
            ("outcome", sealed_digest(&file["record"]["outcome"])),
            ("run", sealed_digest(&file["record"]["run"])),
        ];
        for (part, digest) in digests {
            file["seal"][part] = digest.into();
        }
        if let Ok(bytes) = &predictions {
            let digest: String =
                Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
            file["seal"]["predictions"] = digest.into();
        }
    });
}

/// Makes a record what a program of a version before 6 wrote.
pub fn age(path: &Path, version: u64) {
    edit(path, |file| {
        file["version"] = version.into();
        file.as_object_mut().unwrap().remove("seal").unwrap();
        file["record"]["outcome"].as_object_mut().unwrap().remove("weights_digest");
    });
}

/// The answers of a predictions file.
pub fn answers(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Writes a predictions file.
pub fn write_answers(path: &Path, answers: &[Value]) {
    let lines: String = answers.iter().map(|answer| format!("{answer}\n")).collect();
    fs::write(path, lines).unwrap();
}

/// Changes a baseline and seals it anew.
pub fn edit_baseline(path: &Path, change: impl Fn(&mut Value)) {
    edit(path, |file| {
        change(file);
        file.as_object_mut().unwrap().remove("seal").unwrap();
        file["seal"] = sealed_digest(file).into();
    });
}
