//! Query and Scan.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::legacy::{ComparisonOperator, Filter};
use crate::{
    Capacity, Error, FilterSpec, GlobalIndexSpec, IndexSpec, ItemsPage, ProjectionType, Query, ReadSpec,
    Scan, Select, ThroughputLimits, Units,
};

/// Hash key `h`, range key `r`, a local index over `l` and a global one over `g`, both of keys alone.
pub(super) fn with_indexes(arn: &TableArn) -> CreateTable {
    let index = |name: &str, hash: &str, range: Option<&str>| {
        let range = range.map(|range| key_part(range, KeyPart::Range));
        IndexSpec {
            name: name.to_owned(),
            keys: std::iter::once(key_part(hash, KeyPart::Hash)).chain(range).collect(),
            projection: Some(ProjectionType::KeysOnly),
            non_key_attributes: None,
        }
    };
    let mut call = on_demand(arn);
    call.attributes = vec![
        element("h", KeyType::S),
        element("r", KeyType::N),
        element("l", KeyType::N),
        element("g", KeyType::S),
    ];
    call.keys = vec![key_part("h", KeyPart::Hash), key_part("r", KeyPart::Range)];
    call.local_indexes = Some(vec![index("by-l", "h", Some("l"))]);
    call.global_indexes = Some(vec![GlobalIndexSpec {
        index: index("by-g", "g", None),
        throughput: None,
        limits: OnDemandThroughput::default(),
        warm: None,
    }]);
    call
}

pub(super) fn row(hash: u64, range: u64) -> Item {
    item([
        ("h", hash.to_string().as_str().into()),
        ("r", range.into()),
        ("l", (100 - range).into()),
        ("g", (range % 2).to_string().as_str().into()),
        ("x", range.into()),
    ])
}

async fn filled(world: &World, hashes: u64, ranges: u64) -> (Tables, TableArn) {
    let (tables, arn) = (world.open().await, arn("orders"));
    tables.create_table(with_indexes(&arn)).await.unwrap();
    for hash in 0..hashes {
        for range in 0..ranges {
            put(&tables, &arn, row(hash, range)).await.unwrap();
        }
    }
    (tables, arn)
}

pub(super) fn query(read: ReadSpec, text: &str, values: &[(&str, Value)]) -> Query {
    let mut call = Query::new(read, text);
    let values = values.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
    call.read.placeholders.values = Some(values.collect());
    call
}

fn of_hash(arn: &TableArn) -> Query {
    query(ReadSpec::new(arn.clone()), "h = :h", &[(":h", "0".into())])
}

pub(super) fn message<T: std::fmt::Debug>(result: Result<T>) -> String {
    result.unwrap_err().to_string()
}

pub(super) fn ranges(items: &[Item]) -> Vec<u64> {
    items.iter().map(|item| item.get("r").map(number).unwrap()).collect()
}

fn number(value: &Value) -> u64 {
    let Value::N(number) = value else { panic!("{value:?} is no number") };
    number.to_string().parse().unwrap()
}

/// All pages of a query, which must each keep to the limit.
async fn all_of_query(tables: &Tables, mut call: Query) -> Vec<Item> {
    let mut all = Vec::new();
    loop {
        let page = tables.query(call.clone()).await.unwrap();
        assert!(call.read.limit.is_none_or(|limit| page.scanned <= limit));
        all.extend(page.items.unwrap());
        match page.last {
            Some(last) => call.read.start = Some(last),
            None => return all,
        }
    }
}

