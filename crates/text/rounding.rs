//! Python's `round(value, digits)`: to the nearest decimal, by the exact value of the binary fraction.

use std::fmt::Write;

/// `value` with at most `digits` decimals, as Python rounds. `digits` is at most 15.
pub fn round_to(value: f64, digits: usize) -> f64 {
    let power = POWERS[digits.min(15)];
    let scaled = value * power;
    // The product is off by less than one unit in its last place, so it can only mislead close to a half.
    let to_half = (scaled.abs().fract() - 0.5).abs();
    if scaled.abs() < 1e9 && to_half > 1e-6 {
        return scaled.round() / power;
    }
    let mut decimal = Decimal { bytes: [0; 64], len: 0 };
    match write!(decimal, "{value:.digits$}") {
        Ok(()) => decimal.as_str().parse().unwrap_or(value),
        Err(_) => value,
    }
}

const POWERS: [f64; 16] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];

/// Text on the stack; numbers that need more than 64 bytes have no decimals to lose.
struct Decimal {
    bytes: [u8; 64],
    len: usize,
}

impl Decimal {
    fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.len]).unwrap_or("")
    }
}

impl Write for Decimal {
    fn write_str(&mut self, part: &str) -> std::fmt::Result {
        let end = self.len + part.len();
        self.bytes.get_mut(self.len..end).ok_or(std::fmt::Error)?.copy_from_slice(part.as_bytes());
        self.len = end;
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    // Expected values are CPython's.
    #[test]
    fn halves_go_to_the_even_neighbour_if_they_are_exact() {
        assert_eq!(round_to(0.001953125, 8), 0.00195312);
        assert_eq!(round_to(0.005859375, 8), 0.00585938);
        assert_eq!(round_to(2.5, 0), 2.0);
        assert_eq!(round_to(2.675, 2), 2.67);
        assert_eq!(round_to(-0.000000005, 8), -1e-8);
        assert_eq!(round_to(1e300, 8), 1e300);
        assert_eq!(round_to(5.0, 5), 5.0);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]
        #[test]
        fn rounding_is_that_of_the_exact_decimal(
            numerator in 0u32..100_000, denominator in 1u32..100_000, digits in 0usize..9
        ) {
            let value = numerator as f64 / denominator as f64;
            prop_assert_eq!(round_to(value, digits), format!("{value:.digits$}").parse::<f64>().unwrap());
        }
    }
}
