//! A point in time, carried in the first bytes of a record's data from the writer to the reader.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use memchr::memmem;

use super::{Batch, Record};
use crate::wire::Protocol;

/// When a record should have been sent, on the clock of the run that sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// Tells this run's records from any others in the stream.
    pub(crate) run: u32,
    pub(crate) intended: Duration,
}

impl Stamp {
    pub(crate) const BYTES: usize = 12;
    /// A multiple of three bytes stands in base64 for itself, whatever follows.
    const BASE64_CHARS: usize = Self::BYTES / 3 * 4;

    fn to_bytes(self) -> [u8; Self::BYTES] {
        let nanos = u64::try_from(self.intended.as_nanos()).unwrap_or(u64::MAX);
        let mut bytes = [0; Self::BYTES];
        bytes[..4].copy_from_slice(&self.run.to_be_bytes());
        bytes[4..].copy_from_slice(&nanos.to_be_bytes());
        bytes
    }

    /// The stamp at the start of a record's data; `None` when the data is too short to hold one.
    pub(crate) fn read(data: &[u8]) -> Option<Self> {
        let (run, rest) = data.split_first_chunk()?;
        let (nanos, _) = rest.split_first_chunk()?;
        let intended = Duration::from_nanos(u64::from_be_bytes(*nanos));
        Some(Self { run: u32::from_be_bytes(*run), intended })
    }

    /// The same from data in base64.
    pub(crate) fn read_base64(data: &[u8]) -> Option<Self> {
        let mut bytes = [0; Self::BYTES];
        let written = STANDARD.decode_slice(data.get(..Self::BASE64_CHARS)?, &mut bytes).ok()?;
        (written == Self::BYTES).then(|| Self::read(&bytes))?
    }
}

/// A request body whose records can be stamped again and again.
#[derive(Clone, Debug)]
pub(crate) struct StampedBody {
    template: Vec<u8>,
    data_offsets: Vec<usize>,
    protocol: Protocol,
}

impl StampedBody {
    /// `None` when a record is too short for a stamp.
    pub(crate) fn new(protocol: Protocol, stream: &str, records: &[Record]) -> Option<Self> {
        if records.iter().any(|record| record.data.len() < Stamp::BYTES) {
            return None;
        }
        let body = Batch { stream, records }.body(protocol);
        Some(Self { template: body.bytes, data_offsets: body.data_offsets, protocol })
    }

    /// For a body that holds the records' data as they are, in their order, in a form that is not known here. `None`
    /// when it does not, or when a record is too short for a stamp.
    pub(crate) fn within(body: &[u8], records: &[Record]) -> Option<Self> {
        let mut data_offsets = Vec::with_capacity(records.len());
        let mut searched = 0;
        for record in records.iter().filter(|record| record.data.len() >= Stamp::BYTES) {
            let offset = searched + memmem::find(&body[searched..], &record.data)?;
            data_offsets.push(offset);
            searched = offset + record.data.len();
        }
        let is_complete = data_offsets.len() == records.len();
        is_complete.then(|| Self { template: body.to_vec(), data_offsets, protocol: Protocol::Cbor })
    }

    /// The body with every record stamped.
    pub(crate) fn stamped(&self, stamp: Stamp) -> Vec<u8> {
        let raw = stamp.to_bytes();
        let mut encoded = [0; Stamp::BASE64_CHARS];
        let stamp: &[u8] = match self.protocol {
            Protocol::Cbor => &raw,
            Protocol::Json => match STANDARD.encode_slice(raw, &mut encoded) {
                Ok(written) => &encoded[..written],
                // The buffer has exactly the size that base64 needs.
                Err(_) => &[],
            },
        };
        let mut body = self.template.clone();
        for offset in &self.data_offsets {
            body[*offset..*offset + stamp.len()].copy_from_slice(stamp);
        }
        body
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_record_of_a_body_carries_the_stamp(
            run: u32, nanos: u64, data in prop::collection::vec(any::<u8>(), 12..64), count in 1_usize..5,
        ) {
            let stamp = Stamp { run, intended: Duration::from_nanos(nanos) };
            let records = vec![Record { partition_key: "k".to_owned(), data: data.clone() }; count];
            let mut expected = data;
            expected[..Stamp::BYTES].copy_from_slice(&stamp.to_bytes());
            let expected = vec![Record { partition_key: "k".to_owned(), data: expected }; count];
            for protocol in [Protocol::Json, Protocol::Cbor] {
                let body = StampedBody::new(protocol, "s", &records).unwrap().stamped(stamp);
                prop_assert_eq!(&body, &Batch { stream: "s", records: &expected }.body(protocol).bytes);
            }
            prop_assert_eq!(Stamp::read(&expected[0].data), Some(stamp));
            let plain = |records: &[Record]| records.iter().flat_map(|record| record.data.clone()).collect::<Vec<_>>();
            let body = StampedBody::within(&plain(&records), &records).unwrap().stamped(stamp);
            prop_assert_eq!(body, plain(&expected));
            let base64 = STANDARD.encode(&expected[0].data);
            prop_assert_eq!(Stamp::read_base64(base64.as_bytes()), Some(stamp));
        }
    }

    #[test]
    fn short_data_holds_no_stamp() {
        let record = Record { partition_key: "k".to_owned(), data: vec![0; 11] };
        assert!(StampedBody::within(&record.data, std::slice::from_ref(&record)).is_none());
        assert!(StampedBody::new(Protocol::Json, "s", &[record]).is_none());
        assert_eq!(Stamp::read(&[0; 11]), None);
        assert_eq!(Stamp::read_base64(b"AAAAAAAAAAAAAAA"), None);
    }
}
