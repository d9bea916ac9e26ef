//! A number as bytes that sort as the numbers do.
//!
//! A first byte tells negative, zero and positive apart; then come the power of ten of the first digit, two
//! digits a byte, and an end that is lower than any digits. A negative number has all but the first byte
//! inverted. No encoding is the beginning of another one.

use super::{EXPONENT_MIN, Number};

const NEGATIVE: u8 = 0x40;
const ZERO: u8 = 0x80;
const POSITIVE: u8 = 0xC0;
/// Pairs of digits are 1 to 100.
const END: u8 = 0;

impl Number {
    /// Appends at most 22 bytes.
    pub fn encode(self, to: &mut Vec<u8>) {
        if self.is_zero() {
            to.push(ZERO);
            return;
        }
        let mask = if self.negative { 0xFF } else { 0 };
        to.push(if self.negative { NEGATIVE } else { POSITIVE });
        // From -130 to 125: exactly the 256 values of a byte.
        #[allow(clippy::cast_possible_truncation)]
        let power = self.scientific().abs_diff(EXPONENT_MIN) as u8;
        to.push(power ^ mask);
        let mut left = self.aligned();
        let mut unit = 10_u128.pow(36);
        while left > 0 {
            // Below 100, since 38 digits are 19 pairs.
            #[allow(clippy::cast_possible_truncation)]
            let pair = (left / unit) as u8;
            to.push((pair + 1) ^ mask);
            left %= unit;
            unit /= 100;
        }
        to.push(END ^ mask);
    }

    /// The number that the bytes begin with, and how many of them it takes; `None` if no number was encoded
    /// so.
    pub fn decode(bytes: &[u8]) -> Option<(Self, usize)> {
        let mask = match *bytes.first()? {
            ZERO => return Some((Self::ZERO, 1)),
            POSITIVE => 0,
            NEGATIVE => 0xFF,
            _ => return None,
        };
        let scientific = i16::from(*bytes.get(1)? ^ mask) + EXPONENT_MIN;
        let mut coefficient = 0_u128;
        let mut at = 2;
        let mut digits = 0_i16;
        let mut last = 0;
        loop {
            let pair = *bytes.get(at)? ^ mask;
            at += 1;
            match pair {
                END => break,
                // The first digit is not zero: that would be a second encoding of the same number.
                1..=10 if digits == 0 => return None,
                1..=100 if digits < 38 => last = pair - 1,
                _ => return None,
            }
            coefficient = coefficient * 100 + u128::from(last);
            digits += 2;
        }
        // So would be a pair of zeros at the end; and no digits at all are no number.
        if last == 0 {
            return None;
        }
        let number = Self::normalised(mask != 0, coefficient, scientific - digits + 1).ok()?;
        Some((number, at))
    }
}
