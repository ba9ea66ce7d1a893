//! Reads typed keys out of a JSON object and notes every problem, not only the first.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// A JSON object, its path within the file, and the problems found so far.
pub(crate) struct Reader<'a> {
    map: Option<&'a Map<String, Value>>,
    /// The file's name of a key, where it is not the path within the object.
    places: &'a BTreeMap<String, String>,
    prefix: String,
    problems: Problems<'a>,
}

enum Problems<'a> {
    Own(Vec<String>),
    Outer(&'a mut Vec<String>),
}

impl<'a> Reader<'a> {
    pub(crate) fn new(map: &'a Map<String, Value>, places: &'a BTreeMap<String, String>) -> Self {
        let problems = Problems::Own(Vec::new());
        Reader { map: Some(map), places, prefix: String::new(), problems }
    }

    /// Opens the object under a key; its problems are noted here.
    pub(crate) fn nested<'b>(&'b mut self, key: &str) -> Reader<'b> {
        let map = match self.get(key) {
            Some(Value::Object(map)) => Some(map),
            Some(other) => {
                self.note(key, "an object", &other.to_string());
                None
            }
            None => None,
        };
        let (prefix, places) = (format!("{}{key}.", self.prefix), self.places);
        Reader { map, places, prefix, problems: Problems::Outer(self.problems()) }
    }

    pub(crate) fn integer(&mut self, key: &str, least: i64, most: i64) -> i64 {
        let Some(value) = self.get(key) else { return 1 };
        match value.as_i64() {
            Some(number) if (least..=most).contains(&number) => number,
            _ => {
                self.note(key, &format!("an integer from {least} to {most}"), &value.to_string());
                1
            }
        }
    }

    pub(crate) fn number(&mut self, key: &str, above: f64, most: f64) -> f64 {
        let Some(value) = self.get(key) else { return 1.0 };
        match value.as_f64() {
            Some(number) if above < number && number <= most => number,
            _ => {
                self.note(
                    key,
                    &format!("a number above {above}, at most {most}"),
                    &value.to_string(),
                );
                1.0
            }
        }
    }

    pub(crate) fn boolean(&mut self, key: &str) -> bool {
        let Some(value) = self.get(key) else { return false };
        value.as_bool().unwrap_or_else(|| {
            self.note(key, "true or false", &value.to_string());
            false
        })
    }

    /// Reads exactly `N` integers.
    pub(crate) fn integers<const N: usize>(
        &mut self,
        key: &str,
        least: i64,
        most: i64,
    ) -> [i64; N] {
        let Some(value) = self.get(key) else { return [1; N] };
        let numbers: Option<Vec<i64>> =
            value.as_array().and_then(|list| list.iter().map(Value::as_i64).collect());
        match numbers.map(<[i64; N]>::try_from) {
            Some(Ok(numbers)) if numbers.iter().all(|n| (least..=most).contains(n)) => numbers,
            _ => {
                let expected = format!("{N} integers from {least} to {most}");
                self.note(key, &expected, &value.to_string());
                [1; N]
            }
        }
    }

    /// Reads integers that ascend, any number of them.
    pub(crate) fn ascending(&mut self, key: &str, least: i64, most: i64) -> Vec<i64> {
        let Some(value) = self.get(key) else { return Vec::new() };
        let numbers: Option<Vec<i64>> =
            value.as_array().and_then(|list| list.iter().map(Value::as_i64).collect());
        let ascends = |numbers: &Vec<i64>| {
            numbers.iter().all(|n| (least..=most).contains(n)) && numbers.is_sorted_by(|a, b| a < b)
        };
        numbers.filter(ascends).unwrap_or_else(|| {
            let expected = format!("integers from {least} to {most} that ascend");
            self.note(key, &expected, &value.to_string());
            Vec::new()
        })
    }

    /// Reads one token id or a list of them.
    pub(crate) fn ids(&mut self, key: &str, most: i64) -> Vec<i64> {
        let Some(value) = self.get(key) else { return Vec::new() };
        let ids: Option<Vec<i64>> = match value {
            Value::Array(list) => list.iter().map(Value::as_i64).collect(),
            other => other.as_i64().map(|id| vec![id]),
        };
        match ids {
            Some(ids) if !ids.is_empty() && ids.iter().all(|id| (0..=most).contains(id)) => ids,
            _ => {
                self.note(key, "a token id or a list of them", &value.to_string());
                Vec::new()
            }
        }
    }

    pub(crate) fn expect_text(&mut self, key: &str, allowed: &[&str]) {
        let Some(value) = self.get(key) else { return };
        if !value.as_str().is_some_and(|text| allowed.contains(&text)) {
            self.note(key, &format!("\"{}\"", allowed.join("\" or \"")), &value.to_string());
        }
    }

    pub(crate) fn demand_multiple(&mut self, what: &str, value: i64, of: i64) {
        if value % of != 0 {
            self.note(what, &format!("a multiple of {of}"), &value.to_string());
        }
    }

    pub(crate) fn demand_equal(&mut self, what: &str, value: i64, expected: i64) {
        if value != expected {
            self.note(what, &expected.to_string(), &value.to_string());
        }
    }

    pub(crate) fn demand_below(&mut self, what: &str, value: i64, limit: i64) {
        if limit <= value {
            self.note(what, &format!("a number below {limit}"), &value.to_string());
        }
    }

    pub(crate) fn is_clean(&mut self) -> bool {
        self.problems().is_empty()
    }

    pub(crate) fn into_problems(self) -> Vec<String> {
        match self.problems {
            Problems::Own(problems) => problems,
            Problems::Outer(problems) => problems.clone(),
        }
    }

    /// Notes a missing key once; keys of an object that is missing itself are not noted again.
    fn get(&mut self, key: &str) -> Option<&'a Value> {
        let map = self.map?;
        let value = map.get(key);
        if value.is_none() {
            let line = format!("`{}`: missing", self.place(key));
            self.problems().push(line);
        }
        value
    }

    fn note(&mut self, key: &str, expected: &str, found: &str) {
        let line = format!("`{}`: expected {expected}, found {found}", self.place(key));
        self.problems().push(line);
    }

    /// The file's name of a key.
    fn place(&self, key: &str) -> String {
        let path = format!("{}{key}", self.prefix);
        self.places.get(&path).cloned().unwrap_or(path)
    }

    fn problems(&mut self) -> &mut Vec<String> {
        match &mut self.problems {
            Problems::Own(problems) => problems,
            Problems::Outer(problems) => problems,
        }
    }
}
