//! A sine that has the same bits on every machine.
//!
//! Only additions, multiplications and `floor` are used, which IEEE 754 fixes to the last bit; the
//! sine of a C library is not fixed. Angles are in turns, so that the reduction of a large angle to
//! the first turn is exact.

use std::f64::consts::FRAC_PI_2;

/// What divides one term of the series by the next, from the last term to the first.
const FACTORS: [f64; 7] =
    [1.0 / 210.0, 1.0 / 156.0, 1.0 / 110.0, 1.0 / 72.0, 1.0 / 42.0, 1.0 / 20.0, 1.0 / 6.0];

/// The sine of an angle in turns, within 1e-11.
pub fn sin_turns(turns: f64) -> f64 {
    let quarters = 4.0 * (turns - turns.floor()); // in [0, 4]
    if quarters < 1.0 {
        sin_quarter(quarters)
    } else if quarters < 3.0 {
        sin_quarter(2.0 - quarters)
    } else {
        sin_quarter(quarters - 4.0)
    }
}

/// The cosine of an angle in turns, within 1e-11.
pub fn cos_turns(turns: f64) -> f64 {
    sin_turns(turns + 0.25)
}

/// The sine of a quarter turn times `z`, for `z` from -1 to 1: Taylor's series to the 15th power.
fn sin_quarter(z: f64) -> f64 {
    let x = FRAC_PI_2 * z;
    let square = x * x;
    let mut sum = 1.0;
    for factor in FACTORS {
        sum = 1.0 - sum * square * factor;
    }
    x * sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sine_and_cosine_equal_the_library_within_1e_minus_11() {
        for step in -3000..3000 {
            let turns = f64::from(step) / 700.0;
            let radians = turns * std::f64::consts::TAU;
            assert!((sin_turns(turns) - radians.sin()).abs() < 1e-11, "sine of {turns} turns");
            assert!((cos_turns(turns) - radians.cos()).abs() < 1e-11, "cosine of {turns} turns");
        }
    }
}
