//! A pickle machine that builds dicts, lists, texts, integers and Dassl's `Datum`, and nothing else.
//!
//! Values name each other by number, so a value that contains itself is harmless: only the fixed depth of
//! a cache is ever walked. Every opcode makes at most one value, and the opcodes are counted, so memory
//! is bounded whatever the file says about lengths.

use std::collections::BTreeMap;

use super::opcode as op;

/// The one class that a cache is made of.
const MODULE: &str = "dassl.data.datasets.base_dataset";
const CLASS: &str = "Datum";

/// ImageNet with 16 shots takes about 350,000.
const MAX_OPCODES: usize = 1_000_000;

/// A cache has marks inside marks three deep.
const MAX_MARKS: usize = 8;

/// No dict of a cache has more keys than a `Datum` has attributes.
const MAX_KEYS: usize = 4;

/// A value on the stack or in the memo.
#[derive(Debug, Clone, Copy)]
pub(super) enum Value<'b> {
    Int(i64),
    Text(&'b str),
    EmptyTuple,
    Class,
    List(usize),
    Dict(usize),
    Datum(usize),
}

/// The attributes of a `Datum` that matter; the domain is 0 in CoOp's datasets.
#[derive(Debug, Clone, Copy)]
pub(super) struct Datum<'b> {
    pub(super) path: &'b str,
    pub(super) label: usize,
    pub(super) class_name: &'b str,
}

/// The entries of a dict in the order in which they were set.
type Entries<'b> = Vec<(&'b str, Value<'b>)>;

/// The state of reading one pickle.
pub(super) struct Machine<'b> {
    bytes: &'b [u8],
    at: usize,
    stack: Vec<Value<'b>>,
    /// The heights of the stack at which marks were set.
    marks: Vec<usize>,
    memo: BTreeMap<u32, Value<'b>>,
    lists: Vec<Vec<Value<'b>>>,
    dicts: Vec<Entries<'b>>,
    /// Objects; none until its attributes are set.
    data: Vec<Option<Datum<'b>>>,
}

impl<'b> Machine<'b> {
    pub(super) fn new(bytes: &'b [u8]) -> Self {
        Machine {
            bytes,
            at: 0,
            stack: Vec::new(),
            marks: Vec::new(),
            memo: BTreeMap::new(),
            lists: Vec::new(),
            dicts: Vec::new(),
            data: Vec::new(),
        }
    }

