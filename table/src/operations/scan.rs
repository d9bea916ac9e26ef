//! Scan.

use super::read_spec::ReadSpec;
use crate::error::{Error, Result};
use crate::expression::{Condition, Parameters, Projection};
use crate::reading::page::{ItemsPage, Plan};
use crate::reading::place::Place;
use crate::reading::range::{Segment, behind, check_start_of_scan, of_scan};
use crate::reading::selection::Selection;
use crate::reading::target::Target;
use crate::tables::Tables;

/// A Scan call.
#[derive(Clone, Debug)]
pub struct Scan {
    pub read: ReadSpec,
    /// Of a parallel scan: which part, from 0 on.
    pub segment: Option<u32>,
    /// Of a parallel scan: how many parts, at most 1,000,000.
    pub total_segments: Option<u32>,
}

impl Scan {
    pub fn new(read: ReadSpec) -> Self {
        Self { read, segment: None, total_segments: None }
    }
}

impl Tables {
    /// One page of everything that is in a table or an index, or of a segment of it.
    pub async fn scan(&self, call: Scan) -> Result<ItemsPage> {
        let segment = segment(&call)?;
        let (filter, projection) = parse(&call.read)?;
        let inner = &self.inner;
        let found = inner.find_active(&call.read.table)?;
        let read = &call.read;
        let target = Target::find(&found.meta, read.index.as_deref(), read.is_consistent, found.now)?;
        let selection = Selection::of(&target, read.select, projection, filter.as_ref())?;
        let mut range = of_scan(&target, segment);
        if let Some(start) = &read.start {
            let start = Place::given(&target, start)?;
            check_start_of_scan(segment, &start)?;
            range = behind(range, &start.stored_at(&target), true);
        }
        let (limit, is_consistent) = (read.limit, read.is_consistent);
        let plan = Plan { target, range, is_forward: true, filter, selection, limit, is_consistent };
        inner.read_page(&found, plan).await
    }
}

fn segment(call: &Scan) -> Result<Option<Segment>> {
    let refused = |text: String| Err(Error::Validation(text));
    match (call.segment, call.total_segments) {
        (None, None) => Ok(None),
        (Some(number), Some(total)) if number < total => Ok(Some(Segment { number, total })),
        (Some(number), Some(total)) => refused(format!(
            "The Segment parameter is zero-based and must be less than parameter TotalSegments: Segment: \
             {number} is not less than TotalSegments: {total}"
        )),
        (Some(_), None) => refused(
            "The TotalSegments parameter is required but was not present in the request when Segment \
             parameter is present"
                .to_owned(),
        ),
        (None, Some(_)) => refused(
            "The Segment parameter is required but was not present in the request when parameter \
             TotalSegments is present"
                .to_owned(),
        ),
    }
}

/// The filter and what is shown, if they make sense whatever the table is.
fn parse(read: &ReadSpec) -> Result<(Option<Condition>, Option<Projection>)> {
    let parameters = Parameters {
        expressions: &[
            ("ProjectionExpression", read.projection.expression.is_some()),
            ("FilterExpression", read.filter.expression.is_some()),
        ],
        legacy: &[
            ("AttributesToGet", read.projection.attributes.is_some()),
            ("ScanFilter", read.filter.entries.is_some()),
            ("ConditionalOperator", read.filter.operator.is_some()),
        ],
        has_names: read.placeholders.names.is_some(),
        has_values: read.placeholders.values.is_some(),
    };
    parameters.check()?;
    read.check_select()?;
    let legacy_filter = read.filter.legacy()?;
    let mut substitutions = read.placeholders.clone().substitutions()?;
    let filter = read.filter.parse(&mut substitutions)?.or(legacy_filter);
    let projection = read.projection(&mut substitutions)?;
    substitutions.finish()?;
    Ok((filter, projection))
}
