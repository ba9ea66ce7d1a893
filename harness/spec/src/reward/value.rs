//! Numbers as the published accuracy reward compares them: exact fractions, decimals, and the rest.

use std::ops::Neg;

/// A number that was read from a text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value {
    /// A fraction in lowest terms with a positive denominator; integers are fractions.
    Exact(i128, i128),
    /// A number with a decimal point.
    Decimal(f64),
    /// One letter, read from LaTeX.
    Letter(char),
    /// A number that equals nothing: a division by zero, or one beyond 128 bits.
    Unequal,
}

/// Why an expression has no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It has an operation that is not worked out; the next match is tried.
    Unsupported,
    /// It divides by zero; it counts as a number.
    DividesByZero,
    /// It leaves 128 bits; it counts as a number.
    TooLarge,
}

impl Value {
    /// The integer that decimal digits, with or without a sign, stand for.
    pub fn integer(digits: &str) -> Value {
        digits.parse().map_or(Value::Unequal, |n| Value::Exact(n, 1))
    }

    /// The decimal that digits with a point stand for.
    pub fn decimal(digits: &str) -> Value {
        digits.parse().map_or(Value::Unequal, Value::Decimal)
    }

    /// The hundredth part.
    pub fn percent(self) -> Value {
        self.over(Value::Exact(100, 1)).unwrap_or(Value::Unequal)
    }

    /// Whether two numbers are equal: exactly if both are exact, otherwise after six places.
    pub fn equals(self, other: Value) -> bool {
        match (self, other) {
            (Value::Exact(..), Value::Exact(..)) | (Value::Letter(_), Value::Letter(_)) => {
                self == other
            }
            _ => match (self.as_f64(), other.as_f64()) {
                (Some(a), Some(b)) => six_places(a) == six_places(b),
                _ => false,
            },
        }
    }

    /// The sum.
    pub fn plus(self, other: Value) -> Result<Value, Fault> {
        let (Value::Exact(a, b), Value::Exact(c, d)) = (self, other) else {
            return self.decimals(other, |x, y| x + y);
        };
        let sum = || a.checked_mul(d)?.checked_add(c.checked_mul(b)?);
        fraction(sum(), b.checked_mul(d))
    }

    /// The difference.
    pub fn minus(self, other: Value) -> Result<Value, Fault> {
        self.plus(other.negated()?)
    }

    /// The product.
    pub fn times(self, other: Value) -> Result<Value, Fault> {
        let (Value::Exact(a, b), Value::Exact(c, d)) = (self, other) else {
            return self.decimals(other, |x, y| x * y);
        };
        fraction(a.checked_mul(c), b.checked_mul(d))
    }

    /// The quotient.
    pub fn over(self, other: Value) -> Result<Value, Fault> {
        if other.is_zero() {
            return Err(Fault::DividesByZero);
        }
        let (Value::Exact(a, b), Value::Exact(c, d)) = (self, other) else {
            return self.decimals(other, |x, y| x / y);
        };
        fraction(a.checked_mul(d), b.checked_mul(c))
    }

    /// The quotient, rounded down.
    pub fn floor_over(self, other: Value) -> Result<Value, Fault> {
        Ok(match self.over(other)? {
            Value::Exact(a, b) => Value::Exact(a.div_euclid(b), 1),
            Value::Decimal(x) if x.is_finite() => Value::integer(&format!("{:.0}", x.floor())),
            other => other,
        })
    }

    /// The power.
    pub fn power(self, exponent: Value) -> Result<Value, Fault> {
        if self.is_zero() && exponent.as_f64().is_some_and(|e| e < 0.0) {
            return Err(Fault::DividesByZero);
        }
        let (Value::Exact(a, b), Value::Exact(n, 1)) = (self, exponent) else {
            return self.decimals(exponent, f64::powf);
        };
        let times = match u32::try_from(n.unsigned_abs()) {
            Ok(times) => times,
            // What stays small is 0, 1 or -1 and needs to know whether the exponent is odd.
            Err(_) if a.unsigned_abs() <= 1 && b == 1 => 2 + (n.unsigned_abs() % 2) as u32,
            Err(_) => return Err(Fault::TooLarge),
        };
        let (top, bottom) = (a.checked_pow(times), b.checked_pow(times));
        if n < 0 { fraction(bottom, top) } else { fraction(top, bottom) }
    }

    /// The number with the other sign.
    pub fn negated(self) -> Result<Value, Fault> {
        match self {
            Value::Exact(a, b) => fraction(a.checked_neg(), Some(b)),
            Value::Decimal(x) => Ok(Value::Decimal(x.neg())),
            Value::Letter(_) | Value::Unequal => Err(Fault::Unsupported),
        }
    }

    fn is_zero(self) -> bool {
        self.as_f64() == Some(0.0)
    }

    fn as_f64(self) -> Option<f64> {
        match self {
            Value::Exact(a, b) => Some(a as f64 / b as f64),
            Value::Decimal(x) => Some(x),
            Value::Letter(_) | Value::Unequal => None,
        }
    }

    fn decimals(self, other: Value, work: impl Fn(f64, f64) -> f64) -> Result<Value, Fault> {
        match (self.as_f64(), other.as_f64()) {
            (Some(a), Some(b)) => Ok(Value::Decimal(work(a, b))),
            _ => Err(Fault::TooLarge),
        }
    }
}

fn fraction(top: Option<i128>, bottom: Option<i128>) -> Result<Value, Fault> {
    let (Some(top), Some(bottom)) = (top, bottom) else { return Err(Fault::TooLarge) };
    let divisor = greatest_common_divisor(top.unsigned_abs(), bottom.unsigned_abs());
    let Some(divisor) = i128::try_from(divisor).ok().filter(|&divisor| divisor != 0) else {
        return Err(Fault::TooLarge);
    };
    let (top, bottom) = (top / divisor, bottom / divisor);
    match (bottom < 0, top.checked_neg(), bottom.checked_neg()) {
        (false, ..) => Ok(Value::Exact(top, bottom)),
        (true, Some(top), Some(bottom)) => Ok(Value::Exact(top, bottom)),
        (true, ..) => Err(Fault::TooLarge),
    }
}

fn greatest_common_divisor(mut a: u128, mut b: u128) -> u128 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// Rounded half to even at the sixth place, from the exact binary value, as Python's `round` does.
fn six_places(x: f64) -> f64 {
    if !x.is_finite() {
        return x;
    }
    format!("{x:.6}").parse().expect("a formatted float is a float")
}