async fn all_of_scan(tables: &Tables, mut call: Scan) -> Vec<Item> {
    let mut all = Vec::new();
    loop {
        let page = tables.scan(call.clone()).await.unwrap();
        all.extend(page.items.unwrap());
        match page.last {
            Some(last) => call.read.start = Some(last),
            None => return all,
        }
    }
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn pages_of_any_size_show_each_item_once_and_in_order(
        page in 1_usize..8, hashes in 1_u64..5, count in 1_u64..12, is_forward: bool,
        index in prop::option::of(prop::sample::select(vec!["by-l", "by-g"])),
    ) {
        run(async {
            let world = World::new();
            let (tables, arn) = filled(&world, hashes, count).await;
            let mut read = ReadSpec::new(arn.clone());
            read.limit = Some(page);
            let expected = match index {
                None => (0..count).collect::<Vec<_>>(),
                Some("by-l") => (0..count).rev().collect(),
                Some(_) => (0..count).filter(|range| range % 2 == 0).collect(),
            };
            read.index = index.map(str::to_owned);
            let is_global = index == Some("by-g");
            let mut call = match is_global {
                true => query(read, "g = :g", &[(":g", "0".into())]),
                false => query(read, "h = :h", &[(":h", "0".into())]),
            };
            call.is_forward = is_forward;
            let got = all_of_query(&tables, call.clone()).await;
            let mut ranges = ranges(&got);
            if is_global {
                // The order among equal keys of an index is nobody's business, but each is there once.
                assert_eq!(got.len(), expected.len() * usize::try_from(hashes).unwrap());
                assert_eq!(got.iter().map(|item| format!("{item:?}")).collect::<BTreeSet<_>>().len(), got.len());
                call.is_forward = !is_forward;
                let mut mirrored = all_of_query(&tables, call).await;
                mirrored.reverse();
                assert_eq!(got, mirrored);
            } else {
                if !is_forward {
                    ranges.reverse();
                }
                assert_eq!(ranges, expected);
            }
        });
    }

    #[test]
    fn segments_share_the_items(page in 1_usize..8, total in 1_u32..40, hashes in 1_u64..12, by_index: bool) {
        run(async {
            let world = World::new();
            let (tables, arn) = filled(&world, hashes, 3).await;
            let mut scan = Scan::new(ReadSpec::new(arn));
            scan.read.limit = Some(page);
            scan.read.index = by_index.then(|| "by-g".to_owned());
            scan.total_segments = Some(total);
            let mut seen = BTreeSet::new();
            for segment in 0..total {
                scan.segment = Some(segment);
                for item in all_of_scan(&tables, scan.clone()).await {
                    assert!(seen.insert(format!("{item:?}")), "{item:?} is in two segments");
                }
            }
            assert_eq!(seen.len() as u64, hashes * 3);
        });
    }

    #[test]
    fn a_filter_in_either_spelling_lets_the_same_through(
        bound in 0_u64..10, operator in prop::sample::select(vec![
            (ComparisonOperator::Lt, "x < :x"), (ComparisonOperator::Ge, "x >= :x"),
            (ComparisonOperator::Ne, "x <> :x"), (ComparisonOperator::Eq, "x = :x"),
        ]),
    ) {
        run(async {
            let world = World::new();
            let (tables, arn) = filled(&world, 1, 10).await;
            let mut expression = Scan::new(ReadSpec::new(arn));
            let mut legacy = expression.clone();
            expression.read.filter = FilterSpec::expression(operator.1);
            expression.read.placeholders = values([(":x", bound.into())]);
            let entry = Filter { operator: operator.0, list: vec![bound.into()] };
            legacy.read.filter.entries = Some([("x".to_owned(), entry)].into());
            let page = tables.scan(expression).await.unwrap();
            assert_eq!(page.scanned, 10);
            assert_eq!(page, tables.scan(legacy).await.unwrap());
        });
    }
}

#[tokio::test]
async fn a_limit_counts_what_the_filter_hides_and_is_followed_by_a_key() {
    let world = World::new();
    let (tables, arn) = filled(&world, 1, 4).await;
    let mut call = query(ReadSpec::new(arn), "h = :h", &[(":h", "0".into()), (":x", 2.into())]);
    call.read.filter = FilterSpec::expression("x > :x");
    call.read.limit = Some(4);
    let page = tables.query(call.clone()).await.unwrap();
    assert_eq!((page.count, page.scanned), (1, 4));
    // The limit was reached, so there is a key although nothing follows.
    assert_eq!(page.last, Some(item([("h", "0".into()), ("r", 3.into())])));
    call.read.start = page.last;
    let page = tables.query(call.clone()).await.unwrap();
    assert_eq!((page.count, page.scanned, page.last), (0, 0, None));
    call.read.start = None;
    call.read.limit = Some(5);
    call.read.select = Some(Select::Count);
    let page = tables.query(call).await.unwrap();
    assert_eq!((page.items, page.count, page.scanned, page.last), (None, 1, 4, None));
}

#[tokio::test]
async fn a_start_key_needs_no_item() {
    let world = World::new();
    let (tables, arn) = filled(&world, 1, 6).await;
    tables
        .delete_item(crate::DeleteItem::new(arn.clone(), item([("h", "0".into()), ("r", 3.into())])))
        .await
        .unwrap();
    let mut call = of_hash(&arn);
    call.read.start = Some(item([("h", "0".into()), ("r", 3.into())]));
    assert_eq!(ranges(&all_of_query(&tables, call.clone()).await), [4, 5]);
    call.is_forward = false;
    assert_eq!(ranges(&all_of_query(&tables, call.clone()).await), [2, 1, 0]);
    call.read.index = Some("by-l".to_owned());
    call.read.start = Some(item([("h", "0".into()), ("r", 77.into()), ("l", 97.into())]));
    assert_eq!(ranges(&all_of_query(&tables, call).await), [4, 5]);
}

