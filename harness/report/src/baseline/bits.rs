//! Verdicts as hexadecimal digits: four a digit, the first image the highest bit, the last digit filled
//! with zeros.

/// Writes verdicts.
pub(super) fn to_hex(verdicts: &[bool]) -> String {
    let digit = |four: &[bool]| {
        let bit = |(at, right): (usize, &bool)| u32::from(*right) << (3 - at);
        let value = four.iter().enumerate().map(bit).sum();
        char::from_digit(value, 16).expect("four bits are less than 16")
    };
    verdicts.chunks(4).map(digit).collect()
}

/// Reads as many verdicts as there are images; an error tells what is wrong.
pub(super) fn from_hex(text: &str, n: usize) -> Result<Vec<bool>, String> {
    let expected = n.div_ceil(4);
    let found = text.chars().count();
    if found != expected {
        return Err(format!("has {found} digits, expected {expected} for {n} images"));
    }
    let mut verdicts = Vec::with_capacity(4 * expected);
    for digit in text.chars() {
        let is_ours = matches!(digit, '0'..='9' | 'a'..='f');
        let value = digit.to_digit(16).filter(|_| is_ours);
        let value = value.ok_or_else(|| format!("has `{digit}`, expected 0 to 9 and a to f"))?;
        verdicts.extend((0..4).map(|at| value >> (3 - at) & 1 == 1));
    }
    match verdicts.split_off(n).contains(&true) {
        true => Err(format!("has verdicts beyond its {n} images")),
        false => Ok(verdicts),
    }
}
