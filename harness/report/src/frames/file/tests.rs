//! Files of frames with everything in them that a text format could trip over.

use std::fs;

use super::*;
use crate::rows::{Kind, Value};

const NASTY: [Option<&str>; 6] = [
    Some("a|b_c & 100 % <script>alert('x')</script>"),
    Some("say \"rose\", then\nbreak\r\nagain"),
    Some("=1+1,\ttab \\ back\\slash"),
    Some("Ünïcode \u{2028} 😀 \u{0}"),
    Some(""),
    None,
];

/// A row at its place in the columns of what a text format could trip over.
struct Nasty(usize);

impl FrameRow for Nasty {
    fn columns() -> Vec<Column> {
        let columns = [
            ("text|\"_&%", Kind::Text),
            ("seed", Kind::Seed),
            ("float", Kind::Number),
            ("truth", Kind::Truth),
            ("count", Kind::Count),
        ];
        columns.map(|(name, kind)| Column { name, kind, unit: "", meaning: "" }).into()
    }

    fn values(&self) -> Vec<Value<'_>> {
        let float = [Some(0.1), Some(1e300), Some(-0.0), Some(f64::NAN), Some(f64::INFINITY), None];
        let truth = [Some(true), Some(false), None, None, None, None];
        let count = [Some(i64::MIN), None, Some(0), None, None, None];
        vec![
            Value::Text(NASTY[self.0]),
            Value::Seed(Some(u64::MAX)),
            Value::Number(float[self.0]),
            Value::Truth(truth[self.0]),
            Value::Count(count[self.0]),
        ]
    }
}

fn nasty() -> Vec<Nasty> {
    (0..NASTY.len()).map(Nasty).collect()
}

fn written(format: FrameFormat) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = format.at(&folder.path().join("nasty"));
    write_frame(&nasty(), &path, format).unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    fs::read(path).unwrap()
}

#[test]
fn csv_gives_back_every_text() {
    let bytes = written(FrameFormat::Csv);
    let mut reader = csv::Reader::from_reader(bytes.as_slice());
    assert_eq!(reader.headers().unwrap().get(0), Some("text|\"_&%"));
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let texts: Vec<&str> = rows.iter().map(|row| &row[0]).collect();
    assert_eq!(texts, NASTY.map(Option::unwrap_or_default));
    let others = |row: usize| rows[row].iter().skip(1).collect::<Vec<_>>().join(" ");
    assert_eq!(others(0), format!("{} 0.1 true {}", u64::MAX, i64::MIN));
    assert_eq!(others(1), format!("{} 1e+300 false ", u64::MAX));
    assert_eq!(others(3), format!("{}   ", u64::MAX));
}

#[test]
fn ndjson_is_one_object_per_row_with_its_columns_in_order() {
    let text = String::from_utf8(written(FrameFormat::Ndjson)).unwrap();
    let lines: Vec<&str> = text.strip_suffix('\n').unwrap().split('\n').collect();
    let first = "{\"text|\\\"_&%\":\"a|b_c & 100 % <script>alert('x')</script>\",\
                 \"seed\":18446744073709551615,\"float\":0.1,\"truth\":true,\
                 \"count\":-9223372036854775808}";
    assert_eq!(lines[0], first);
    let values: Vec<serde_json::Value> =
        lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let texts: Vec<Option<&str>> = values.iter().map(|row| row["text|\"_&%"].as_str()).collect();
    assert_eq!(texts, NASTY);
    assert!(values[3]["float"].is_null() && values[4]["float"].is_null());
}

#[test]
fn pieces_make_the_same_file_as_the_whole() {
    let folder = tempfile::tempdir().unwrap();
    for format in FrameFormat::ALL {
        let path = folder.path().join(format.as_str());
        let rows = nasty();
        let mut file = FrameFile::create::<Nasty>(&path, format).unwrap();
        file.write(&rows[..2]).unwrap();
        file.write::<Nasty>(&[]).unwrap();
        file.write(&rows[2..]).unwrap();
        file.finish().unwrap();
        assert!(fs::read(&path).unwrap() == written(format), "{format}");
    }
}

#[test]
fn a_file_that_is_not_finished_leaves_what_was_there() {
    let folder = tempfile::tempdir().unwrap();
    for format in FrameFormat::ALL {
        let path = folder.path().join(format.as_str());
        fs::write(&path, "something older").unwrap();
        let mut file = FrameFile::create::<Nasty>(&path, format).unwrap();
        file.write(&nasty()).unwrap();
        drop(file);
        assert_eq!(fs::read_to_string(&path).unwrap(), "something older");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
}

#[test]
fn a_format_goes_by_its_extension() {
    for format in FrameFormat::ALL {
        assert_eq!(format.as_str().parse(), Ok(format));
    }
    assert!("xlsx".parse::<FrameFormat>().is_err());
}