#[tokio::test]
async fn a_start_key_from_elsewhere_is_refused() {
    let world = World::new();
    let (tables, arn) = filled(&world, 1, 2).await;
    let key = |hash: &str, range: u64| item([("h", hash.into()), ("r", range.into())]);
    let ask = async |text: &str, index: Option<&str>, start: Item| {
        let mut call = of_hash(&arn);
        if text.contains(":r") {
            call.read.placeholders.values.as_mut().unwrap().insert(":r".to_owned(), 1.into());
        }
        call.key_expression = Some(text.to_owned());
        call.read.index = index.map(str::to_owned);
        call.read.start = Some(start);
        message(tables.query(call).await)
    };
    let invalid = "The provided starting key is invalid";
    assert_eq!(ask("h = :h", None, item([("h", "0".into())])).await, invalid);
    assert_eq!(ask("h = :h", None, row(0, 1)).await, invalid);
    assert_eq!(ask("h = :h", Some("by-l"), key("0", 1)).await, invalid);
    assert_eq!(
        ask("h = :h", None, key("1", 1)).await,
        "The provided starting key is outside query boundaries based on provided conditions"
    );
    assert_eq!(
        ask("h = :h AND r > :r", None, key("0", 1)).await,
        "The provided starting key does not match the range key predicate"
    );
    assert_eq!(
        ask("h = :h AND r = :r", None, key("0", 1)).await,
        "The query can return at most one row and cannot be restarted"
    );
    let mut scan = Scan::new(ReadSpec::new(arn.clone()));
    scan.read.start = Some(item([("h", "0".into())]));
    assert_eq!(
        message(tables.scan(scan.clone()).await),
        format!("{invalid}: The provided key element does not match the schema")
    );
    let other = 1 - crate::Key::of_hash(vec![crate::KeyValue::S("0".to_owned())]).segment(2);
    (scan.segment, scan.total_segments, scan.read.start) = (Some(other), Some(2), Some(key("0", 1)));
    assert_eq!(
        message(tables.scan(scan).await),
        format!(
            "{invalid}: Invalid ExclusiveStartKey. Please use ExclusiveStartKey with correct Segment. \
             TotalSegments: 2 Segment: {other}"
        )
    );
}

#[tokio::test]
async fn a_page_ends_with_the_item_that_makes_it_a_megabyte() {
    let world = World::new();
    let (tables, arn) = filled(&world, 1, 0).await;
    for range in 0..5_u64 {
        let mut large = row(0, range);
        large.insert("text", Value::S("x".repeat(300_000)));
        put(&tables, &arn, large).await.unwrap();
    }
    let page = tables.query(of_hash(&arn)).await.unwrap();
    assert_eq!((page.scanned, page.last), (4, Some(item([("h", "0".into()), ("r", 3.into())]))));
    // Also where nothing is behind it.
    let mut call = of_hash(&arn);
    call.read.start = Some(item([("h", "0".into()), ("r", 0.into())]));
    let page = tables.query(call.clone()).await.unwrap();
    assert_eq!((page.scanned, page.last.is_some()), (4, true));
    call.read.start = page.last;
    let page = tables.query(call).await.unwrap();
    assert_eq!((page.scanned, page.last), (0, None));
    // What is fetched for a local index counts as well.
    let mut call = of_hash(&arn);
    call.read.index = Some("by-l".to_owned());
    call.read.select = Some(Select::AllAttributes);
    let page = tables.query(call.clone()).await.unwrap();
    assert_eq!(page.scanned, 4);
    assert_eq!(all_of_query(&tables, call).await.len(), 5);
}

#[tokio::test]
async fn a_local_index_fetches_what_it_lacks_and_the_table_pays() {
    let world = World::new();
    let (tables, arn) = filled(&world, 1, 3).await;
    let mut call = of_hash(&arn);
    call.read.index = Some("by-l".to_owned());
    let units =
        |page: &ItemsPage| (page.consumed.base.as_f64(), page.consumed.local_indexes["by-l"].as_f64());
    let page = tables.query(call.clone()).await.unwrap();
    assert_eq!(units(&page), (0.0, 0.5));
    assert!(page.items.unwrap().iter().all(|item| !item.contains("x")));
    call.read.select = Some(Select::AllAttributes);
    call.read.is_consistent = true;
    let page = tables.query(call.clone()).await.unwrap();
    assert_eq!(units(&page), (3.0, 1.0));
    assert_eq!(page.items.unwrap()[0], row(0, 2));
    call.read.select = None;
    call.read.is_consistent = false;
    call.read.projection.expression = Some("x".to_owned());
    let page = tables.query(call).await.unwrap();
    assert_eq!(units(&page), (1.5, 0.5));
    assert_eq!(page.items.unwrap()[0], item([("x", 2.into())]));
}

