//! Exact decimals that remember how they were written: `19.990` stays `19.990`, `90` stays `90`.

use std::fmt;
use std::str::FromStr;

/// A decimal number of at most 18 digits, with the number of decimals it is written with.
///
/// Equality is that of the written form: `1.0` and `1.00` differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Decimal {
    units: i64,
    scale: u8,
}

/// The text is not a plain decimal of at most 18 digits.
#[derive(Debug, PartialEq, Eq)]
pub struct NotADecimal;

/// The decimal written as `text`; for literals in tests and generators.
///
/// # Panics
/// If `text` is not a plain decimal.
pub fn decimal(text: &str) -> Decimal {
    text.parse().unwrap_or_else(|NotADecimal| panic!("`{text}` is not a plain decimal"))
}

impl Decimal {
    /// `units` counted in the last of `scale` decimals: `Decimal::new(19990, 3)` is `19.990`.
    pub const fn new(units: i64, scale: u8) -> Self {
        Self { units, scale }
    }

    /// The sum, written with the longer of the two fractions.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        let scale = self.scale.max(other.scale);
        Self::new(self.units_at(scale) + other.units_at(scale), scale)
    }

    /// The difference, written with the longer of the two fractions.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        self.plus(Self::new(-other.units, other.scale))
    }

    /// `percent` per cent of it, cut to two decimals.
    #[must_use]
    pub fn percent(self, percent: i64) -> Self {
        let scale = self.scale.max(2);
        let extra = 10_i64.pow(u32::from(scale - 2));
        Self::new(self.units_at(scale) * percent / 100 / extra, 2)
    }

    /// The same number with at least `scale` decimals.
    #[must_use]
    pub fn at_least(self, scale: u8) -> Self {
        let scale = self.scale.max(scale);
        Self::new(self.units_at(scale), scale)
    }

    /// The same number with the fewest decimals, but at least one: `100.50` becomes `100.5`.
    #[must_use]
    pub fn shortest(self) -> Self {
        let mut short = self.at_least(1);
        while short.scale > 1 && short.units % 10 == 0 {
            short = Self::new(short.units / 10, short.scale - 1);
        }
        short
    }

    /// The units that it takes to write this number with `scale` decimals, no fewer than it has.
    fn units_at(self, scale: u8) -> i64 {
        self.units * 10_i64.pow(u32::from(scale - self.scale))
    }
}

impl FromStr for Decimal {
    type Err = NotADecimal;

    fn from_str(text: &str) -> Result<Self, NotADecimal> {
        let (sign, digits) = match text.strip_prefix('-') {
            Some(rest) => (-1, rest),
            None => (1, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let leading_zero = whole.len() > 1 && whole.starts_with('0');
        let bare_point = digits.contains('.') && fraction.is_empty();
        let all_digits = whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || leading_zero || bare_point || !all_digits || whole.len() + fraction.len() > 18 {
            return Err(NotADecimal);
        }
        let units: i64 = format!("{whole}{fraction}").parse().map_err(|_| NotADecimal)?;
        let scale = u8::try_from(fraction.len()).map_err(|_| NotADecimal)?;
        Ok(Self::new(sign * units, scale))
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.units < 0 { "-" } else { "" };
        let one = 10_u64.pow(u32::from(self.scale));
        let units = self.units.unsigned_abs();
        write!(f, "{sign}{}", units / one)?;
        if self.scale > 0 {
            write!(f, ".{:0width$}", units % one, width = usize::from(self.scale))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decimal_is_written_as_it_was_read() {
        for text in ["0", "90", "1349.00", "19.990", "-3.05", "0.07", "-0.5"] {
            assert_eq!(decimal(text).to_string(), text);
        }
    }

    #[test]
    fn what_json_would_not_take_is_refused() {
        for text in ["", "-", "1.", ".5", "007", "1e3", "+1", "1,5", "1234567890123456789"] {
            assert_eq!(text.parse::<Decimal>(), Err(NotADecimal), "{text}");
        }
    }

    #[test]
    fn sums_are_exact() {
        assert_eq!(decimal("0.1").plus(decimal("0.20")).to_string(), "0.30");
        assert_eq!(decimal("1").minus(decimal("2.5")).to_string(), "-1.5");
        assert_eq!(decimal("19.999").percent(30).to_string(), "5.99");
        assert_eq!(decimal("100.50").shortest().to_string(), "100.5");
        assert_eq!(decimal("7").shortest().to_string(), "7.0");
        assert_eq!(decimal("7").at_least(2).to_string(), "7.00");
    }
}
