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

impl Kind {
    /// What is not there.
    pub(crate) fn null(self) -> Value<'static> {
        match self {
            Kind::Text => Value::Text(None),
            Kind::Count => Value::Count(None),
            Kind::Seed => Value::Seed(None),
            Kind::Number => Value::Number(None),
            Kind::Truth => Value::Truth(None),
        }
    }
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

/// A column: what it is called, what it holds, in which unit, and what it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Empty where it has none, or where the name says it.
    pub unit: &'static str,
    /// A sentence or more, as the row's field is documented.
    pub meaning: &'static str,
}

/// A row of a frame.
pub trait FrameRow {
    /// The columns, in order.
    fn columns() -> Vec<Column>;

    /// A value for each column, in their order and of their kinds.
    fn values(&self) -> Vec<Value<'_>>;
}

/// A type that a column can be made of, or several: what is itself a row stands with all its columns.
pub trait Field {
    /// Adds what it has to the columns.
    fn push_columns(named: Column, columns: &mut Vec<Column>);

    /// Adds its values, or as many nulls.
    fn push_values<'a>(field: Option<&'a Self>, values: &mut Vec<Value<'a>>);
}

/// Defines a type of rows: one field a column, named alike and in the same order.
macro_rules! frame_row {
    (
        $(#[$of_row:meta])*
        pub struct $row:ident $(<$life:lifetime>)? {
            $(
                $(#[doc = $meaning:literal])+
                $(#[unit = $unit:literal])?
                pub $field:ident: $kind:ty,
            )*
        }
    ) => {
        $(#[$of_row])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $row $(<$life>)? {
            $($(#[doc = $meaning])+ pub $field: $kind,)*
        }

        impl $(<$life>)? $crate::rows::FrameRow for $row $(<$life>)? {
            fn columns() -> Vec<$crate::rows::Column> {
                let mut columns = Vec::new();
                $({
                    let named = $crate::rows::Column {
                        name: stringify!($field),
                        kind: $crate::rows::Kind::Text,
                        unit: concat!($($unit)?),
                        meaning: concat!($($meaning),+).trim_ascii_start(),
                    };
                    <$kind as $crate::rows::Field>::push_columns(named, &mut columns);
                })*
                columns
            }

            fn values(&self) -> Vec<$crate::rows::Value<'_>> {
                let mut values = Vec::with_capacity([$(stringify!($field)),*].len());
                $($crate::rows::Field::push_values(Some(&self.$field), &mut values);)*
                values
            }
        }
    };
}

/// Lets a type of rows be a field of another.
macro_rules! part_of_rows {
    ($part:ty) => {
        impl $crate::rows::Field for $part {
            fn push_columns(_: $crate::rows::Column, columns: &mut Vec<$crate::rows::Column>) {
                columns.extend(<$part as $crate::rows::FrameRow>::columns());
            }

            fn push_values<'a>(field: Option<&'a Self>, values: &mut Vec<$crate::rows::Value<'a>>) {
                match field {
                    Some(part) => values.extend($crate::rows::FrameRow::values(part)),
                    None => {
                        let columns = <$part as $crate::rows::FrameRow>::columns();
                        values.extend(columns.iter().map(|column| column.kind.null()));
                    }
                }
            }
        }
    };
}

pub(super) use {frame_row, part_of_rows};

impl<T: Field> Field for Option<T> {
    fn push_columns(named: Column, columns: &mut Vec<Column>) {
        T::push_columns(named, columns);
    }

    fn push_values<'a>(field: Option<&'a Self>, values: &mut Vec<Value<'a>>) {
        T::push_values(field.and_then(Option::as_ref), values);
    }
}

/// A type of one column: its kind, and how a value of it becomes one of that.
macro_rules! one_column {
    ($($type:ty: $kind:ident, |$field:ident| $value:expr;)*) => {
        $(impl Field for $type {
            fn push_columns(named: Column, columns: &mut Vec<Column>) {
                columns.push(Column { kind: Kind::$kind, ..named });
            }

            fn push_values<'a>(field: Option<&'a Self>, values: &mut Vec<Value<'a>>) {
                values.push(Value::$kind(field.and_then(|$field| $value)));
            }
        })*
    };
}

one_column! {
    String: Text, |text| Some(text.as_str());
    &str: Text, |text| Some(*text);
    i64: Count, |count| Some(*count);
    usize: Count, |count| Some((*count).try_into().unwrap_or(i64::MAX));
    u64: Seed, |seed| Some(*seed);
    f64: Number, |number| Some(*number).filter(|number| number.is_finite());
    bool: Truth, |truth| Some(*truth);
    // Names are written as they are elsewhere.
    DatasetId: Text, |name| Some(name.as_str());
    EvalSplit: Text, |name| Some(name.as_str());
    Form: Text, |name| Some(name.as_str());
    MethodId: Text, |name| Some(name.as_str());
    ParseStatus: Text, |name| Some(name.as_str());
    PromptStyle: Text, |name| Some(name.as_str());
    ThoughtNames: Text, |name| Some(name.as_str());
}

/// A number that is there and finite: no NaN reaches a reader.
pub(super) fn finite(value: f64) -> Option<f64> {
    Some(value).filter(|value| value.is_finite())
}
