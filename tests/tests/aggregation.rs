//! Containers of user records against Amazon's own library for Python, in both directions.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // the lints spare test functions alone

use std::io::{Seek, Write};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use millstream_client::aggregation::{Container, Deaggregation, Member};
use millstream_client::{NewRecord, Record};
use millstream_model::{HashKey, Timestamp};
use millstream_tests::clients;
use millstream_tests::random::Random;
use millstream_tests::session::Shown;
use serde_json::{Value, json};

/// What the library makes of `input`, or `None` where it is skipped.
fn python(mode: &str, input: &str) -> Option<String> {
    let python = clients::require("python")?.join("venv/bin/python");
    // A file, so that neither side waits for the other to read.
    let mut stdin = tempfile::tempfile().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    stdin.rewind().unwrap();
    let mut command = clients::command(python, "http://127.0.0.1:1");
    command.arg(clients::sources().join("python/aggregation.py")).arg(mode).stdin(stdin);
    let output = command.output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{}", Shown(&output));
    Some(String::from_utf8(output.stdout).unwrap())
}

/// Keys of all lengths and often the same, more of them than a varint of one byte can count, data of any bytes.
fn members(random: &mut Random, count: u64) -> Vec<NewRecord> {
    let member = |index| {
        let partition_key = match random.below(4) {
            0 => "często".to_owned(),
            1 => "é".repeat(usize::try_from(random.within(1..256)).unwrap()),
            _ => format!("key-{index}"),
        };
        let explicit_hash_key = match random.below(4) {
            0 => Some(HashKey(u128::from(random.below(3)))),
            1 => Some(HashKey(u128::MAX - u128::from(random.below(200)))),
            _ => None,
        };
        let mut data = vec![0; usize::try_from(random.below(3) * random.below(1500)).unwrap()];
        random.fill(&mut data);
        NewRecord { partition_key, explicit_hash_key, data: data.into() }
    };
    (0..count).map(member).collect()
}

fn told(record: &NewRecord) -> Value {
    let hash_key = record.explicit_hash_key.map(|key| key.to_string());
    json!([record.partition_key, hash_key, BASE64_STANDARD.encode(&record.data)])
}

#[test]
fn a_container_of_the_python_library_is_taken_apart() {
    let mut random = Random::new(1);
    // A member that is alone is in a container here as well.
    for count in [1, 2, 500] {
        let members = members(&mut random, count);
        let input = Value::from_iter(members.iter().map(told)).to_string();
        let Some(container) = python("pack", &input) else { return };
        let data = BASE64_STANDARD.decode(container.trim()).unwrap();
        let record = Record {
            sequence_number: "17".parse().unwrap(),
            approximate_arrival: Timestamp::from_millis(0),
            partition_key: members[0].partition_key.clone(),
            data: data.clone().into(),
        };
        let given: Vec<_> = Deaggregation::default().take_apart(record).map(Result::unwrap).collect();
        assert_eq!(given.len(), members.len());
        for (given, member) in given.iter().zip(&members) {
            assert!(given.is_member);
            assert_eq!(given.partition_key, member.partition_key);
            assert_eq!(given.explicit_hash_key, member.explicit_hash_key.map(|key| key.to_string().into()));
            assert_eq!(given.data, member.data);
        }
        if count > 1 {
            assert_eq!(container_of(&members).data, data, "the same bytes");
        }
    }
}

#[test]
fn the_python_library_takes_our_containers_apart() {
    let mut random = Random::new(2);
    for count in [2, 500] {
        let mut members = members(&mut random, count);
        let data = BASE64_STANDARD.encode(&container_of(&members).data);
        let Some(given) = python("unpack", &data) else { return };
        // It shows the first explicit hash key there is for members that have none.
        let first = members.iter().find_map(|member| member.explicit_hash_key);
        members.iter_mut().for_each(|member| member.explicit_hash_key = member.explicit_hash_key.or(first));
        let expected = Value::from_iter(members.iter().map(told));
        assert_eq!(serde_json::from_str::<Value>(&given).unwrap(), expected);
    }
}

fn container_of(members: &[NewRecord]) -> NewRecord {
    let mut container = Container::default();
    members.iter().for_each(|member| container.push(Member::from(member.clone())));
    container.finish().expect("there are members")
}
