//! Broken and hostile weights: one error that names file, tensor, expected and found.

use std::{fs, path::Path};

use tch::{Kind, Tensor};

use crate::{
    files::{Tensors, load, write_config, write_shards, write_tensors},
    tiny,
};

/// Writes the tiny model's tensors after a change and returns the error of loading them.
fn error_after(change: impl Fn(&mut Tensors), kind: Kind) -> String {
    let dir = tempfile::tempdir().unwrap();
    let mut tensors = tiny::model().named_parameters();
    change(&mut tensors);
    write_config(dir.path(), &tiny::config());
    write_tensors(&dir.path().join("model.safetensors"), &tensors, kind);
    load(dir.path()).err().expect("loading must fail").to_string()
}

/// Returns the error of loading a file of these bytes.
fn error_of_bytes(bytes: &[u8]) -> String {
    let dir = tempfile::tempdir().unwrap();
    write_config(dir.path(), &tiny::config());
    fs::write(dir.path().join("model.safetensors"), bytes).unwrap();
    load(dir.path()).err().expect("loading must fail").to_string()
}

fn with_header(header: &str, data: &[u8]) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes(), header.as_bytes(), data].concat()
}

fn check(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "`{part}` is not in:\n{message}");
    }
}

#[test]
fn every_missing_and_extra_tensor_is_named() {
    let message = error_after(
        |tensors| {
            tensors.retain(|(name, _)| !name.contains("k_proj.bias"));
            tensors.push(("model.layers.9.thing".to_owned(), Tensor::from_slice(&[1f32, 2.0])));
            tensors.push(("other".to_owned(), Tensor::from_slice(&[1f32])));
        },
        Kind::Float,
    );
    let missing = "self_attn.k_proj.bias`: expected shape [16], found no such tensor";
    check(
        &message,
        &[
            &format!("model.safetensors: tensor `model.layers.0.{missing}"),
            &format!("model.safetensors: tensor `model.layers.1.{missing}"),
            "tensor `model.layers.9.thing`: expected no tensor of this name, found F32 [2]",
            "tensor `other`: expected no tensor of this name, found F32 [1]",
        ],
    );
}

#[test]
fn a_misshapen_tensor_is_named_with_both_shapes() {
    let message = error_after(
        |tensors| {
            let norm = tensors.iter_mut().find(|(name, _)| name == "model.norm.weight").unwrap();
            norm.1 = Tensor::from_slice(&[1f32; 31]);
        },
        Kind::Float,
    );
    check(&message, &["tensor `model.norm.weight`: expected shape [32], found shape [31]"]);
}

#[test]
fn every_tensor_that_is_not_finite_is_named() {
    let message = error_after(
        |tensors| {
            for (name, value) in
                [("model.norm.weight", f32::NAN), ("visual.merger.ln_q.bias", f32::INFINITY)]
            {
                let tensor = tensors.iter_mut().find(|(found, _)| found == name).unwrap();
                tensor.1 = tensor.1.full_like(f64::from(value));
            }
        },
        Kind::Float,
    );
    let found = "expected finite values, found NaN or infinity";
    check(
        &message,
        &[
            &format!("tensor `model.norm.weight`: {found}"),
            &format!("tensor `visual.merger.ln_q.bias`: {found}"),
        ],
    );
}

#[test]
fn a_kind_that_is_no_weight_is_refused() {
    let message = error_after(|_| (), Kind::Double);
    check(&message, &["tensor `model.norm.weight`: expected F32, BF16 or F16, found F64"]);
}

#[test]
fn a_truncated_file_is_named_wherever_it_ends() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("model.safetensors");
    write_tensors(&path, &tiny::model().named_parameters(), Kind::Float);
    let bytes = fs::read(path).unwrap();
    let header_len = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    for length in [0, 7, 8, 8 + header_len / 2, 8 + header_len, bytes.len() / 2, bytes.len() - 1] {
        let message = error_of_bytes(&bytes[..length]);
        check(&message, &["model.safetensors: expected", "bytes"]);
    }
    check(&error_of_bytes(&[&bytes[..], &[0]].concat()), &["bytes of tensors, found"]);
}

#[test]
fn a_header_length_is_not_believed() {
    let huge = [&u64::MAX.to_le_bytes()[..], b"{}"].concat();
    check(&error_of_bytes(&huge), &["a header of at most 100000000 bytes", "18446744073709551615"]);
    let long = [&1_000u64.to_le_bytes()[..], b"{}"].concat();
    check(&error_of_bytes(&long), &["a header of 1000 bytes", "a file that ends after 10 bytes"]);
}

