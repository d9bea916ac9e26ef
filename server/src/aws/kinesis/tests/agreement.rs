//! JSON and CBOR say the same: any request, right or wrong, is decoded or refused alike in both. And
//! whatever the bytes are, a decoder answers.

use proptest::prelude::*;

use super::super::generated::Operation;
use super::{decode, decode_json};
use crate::aws::codec::Format;
use crate::aws::requests::{Model, Node, Tape};

fn request(flawed: bool) -> impl Strategy<Value = (Operation, Node)> {
    let choices = proptest::collection::vec(any::<u16>(), 0..300);
    (0..Operation::ALL.len(), choices).prop_map(move |(index, choices)| {
        let operation = Operation::ALL[index];
        (operation, Tape::new(&choices, flawed).request(Model::Kinesis.input_of(operation.name())))
    })
}

/// One change to a body.
fn mutate(body: &mut Vec<u8>, at: usize, change: u8, byte: u8) {
    let at = at % (body.len() + 1);
    match change % 4 {
        0 => body.insert(at, byte),
        1 => body.truncate(at),
        _ if at == body.len() => body.push(byte),
        2 => body[at] = byte,
        _ => {
            body.remove(at);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn both_formats_agree((operation, body) in request(true)) {
        let json = decode_json(operation, &body.to_json());
        prop_assert_eq!(&decode(operation, Format::Cbor, body.to_cbor(true)), &json);
        prop_assert_eq!(&decode(operation, Format::Cbor, body.to_cbor(false)), &json);
    }

    #[test]
    fn valid_requests_are_accepted((operation, body) in request(false)) {
        let input = decode_json(operation, &body.to_json());
        prop_assert!(input.is_ok(), "{:?}", input);
        prop_assert_eq!(input.unwrap().operation(), operation);
    }

    #[test]
    fn changed_requests_are_answered(
        (operation, body) in request(true),
        changes in proptest::collection::vec((any::<usize>(), any::<u8>(), any::<u8>()), 1..4),
    ) {
        for (format, mut bytes) in [(Format::Json, body.to_json().into_bytes()), (Format::Cbor, body.to_cbor(true)), (Format::Cbor, body.to_cbor(false))] {
            for (at, change, byte) in &changes {
                mutate(&mut bytes, *at, *change, *byte);
            }
            let _ = decode(operation, format, bytes);
        }
    }

    #[test]
    fn any_bytes_are_answered(index in 0..Operation::ALL.len(), body in proptest::collection::vec(any::<u8>(), 0..200)) {
        let operation = Operation::ALL[index];
        let _ = decode(operation, Format::Json, body.clone());
        let _ = decode(operation, Format::Cbor, [&[0xbf], body.as_slice()].concat());
    }
}
