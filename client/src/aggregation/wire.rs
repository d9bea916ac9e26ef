//! Protobuf's wire format, as far as a container needs it: fields one after the other, without copying.
//!
//! Containers come from anybody, so nothing is allocated here, however many fields there are: a generated message
//! would hold every member at once, in many times the bytes that it has on the wire. What is accepted is what the
//! Java library accepts, which the Kinesis Client Library reads with: fields that are unknown, or known by their
//! number and of another type, are skipped.

use bytes::BufMut;

/// Groups within groups that are followed when an unknown one is skipped, as deep as Java's library goes.
const GROUP_DEPTH_MAX: usize = 100;
/// Bytes of the longest varint.
const VARINT_BYTES_MAX: usize = 10;

const VARINT: u32 = 0;
const FIXED_64: u32 = 1;
const LENGTH_DELIMITED: u32 = 2;
const GROUP_START: u32 = 3;
const GROUP_END: u32 = 4;
const FIXED_32: u32 = 5;

/// Bytes that are no protobuf message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// One field of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Field<'a> {
    pub(super) number: u32,
    pub(super) value: Value<'a>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value<'a> {
    Varint(u64),
    Bytes(&'a [u8]),
    /// Of a type that no field of a container has.
    Other,
}

/// The fields of a message, in their order. After an error there are no more.
#[derive(Clone, Debug)]
pub(super) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(super) fn of(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    /// The bytes behind the fields that were given.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    fn field(&mut self) -> Result<Field<'a>, Malformed> {
        let (number, wire_type) = self.tag()?;
        let value = match wire_type {
            VARINT => Value::Varint(self.varint()?),
            LENGTH_DELIMITED => Value::Bytes(self.length_delimited()?),
            other => {
                self.skip(number, other)?;
                Value::Other
            }
        };
        Ok(Field { number, value })
    }

    fn tag(&mut self) -> Result<(u32, u32), Malformed> {
        // A tag has 32 bits, of which more are ignored.
        let tag = u32::try_from(self.varint()? & u64::from(u32::MAX)).map_err(|_| Malformed)?;
        let number = tag >> 3;
        if number == 0 { Err(Malformed) } else { Ok((number, tag & 7)) }
    }

    /// Skips the value of a field of a type that no field of a container has.
    fn skip(&mut self, number: u32, wire_type: u32) -> Result<(), Malformed> {
        match wire_type {
            FIXED_64 => self.take(8).map(drop),
            FIXED_32 => self.take(4).map(drop),
            GROUP_START => self.skip_group(number),
            _ => Err(Malformed),
        }
    }

    /// Skips to the end of a group whose start has been read. A loop, so that depth costs no stack.
    fn skip_group(&mut self, number: u32) -> Result<(), Malformed> {
        let mut open = [0; GROUP_DEPTH_MAX];
        open[0] = number;
        let mut depth = 1;
        while depth > 0 {
            let (number, wire_type) = self.tag()?;
            match wire_type {
                GROUP_START => {
                    *open.get_mut(depth).ok_or(Malformed)? = number;
                    depth += 1;
                }
                GROUP_END => {
                    depth -= 1;
                    if open[depth] != number {
                        return Err(Malformed);
                    }
                }
                VARINT => self.varint().map(drop)?,
                LENGTH_DELIMITED => self.length_delimited().map(drop)?,
                other => self.skip(number, other)?,
            }
        }
        Ok(())
    }

    fn length_delimited(&mut self) -> Result<&'a [u8], Malformed> {
        let length = usize::try_from(self.varint()?).map_err(|_| Malformed)?;
        self.take(length)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(Malformed)?;
        self.rest = rest;
        Ok(taken)
    }

    fn varint(&mut self) -> Result<u64, Malformed> {
        let mut value = 0;
        for (index, &byte) in self.rest.iter().take(VARINT_BYTES_MAX).enumerate() {
            // Bits beyond the 64th are ignored.
            value |= u64::from(byte & 0x7f) << (7 * index);
            if byte < 0x80 {
                self.rest = &self.rest[index + 1..];
                return Ok(value);
            }
        }
        Err(Malformed)
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<Field<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.rest = &[];
        }
        Some(field)
    }
}

