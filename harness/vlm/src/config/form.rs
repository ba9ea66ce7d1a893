//! The forms that transformers writes `config.json` in, each brought to the published one.
//!
//! Published files are flat up to Qwen2.5-VL, and nested in Qwen3-VL. 4.46 to 4.49 leave out what the classes have as defaults, 4.52 to 4.57 write the
//! text part twice, flat and in `text_config`, and 5 writes it there alone, with the rotary base and
//! `mrope_section` in `rope_parameters`. A key that stands at two levels must say the same at both: which one
//! counts has changed between releases.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::family::Family;

type Object = Map<String, Value>;

/// The default of every family's classes. Releases from 4.52 to 4.57 leave it to either level,
/// and a file that names it at neither is one without tied embeddings in all of them.
const TIE_DEFAULT: bool = false;

/// The keys of the text part that a model is made of: they stand at the top or in `text_config`.
const TEXT_KEYS: [&str; 9] = [
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "num_key_value_heads",
    "intermediate_size",
    "rms_norm_eps",
    "vocab_size",
    "hidden_act",
    "head_dim",
];

/// Keys of `text_config` that mean something else at the top, or nothing to the published form.
const ONLY_NESTED: [&str; 8] = [
    "model_type",
    "architectures",
    "dtype",
    "torch_dtype",
    "layer_types",
    "rope_parameters",
    "rope_scaling",
    "rope_theta",
];

/// Keys of `vision_config` that newer releases add and that never have another value than those checked.
const VISION_EXTRAS: [&str; 7] = [
    "in_channels",
    "hidden_act",
    "initializer_range",
    "model_type",
    "dtype",
    "torch_dtype",
    "rope_parameters",
];

/// How a `config.json` was written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConfigForm {
    has_flat: bool,
    has_nested: bool,
    is_published_nested: bool,
    /// Keys that the file leaves to the defaults of the published classes.
    pub defaults: Vec<String>,
}

impl ConfigForm {
    /// Tells the form in a few words.
    pub fn describe(&self) -> String {
        let form = match (self.has_flat, self.has_nested) {
            (true, true) => "flat and nested, as transformers 4.52 to 4.57 write it",
            (false, true) if self.is_published_nested => "nested, as published",
            (false, true) => "nested, as transformers 5 writes it",
            (_, false) => "flat, as published",
        };
        match self.defaults.len() {
            0 => form.to_owned(),
            1 => format!("{form}, `{}` by default", self.defaults[0]),
            n => format!("{form}, {n} keys by default"),
        }
    }
}

/// A `config.json` in the published form, and where each of its keys stands in the file.
pub(super) struct Published {
    pub(super) family: Family,
    /// Every key that is read, those of the text part at the top.
    pub(super) json: Object,
    /// What is saved.
    pub(super) saved: Object,
    pub(super) form: ConfigForm,
    /// The file's name of a key, where it is not the published one.
    pub(super) places: BTreeMap<String, String>,
    pub(super) problems: Vec<String>,
}

/// Brings a `config.json` to the published form.
pub(super) fn publish(file: &Object) -> Published {
    let model_type = file.get("model_type").and_then(Value::as_str);
    // Another type is refused where it is read.
    let family = model_type.and_then(Family::of_model_type).unwrap_or(Family::Qwen2Vl);
    let mut published = Published {
        family,
        json: file.clone(),
        saved: Object::new(),
        form: ConfigForm::default(),
        places: BTreeMap::new(),
        problems: Vec::new(),
    };
    let text = published.object(file, "text_config").cloned();
    published.json.remove("text_config");
    published.form.has_nested = text.is_some();
    published.form.has_flat = file.contains_key("hidden_size");
    published.form.is_published_nested = family.is_nested();
    let text = text.unwrap_or_default();
    published.check_fixed(file, &text);
    published.merge_text(&text);
    published.complete_text();
    published.merge_tie(file, &text);
    published.merge_rope(file, &text);
    published.complete_vision(file);
    if let Some(dtype) = published.json.remove("dtype") {
        published.json.entry("torch_dtype").or_insert(dtype);
    }
    published.saved = match family.is_nested() {
        true => published.nested(file, text),
        false => published.json.clone(),
    };
    published
}

impl Published {
    fn note(&mut self, key: &str, expected: &str, found: &Value) {
        self.problems.push(format!("`{key}`: expected {expected}, found {found}"));
    }

