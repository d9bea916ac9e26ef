//! Exact decimals of up to 38 significant digits, which is what DynamoDB's numbers are.
//!
//! A [`Number`] is normalised from construction on: no trailing zeros in the coefficient, no negative zero.
//! So equality is numeric, and each number has one text and one encoding. Arithmetic is exact or an error;
//! nothing is ever rounded.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

mod encoding;

/// The most significant digits that a number may have.
pub const DIGITS_MAX: u32 = 38;
/// Of the first significant digit: the largest power of ten, as in 9.99E+125.
pub const EXPONENT_MAX: i16 = 125;
/// Of the first significant digit: the smallest power of ten, as in 1E-130.
pub const EXPONENT_MIN: i16 = -130;

/// `±coefficient × 10^exponent`.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Number {
    negative: bool,
    /// Below 10^38, and no multiple of ten unless it is zero.
    coefficient: u128,
    exponent: i16,
}

/// Why there is no such number, in AWS's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    #[error("The parameter cannot be converted to a numeric value")]
    Empty,
    #[error("The parameter cannot be converted to a numeric value: {0}")]
    Unreadable(String),
    #[error("Number overflow. Attempting to store a number with magnitude larger than supported range")]
    Overflow,
    #[error("Number underflow. Attempting to store a number with magnitude smaller than supported range")]
    Underflow,
    #[error("Attempting to store more than 38 significant digits in a Number")]
    TooManyDigits,
}

impl Number {
    pub const ZERO: Self = Self { negative: false, coefficient: 0, exponent: 0 };

    pub fn is_zero(self) -> bool {
        self.coefficient == 0
    }

    /// The exact sum.
    ///
    /// # Errors
    ///
    /// When it would need more than 38 digits, which AWS calls an overflow, or is beyond the range of
    /// magnitudes.
    pub fn checked_add(self, other: Self) -> Result<Self, NumberError> {
        if self.is_zero() {
            return Ok(other);
        }
        if other.is_zero() {
            return Ok(self);
        }
        let (high, low) = if self.exponent >= other.exponent { (self, other) } else { (other, self) };
        // The last digit of `low` is not zero and stays, so what does not fit here has too many digits.
        let scaled = 10_u128
            .checked_pow(u32::from(high.exponent.abs_diff(low.exponent)))
            .and_then(|factor| high.coefficient.checked_mul(factor))
            .ok_or(NumberError::Overflow)?;
        let (negative, coefficient) = if high.negative == low.negative {
            (high.negative, scaled.checked_add(low.coefficient).ok_or(NumberError::Overflow)?)
        } else if scaled >= low.coefficient {
            (high.negative, scaled - low.coefficient)
        } else {
            (low.negative, low.coefficient - scaled)
        };
        Self::normalised(negative, coefficient, low.exponent)
    }

    /// The exact difference.
    ///
    /// # Errors
    ///
    /// As those of [`Number::checked_add`].
    pub fn checked_sub(self, other: Self) -> Result<Self, NumberError> {
        self.checked_add(other.negated())
    }

    /// What the number counts for in the size of an item, in bytes: 1 to 21, as measured at DynamoDB.
    pub fn size(self) -> usize {
        if self.is_zero() {
            return 1;
        }
        let digits = self.digits();
        let both_even = digits.is_multiple_of(2) && self.scientific() % 2 == 0;
        let size = 1 + digits.div_ceil(2) as usize + usize::from(both_even) + usize::from(self.negative);
        size.min(21)
    }

    fn negated(self) -> Self {
        Self { negative: !self.negative && !self.is_zero(), ..self }
    }

    fn normalised(negative: bool, mut coefficient: u128, mut exponent: i16) -> Result<Self, NumberError> {
        if coefficient == 0 {
            return Ok(Self::ZERO);
        }
        while coefficient.is_multiple_of(10) {
            coefficient /= 10;
            exponent += 1;
        }
        let number = Self { negative, coefficient, exponent };
        check_magnitude(number.scientific().into())?;
        if number.digits() > DIGITS_MAX { Err(NumberError::Overflow) } else { Ok(number) }
    }

    /// Significant digits; 1 for zero.
    fn digits(self) -> u32 {
        self.coefficient.checked_ilog10().unwrap_or(0) + 1
    }

