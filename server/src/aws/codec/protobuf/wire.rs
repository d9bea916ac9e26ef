//! Protobuf's own form: tags, varints, lengths. Nothing here knows what a field is for.

use crate::aws::codec::token::{Malformed, Read};

/// How a field's value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wire {
    Varint,
    Fixed64,
    /// A length and as many bytes.
    Bytes,
    Fixed32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tag {
    pub(crate) number: u32,
    pub(crate) wire: Wire,
}

/// A varint of 64 bits has no more bytes.
const VARINT_BYTES_MAX: usize = 10;

/// The varint at the beginning of `bytes`, and how many bytes it has.
#[inline]
pub(crate) fn varint(bytes: &[u8]) -> Read<(u64, usize)> {
    if let Some(&byte) = bytes.first()
        && byte < 0x80
    {
        return Ok((byte.into(), 1));
    }
    let mut value = 0;
    for (index, byte) in bytes.iter().take(VARINT_BYTES_MAX).enumerate() {
        let bits = u64::from(byte & 0x7f);
        // Of the tenth byte there is room for one bit.
        if index == VARINT_BYTES_MAX - 1 && bits > 1 {
            return Err(Malformed);
        }
        value |= bits << (7 * index);
        if byte & 0x80 == 0 {
            return Ok((value, index + 1));
        }
    }
    Err(Malformed)
}

#[inline]
pub(crate) fn tag(bytes: &[u8]) -> Read<(Tag, usize)> {
    let (key, length) = varint(bytes)?;
    let wire = match key & 7 {
        0 => Wire::Varint,
        1 => Wire::Fixed64,
        2 => Wire::Bytes,
        5 => Wire::Fixed32,
        // Groups have been gone from the language for longer than this API is there.
        _ => return Err(Malformed),
    };
    let number = u32::try_from(key >> 3).ok().filter(|number| (1..1 << 29).contains(number));
    Ok((Tag { number: number.ok_or(Malformed)?, wire }, length))
}

/// How many bytes the value has that `bytes` begins with, and how many of these stand before its content.
#[inline]
pub(crate) fn extent(wire: Wire, bytes: &[u8]) -> Read<(usize, usize)> {
    let (total, before) = match wire {
        Wire::Varint => (varint(bytes)?.1, 0),
        Wire::Fixed64 => (8, 0),
        Wire::Fixed32 => (4, 0),
        Wire::Bytes => {
            let (length, before) = varint(bytes)?;
            let length = usize::try_from(length).map_err(|_| Malformed)?;
            (length.checked_add(before).ok_or(Malformed)?, before)
        }
    };
    if total <= bytes.len() { Ok((total, before)) } else { Err(Malformed) }
}

#[allow(clippy::cast_possible_truncation)] // the low bits are meant
pub(crate) fn put_varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

pub(crate) fn put_tag(number: u32, wire: Wire, out: &mut Vec<u8>) {
    let kind = match wire {
        Wire::Varint => 0,
        Wire::Fixed64 => 1,
        Wire::Bytes => 2,
        Wire::Fixed32 => 5,
    };
    put_varint(u64::from(number) << 3 | kind, out);
}

/// Puts the length of all that is behind `start` in front of it.
pub(crate) fn close(start: usize, out: &mut Vec<u8>) {
    let length = out.len() - start;
    put_varint(length as u64, out);
    let prefix = out.len() - length - start;
    out[start..].rotate_right(prefix);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_no_varint_is_refused() {
        for bytes in
            [&[][..], &[0x80], &[0xff; 10], &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2]]
        {
            assert_eq!(varint(bytes), Err(Malformed), "{bytes:02x?}");
        }
        // Longer than need be, which parsers take.
        assert_eq!(varint(&[0x81, 0x80, 0]), Ok((1, 3)));
    }

    #[test]
    fn tags_have_a_number_and_no_groups() {
        assert_eq!(tag(&[0x0a]), Ok((Tag { number: 1, wire: Wire::Bytes }, 1)));
        for first in [0x02, 0x0b, 0x0c, 0x0e] {
            assert_eq!(tag(&[first]), Err(Malformed));
        }
    }

    #[test]
    fn a_length_is_not_believed() {
        assert_eq!(extent(Wire::Bytes, &[3, 0, 0]), Err(Malformed));
        assert_eq!(extent(Wire::Bytes, &[2, 0, 0, 9]), Ok((3, 1)));
        let mut huge = Vec::new();
        put_varint(u64::MAX, &mut huge);
        assert_eq!(extent(Wire::Bytes, &huge), Err(Malformed));
        assert_eq!(extent(Wire::Fixed64, &[0; 7]), Err(Malformed));
    }

    proptest! {
        #[test]
        fn varints_round_trip(value in any::<u64>(), rest in any::<Vec<u8>>()) {
            let mut out = Vec::new();
            put_varint(value, &mut out);
            let length = out.len();
            out.extend(rest);
            prop_assert_eq!(varint(&out), Ok((value, length)));
        }

        #[test]
        fn what_is_closed_has_its_length_in_front(before in any::<Vec<u8>>(), inside in prop::collection::vec(any::<u8>(), 0..300)) {
            let mut out = before.clone();
            out.extend(&inside);
            close(before.len(), &mut out);
            let (total, prefix) = extent(Wire::Bytes, &out[before.len()..]).unwrap();
            prop_assert_eq!(before.len() + total, out.len());
            prop_assert_eq!(&out[before.len() + prefix..], &inside[..]);
        }
    }
}