/// Bytes of a number as a varint.
pub(super) fn varint_bytes(value: u64) -> usize {
    let bits = u64::BITS - (value | 1).leading_zeros();
    bits.div_ceil(7) as usize
}

/// Bytes of a field that holds a number. Containers have no field above 15, so each tag is one byte.
pub(super) fn varint_field_bytes(value: u64) -> usize {
    1 + varint_bytes(value)
}

/// Bytes of a field that holds so many bytes.
pub(super) fn bytes_field_bytes(length: usize) -> usize {
    1 + varint_bytes(length as u64) + length
}

pub(super) fn put_varint_field(number: u8, value: u64, buffer: &mut Vec<u8>) {
    buffer.push(number << 3);
    put_varint(value, buffer);
}

/// The beginning of a field of bytes: they are to follow.
pub(super) fn put_bytes_header(number: u8, length: usize, buffer: &mut Vec<u8>) {
    buffer.push(number << 3 | 2);
    put_varint(length as u64, buffer);
}

pub(super) fn put_bytes_field(number: u8, bytes: &[u8], buffer: &mut Vec<u8>) {
    put_bytes_header(number, bytes.len(), buffer);
    buffer.put_slice(bytes);
}

fn put_varint(mut value: u64, buffer: &mut Vec<u8>) {
    while value >= 0x80 {
        buffer.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    buffer.push(value.to_le_bytes()[0]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(message: &[u8]) -> Result<Vec<Field<'_>>, Malformed> {
        Fields::of(message).collect()
    }

    fn group_within_groups(depth: usize) -> Vec<u8> {
        [vec![0x0b; depth], vec![0x0c; depth]].concat()
    }

    #[test]
    fn fields_of_every_type_are_passed_over() {
        // A number, eight bytes, a group with a number and four bytes in it, four bytes, a text.
        let message = b"\x08\x96\x01\x11abcdefgh\x1b\x08\x01\x15abcd\x1c\x25abcd\x2a\x02hi";
        let values: Vec<_> = all(message).unwrap().into_iter().map(|field| field.value).collect();
        let other = Value::Other;
        assert_eq!(values, [Value::Varint(150), other, other, other, Value::Bytes(b"hi")]);
        assert!(all(&group_within_groups(100)).is_ok());
    }

    #[test]
    fn what_is_no_message_is_refused() {
        let wrong: [&[u8]; 9] = [
            b"\x08",                                             // nothing behind a tag
            b"\x00\x01",                                         // field 0
            b"\x0a\x02a",                                        // less than announced
            b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",     // far less
            b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", // a number that never ends
            b"\x0c",                                             // the end of no group
            b"\x0b\x14",                                         // the end of another group
            b"\x0b\x08\x01",                                     // no end
            b"\x0f",                                             // no such type
        ];
        for message in wrong {
            assert_eq!(all(message), Err(Malformed), "{message:x?}");
        }
        assert_eq!(all(&group_within_groups(101)), Err(Malformed));
    }

    proptest! {
        #[test]
        fn any_bytes_end(message in prop::collection::vec(any::<u8>(), 0..200)) {
            let fields = Fields::of(&message).count();
            prop_assert!(fields <= message.len());
        }

        #[test]
        fn fields_round_trip(number in 1_u8..16, value: u64, text: Vec<u8>) {
            let mut buffer = Vec::new();
            put_varint_field(number, value, &mut buffer);
            prop_assert_eq!(buffer.len(), varint_field_bytes(value));
            put_bytes_field(number, &text, &mut buffer);
            prop_assert_eq!(buffer.len(), varint_field_bytes(value) + bytes_field_bytes(text.len()));
            let number = u32::from(number);
            let expected = [
                Field { number, value: Value::Varint(value) },
                Field { number, value: Value::Bytes(&text) },
            ];
            prop_assert_eq!(all(&buffer).unwrap(), expected);
        }
    }
}
