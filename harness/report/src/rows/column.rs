//! Columns of rows: their names, kinds and values, taken from the fields of a row's type.

use clsrl_spec::{DatasetId, EvalSplit, Form, MethodId, ParseStatus, PromptStyle, ThoughtNames};

/// What a column holds. Every value may be null.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// UTF-8.
    Text,
    /// A signed count, so that a reader may subtract.
    Count,
    /// An unsigned number of 64 bits.
    Seed,
    /// A finite float of 64 bits.
    Number,
    /// True or false.
    Truth,
}

/// One value of a row; none is null.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    /// Of a [`Kind::Text`].
    Text(Option<&'a str>),
    /// Of a [`Kind::Count`].
    Count(Option<i64>),
    /// Of a [`Kind::Seed`].
    Seed(Option<u64>),
    /// Of a [`Kind::Number`].
    Number(Option<f64>),
    /// Of a [`Kind::Truth`].
    Truth(Option<bool>),
}

impl<'a> Value<'a> {
    /// The text. Like those below it panics for a value of another kind: a row's values are of its columns'.
    pub(crate) fn text(self) -> Option<&'a str> {
        match self {
            Value::Text(text) => text,
            other => panic!("expected a text, found {other:?}"),
        }
    }

    pub(crate) fn count(self) -> Option<i64> {
        match self {
            Value::Count(count) => count,
            other => panic!("expected a count, found {other:?}"),
        }
    }

    pub(crate) fn seed(self) -> Option<u64> {
        match self {
            Value::Seed(seed) => seed,
            other => panic!("expected a seed, found {other:?}"),
        }
    }

    pub(crate) fn number(self) -> Option<f64> {
        match self {
            Value::Number(number) => number,
            other => panic!("expected a number, found {other:?}"),
        }
    }

    pub(crate) fn truth(self) -> Option<bool> {
        match self {
            Value::Truth(truth) => truth,
            other => panic!("expected a truth, found {other:?}"),
        }
    }
}

/// A row of a frame.
pub trait FrameRow {
    /// The columns in order: their names and what they hold.
    const COLUMNS: &'static [(&'static str, Kind)];

    /// A value for each column, in their order and of their kinds.
    fn values(&self) -> Vec<Value<'_>>;
}

/// A type that a column can be made of.
pub trait Field {
    /// What its column holds.
    const KIND: Kind;

    /// The value, or a null of the same kind.
    fn value(field: Option<&Self>) -> Value<'_>;
}

/// Defines a type of rows: one field a column, named alike and in the same order.
macro_rules! frame_row {
    (
        $(#[$of_row:meta])*
        pub struct $row:ident $(<$life:lifetime>)? {
            $($(#[$of_field:meta])* pub $field:ident: $kind:ty,)*
        }
    ) => {
        $(#[$of_row])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $row $(<$life>)? {
            $($(#[$of_field])* pub $field: $kind,)*
        }

        impl $(<$life>)? $crate::rows::FrameRow for $row $(<$life>)? {
            const COLUMNS: &'static [(&'static str, $crate::rows::Kind)] =
                &[$((stringify!($field), <$kind as $crate::rows::Field>::KIND)),*];

            fn values(&self) -> Vec<$crate::rows::Value<'_>> {
                vec![$($crate::rows::Field::value(Some(&self.$field))),*]
            }
        }
    };
}

pub(super) use frame_row;

impl<T: Field> Field for Option<T> {
    const KIND: Kind = T::KIND;

    fn value(field: Option<&Self>) -> Value<'_> {
        T::value(field.and_then(Option::as_ref))
    }
}

impl Field for String {
    const KIND: Kind = Kind::Text;

    fn value(field: Option<&Self>) -> Value<'_> {
        Value::Text(field.map(String::as_str))
    }
}

impl Field for &str {
    const KIND: Kind = Kind::Text;

    fn value(field: Option<&Self>) -> Value<'_> {
        Value::Text(field.copied())
    }
}

impl Field for i64 {
    const KIND: Kind = Kind::Count;

    fn value(field: Option<&Self>) -> Value<'_> {
        Value::Count(field.copied())
    }
}

impl Field for usize {
    const KIND: Kind = Kind::Count;

    fn value(field: Option<&Self>) -> Value<'_> {
        Value::Count(field.map(|&n| n.try_into().unwrap_or(i64::MAX)))
    }
}

impl Field for u64 {
    const KIND: Kind = Kind::Seed;

    fn value(field: Option<&Self>) -> Value<'_> {
        Value::Seed(field.copied())
    }
}

impl Field for f64 {
    const KIND: Kind = Kind::Number;

    fn value(field: Option<&Self>) -> Value<'_> {
        Value::Number(field.copied().filter(|value| value.is_finite()))
    }
}

impl Field for bool {
    const KIND: Kind = Kind::Truth;

    fn value(field: Option<&Self>) -> Value<'_> {
        Value::Truth(field.copied())
    }
}

/// Names are written as they are elsewhere.
macro_rules! named {
    ($($name:ty),*) => {
        $(impl Field for $name {
            const KIND: Kind = Kind::Text;

            fn value(field: Option<&Self>) -> Value<'_> {
                Value::Text(field.map(|name| name.as_str()))
            }
        })*
    };
}

named!(DatasetId, EvalSplit, Form, MethodId, ParseStatus, PromptStyle, ThoughtNames);

/// A number that is there and finite: no NaN reaches a reader.
pub(super) fn finite(value: f64) -> Option<f64> {
    Some(value).filter(|value| value.is_finite())
}
