//! PutMetricData: what goes beyond the model is checked, then every sample is added to its series.

use std::time::Duration;

use super::generated::{Dimension, Exception, MetricDatum, PutMetricDataInput, StatisticSet};
use crate::aws::codec::ApiError;
use crate::metrics::{ReportedMetrics, Samples, Series};

/// Metrics of one request.
const METRICS_MAX: usize = 1000;
/// Different values of one metric in one request.
const VALUES_MAX: usize = 150;
/// Of Amazon's own metrics.
const RESERVED_NAMESPACE: &str = "AWS/";

/// All metrics of a request, or none.
pub(super) fn put_metric_data(
    reported: &ReportedMetrics,
    now: Duration,
    input: PutMetricDataInput,
) -> Result<(), ApiError> {
    let PutMetricDataInput { namespace, metric_data, entity_metric_data, .. } = input;
    if namespace.starts_with(RESERVED_NAMESPACE) {
        return Err(invalid_value(format!(
            "The value {RESERVED_NAMESPACE} for parameter Namespace is invalid."
        )));
    }
    if metric_data.is_none() && entity_metric_data.is_none() {
        return Err(missing("The parameter MetricData is required."));
    }
    let of_entities = entity_metric_data.into_iter().flatten().filter_map(|entity| entity.metric_data);
    let data: Vec<MetricDatum> = metric_data.into_iter().chain(of_entities).flatten().collect();
    if data.len() > METRICS_MAX {
        return Err(invalid_value(format!(
            "The collection MetricData must not have a size greater than {METRICS_MAX}."
        )));
    }
    let samples = data.iter().enumerate().map(|(index, datum)| samples(index + 1, datum));
    let samples = samples.collect::<Result<Vec<_>, _>>()?;
    for (datum, samples) in data.into_iter().zip(samples) {
        let series = Series {
            namespace: namespace.to_string(),
            metric: datum.metric_name.to_string(),
            unit: datum.unit.map_or("None", |unit| unit.name()),
            dimensions: dimensions(datum.dimensions.unwrap_or_default()),
        };
        reported.add(series, samples, now);
    }
    Ok(())
}

/// By name: their order says nothing.
fn dimensions(dimensions: Vec<Dimension>) -> Vec<(String, String)> {
    let pairs = dimensions.into_iter().map(|Dimension { name, value }| (name.to_string(), value.to_string()));
    let mut pairs: Vec<_> = pairs.collect();
    pairs.sort();
    pairs
}

/// What the datum with this number, from 1, reports.
fn samples(number: usize, datum: &MetricDatum) -> Result<Samples, ApiError> {
    let member = |name: &str| format!("MetricData.member.{number}.{name}");
    if datum.storage_resolution.is_some_and(|seconds| !matches!(seconds, 1 | 60)) {
        let name = member("StorageResolution");
        return Err(invalid_value(format!("The parameter {name} must be 1 or 60.")));
    }
    let exclusive = |first: &str, second: &str| {
        let (first, second) = (member(first), member(second));
        let text = format!(
            "The parameters {first} and {second} are mutually exclusive and you have specified both."
        );
        ApiError::new(Exception::InvalidParameterCombination, text)
    };
    match (datum.value, &datum.statistic_values, &datum.values) {
        (Some(_), Some(_), _) => Err(exclusive("Value", "StatisticValues")),
        (Some(_), _, Some(_)) => Err(exclusive("Value", "Values")),
        (_, Some(_), Some(_)) => Err(exclusive("StatisticValues", "Values")),
        (Some(value), None, None) => Ok(Samples::of(value, 1.0)),
        (None, Some(statistics), None) => of_statistics(&member("StatisticValues"), statistics),
        (None, None, Some(values)) => {
            of_values(&member("Values"), &member("Counts"), values, datum.counts.as_deref())
        }
        (None, None, None) => {
            let name = member("Value");
            Err(missing(format!("The parameter {name} is required.")))
        }
    }
}

fn of_statistics(name: &str, statistics: &StatisticSet) -> Result<Samples, ApiError> {
    let StatisticSet { sample_count, sum, minimum, maximum } = *statistics;
    if sample_count <= 0.0 || minimum > maximum {
        return Err(invalid_value(format!("The value of parameter {name} is invalid.")));
    }
    Ok(Samples { count: sample_count, sum, minimum, maximum })
}

fn of_values(
    values_name: &str,
    counts_name: &str,
    values: &[f64],
    counts: Option<&[f64]>,
) -> Result<Samples, ApiError> {
    if counts.is_some_and(|counts| counts.len() != values.len()) {
        let text = format!("The parameters {values_name} and {counts_name} must be of the same size.");
        return Err(ApiError::new(Exception::InvalidParameterCombination, text));
    }
    if values.is_empty() || values.len() > VALUES_MAX {
        let text = format!("The collection {values_name} must have a size from 1 to {VALUES_MAX}.");
        return Err(invalid_value(text));
    }
    let count = |index: usize| counts.map_or(1.0, |counts| counts[index]);
    let each = values.iter().enumerate().map(|(index, value)| Samples::of(*value, count(index)));
    let all = each.reduce(Samples::with).filter(|all| all.count > 0.0);
    all.ok_or_else(|| invalid_value(format!("The value of parameter {counts_name} is invalid.")))
}

fn invalid_value(text: String) -> ApiError {
    ApiError::new(Exception::InvalidParameterValue, text)
}

fn missing(text: impl Into<std::borrow::Cow<'static, str>>) -> ApiError {
    ApiError::new(Exception::MissingRequiredParameter, text)
}
