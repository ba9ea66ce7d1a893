//! A cache as CoOp pickles it: `{"train": [Datum, …], "val": [Datum, …]}`, where Dassl's `Datum` has the
//! attributes `_impath`, `_label`, `_domain` and `_classname`.

use super::{
    machine::{Datum, Machine, Value},
    picks::{CachedLists, CachedPick},
};

/// Reads a pickle of protocol 2 to 5, or says at which byte it is something else.
///
/// Only what CPython emits for this shape is known: no call, no other class, no other type of value.
pub(super) fn read(bytes: &[u8]) -> Result<CachedLists, String> {
    let mut machine = Machine::new(bytes);
    let top = machine.run()?;
    let (mut train, mut val) = (None, None);
    for (key, value) in machine.entries(top).ok_or("found no dict at the end, expected one")? {
        let list = match *key {
            "train" => &mut train,
            "val" => &mut val,
            other => return Err(format!("found the key `{other}`, expected `train` and `val`")),
        };
        *list = Some(picks(&machine, key, *value)?);
    }
    Ok(CachedLists { train: train.ok_or("found no key `train`, expected it")?, val })
}

fn picks(machine: &Machine, key: &str, value: Value) -> Result<Vec<CachedPick>, String> {
    let items =
        machine.items(value).ok_or_else(|| format!("`{key}`: found no list, expected one"))?;
    let mut picks = Vec::with_capacity(items.len());
    for (number, item) in items.iter().enumerate() {
        let datum = machine.datum(*item);
        let Datum { path, label, class_name } = datum
            .ok_or_else(|| format!("`{key}`[{number}]: found no finished Datum, expected one"))?;
        let (path, class_name) = (path.to_owned(), class_name.to_owned());
        picks.push(CachedPick { path, label, class_name });
    }
    Ok(picks)
}
