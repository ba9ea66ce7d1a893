//! The CSV of made-up numbers, read back.

use clsrl_spec::{MethodId, Stream};

use super::*;
use crate::summary::Group;

const GROUP: Group = Group { method: MethodId::ClsRl, shots: 4 };

/// Writes one number and reads its row back, by column.
fn read_back(datum: Datum, suite: &str) -> Vec<(String, String)> {
    let mut table = Table::of_numbers(String::new(), &["x"]).named("t");
    table.data.push(datum);
    let text = render(&table, suite);
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let heads = reader.headers().unwrap().clone();
    let rows: Vec<_> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 1);
    let pairs = heads.iter().zip(rows[0].iter());
    pairs.map(|(head, field)| (head.to_owned(), field.to_owned())).collect()
}

#[test]
fn what_is_no_number_is_an_empty_field() {
    for (value, expected) in [
        (Some(64.583333333), "64.583333"),
        (Some(-1e-9), "0.000000"),
        (None, ""),
        (Some(f64::NAN), ""),
        (Some(f64::INFINITY), ""),
    ] {
        let row = read_back(Datum::of_number(GROUP, "dtd", "accuracy_pct", value), "s");
        assert_eq!(row[6], ("value".to_owned(), expected.to_owned()));
        assert_eq!(row[0].1, "cls-rl");
    }
}

#[test]
fn every_text_is_read_back_as_it_was() {
    const PARTS: [&str; 12] =
        ["\"", ",", "\n", "\r\n", ";", "=1+1", "<script>", "\u{202e}", "é", "漢", " ", "rose"];
    let mut stream = Stream::new(1, &["csv-texts"]);
    for _ in 0..500 {
        let text: String = (0..stream.below(6)).map(|_| PARTS[stream.below(PARTS.len())]).collect();
        let datum = Datum::of_number(GROUP, text.as_str(), "accuracy_pct", None);
        let row = read_back(Datum { remark: text.clone(), ..datum }, &text);
        let field = |name: &str| row.iter().find(|(head, _)| head == name).unwrap().1.clone();
        let expected = spreadsheet::field(text.clone());
        assert_eq!([field("dataset"), field("remark"), field("suite")], [expected.as_str(); 3]);
    }
}
