//! Amounts, which remember how they were written: `19.990` stays `19.990`, `90` stays `90`.

use rust_decimal::Decimal;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

/// The amount written as `text`; for literals in tests and generators.
///
/// # Panics
/// If `text` is not a plain decimal.
pub fn decimal(text: &str) -> Decimal {
    Decimal::from_str_exact(text).unwrap_or_else(|error| panic!("`{text}` is not a plain decimal: {error}"))
}

/// `percent` per cent of `amount`, cut to two decimals.
pub(crate) fn percent(amount: Decimal, percent: i64) -> Decimal {
    let mut share = (amount * Decimal::from(percent) / Decimal::ONE_HUNDRED).trunc_with_scale(2);
    share.rescale(2);
    share
}

/// The same number with two decimals or more.
pub(crate) fn cents(mut amount: Decimal) -> Decimal {
    amount.rescale(amount.scale().max(2));
    amount
}

/// The same number with the fewest decimals, but at least one: `100.50` becomes `100.5`.
pub(crate) fn shortest(amount: Decimal) -> Decimal {
    let mut short = amount.normalize();
    short.rescale(short.scale().max(1));
    short
}

/// An amount as a JSON number with these very digits.
#[derive(Clone, Copy)]
pub(crate) struct Number(pub(crate) Decimal);

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        RawValue::from_string(self.0.to_string()).map_err(serde::ser::Error::custom)?.serialize(serializer)
    }
}

/// `{"amount": …, "currency": …}`
#[derive(Clone, Copy, Serialize)]
pub(crate) struct Money<'a> {
    amount: Option<Number>,
    currency: Option<&'a str>,
}

impl<'a> Money<'a> {
    /// An amount in a currency.
    pub(crate) fn new(amount: Decimal, currency: &'a str) -> Self {
        Self { amount: Some(Number(amount)), currency: Some(currency) }
    }

    /// Both members null, as Awin answers some costs.
    pub(crate) const NULLS: Self = Self { amount: None, currency: None };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_written_as_it_was_read() {
        for text in ["0", "90", "1349.00", "19.990", "-3.05", "0.07", "-0.5"] {
            assert_eq!(serde_json::to_string(&Number(decimal(text))).expect("a number"), text);
        }
    }

    #[test]
    fn shares_are_cut_to_the_cent_and_sums_are_written_as_reports_do() {
        assert_eq!(percent(decimal("19.999"), 30).to_string(), "5.99");
        assert_eq!(percent(decimal("7"), 100).to_string(), "7.00");
        assert_eq!(shortest(decimal("0.1") + decimal("0.20")).to_string(), "0.3");
        assert_eq!(shortest(decimal("100.50")).to_string(), "100.5");
        assert_eq!(shortest(decimal("7")).to_string(), "7.0");
        assert_eq!(shortest(Decimal::ZERO).to_string(), "0.0");
        assert_eq!(cents(decimal("7")).to_string(), "7.00");
        assert_eq!(cents(decimal("7.123")).to_string(), "7.123");
    }
}
