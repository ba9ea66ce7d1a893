//! The settings of an image processor, in every file and spelling that transformers writes.
//!
//! Releases of 4 write `preprocessor_config.json`; those of 5 write `processor_config.json` with the settings under
//! `image_processor`, and read that first where both are there, while 4.57 reads the other. So where both are
//! there, they must agree. The limits of smart-resize are `min_pixels` and `max_pixels`, there or in `size`, or
//! `shortest_edge` and `longest_edge` in `size`; at the top they win, as they do in transformers. The limits are the
//! protocol's in all that is measured, and need not agree.

use std::{
    fmt, io,
    path::{Path, PathBuf},
};

use clsrl_files::Folder;
use serde_json::{Map, Value};

use super::Processor;
use crate::image::error::ImageError;

/// Most that is read of a settings file: real ones have a few kilobytes, and a chat template with them.
const MAX_BYTES: u64 = 16 << 20;

/// Where releases of 4 write the settings.
const OWN_FILE: &str = "preprocessor_config.json";

/// Where releases of 5 write the settings, with those of other processors.
const SHARED_FILE: &str = "processor_config.json";

/// Where the settings stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProcessorForm {
    /// In `preprocessor_config.json`.
    Own,
    /// In `processor_config.json`.
    Shared,
    /// In both, where they say the same.
    Both,
}

impl fmt::Display for ProcessorForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ProcessorForm::Own => f.write_str(OWN_FILE),
            ProcessorForm::Shared => f.write_str(SHARED_FILE),
            ProcessorForm::Both => write!(f, "{SHARED_FILE} and {OWN_FILE}"),
        }
    }
}

/// Reads the settings of a model directory.
pub(super) fn read(model: &Folder) -> Result<(Processor, ProcessorForm), ImageError> {
    let shared = match model.has(SHARED_FILE) {
        true => parse_shared(&read_file(model, SHARED_FILE)?, &model.path(SHARED_FILE))?,
        false => None,
    };
    let own_path = model.path(OWN_FILE);
    let Some(shared) = shared else {
        return Ok((parse(&read_file(model, OWN_FILE)?, &own_path)?, ProcessorForm::Own));
    };
    if !model.has(OWN_FILE) {
        return Ok((shared, ProcessorForm::Shared));
    }
    let own = parse(&read_file(model, OWN_FILE)?, &own_path)?;
    check_agreement(&shared, &own, &own_path)?;
    Ok((shared, ProcessorForm::Both))
}

fn read_file(model: &Folder, name: &str) -> Result<Vec<u8>, ImageError> {
    let unreadable = |source| ImageError::Config { path: model.path(name), source };
    model.read(name, MAX_BYTES).map_err(unreadable)
}

/// Parses a `preprocessor_config.json`; the path is for messages.
fn parse(text: &[u8], path: &Path) -> Result<Processor, ImageError> {
    Settings { path: path.to_owned(), map: parse_object(text, path)? }.processor()
}

/// Parses a `processor_config.json`, which has nothing on images if a release of 4 wrote it.
fn parse_shared(text: &[u8], path: &Path) -> Result<Option<Processor>, ImageError> {
    match parse_object(text, path)?.remove("image_processor") {
        Some(Value::Object(map)) => Settings { path: path.to_owned(), map }.processor().map(Some),
        Some(other) => Err(ImageError::Setting {
            path: path.to_owned(),
            key: "image_processor",
            found: other.to_string(),
            expected: "an object",
        }),
        None => Ok(None),
    }
}

fn parse_object(text: &[u8], path: &Path) -> Result<Map<String, Value>, ImageError> {
    serde_json::from_slice(text).map_err(|error| ImageError::Config {
        path: path.to_owned(),
        source: io::Error::from(error),
    })
}

fn check_agreement(shared: &Processor, own: &Processor, path: &Path) -> Result<(), ImageError> {
    let counts = |processor: &Processor| {
        [
            ("patch_size", processor.patch_size),
            ("merge_size", processor.merge_size),
            ("temporal_patch_size", processor.temporal_patch_size),
        ]
    };
    let numbers = |processor: &Processor| {
        [("image_mean", processor.image_mean), ("image_std", processor.image_std)]
    };
    let differs = |key, found| {
        let expected = "what processor_config.json says";
        Err(ImageError::Setting { path: path.to_owned(), key, found, expected })
    };
    for ((key, found), (_, expected)) in counts(own).into_iter().zip(counts(shared)) {
        if found != expected {
            return differs(key, found.to_string());
        }
    }
    for ((key, found), (_, expected)) in numbers(own).into_iter().zip(numbers(shared)) {
        if found != expected {
            return differs(key, format!("{found:?}"));
        }
    }
    Ok(())
}

