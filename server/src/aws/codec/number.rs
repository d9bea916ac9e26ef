//! Numbers as they stand in the body, and AWS's conversions from them.
//!
//! JSON's decimals are kept as digits, so that no conversion passes through a float that need not: whole
//! numbers of any size are clamped, fractions floored, and milliseconds stay exact.

/// The microseconds to which a float of seconds is rounded before its milliseconds are taken.
const MICROS_PER_SECOND: f64 = 1e6;

#[derive(Clone, Copy, Debug)]
pub(crate) enum Number<'b> {
    /// A number by JSON's grammar.
    Decimal(&'b str),
    /// CBOR's integers, from -2^64 to 2^64 - 1.
    Integer(i128),
    /// CBOR's floats; never NaN or infinite.
    Float(f64),
}

impl Number<'_> {
    /// Floored and clamped to the range.
    pub(crate) fn to_integer(self, min: i64, max: i64) -> i64 {
        match self {
            Self::Integer(value) => clamp(value, min, max),
            Self::Float(value) => clamp(float_to_integer(value), min, max),
            Self::Decimal(digits) => match Parts::of(digits) {
                Some(parts) => clamp(parts.floor(), min, max),
                None => clamp(float_to_integer(parse_float(digits)), min, max),
            },
        }
    }

    /// Milliseconds since the epoch, clamped to what a signed 64-bit number holds and to 1970 and later.
    /// Integers of CBOR are milliseconds; its floats, like JSON's numbers, are seconds.
    pub(crate) fn to_millis(self) -> u64 {
        let millis = match self {
            Self::Integer(value) => value,
            Self::Float(value) => float_to_millis(value),
            Self::Decimal(digits) => match Parts::of(digits) {
                Some(parts) => parts.millis(),
                None => float_to_millis(parse_float(digits)),
            },
        };
        u64::try_from(clamp(millis, 0, i64::MAX)).unwrap_or(0)
    }

    pub(crate) fn to_float(self) -> f64 {
        match self {
            #[allow(clippy::cast_precision_loss)] // a double is what the model asks for
            Self::Integer(value) => value as f64,
            Self::Float(value) => value,
            Self::Decimal(digits) => parse_float(digits),
        }
    }
}

/// A decimal without an exponent, taken apart.
struct Parts {
    negative: bool,
    /// Stays at the top instead of overflowing.
    whole: i128,
    /// The first three digits of the fraction.
    thousandths: i128,
    /// Whether the fraction is more than zero.
    has_fraction: bool,
}

impl Parts {
    fn of(digits: &str) -> Option<Self> {
        let (negative, digits) = match digits.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, digits),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let mut parts = Self { negative, whole: 0, thousandths: 0, has_fraction: false };
        for digit in whole.bytes() {
            if !digit.is_ascii_digit() {
                return None;
            }
            let digit = i128::from(digit - b'0');
            parts.whole = parts.whole.saturating_mul(10).saturating_add(digit).min(u64::MAX.into());
        }
        let mut weight = 100;
        for digit in fraction.bytes() {
            if !digit.is_ascii_digit() {
                return None;
            }
            let digit = i128::from(digit - b'0');
            parts.thousandths += digit * weight;
            parts.has_fraction |= digit != 0;
            weight /= 10;
        }
        Some(parts)
    }

    fn floor(&self) -> i128 {
        if self.negative { -self.whole - i128::from(self.has_fraction) } else { self.whole }
    }

    fn millis(&self) -> i128 {
        let millis = self.whole * 1000 + self.thousandths;
        if self.negative { -millis } else { millis }
    }
}

fn clamp(value: i128, min: i64, max: i64) -> i64 {
    i64::try_from(value.clamp(min.into(), max.into())).unwrap_or(max)
}

#[allow(clippy::cast_possible_truncation)] // the cast clamps, which is meant
fn float_to_integer(value: f64) -> i128 {
    value.floor() as i128
}

/// A double near 2^31 seconds tells microseconds apart, but not exactly: 0.123 may be 0.12299999. Rounding
/// to the microsecond first gives back the decimal that the client meant.
#[allow(clippy::cast_possible_truncation)] // the cast clamps, which is meant
fn float_to_millis(seconds: f64) -> i128 {
    ((seconds * MICROS_PER_SECOND).round() as i128).div_euclid(1000)
}

/// JSON's grammar is a part of what Rust parses, so this never fails.
fn parse_float(digits: &str) -> f64 {
    digits.parse().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn integer(digits: &str) -> i64 {
        Number::Decimal(digits).to_integer(i32::MIN.into(), i32::MAX.into())
    }

    #[test]
    fn fractions_are_floored_and_large_numbers_clamped() {
        assert_eq!(integer("1.9"), 1);
        assert_eq!(integer("-1.1"), -2);
        assert_eq!(integer("-1.0"), -1);
        assert_eq!(integer("-0"), 0);
        assert_eq!(integer("1e3"), 1000);
        assert_eq!(integer("2147483648"), i64::from(i32::MAX));
        assert_eq!(integer(&"9".repeat(4000)), i64::from(i32::MAX));
        assert_eq!(integer("-1e400"), i64::from(i32::MIN));
        assert_eq!(Number::Float(2.5).to_integer(0, 9), 2);
        assert_eq!(Number::Integer(-1 - i128::from(u64::MAX)).to_integer(i64::MIN, i64::MAX), i64::MIN);
        assert_eq!(Number::Decimal("9223372036854775807").to_integer(i64::MIN, i64::MAX), i64::MAX);
    }

    #[test]
    fn timestamps_are_seconds_but_for_integers_of_cbor() {
        assert_eq!(Number::Decimal("1704067200.123456").to_millis(), 1_704_067_200_123);
        assert_eq!(Number::Decimal("1704067200").to_millis(), 1_704_067_200_000);
        assert_eq!(Number::Decimal("1.7040672e9").to_millis(), 1_704_067_200_000);
        assert_eq!(Number::Integer(1_700_000_000_123).to_millis(), 1_700_000_000_123);
        assert_eq!(Number::Float(1_700_000_000.123).to_millis(), 1_700_000_000_123);
        assert_eq!(Number::Decimal("-5.5").to_millis(), 0);
        assert_eq!(Number::Decimal("1e300").to_millis(), 9_223_372_036_854_775_807);
    }

    proptest! {
        #[test]
        fn milliseconds_survive_as_decimal_and_as_float(millis in 0_u64..(1 << 42)) {
            let text = format!("{}.{:03}", millis / 1000, millis % 1000);
            prop_assert_eq!(Number::Decimal(&text).to_millis(), millis);
            prop_assert_eq!(Number::Float(text.parse().unwrap()).to_millis(), millis);
        }

        #[test]
        #[allow(clippy::cast_possible_truncation)] // the range fits
        fn decimals_floor_as_floats_do(value in -1e9_f64..1e9) {
            let text = format!("{value}");
            prop_assert_eq!(Number::Decimal(&text).to_integer(i64::MIN, i64::MAX), value.floor() as i64);
        }
    }
}