#[test]
fn a_header_that_is_no_header_is_refused() {
    check(&error_of_bytes(&with_header("{\"a\":", b"")), &["expected a JSON header"]);
    check(&error_of_bytes(&with_header("[1]", b"")), &["expected a JSON header"]);
    check(&error_of_bytes(&with_header("\u{0}", b"")), &["expected a JSON header"]);
    let no_dtype = r#"{"a":{"shape":[1],"data_offsets":[0,4]}}"#;
    check(&error_of_bytes(&with_header(no_dtype, b"1234")), &["tensor `a`", "missing field"]);
    let negative = r#"{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}"#;
    check(&error_of_bytes(&with_header(negative, b"1234")), &["tensor `a`", "-1"]);
}

#[test]
fn offsets_are_not_believed() {
    let entry = |shape: &str, start: u64, end: u64| {
        format!(r#"{{"dtype":"F32","shape":{shape},"data_offsets":[{start},{end}]}}"#)
    };
    let check_entries = |entries: &[String], expected: &[&str]| {
        let entries: Vec<String> =
            entries.iter().enumerate().map(|(i, entry)| format!("\"t{i}\":{entry}")).collect();
        let header = format!("{{{}}}", entries.join(","));
        check(&error_of_bytes(&with_header(&header, &[0; 16])), expected);
    };
    let overlapping = [entry("[2]", 0, 8), entry("[2]", 4, 12), entry("[1]", 12, 16)];
    check_entries(&overlapping, &["tensor `t1`: expected bytes 8 to 16", "found bytes 4 to 12"]);
    check_entries(&[entry("[4]", 0, 12)], &["tensor `t0`: expected bytes 0 to 16"]);
    check_entries(&[entry("[1]", 8, 4)], &["tensor `t0`: expected bytes 0 to 4"]);
    check_entries(&[entry("[1]", 12, 16)], &["tensor `t0`: expected bytes 0 to 4"]);
    check_entries(&[entry("[1000]", 0, 4000)], &["expected 4000 bytes of tensors, found 16"]);
    let huge = entry("[9223372036854775807,9223372036854775807]", 0, 16);
    check_entries(&[huge], &["tensor `t0`", "more than the address space"]);
    let wrapping = entry("[4611686018427387905]", 0, 4);
    check_entries(&[wrapping], &["tensor `t0`", "more than the address space"]);
}

#[test]
fn a_repeated_name_in_the_header_is_refused() {
    let entry =
        |start, end| format!(r#""a":{{"dtype":"F32","shape":[1],"data_offsets":[{start},{end}]}}"#);
    let header = format!("{{{},{}}}", entry(0, 4), entry(4, 8));
    check(&error_of_bytes(&with_header(&header, &[0; 8])), &["tensor `a`: expected bytes 0 to 4"]);
}

fn sharded(change: impl Fn(&Path)) -> String {
    let dir = tempfile::tempdir().unwrap();
    write_config(dir.path(), &tiny::config());
    write_shards(dir.path(), tiny::model().named_parameters(), [Kind::Float; 2]);
    change(dir.path());
    load(dir.path()).err().expect("loading must fail").to_string()
}

fn edit_index(dir: &Path, from: &str, to: &str) {
    let path = dir.join("model.safetensors.index.json");
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from));
    fs::write(path, text.replacen(from, to, 1)).unwrap();
}

#[test]
fn shards_that_do_not_keep_the_index_s_promises_are_named() {
    let message =
        sharded(|dir| fs::remove_file(dir.join("model-00002-of-00002.safetensors")).unwrap());
    check(&message, &["cannot read", "model-00002-of-00002.safetensors"]);

    let message = sharded(|dir| edit_index(dir, "\"model.norm.weight\"", "\"model.norm.wait\""));
    check(
        &message,
        &["tensor `model.norm.wait`: expected this tensor, as model.safetensors.index"],
    );

    let message = sharded(|dir| {
        let twice = [("model.norm.weight".to_owned(), Tensor::from_slice(&[1f32; 32]))];
        let names = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
        for name in names {
            let mut tensors = Tensor::read_safetensors(dir.join(name)).unwrap();
            tensors.retain(|(name, _)| name != "model.norm.weight");
            tensors.extend(twice.iter().map(|(name, tensor)| (name.clone(), tensor.copy())));
            write_tensors(&dir.join(name), &tensors, Kind::Float);
        }
    });
    check(
        &message,
        &["tensor `model.norm.weight`: expected one tensor of this name, found another"],
    );
}

#[test]
fn an_index_cannot_point_out_of_its_directory() {
    for name in ["../model-00001-of-00002.safetensors", "/etc/passwd", "..", "x/y.safetensors"] {
        let message = sharded(|dir| edit_index(dir, "model-00001-of-00002.safetensors", name));
        check(&message, &["the name of a safetensors file beside it", name]);
    }
}

#[test]
fn absent_files_are_named() {
    let dir = tempfile::tempdir().unwrap();
    check(&load(dir.path()).err().unwrap().to_string(), &["cannot read", "config.json"]);
    write_config(dir.path(), &tiny::config());
    check(&load(dir.path()).err().unwrap().to_string(), &["cannot read", "model.safetensors"]);
}