#[tokio::test]
async fn a_global_index_gives_what_it_has() {
    let world = World::new();
    let (tables, arn) = filled(&world, 1, 2).await;
    let mut read = ReadSpec::new(arn.clone());
    read.index = Some("by-g".to_owned());
    let call = query(read, "g = :g", &[(":g", "0".into())]);
    let page = tables.query(call.clone()).await.unwrap();
    assert_eq!(page.items.unwrap(), [item([("h", "0".into()), ("r", 0.into()), ("g", "0".into())])]);
    assert_eq!((page.consumed.base, page.consumed.global_indexes["by-g"].as_f64()), (Capacity::NONE, 0.5));
    let refused = async |change: fn(&mut ReadSpec)| {
        let mut call = call.clone();
        change(&mut call.read);
        message(tables.query(call).await)
    };
    let prefix = "One or more parameter values were invalid:";
    assert_eq!(
        refused(|read| read.is_consistent = true).await,
        "Consistent reads are not supported on global secondary indexes"
    );
    assert_eq!(
        refused(|read| read.select = Some(Select::AllAttributes)).await,
        format!(
            "{prefix} Select type ALL_ATTRIBUTES is not supported for global secondary index by-g because its \
             projection type is not ALL"
        )
    );
    assert_eq!(
        refused(|read| read.projection.expression = Some("x, y, h".to_owned())).await,
        format!("{prefix} Global secondary index by-g does not project [x, y]")
    );
    assert_eq!(
        refused(|read| read.index = Some("by-z".to_owned())).await,
        "The table does not have the specified index: by-z"
    );
    assert_eq!(
        refused(|read| read.filter = FilterSpec::expression("attribute_exists(g)")).await,
        "Filter Expression can only contain non-primary key attributes: Primary key attribute: g"
    );
}

#[tokio::test]
async fn what_does_not_go_together_is_refused() {
    let world = World::new();
    let (tables, arn) = filled(&world, 1, 1).await;
    let scan = async |change: fn(&mut Scan)| {
        let mut call = Scan::new(ReadSpec::new(arn.clone()));
        change(&mut call);
        message(tables.scan(call).await)
    };
    assert_eq!(
        scan(|call| call.read.select = Some(Select::AllProjectedAttributes)).await,
        "ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName"
    );
    assert_eq!(
        scan(|call| {
            call.read.select = Some(Select::Count);
            call.read.projection.expression = Some("a".to_owned());
        })
        .await,
        "Cannot specify the ProjectionExpression when choosing to get only the Count"
    );
    assert_eq!(
        scan(|call| call.read.select = Some(Select::SpecificAttributes)).await,
        "Must specify the AttributesToGet or ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES"
    );
    assert_eq!(
        scan(|call| (call.segment, call.total_segments) = (Some(5), Some(5))).await,
        "The Segment parameter is zero-based and must be less than parameter TotalSegments: Segment: 5 is \
         not less than TotalSegments: 5"
    );
    assert_eq!(
        scan(|call| call.segment = Some(0)).await,
        "The TotalSegments parameter is required but was not present in the request when Segment parameter \
         is present"
    );
    let call = Query { key_expression: None, ..Query::new(ReadSpec::new(arn.clone()), "") };
    assert_eq!(
        message(tables.query(call).await),
        "Either the KeyConditions or KeyConditionExpression parameter must be specified in the request."
    );
}

#[tokio::test]
async fn reads_beyond_what_was_provisioned_are_throttled() {
    let mut world = World::new();
    world.settings.throughput = ThroughputLimits::Aws;
    let (tables, arn) = (world.open().await, arn("orders"));
    let mut create = on_demand(&arn);
    create.billing = None;
    create.throughput = Some(Units { read: 1, write: 100 });
    tables.create_table(create).await.unwrap();
    for number in 0..20_u64 {
        let mut large = id(&number.to_string());
        large.insert("text", Value::S("x".repeat(40_000)));
        put(&tables, &arn, large).await.unwrap();
    }
    let mut call = Scan::new(ReadSpec::new(arn));
    call.read.is_consistent = true;
    let mut units = 0.0;
    let error = loop {
        match tables.scan(call.clone()).await {
            Ok(page) => units += page.consumed.total().as_f64(),
            Err(error) => break error,
        }
    };
    // What 300 seconds bring was saved, and the last read was let through on credit.
    assert!((300.0..600.0).contains(&units), "{units}");
    assert!(matches!(error, Error::ProvisionedThroughputExceeded { .. }));
    world.clock.advance(Duration::from_secs(600));
    tables.scan(call).await.unwrap();
}
