use proptest::prelude::*;

use super::*;

fn entry() -> impl Strategy<Value = Entry> {
    let identity = (any::<u64>(), any::<u64>(), any::<Option<u64>>())
        .prop_map(|(device, inode, born)| Identity { device, inode, born });
    let cut = prop_oneof![Just(Cut::Nothing), Just(Cut::Line), Just(Cut::Lines)];
    let head = (0..=u32::try_from(HEAD_BYTES).unwrap(), any::<u32>()).prop_map(Print::from);
    let place = (any::<u64>(), 0..=256_u32, any::<u32>(), any::<u32>(), cut).prop_map(
        |(offset, bytes, crc, header_lines, cut)| Place {
            offset,
            anchor: Print { bytes: bytes.min(u32::try_from(offset).unwrap_or(u32::MAX)), crc },
            within: Within { header_lines, cut },
        },
    );
    (".{0,20}", identity, head, place, any::<u64>(), any::<bool>()).prop_map(
        |(path, identity, head, place, seen, is_gone)| Entry { path, identity, head, place, seen, is_gone },
    )
}

fn checkpoint() -> impl Strategy<Value = Checkpoint> {
    proptest::collection::btree_map(".{0,10}", proptest::collection::vec(entry(), 0..5), 0..4)
}

proptest! {
    #[test]
    fn what_is_written_is_read(checkpoint in checkpoint()) {
        prop_assert_eq!(decode(&encode(&checkpoint)), Ok(checkpoint));
    }

    /// No byte can be another, be missing or be too many without being noticed.
    #[test]
    fn damage_is_noticed(checkpoint in checkpoint(), at: prop::sample::Index, flip in 1_u8.., more in 0_u8..3) {
        let whole = encode(&checkpoint);
        let at = at.index(whole.len());
        let mut changed = whole.clone();
        changed[at] ^= flip;
        if let Ok(read) = decode(&changed) {
            // Another way of writing the same checksum, say in capitals.
            prop_assert_eq!(read, checkpoint);
        }
        prop_assert!(decode(&whole[..at]).is_err());
        let longer = [&whole[..], &vec![b'\n'; usize::from(more) + 1]].concat();
        prop_assert!(decode(&longer).is_err());
    }

    #[test]
    fn anything_is_read_without_a_panic(bytes: Vec<u8>) {
        let _ = decode(&bytes);
    }

    #[test]
    fn prints_grow(one: Vec<u8>, other: Vec<u8>) {
        prop_assert_eq!(Print::of(&one).and(&other), Print::of(&[one, other].concat()));
    }
}

#[test]
fn what_is_not_ours_is_named() {
    assert_eq!(decode(b"SQLite format 3\0"), Err(InvalidCheckpoint::Foreign));
    assert!(matches!(decode(b""), Err(InvalidCheckpoint::Damaged(_))));
    let later = format!("{TITLE} 2 00000000 0\n\n");
    assert_eq!(decode(later.as_bytes()), Err(InvalidCheckpoint::Version(2)));
}

/// Files of the first version stay readable: this one was written by it.
#[test]
fn the_first_version_is_read() {
    let body = r#"{"web":[{"path":"/var/log/a.log","device":1,"inode":2,"born":3,"offset":7,"head":[7,9],"anchor":[7,9],"cut":1,"seen":5}]}"#;
    let text = format!("{TITLE} 1 {:08x} {}\n{body}\n", crc32fast::hash(body.as_bytes()), body.len());
    let read = decode(text.as_bytes()).unwrap();
    let entry = &read["web"][0];
    assert_eq!((entry.place.offset, entry.place.within.cut, entry.is_gone), (7, Cut::Line, false));
    assert_eq!(encode(&read), text.as_bytes());
}
