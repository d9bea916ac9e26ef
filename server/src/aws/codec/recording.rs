//! Values that were written before it is known in which format they are sent.

use bytes::Bytes;
use bytestring::ByteString;
use millstream_model::Timestamp;

use super::encode::{Encode, Writer};

/// One value, as the calls that wrote it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Recording(Vec<Event>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Event {
    OpenMap,
    Member(&'static str),
    Entry(ByteString),
    CloseMap,
    OpenList(usize),
    Item,
    CloseList,
    Text(ByteString),
    Blob(Bytes),
    Boolean(bool),
    Integer(i64),
    /// The bits of a double, which can be compared.
    Double(u64),
    Timestamp(Timestamp),
    Null,
}

impl Recording {
    pub(super) fn of(value: &impl Encode) -> Self {
        let mut recording = Self::default();
        value.encode(&mut recording);
        recording
    }
}

impl Encode for Recording {
    fn encode<W: Writer>(&self, writer: &mut W) {
        for event in &self.0 {
            match event {
                Event::OpenMap => writer.open_map(),
                Event::Member(name) => writer.member(name),
                Event::Entry(key) => writer.entry(key),
                Event::CloseMap => writer.close_map(),
                Event::OpenList(length) => writer.open_list(*length),
                Event::Item => writer.item(),
                Event::CloseList => writer.close_list(),
                Event::Text(text) => writer.text(text),
                Event::Blob(blob) => writer.blob(blob),
                Event::Boolean(value) => writer.boolean(*value),
                Event::Integer(value) => writer.integer(*value),
                Event::Double(bits) => writer.double(f64::from_bits(*bits)),
                Event::Timestamp(value) => writer.timestamp(*value),
                Event::Null => writer.null(),
            }
        }
    }
}

impl Writer for Recording {
    fn open_map(&mut self) {
        self.0.push(Event::OpenMap);
    }

    fn member(&mut self, name: &'static str) {
        self.0.push(Event::Member(name));
    }

    fn entry(&mut self, key: &str) {
        self.0.push(Event::Entry(key.into()));
    }

    fn close_map(&mut self) {
        self.0.push(Event::CloseMap);
    }

    fn open_list(&mut self, length: usize) {
        self.0.push(Event::OpenList(length));
    }

    fn item(&mut self) {
        self.0.push(Event::Item);
    }

    fn close_list(&mut self) {
        self.0.push(Event::CloseList);
    }

    fn text(&mut self, text: &str) {
        self.0.push(Event::Text(text.into()));
    }

    fn blob(&mut self, blob: &[u8]) {
        self.0.push(Event::Blob(Bytes::copy_from_slice(blob)));
    }

    fn boolean(&mut self, value: bool) {
        self.0.push(Event::Boolean(value));
    }

    fn integer(&mut self, value: i64) {
        self.0.push(Event::Integer(value));
    }

    fn double(&mut self, value: f64) {
        self.0.push(Event::Double(value.to_bits()));
    }

    fn timestamp(&mut self, value: Timestamp) {
        self.0.push(Event::Timestamp(value));
    }

    fn null(&mut self) {
        self.0.push(Event::Null);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::aws::codec::{Format, encode};

    proptest! {
        #[test]
        fn what_was_recorded_is_written_as_the_value_itself(
            map in prop::collection::btree_map(".{0,4}", prop::collection::vec(any::<f64>(), 0..3), 0..3),
            blob in prop::collection::vec(any::<u8>(), 0..9),
        ) {
            let map: BTreeMap<ByteString, _> = map.into_iter().map(|(key, list)| (key.into(), list)).collect();
            for format in [Format::Json, Format::Cbor] {
                let (mut direct, mut recorded) = (Vec::new(), Vec::new());
                encode(format, &map, &mut direct);
                encode(format, &Recording::of(&map), &mut recorded);
                prop_assert_eq!(&direct, &recorded);
                let blob = Bytes::from(blob.clone());
                encode(format, &blob, &mut direct);
                encode(format, &Recording::of(&blob), &mut recorded);
                prop_assert_eq!(direct, recorded);
            }
        }
    }
}
