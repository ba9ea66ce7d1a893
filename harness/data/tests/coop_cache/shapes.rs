//! Pickles and exports of another shape, and what is reported of them.

use super::{EXPORTED, PKL, PROTOCOL_4, check_fault, pickle};

#[test]
fn another_pickle_is_refused_at_the_byte_where_it_differs() {
    let check = |content: &[u8], expected: &str| {
        check_fault(PKL, content, &format!("1 fault\n  {expected}"));
    };
    let header = "byte 0: found another start, expected a pickle of protocol 2 to 5";
    check(b"", header);
    check(b"(dp0\nVtrain\np1\n.", header);
    check(b"\x80\x06}.", header);
    let known = "expected one that CoOp's caches are made of";
    check(b"\x80\x04)R.", &format!("byte 3: found the opcode REDUCE, {known}"));
    check(b"\x80\x02(i", &format!("byte 3: found the opcode INST, {known}"));
    check(b"\x80\x02\x82\x01.", &format!("byte 2: found the opcode EXT1, {known}"));
    check(b"\x80\x05}\xff", &format!("byte 3: found the byte 0xff, {known}"));
    let class = "expected `dassl.data.datasets.base_dataset.Datum`";
    check(b"\x80\x02cos\nsystem\n.", &format!("byte 2: found the class `os.system`, {class}"));
    check(
        b"\x80\x04\x8c\x05posix\x8c\x06system\x93.",
        &format!("byte 17: found the class `posix.system`, {class}"),
    );
    check(b"\x80\x02c", &format!("byte 2: found another class, {class}"));
    check(
        &[b"\x80\x02c".as_slice(), &[b'a'; 99]].concat(),
        &format!("byte 2: found another class, {class}"),
    );
    check(b"\x80\x04)", "byte 3: found 0 bytes to the end, expected 1");
    check(b"\x80\x04X\xff\xff\xff\xffab", "byte 2: found 2 bytes to the end, expected 4294967295");
    let huge = format!("byte 2: found 0 bytes to the end, expected {}", u64::MAX);
    check(b"\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\xff", &huge);
    let frame = "byte 2: found a frame of 255 bytes, expected at most 1";
    check(b"\x80\x04\x95\xff\0\0\0\0\0\0\0.", frame);
    check(b"\x80\x04\x8c\x01\xff.", "byte 2: found a text that is not UTF-8, expected UTF-8");
    check(b"\x80\x04h\0.", "byte 2: found nothing kept as 0, expected a value");
    check(b"\x80\x04\x94.", "byte 2: found no value to keep, expected one");
    check(b"\x80\x04u.", "byte 2: found no mark, expected one");
    check(b"\x80\x04}.}", "byte 3: found bytes after STOP, expected the end");
    check(b"\x80\x04}}.", "byte 4: found 2 values at STOP, expected 1 and no mark");
    check(b"\x80\x04}(.", "byte 4: found 1 values at STOP, expected 1 and no mark");
    check(b"\x80\x04((((((((((", "byte 10: found more than 8 open marks, expected fewer");
    let many = [b"\x80\x04]".as_slice(), &vec![0x94; 1_000_001]].concat();
    check(&many, "byte 1000002: found more than 1000000 opcodes, expected fewer");
}

#[test]
fn a_pickle_of_known_opcodes_in_another_shape_is_refused() {
    let check = |content: &[u8], expected: &str| {
        let content = [b"\x80\x04", content].concat();
        check_fault(PKL, &content, &format!("1 fault\n  {expected}"));
    };
    check(b"].", "found no dict at the end, expected one");
    check(b"]\x94h\0a.", "found no dict at the end, expected one");
    check(b"}.", "found no key `train`, expected it");
    check(b"}\x8c\x04test]s.", "found the key `test`, expected `train` and `val`");
    check(b"}\x8c\x05trainK\x01s.", "`train`: found no list, expected one");
    check(b"}\x8c\x05train]K\x01as.", "`train`[0]: found no finished Datum, expected one");
    let holds_itself = b"}\x8c\x05train]\x94(h\0h\0es.";
    check(holds_itself, "`train`[0]: found no finished Datum, expected one");
    check(b"}K\x01K\x02s.", "byte 7: found a key that is no text, expected a text");
    check(b"}(K\x01u.", "byte 6: found a key without a value, expected one");
    check(
        b"}(\x8c\x01a)\x8c\x01a)u.",
        "byte 12: found the key `a` again or beyond the fourth, expected none",
    );
    check(b"]]s.", "byte 4: found no value, expected one");
    check(b"}}a.", "byte 4: found no list to append to, expected one");
    check(b")(\x81.", "byte 4: found no value, expected one");
    check(b"))\x81.", "byte 4: found another object, expected a Datum made of no arguments");
    check(b"]}b.", "byte 4: found no Datum to set attributes of, expected one");
    check(b"K\x01K\x02\x93.", "byte 6: found a class whose name is no text, expected texts");
}

/// Replaces one text in the pickle by another of the same length.
fn check_datum(from: &[u8], to: &[u8], at_byte: usize) {
    let mut content = pickle(PROTOCOL_4, 4);
    let start = content.windows(from.len()).position(|window| window == from).unwrap();
    content[start..][..to.len()].copy_from_slice(to);
    let expected = format!(
        "1 fault\n  byte {at_byte}: found other attributes of a Datum, expected the texts `_impath` \
         and `_classname`, `_label` from 0 and `_domain` 0"
    );
    check_fault(PKL, &content, &expected);
}

#[test]
fn a_datum_has_its_four_attributes_and_no_other() {
    let build = 178;
    check_datum(b"_impath", b"_impeth", build);
    check_datum(b"_domain\x94K\x00", b"_domain\x94K\x01", build);
    check_datum(b"_label\x94K\x00", b"_label\x94]\x94", build);
    check_datum(b"_domain\x94K\x00", b"_domain\x94)\x94", build);
}

#[test]
fn an_export_of_another_shape_is_refused_where_it_differs() {
    let shape = "expected {\"train\": [[path, label, class name], …], \"val\": […]}";
    let check = |content: &str, expected: &str| {
        check_fault(EXPORTED, content.as_bytes(), &format!("1 fault\n  found {expected}, {shape}"));
    };
    check("", "EOF while parsing a value at line 1 column 0");
    check("{\"train\": [", "EOF while parsing a list at line 1 column 11");
    check("{\"val\": []}", "missing field `train` at line 1 column 11");
    check("{\"train\": [], \"train\": []}", "duplicate field `train` at line 1 column 21");
    let unknown = "unknown field `test`, expected `train` or `val` at line 1 column 7";
    check("{\"test\": []}", unknown);
    let label = "invalid value: integer `-1`, expected usize at line 1 column 19";
    check("{\"train\": [[\"a\", -1, \"x\"]]}", label);
    let label = "invalid type: floating point `1.0`, expected usize at line 1 column 20";
    check("{\"train\": [[\"a\", 1.0, \"x\"]]}", label);
    let row = "invalid length 2, expected a tuple of size 3 at line 1 column 19";
    check("{\"train\": [[\"a\", 1]]}", row);
    check(&"[".repeat(1000), "no object");
}