    /// The power of ten of the first digit.
    fn scientific(self) -> i16 {
        // At most 39 digits: the sum of an addition that is not checked yet.
        #[allow(clippy::cast_possible_truncation)]
        let digits = self.digits() as i16;
        self.exponent + digits - 1
    }

    fn sign(self) -> i8 {
        match (self.is_zero(), self.negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        }
    }

    /// The coefficient with zeros appended until it has 38 digits.
    fn aligned(self) -> u128 {
        self.coefficient * 10_u128.pow(DIGITS_MAX - self.digits())
    }
}

fn check_magnitude(scientific: i64) -> Result<(), NumberError> {
    if scientific > i64::from(EXPONENT_MAX) {
        Err(NumberError::Overflow)
    } else if scientific < i64::from(EXPONENT_MIN) {
        Err(NumberError::Underflow)
    } else {
        Ok(())
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_magnitude = || (self.scientific(), self.aligned()).cmp(&(other.scientific(), other.aligned()));
        self.sign().cmp(&other.sign()).then_with(|| match self.sign() {
            0 => Ordering::Equal,
            1 => by_magnitude(),
            _ => by_magnitude().reverse(),
        })
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The forms that DynamoDB reads: an optional sign, digits, a fraction, an exponent that fits into 32 bits.
impl FromStr for Number {
    type Err = NumberError;

    fn from_str(text: &str) -> Result<Self, NumberError> {
        if text.is_empty() {
            return Err(NumberError::Empty);
        }
        let parts = Parts::of(text).ok_or_else(|| NumberError::Unreadable(text.to_owned()))?;
        parts.number()
    }
}

/// A number as it is written.
struct Parts<'a> {
    negative: bool,
    whole: &'a str,
    fraction: &'a str,
    exponent: i64,
}

impl<'a> Parts<'a> {
    fn of(text: &'a str) -> Option<Self> {
        let (negative, unsigned) = without_sign(text);
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent_of(exponent)?),
            None => (unsigned, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let has_digits = !(whole.is_empty() && fraction.is_empty());
        (has_digits && is_digits(whole) && is_digits(fraction)).then_some(Self {
            negative,
            whole,
            fraction,
            exponent,
        })
    }

    fn number(&self) -> Result<Number, NumberError> {
        let digits = || self.whole.bytes().chain(self.fraction.bytes());
        let total = self.whole.len() + self.fraction.len();
        let leading = digits().take_while(|digit| *digit == b'0').count();
        if leading == total {
            return Ok(Number::ZERO);
        }
        let trailing = digits().rev().take_while(|digit| *digit == b'0').count();
        let significant = total - leading - trailing;
        let signed = |count: usize| i64::try_from(count).unwrap_or(i64::MAX / 4);
        let exponent = self.exponent - signed(self.fraction.len()) + signed(trailing);
        check_magnitude(exponent + signed(significant) - 1)?;
        if significant > DIGITS_MAX as usize {
            return Err(NumberError::TooManyDigits);
        }
        let coefficient = digits()
            .skip(leading)
            .take(significant)
            .fold(0, |coefficient: u128, digit| coefficient * 10 + u128::from(digit - b'0'));
        let exponent = i16::try_from(exponent).map_err(|_| NumberError::Overflow)?;
        Ok(Number { negative: self.negative, coefficient, exponent })
    }
}

fn without_sign(text: &str) -> (bool, &str) {
    match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    }
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

fn exponent_of(text: &str) -> Option<i64> {
    let (negative, digits) = without_sign(text);
    if digits.is_empty() || !is_digits(digits) {
        return None;
    }
    let magnitude = match digits.trim_start_matches('0') {
        "" => 0,
        significant => i64::from(significant.parse::<i32>().ok()?),
    };
    Some(if negative { -magnitude } else { magnitude })
}

/// Plain decimal notation, without an exponent and without zeros that say nothing: at most 169 characters.
impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.negative {
            f.write_str("-")?;
        }
        let digits = self.coefficient.to_string();
        let shift = usize::from(self.exponent.unsigned_abs());
        if self.exponent >= 0 {
            write!(f, "{digits}{:0<shift$}", "")
        } else if digits.len() > shift {
            let (whole, fraction) = digits.split_at(digits.len() - shift);
            write!(f, "{whole}.{fraction}")
        } else {
            write!(f, "0.{digits:0>shift$}")
        }
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<u64> for Number {
    fn from(value: u64) -> Self {
        Self::normalised(false, value.into(), 0).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
