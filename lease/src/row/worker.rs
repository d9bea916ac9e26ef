//! What workers report about themselves, as rows.

use std::collections::BTreeMap;

use super::{BadRow, EntityType, Reader, Row, Value, attribute};
use crate::names::WorkerId;
use crate::worker::{Metric, WorkerReport};

const LAST_UPDATE: &str = "lut";
const STATS: &str = "sts";
const OPERATING_RANGE: &str = "opr";

/// `key_attribute` is `wid` in a table of its own and `leaseKey` in the lease table, where the row also says what it is.
pub(crate) fn to_row(report: &WorkerReport, key_attribute: &str) -> Row {
    let mut row = report.unknown.clone();
    row.insert(key_attribute.to_owned(), Value::text(&report.worker));
    if key_attribute == attribute::LEASE_KEY {
        row.insert(attribute::ENTITY_TYPE.to_owned(), Value::text(EntityType::WorkerMetricStats.as_str()));
    }
    row.insert(LAST_UPDATE.to_owned(), Value::number(report.updated_secs));
    let stats = report.metrics.iter().map(|(name, metric)| {
        let samples = metric.samples.iter().map(|sample| Value::fraction(*sample)).collect();
        (name.clone(), Value::L(samples))
    });
    row.insert(STATS.to_owned(), Value::M(stats.collect()));
    let ranges = report.metrics.iter().filter_map(|(name, metric)| {
        metric.operating_max.map(|max| (name.clone(), Value::L(vec![Value::fraction(max)])))
    });
    let ranges: BTreeMap<_, _> = ranges.collect();
    row.insert(OPERATING_RANGE.to_owned(), Value::M(ranges));
    row
}

pub(crate) fn of_row(row: Row, key_attribute: &str) -> Result<WorkerReport, BadRow> {
    let mut reader = Reader::new(row, key_attribute);
    let worker = reader.parsed::<WorkerId>(key_attribute)?;
    let worker = reader.required(key_attribute, worker)?;
    reader.take(attribute::ENTITY_TYPE);
    let updated_secs = reader.whole(LAST_UPDATE)?;
    let updated_secs = reader.required(LAST_UPDATE, updated_secs)?;
    let stats = lists(&mut reader, STATS)?;
    let mut ranges = lists(&mut reader, OPERATING_RANGE)?;
    let metrics = stats.into_iter().map(|(name, samples)| {
        let operating_max = ranges.remove(&name).and_then(|range| range.first().copied());
        (name, Metric { samples, operating_max })
    });
    Ok(WorkerReport { worker, updated_secs, metrics: metrics.collect(), unknown: reader.into_rest() })
}

/// A map of lists of numbers.
fn lists(reader: &mut Reader, attribute: &str) -> Result<BTreeMap<String, Vec<f64>>, BadRow> {
    let map = match reader.take(attribute) {
        None | Some(Value::Null) => return Ok(BTreeMap::new()),
        Some(Value::M(map)) => map,
        Some(value) => {
            return Err(reader.bad(attribute, format!("should be of type M and is {}", value.type_name())));
        }
    };
    let numbers = |value: &Value| match value {
        Value::L(list) => list.iter().map(number).collect::<Option<Vec<_>>>(),
        _ => None,
    };
    map.into_iter()
        .map(|(name, value)| match numbers(&value) {
            Some(numbers) => Ok((name, numbers)),
            None => Err(reader.bad(attribute, format!("has under {name} something else than numbers"))),
        })
        .collect()
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::N(text) => text.parse().ok().filter(|number: &f64| number.is_finite()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::{btree_map, vec};
    use proptest::option;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_report_is_what_its_row_says(
            updated_secs in 0_u64..1 << 40,
            metrics in btree_map("[A-Z]{1,2}", (vec(-1.0..1e6_f64, 0..10), option::of(0.5..100.0_f64)), 0..4),
            single: bool,
        ) {
            let metrics = metrics.into_iter().map(|(name, (samples, operating_max))| {
                let samples = samples.into_iter().map(|s| if s.abs() < 1e-6 { 0.0 } else { s }).collect();
                (name, Metric { samples, operating_max })
            });
            let worker = "worker-1".parse().unwrap();
            let report = WorkerReport { worker, updated_secs, metrics: metrics.collect(), unknown: Row::new() };
            let key = if single { attribute::LEASE_KEY } else { "wid" };
            prop_assert_eq!(of_row(to_row(&report, key), key), Ok(report));
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let row = |stats: Value| {
            Row::from([
                ("wid".to_owned(), Value::text("w")),
                ("lut".to_owned(), Value::number(1_u32)),
                ("sts".to_owned(), stats),
            ])
        };
        let message = of_row(row(Value::text("x")), "wid").unwrap_err().to_string();
        assert!(message.contains("row w: sts should be of type M"), "{message}");
        let bad = Value::M(BTreeMap::from([("C".to_owned(), Value::L(vec![Value::text("1")]))]));
        let message = of_row(row(bad), "wid").unwrap_err().to_string();
        assert!(message.contains("under C"), "{message}");
    }
}
