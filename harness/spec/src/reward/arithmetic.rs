//! Python arithmetic on integers and decimals: `+ - * / // **` and parentheses.
//!
//! Integers are exact fractions, so `/` is exact. What Python's grammar accepts but nobody writes
//! (a call such as `2(3)`, `()`, `...`) is read, because a division by zero that Python would meet
//! before it decides, and is not worked out.

use super::value::{Fault, Value};

/// Parentheses, signs and exponents may nest this deep; Python's own limit is 200 parentheses.
const MAX_DEPTH: usize = 200;

type Outcome = Result<Value, Fault>;

/// Works an expression out; nothing where Python could not read it or where it is not worked out.
pub fn evaluate(expression: &str) -> Option<Value> {
    let tokens = tokens(expression)?;
    let mut parser = Parser { tokens: &tokens, at: 0, depth: 0 };
    let outcome = parser.sum()?;
    if parser.at < tokens.len() {
        return None;
    }
    match outcome {
        Ok(value) => Some(value),
        Err(Fault::Unsupported) => None,
        Err(Fault::DividesByZero | Fault::TooLarge) => Some(Value::Unequal),
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Token {
    Number(Value),
    Plus,
    Minus,
    Times,
    Over,
    FloorOver,
    Power,
    Open,
    Close,
    Dots,
}

/// Python's tokens; nothing if there is another character, or a number that Python does not write.
fn tokens(expression: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut n_open = 0_usize;
    let mut rest = expression.trim_matches(crate::answer::is_python_space);
    while let Some(first) = rest.chars().next() {
        let (token, length) = match first {
            ' ' | '\t' | '\u{c}' => (None, 1),
            // A line break, which Python lets pass inside parentheses only.
            '\r' if 0 < n_open => (None, 1),
            '+' => (Some(Token::Plus), 1),
            '-' => (Some(Token::Minus), 1),
            '*' if rest.starts_with("**") => (Some(Token::Power), 2),
            '*' => (Some(Token::Times), 1),
            '/' if rest.starts_with("//") => (Some(Token::FloorOver), 2),
            '/' => (Some(Token::Over), 1),
            '(' => (Some(Token::Open), 1),
            ')' => (Some(Token::Close), 1),
            '.' if rest.starts_with("...") => (Some(Token::Dots), 3),
            '.' | '0'..='9' => {
                let (value, length) = number(rest)?;
                (Some(Token::Number(value)), length)
            }
            _ => return None,
        };
        match token {
            Some(Token::Open) => n_open += 1,
            Some(Token::Close) => n_open = n_open.checked_sub(1)?,
            _ => {}
        }
        tokens.extend(token);
        rest = &rest[length..];
    }
    Some(tokens)
}

/// A number at the start of a text and its length; a longer integer than `0` has no leading zero.
fn number(text: &str) -> Option<(Value, usize)> {
    let count = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let n_whole = count(text);
    let Some(after_point) = text[n_whole..].strip_prefix('.') else {
        let digits = &text[..n_whole];
        let has_leading_zero = digits.starts_with('0') && digits.bytes().any(|digit| digit != b'0');
        return (!has_leading_zero).then(|| (Value::integer(digits), n_whole));
    };
    let n_after = count(after_point);
    let length = n_whole + 1 + n_after;
    (0 < n_whole + n_after).then(|| (Value::decimal(&text[..length]), length))
}

struct Parser<'a> {
    tokens: &'a [Token],
    at: usize,
    depth: usize,
}

/// Each level returns nothing where the text is no Python.
impl Parser<'_> {
    fn sum(&mut self) -> Option<Outcome> {
        let mut left = self.product()?;
        while let Some(sign) = self.take(&[Token::Plus, Token::Minus]) {
            let right = self.product()?;
            left = both(left, right, if sign == Token::Plus { Value::plus } else { Value::minus });
        }
        Some(left)
    }

    fn product(&mut self) -> Option<Outcome> {
        let mut left = self.signed()?;
        while let Some(sign) = self.take(&[Token::Times, Token::Over, Token::FloorOver]) {
            let right = self.signed()?;
            left = match sign {
                Token::Times => both(left, right, Value::times),
                Token::Over => both(left, right, Value::over),
                _ => both(left, right, Value::floor_over),
            };
        }
        Some(left)
    }

    fn signed(&mut self) -> Option<Outcome> {
        match self.take(&[Token::Plus, Token::Minus]) {
            None => self.power(),
            Some(Token::Minus) => Some(self.deeper(Self::signed)?.and_then(Value::negated)),
            Some(_) => self.deeper(Self::signed),
        }
    }

    fn power(&mut self) -> Option<Outcome> {
        let base = self.called()?;
        match self.take(&[Token::Power]) {
            None => Some(base),
            Some(_) => Some(both(base, self.deeper(Self::signed)?, Value::power)),
        }
    }

    fn called(&mut self) -> Option<Outcome> {
        let mut atom = self.atom()?;
        while self.take(&[Token::Open]).is_some() {
            if self.take(&[Token::Close]).is_none() {
                self.take(&[Token::Times, Token::Power]);
                // What is called with comes after the decision that nothing is called.
                let _ = self.deeper(Self::sum)?;
                self.take(&[Token::Close])?;
            }
            atom = Err(Fault::Unsupported);
        }
        Some(atom)
    }

    fn atom(&mut self) -> Option<Outcome> {
        let token = *self.tokens.get(self.at)?;
        self.at += 1;
        match token {
            Token::Number(Value::Unequal) => Some(Err(Fault::TooLarge)),
            Token::Number(value) => Some(Ok(value)),
            Token::Dots => Some(Err(Fault::Unsupported)),
            Token::Open if self.take(&[Token::Close]).is_some() => Some(Err(Fault::Unsupported)),
            Token::Open => {
                let inside = self.deeper(Self::sum)?;
                self.take(&[Token::Close])?;
                Some(inside)
            }
            _ => None,
        }
    }

    fn deeper(&mut self, level: impl Fn(&mut Self) -> Option<Outcome>) -> Option<Outcome> {
        if MAX_DEPTH <= self.depth {
            return None;
        }
        self.depth += 1;
        let outcome = level(self);
        self.depth -= 1;
        outcome
    }

    fn take(&mut self, wanted: &[Token]) -> Option<Token> {
        let token = *self.tokens.get(self.at)?;
        let is_wanted = wanted.contains(&token);
        self.at += usize::from(is_wanted);
        is_wanted.then_some(token)
    }
}

/// The left side's fault comes before the right side's, as Python meets them.
fn both(left: Outcome, right: Outcome, work: impl Fn(Value, Value) -> Outcome) -> Outcome {
    let (left, right) = (left?, right?);
    match work(left, right) {
        // A power of a negative number to a fraction is complex: a number that equals nothing here.
        Ok(Value::Decimal(x)) if x.is_nan() => Err(Fault::TooLarge),
        outcome => outcome,
    }
}