/// The settings, read key by key.
struct Settings {
    path: PathBuf,
    map: Map<String, Value>,
}

impl Settings {
    fn processor(&self) -> Result<Processor, ImageError> {
        self.check_steps()?;
        let min_pixels = self.limit("min_pixels", "shortest_edge")?;
        let max_pixels = self.limit("max_pixels", "longest_edge")?;
        if max_pixels < min_pixels {
            return Err(self.wrong("max_pixels", "at least `min_pixels`"));
        }
        let image_std = self.channels("image_std")?;
        if image_std.iter().any(|&std| std <= 0.0) {
            return Err(self.wrong("image_std", "three numbers above zero"));
        }
        Ok(Processor {
            patch_size: self.side("patch_size")?,
            merge_size: self.side("merge_size")?,
            temporal_patch_size: self.side("temporal_patch_size")?,
            image_mean: self.channels("image_mean")?,
            image_std,
            min_pixels,
            max_pixels,
        })
    }

    /// The value of a key; null is none.
    fn get(&self, key: &str) -> Option<&Value> {
        self.map.get(key).filter(|value| !value.is_null())
    }

    /// Refuses settings that ask for other steps than those done here.
    fn check_steps(&self) -> Result<(), ImageError> {
        for key in ["do_resize", "do_rescale", "do_normalize", "do_convert_rgb"] {
            if self.get(key).is_some_and(|value| value != &Value::Bool(true)) {
                return Err(self.wrong(key, "true or no such key"));
            }
        }
        for key in ["do_center_crop", "do_pad"] {
            if self.get(key).is_some_and(|value| value != &Value::Bool(false)) {
                return Err(self.wrong(key, "false or no such key"));
            }
        }
        let resample = self.get("resample");
        if resample.is_some_and(|value| value.as_u64() != Some(3)) {
            return Err(self.wrong("resample", "3 (bicubic) or no such key"));
        }
        let rescale = self.get("rescale_factor");
        if rescale.is_some_and(|value| value.as_f64() != Some(1.0 / 255.0)) {
            return Err(self.wrong("rescale_factor", "1/255 or no such key"));
        }
        let is_own = |kind: &str| kind.starts_with("Qwen2VLImageProcessor");
        let kind = self.get("image_processor_type");
        if kind.is_some_and(|value| !value.as_str().is_some_and(is_own)) {
            return Err(self.wrong("image_processor_type", "Qwen2VLImageProcessor"));
        }
        Ok(())
    }

    /// A limit of smart-resize: at the top, else in `size`, under either of its names.
    fn limit(&self, key: &'static str, edge: &'static str) -> Result<usize, ImageError> {
        let size = match self.get("size") {
            None => None,
            Some(Value::Object(size)) => Some(size),
            Some(_) => return Err(self.wrong("size", "an object")),
        };
        let in_size = |key: &str| size?.get(key).filter(|value| !value.is_null());
        let value = self.get(key).or_else(|| in_size(edge)).or_else(|| in_size(key));
        value.and_then(whole).ok_or_else(|| {
            let found = value.map_or_else(|| "missing".to_owned(), Value::to_string);
            let expected = "a whole number above zero, here or in `size`";
            ImageError::Setting { path: self.path.clone(), key, found, expected }
        })
    }

    fn count(&self, key: &'static str) -> Result<usize, ImageError> {
        let value = self.map.get(key).and_then(whole);
        value.ok_or_else(|| self.wrong(key, "a whole number above zero"))
    }

    fn side(&self, key: &'static str) -> Result<usize, ImageError> {
        let side = self.count(key)?;
        if 256 < side { Err(self.wrong(key, "at most 256")) } else { Ok(side) }
    }

    fn channels(&self, key: &'static str) -> Result<[f32; 3], ImageError> {
        let numbers = self.map.get(key).and_then(Value::as_array).and_then(|values| {
            let numbers: Option<Vec<f64>> = values.iter().map(Value::as_f64).collect();
            <[f64; 3]>::try_from(numbers?).ok()
        });
        let numbers = numbers.ok_or_else(|| self.wrong(key, "three numbers"))?;
        Ok(numbers.map(|number| number as f32))
    }

    fn wrong(&self, key: &'static str, expected: &'static str) -> ImageError {
        let found = self.map.get(key).map_or_else(|| "missing".to_owned(), Value::to_string);
        ImageError::Setting { path: self.path.clone(), key, found, expected }
    }
}

fn whole(value: &Value) -> Option<usize> {
    value.as_u64().filter(|&number| 0 < number).and_then(|number| usize::try_from(number).ok())
}