    /// The object under a key; null is none.
    fn object<'a>(&mut self, map: &'a Object, key: &str) -> Option<&'a Object> {
        match map.get(key)? {
            Value::Object(object) => Some(object),
            Value::Null => None,
            other => {
                self.note(key, "an object", other);
                None
            }
        }
    }

    /// Refuses what this model has no code for, at whichever level it stands.
    fn check_fixed(&mut self, file: &Object, text: &Object) {
        let own = self.family.model_type();
        let own = [json!(format!("{own}_text")), json!(own)];
        self.allow("text_config.model_type", text, &own);
        for (prefix, level) in [("", file), ("text_config.", text)] {
            self.allow(&format!("{prefix}use_sliding_window"), level, &[json!(false)]);
            self.allow(&format!("{prefix}attention_dropout"), level, &[json!(0.0), json!(0)]);
            self.allow(&format!("{prefix}attention_bias"), level, &[json!(false)]);
            let layers = level.get("layer_types").and_then(Value::as_array);
            for layer in layers.into_iter().flatten() {
                if layer != "full_attention" {
                    self.note(&format!("{prefix}layer_types"), "only \"full_attention\"", layer);
                }
            }
        }
        self.json.remove("layer_types");
    }

    /// Refuses a key, the last word of `path`, that may be absent or null but has none of some values.
    fn allow(&mut self, path: &str, map: &Object, values: &[Value]) {
        let key = path.rsplit('.').next().unwrap_or(path);
        let Some(found) = map.get(key).filter(|value| !value.is_null()) else { return };
        if !values.contains(found) {
            let values: Vec<String> = values.iter().map(Value::to_string).collect();
            self.note(path, &values.join(" or "), found);
        }
    }

    fn merge_text(&mut self, text: &Object) {
        for (key, value) in text {
            if value.is_null() || ONLY_NESTED.contains(&key.as_str()) {
                continue;
            }
            match self.json.get(key).filter(|top| !top.is_null()) {
                None => {
                    self.json.insert(key.clone(), value.clone());
                }
                Some(top) if TEXT_KEYS.contains(&key.as_str()) && top != value => {
                    let expected = format!("{top}, as `{key}` says");
                    self.note(&format!("text_config.{key}"), &expected, value);
                }
                Some(_) => (),
            }
        }
        // An old way to ask for as many heads of keys as there are of queries.
        if self.json.get("num_key_value_heads") == Some(&Value::Null)
            && let Some(heads) = self.json.get("num_attention_heads").cloned()
        {
            self.json.insert("num_key_value_heads".to_owned(), heads);
        }
        if self.form.has_nested && !self.form.has_flat {
            for key in TEXT_KEYS {
                self.places.insert(key.to_owned(), format!("text_config.{key}"));
            }
        }
    }

    /// Takes what the file leaves to the class of its text part.
    fn complete_text(&mut self) {
        for (key, default) in self.family.text_defaults() {
            if self.json.get(key).is_none_or(Value::is_null) {
                self.form.defaults.push(format!("text_config.{key}"));
                self.json.insert(key.to_owned(), default);
            }
        }
    }

    /// The published form of a family that nests its text part: the file's own levels, complete, with base and
    /// sections of the rotary positions where releases before 5 look for them.
    fn nested(&self, file: &Object, mut text: Object) -> Object {
        let mut saved = file.clone();
        for key in self.family.text_defaults().iter().map(|(key, _)| *key) {
            text.insert(key.to_owned(), self.json[key].clone());
        }
        text.remove("rope_parameters");
        if let Some(theta) = self.json.get("rope_theta") {
            text.insert("rope_theta".to_owned(), theta.clone());
        }
        if let Some(sections) = self.json.get("rope_scaling").and_then(|it| it.get("mrope_section"))
        {
            let rope = json!({
                "mrope_interleaved": true, "mrope_section": sections, "rope_type": "default"
            });
            text.insert("rope_scaling".to_owned(), rope);
        }
        saved.insert("tie_word_embeddings".to_owned(), self.json["tie_word_embeddings"].clone());
        saved.insert("text_config".to_owned(), Value::Object(text));
        if let Some(Value::Object(vision)) = saved.get_mut("vision_config") {
            for (key, default) in self.family.vision_defaults() {
                let key = if key == "in_chans" { "in_channels" } else { key };
                vision.entry(key).or_insert(default);
            }
        }
        saved
    }

    fn merge_tie(&mut self, file: &Object, text: &Object) {
        const KEY: &str = "tie_word_embeddings";
        let [top, nested] = [file, text].map(|map| map.get(KEY).filter(|tie| !tie.is_null()));
        if let (Some(top), Some(nested)) = (top, nested)
            && top != nested
        {
            let expected = format!("{top}, as `{KEY}` says");
            self.note(&format!("text_config.{KEY}"), &expected, nested);
        }
        if top.is_none() && nested.is_some() {
            self.places.insert(KEY.to_owned(), format!("text_config.{KEY}"));
        }
        let tie = top.or(nested).cloned().unwrap_or_else(|| {
            self.form.defaults.push(KEY.to_owned());
            Value::from(TIE_DEFAULT)
        });
        self.json.insert(KEY.to_owned(), tie);
    }

    /// Finds base and sections of the rotary positions at every place that some release writes them to.
    fn merge_rope(&mut self, file: &Object, text: &Object) {
        let is_nested = self.form.has_nested && !self.form.has_flat;
        if is_nested && self.family.is_nested() {
            for key in ["rope_theta", "rope_scaling", "rope_scaling.mrope_section"] {
                self.places.insert(key.to_owned(), format!("text_config.{key}"));
            }
        } else if is_nested {
            for (key, place) in [
                ("rope_theta", "text_config.rope_parameters.rope_theta"),
                ("rope_scaling", "text_config.rope_parameters"),
                ("rope_scaling.mrope_section", "text_config.rope_parameters.mrope_section"),
            ] {
                self.places.insert(key.to_owned(), place.to_owned());
            }
        }
        self.json.remove("rope_parameters");
        self.json.remove("rope_scaling");
        let mut found = BTreeMap::new();
        for (prefix, level) in [("", file), ("text_config.", text)] {
            self.agree(&mut found, "rope_theta", format!("{prefix}rope_theta"), level);
            for key in ["rope_scaling", "rope_parameters"] {
                self.read_rope(&mut found, &format!("{prefix}{key}"), level.get(key));
            }
        }
        if let Some((place, theta)) = found.remove("rope_theta") {
            self.places.insert("rope_theta".to_owned(), place);
            self.json.insert("rope_theta".to_owned(), theta);
        }
        if let (Some((place, sections)), Some(Value::Object(rope))) =
            (found.remove("mrope_section"), self.json.get_mut("rope_scaling"))
        {
            self.places.insert("rope_scaling.mrope_section".to_owned(), place);
            rope.insert("mrope_section".to_owned(), sections);
        }
    }

    /// Reads one object of rotary settings, and notes in the published form that there is one.
    fn read_rope(
        &mut self,
        found: &mut BTreeMap<&str, (String, Value)>,
        path: &str,
        value: Option<&Value>,
    ) {
        let Some(value) = value.filter(|value| !value.is_null()) else { return };
        if self.json.get("rope_scaling").is_none_or(|rope| !rope.is_object()) {
            self.places.insert("rope_scaling".to_owned(), path.to_owned());
            self.places
                .insert("rope_scaling.mrope_section".to_owned(), format!("{path}.mrope_section"));
            let is_object = value.is_object();
            let published = if is_object { json!({"type": "mrope"}) } else { value.clone() };
            self.json.insert("rope_scaling".to_owned(), published);
        }
        let Some(rope) = value.as_object() else { return };
        for key in ["rope_theta", "mrope_section"] {
            self.agree(found, key, format!("{path}.{key}"), rope);
        }
        // Published files say `mrope`; transformers writes `default` for the same thing.
        if self.family.interleaves_mrope() {
            self.allow(&format!("{path}.mrope_interleaved"), rope, &[json!(true)]);
        }
        for key in ["type", "rope_type"] {
            self.allow(&format!("{path}.{key}"), rope, &[json!("mrope"), json!("default")]);
        }
        if !rope.contains_key("type") && !rope.contains_key("rope_type") {
            self.problems.push(format!("`{path}.type`: missing"));
        }
        self.allow(&format!("{path}.partial_rotary_factor"), rope, &[json!(1.0), json!(1)]);
    }

    /// Takes a key that stands at several places, all of which must say the same.
    fn agree<'k>(
        &mut self,
        found: &mut BTreeMap<&'k str, (String, Value)>,
        key: &'k str,
        place: String,
        map: &Object,
    ) {
        let Some(value) = map.get(key).filter(|value| !value.is_null()) else { return };
        match found.get(key) {
            None => drop(found.insert(key, (place, value.clone()))),
            Some((first, other)) if !is_same(value, other) => {
                let expected = format!("{other}, as `{first}` says");
                self.note(&place, &expected, value);
            }
            Some(_) => (),
        }
    }

    fn complete_vision(&mut self, file: &Object) {
        let Some(mut vision) = file.get("vision_config").and_then(Value::as_object).cloned() else {
            return; // which is told when it is read
        };
        let own = self.family.model_type();
        let own = [json!(own), json!(format!("{own}_vision"))];
        self.allow("vision_config.model_type", &vision, &own);
        self.allow("vision_config.hidden_act", &vision, &[json!(self.family.vision_act())]);
        if let Some(rope) = vision.get("rope_parameters").and_then(Value::as_object) {
            let path = "vision_config.rope_parameters";
            self.allow(&format!("{path}.rope_theta"), rope, &[json!(10000.0), json!(10000)]);
            self.allow(&format!("{path}.rope_type"), rope, &[json!("axial"), json!("default")]);
        }
        match (vision.get("in_chans").cloned(), vision.get("in_channels").cloned()) {
            (None, Some(channels)) => {
                vision.insert("in_chans".to_owned(), channels);
            }
            (Some(published), Some(channels)) if published != channels => {
                let expected = format!("{published}, as `vision_config.in_chans` says");
                self.note("vision_config.in_channels", &expected, &channels);
            }
            _ => (),
        }
        VISION_EXTRAS.iter().for_each(|key| drop(vision.remove(*key)));
        for (key, default) in self.family.vision_defaults() {
            if !vision.contains_key(key) {
                self.form.defaults.push(format!("vision_config.{key}"));
                vision.insert(key.to_owned(), default);
            }
        }
        self.json.insert("vision_config".to_owned(), Value::Object(vision));
    }
}

/// Whether two values are one, 1000000 and 1000000.0 as well.
fn is_same(a: &Value, b: &Value) -> bool {
    a == b || (a.is_number() && a.as_f64() == b.as_f64())
}
