//! Global indexes whose keys have several attributes.

use super::indexes::{global, index};
use super::reading::{message, query, ranges, row, with_indexes};
use super::*;
use crate::{GlobalIndexSpec, IndexSpec, ProjectionType, ReadSpec};

/// Hash keys `g` and `h`, range keys `l` and `x`.
fn by_several() -> GlobalIndexSpec {
    let keys = vec![
        key_part("g", KeyPart::Hash),
        key_part("h", KeyPart::Hash),
        key_part("l", KeyPart::Range),
        key_part("x", KeyPart::Range),
    ];
    global(IndexSpec { keys, ..index("by-several", "g", None, ProjectionType::KeysOnly) })
}

#[tokio::test]
async fn an_index_of_several_attributes_is_asked_by_all_hash_keys_and_the_first_range_keys() {
    let world = World::new();
    let (tables, arn) = (world.open().await, arn("orders"));
    let mut create = with_indexes(&arn);
    create.attributes.push(element("x", KeyType::N));
    create.global_indexes = Some(vec![by_several()]);
    tables.create_table(create).await.unwrap();
    for range in 0..6 {
        put(&tables, &arn, row(0, range)).await.unwrap();
        put(&tables, &arn, row(1, range)).await.unwrap();
    }
    let tables = {
        tables.close().await;
        world.open().await
    };
    let ask = async |text: &str, values: &[(&str, Value)]| {
        let read = ReadSpec { index: Some("by-several".to_owned()), ..ReadSpec::new(arn.clone()) };
        tables.query(query(read, text, values)).await.map(|page| page.items.unwrap())
    };
    let hash = [(":g", Value::from("0")), (":h", "1".into())];
    let with = |more: &[(&'static str, Value)]| [&hash[..], more].concat();
    let all = ask("h = :h AND g = :g", &hash).await.unwrap();
    assert_eq!(ranges(&all), [4, 2, 0], "in the order of l");
    assert!(all.iter().all(|item| item.get("h") == Some(&"1".into())));
    let two = with(&[(":l", 98.into())]);
    assert_eq!(ranges(&ask("h = :h AND g = :g AND l <= :l", &two).await.unwrap()), [4, 2]);
    let three = with(&[(":l", 98.into()), (":x", 1.into())]);
    assert_eq!(ranges(&ask("h = :h AND g = :g AND l = :l AND x > :x", &three).await.unwrap()), [2]);
    let not_supported = "Query key condition not supported";
    assert_eq!(message(ask("h = :h AND g = :g AND l > :l AND x > :x", &three).await), not_supported);
    let missed = |name: &str| format!("Query condition missed key schema element: {name}");
    assert_eq!(message(ask("g = :g", &hash[..1]).await), missed("h"));
    let gap = with(&[(":x", 1.into())]);
    assert_eq!(message(ask("h = :h AND g = :g AND x = :x", &gap).await), missed("l"));

    // Page by page, in both directions.
    for is_forward in [true, false] {
        let (mut seen, mut start) = (Vec::new(), None);
        loop {
            let read = ReadSpec {
                index: Some("by-several".to_owned()),
                limit: Some(1),
                start: start.take(),
                ..ReadSpec::new(arn.clone())
            };
            let mut call = query(read, "h = :h AND g = :g", &hash);
            call.is_forward = is_forward;
            let page = tables.query(call).await.unwrap();
            seen.extend(ranges(&page.items.unwrap()));
            start = page.last;
            if start.is_none() {
                break;
            }
        }
        assert_eq!(seen, if is_forward { [4, 2, 0] } else { [0, 2, 4] });
    }
}

#[tokio::test]
async fn only_global_indexes_have_keys_of_several_attributes() {
    let world = World::new();
    let tables = world.open().await;
    let refusal = async |keys: &[(&str, KeyPart)], is_global: bool| {
        let mut call = with_indexes(&arn("orders"));
        let keys = keys.iter().map(|(name, part)| key_part(name, *part)).collect();
        let mut index = by_several();
        index.index.keys = keys;
        call.attributes = ["h", "r", "l", "g", "a", "b", "c"].map(|name| element(name, KeyType::N)).to_vec();
        match is_global {
            true => call.global_indexes = Some(vec![index]),
            false => call.local_indexes = Some(vec![index.index]),
        }
        message(tables.create_table(call).await)
    };
    let (hash, range) = (KeyPart::Hash, KeyPart::Range);
    let five = ["h", "r", "l", "g", "a"].map(|name| (name, hash));
    assert!(refusal(&five, true).await.contains("at most 4 HASH keys"));
    assert!(refusal(&[("h", hash), ("l", range), ("g", hash)], true).await.contains("follows a RANGE key"));
    assert!(refusal(&[("h", hash), ("l", range), ("h", range)], true).await.contains("the same name"));
    assert!(refusal(&[("h", hash), ("l", hash)], false).await.contains("second KeySchemaElement"));
}