    /// Goes through the pickle to its end and hands out its value.
    pub(super) fn run(&mut self) -> Result<Value<'b>, String> {
        let header = self.take(2).unwrap_or_default();
        if !matches!(header, [op::PROTO, 2..=5]) {
            return Err("byte 0: found another start, expected a pickle of protocol 2 to 5".into());
        }
        for _ in 0..MAX_OPCODES {
            let start = self.at;
            let at_byte = |fault: String| format!("byte {start}: {fault}");
            let opcode = self.u8().map_err(at_byte)?;
            if opcode == op::STOP {
                return self.finish().map_err(at_byte);
            }
            self.step(opcode).map_err(at_byte)?;
        }
        Err(format!("byte {}: found more than {MAX_OPCODES} opcodes, expected fewer", self.at))
    }

    fn finish(&mut self) -> Result<Value<'b>, String> {
        if self.at != self.bytes.len() {
            return Err("found bytes after STOP, expected the end".to_owned());
        }
        match (self.stack.as_slice(), self.marks.as_slice()) {
            ([top], []) => Ok(*top),
            (stack, _) => {
                Err(format!("found {} values at STOP, expected 1 and no mark", stack.len()))
            }
        }
    }

    fn step(&mut self, opcode: u8) -> Result<(), String> {
        match opcode {
            op::FRAME => self.frame()?,
            op::MARK => self.mark()?,
            op::BININT => {
                let value = i32::from_le_bytes(self.array()?);
                self.stack.push(Value::Int(value.into()));
            }
            op::BININT1 => {
                let value = self.u8()?;
                self.stack.push(Value::Int(value.into()));
            }
            op::BININT2 => {
                let value = u16::from_le_bytes(self.array()?);
                self.stack.push(Value::Int(value.into()));
            }
            op::SHORT_BINUNICODE => {
                let n_bytes = self.u8()?.into();
                self.text(n_bytes)?;
            }
            op::BINUNICODE => {
                let n_bytes = u32::from_le_bytes(self.array()?).into();
                self.text(n_bytes)?;
            }
            op::BINUNICODE8 => {
                let n_bytes = u64::from_le_bytes(self.array()?);
                self.text(n_bytes)?;
            }
            op::EMPTY_TUPLE => self.stack.push(Value::EmptyTuple),
            op::EMPTY_LIST => {
                self.stack.push(Value::List(self.lists.len()));
                self.lists.push(Vec::new());
            }
            op::EMPTY_DICT => {
                self.stack.push(Value::Dict(self.dicts.len()));
                self.dicts.push(Vec::new());
            }
            op::MEMOIZE | op::BINPUT | op::LONG_BINPUT => self.put(opcode)?,
            op::BINGET | op::LONG_BINGET => self.get(opcode)?,
            op::APPEND | op::APPENDS => self.append(opcode)?,
            op::SETITEM | op::SETITEMS => self.set_items(opcode)?,
            op::GLOBAL | op::STACK_GLOBAL => self.class(opcode)?,
            op::NEWOBJ => self.new_object()?,
            op::BUILD => self.build()?,
            other => {
                let found = op::describe(other);
                return Err(format!("found {found}, expected one that CoOp's caches are made of"));
            }
        }
        Ok(())
    }

    fn frame(&mut self) -> Result<(), String> {
        let n_bytes = u64::from_le_bytes(self.array()?);
        let n_left = self.bytes.len() - self.at;
        if (n_left as u64) < n_bytes {
            return Err(format!("found a frame of {n_bytes} bytes, expected at most {n_left}"));
        }
        Ok(())
    }

    fn mark(&mut self) -> Result<(), String> {
        if self.marks.len() == MAX_MARKS {
            return Err(format!("found more than {MAX_MARKS} open marks, expected fewer"));
        }
        self.marks.push(self.stack.len());
        Ok(())
    }

    fn text(&mut self, n_bytes: u64) -> Result<(), String> {
        let bytes = self.take(usize::try_from(n_bytes).unwrap_or(usize::MAX))?;
        let text =
            str::from_utf8(bytes).map_err(|_| "found a text that is not UTF-8, expected UTF-8")?;
        self.stack.push(Value::Text(text));
        Ok(())
    }

    fn put(&mut self, opcode: u8) -> Result<(), String> {
        let number = match opcode {
            op::BINPUT => self.u8()?.into(),
            op::LONG_BINPUT => u32::from_le_bytes(self.array()?),
            _ => u32::try_from(self.memo.len()).expect("fewer opcodes than 2^32 are read"),
        };
        let floor = self.marks.last().copied().unwrap_or(0);
        let top = self.stack[floor..].last().ok_or("found no value to keep, expected one")?;
        self.memo.insert(number, *top);
        Ok(())
    }

    fn get(&mut self, opcode: u8) -> Result<(), String> {
        let number = match opcode {
            op::BINGET => self.u8()?.into(),
            _ => u32::from_le_bytes(self.array()?),
        };
        let value = self.memo.get(&number);
        let value =
            value.ok_or_else(|| format!("found nothing kept as {number}, expected a value"))?;
        self.stack.push(*value);
        Ok(())
    }

    fn append(&mut self, opcode: u8) -> Result<(), String> {
        let items = if opcode == op::APPEND { vec![self.pop()?] } else { self.pop_to_mark()? };
        let Value::List(number) = self.top()? else {
            return Err("found no list to append to, expected one".to_owned());
        };
        self.lists[number].extend(items);
        Ok(())
    }

    fn set_items(&mut self, opcode: u8) -> Result<(), String> {
        let items = if opcode == op::SETITEM {
            let value = self.pop()?;
            vec![self.pop()?, value]
        } else {
            self.pop_to_mark()?
        };
        let Value::Dict(number) = self.top()? else {
            return Err("found no dict to set items of, expected one".to_owned());
        };
        let dict = &mut self.dicts[number];
        let mut pairs = items.chunks_exact(2);
        for pair in pairs.by_ref() {
            let Value::Text(key) = pair[0] else {
                return Err("found a key that is no text, expected a text".to_owned());
            };
            if dict.len() == MAX_KEYS || dict.iter().any(|(known, _)| *known == key) {
                return Err(format!(
                    "found the key `{key}` again or beyond the fourth, expected none"
                ));
            }
            dict.push((key, pair[1]));
        }
        match pairs.remainder() {
            [] => Ok(()),
            _ => Err("found a key without a value, expected one".to_owned()),
        }
    }

    /// Reads which class is meant; only one is known, and it stays a name.
    fn class(&mut self, opcode: u8) -> Result<(), String> {
        let (module, class) = if opcode == op::GLOBAL {
            (self.line()?, self.line()?)
        } else {
            let (class, module) = (self.pop()?, self.pop()?);
            let (Value::Text(module), Value::Text(class)) = (module, class) else {
                return Err("found a class whose name is no text, expected texts".to_owned());
            };
            (module, class)
        };
        if (module, class) != (MODULE, CLASS) {
            return Err(format!("found the class `{module}.{class}`, expected `{MODULE}.{CLASS}`"));
        }
        self.stack.push(Value::Class);
        Ok(())
    }

    fn new_object(&mut self) -> Result<(), String> {
        let (arguments, class) = (self.pop()?, self.pop()?);
        let (Value::Class, Value::EmptyTuple) = (class, arguments) else {
            return Err("found another object, expected a Datum made of no arguments".to_owned());
        };
        self.stack.push(Value::Datum(self.data.len()));
        self.data.push(None);
        Ok(())
    }

    fn build(&mut self) -> Result<(), String> {
        let state = self.pop()?;
        let Value::Datum(number) = self.top()? else {
            return Err("found no Datum to set attributes of, expected one".to_owned());
        };
        let datum = self.entries(state).and_then(datum_of);
        let datum = datum.ok_or(
            "found other attributes of a Datum, expected the texts `_impath` and `_classname`, \
             `_label` from 0 and `_domain` 0",
        )?;
        if self.data[number].replace(datum).is_some() {
            return Err("found a Datum's attributes again, expected them once".to_owned());
        }
        Ok(())
    }

    /// The entries of a dict; none of another value.
    pub(super) fn entries(&self, value: Value) -> Option<&Entries<'b>> {
        let Value::Dict(number) = value else { return None };
        Some(&self.dicts[number])
    }

    /// The items of a list; none of another value.
    pub(super) fn items(&self, value: Value) -> Option<&[Value<'b>]> {
        let Value::List(number) = value else { return None };
        Some(&self.lists[number])
    }

    /// The attributes of a `Datum`; none of another value, or before they are set.
    pub(super) fn datum(&self, value: Value) -> Option<Datum<'b>> {
        let Value::Datum(number) = value else { return None };
        self.data[number]
    }

    /// The topmost value above the last mark.
    fn top(&self) -> Result<Value<'b>, String> {
        let floor = self.marks.last().copied().unwrap_or(0);
        self.stack[floor..].last().copied().ok_or_else(|| "found no value, expected one".to_owned())
    }

    fn pop(&mut self) -> Result<Value<'b>, String> {
        let top = self.top()?;
        self.stack.pop();
        Ok(top)
    }

    fn pop_to_mark(&mut self) -> Result<Vec<Value<'b>>, String> {
        let floor = self.marks.pop().ok_or("found no mark, expected one")?;
        Ok(self.stack.split_off(floor))
    }

    fn take(&mut self, n_bytes: usize) -> Result<&'b [u8], String> {
        let rest = &self.bytes[self.at..];
        let Some(taken) = rest.get(..n_bytes) else {
            return Err(format!("found {} bytes to the end, expected {n_bytes}", rest.len()));
        };
        self.at += n_bytes;
        Ok(taken)
    }

    fn u8(&mut self) -> Result<u8, String> {
        self.array().map(|[byte]| byte)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], String> {
        self.take(N).map(|bytes| bytes.try_into().expect("as many bytes were taken"))
    }

    /// Reads a line of GLOBAL's argument.
    fn line(&mut self) -> Result<&'b str, String> {
        let rest = &self.bytes[self.at..];
        let end = rest.iter().take(MODULE.len() + 1).position(|byte| *byte == b'\n');
        let line = end.and_then(|end| str::from_utf8(&rest[..end]).ok());
        let line =
            line.ok_or_else(|| format!("found another class, expected `{MODULE}.{CLASS}`"))?;
        self.at += line.len() + 1;
        Ok(line)
    }
}

fn datum_of<'b>(entries: &Entries<'b>) -> Option<Datum<'b>> {
    let attribute = |name| entries.iter().find(|(key, _)| *key == name).map(|(_, value)| *value);
    let (Value::Text(path), Value::Text(class_name), Value::Int(label), Value::Int(0)) = (
        attribute("_impath")?,
        attribute("_classname")?,
        attribute("_label")?,
        attribute("_domain")?,
    ) else {
        return None;
    };
    Some(Datum { path, label: usize::try_from(label).ok()?, class_name })
}
