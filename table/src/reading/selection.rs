//! What is shown of what is read, and whether an index has it all.
//!
//! A local index lies with its table, so what it does not have is fetched from there, at the price of reading
//! each item. A global one does not, and nothing is fetched for it.

use super::target::Target;
use crate::error::{Error, Result};
use crate::expression::{Condition, Projection};
use crate::index::IndexProjection;
use crate::key::KeyRole;

/// What a request says under Select.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Select {
    AllAttributes,
    /// What the index has.
    AllProjectedAttributes,
    /// What the projection names.
    SpecificAttributes,
    /// Nothing but how many there are.
    Count,
}

impl Select {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::AllAttributes => "ALL_ATTRIBUTES",
            Self::AllProjectedAttributes => "ALL_PROJECTED_ATTRIBUTES",
            Self::SpecificAttributes => "SPECIFIC_ATTRIBUTES",
            Self::Count => "COUNT",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Selection {
    pub(crate) shown: Shown,
    /// Whether each item must be looked up in the table.
    pub(crate) fetches: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    /// Nothing; items are only counted.
    Nothing,
    /// What was found in the table, or in the index that is read.
    AsFound,
    /// The whole item, wherever it was found.
    Whole,
    Paths(Projection),
}

/// # Errors
///
/// When Select and the projection do not go together, whatever the table is. `parameter` is the projection's name
/// in the request.
pub(crate) fn check_select(select: Option<Select>, parameter: Option<&str>, has_index: bool) -> Result<()> {
    let refused = |text: String| Err(Error::Validation(text));
    match (select, parameter) {
        (Some(Select::SpecificAttributes), None) => refused(
            "Must specify the AttributesToGet or ProjectionExpression when choosing to get \
             SPECIFIC_ATTRIBUTES"
                .to_owned(),
        ),
        (Some(Select::Count), Some(parameter)) => {
            refused(format!("Cannot specify the {parameter} when choosing to get only the Count"))
        }
        (Some(select @ (Select::AllAttributes | Select::AllProjectedAttributes)), Some(parameter)) => {
            refused(format!("Cannot specify the {parameter} when choosing to get {}", select.name()))
        }
        (Some(Select::AllProjectedAttributes), None) if !has_index => {
            refused("ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName".to_owned())
        }
        _ => Ok(()),
    }
}

impl Selection {
    /// # Errors
    ///
    /// When something within a key attribute is asked for, or something that a global index does not have.
    pub(crate) fn of(
        target: &Target<'_>,
        select: Option<Select>,
        projection: Option<Projection>,
        filter: Option<&Condition>,
    ) -> Result<Self> {
        check_paths(target, projection.as_ref(), filter)?;
        let shows_all = target.index.is_none_or(|index| index.projection == IndexProjection::All);
        if let Some(index) = target.global_name()
            && select == Some(Select::AllAttributes)
            && !shows_all
        {
            return Err(Error::invalid_parameter(format_args!(
                "Select type ALL_ATTRIBUTES is not supported for global secondary index {index} because its \
                 projection type is not ALL"
            )));
        }
        let projected = projection.iter().flat_map(|projection| &projection.paths);
        let filtered = filter.map(Condition::paths).unwrap_or_default();
        let heads = projected.chain(filtered).map(|path| &*path.head);
        let mut lacking: Vec<_> = heads.filter(|name| !target.shows(name)).collect();
        lacking.sort_unstable();
        lacking.dedup();
        if let Some(index) = target.global_name()
            && !lacking.is_empty()
        {
            return Err(Error::invalid_parameter(format_args!(
                "Global secondary index {index} does not project [{}]",
                lacking.join(", ")
            )));
        }
        let wants_whole = select == Some(Select::AllAttributes) && !shows_all;
        let fetches = wants_whole || !lacking.is_empty();
        let shown = match (select, projection) {
            (Some(Select::Count), _) => Shown::Nothing,
            (_, Some(projection)) => Shown::Paths(projection),
            _ if wants_whole => Shown::Whole,
            _ => Shown::AsFound,
        };
        Ok(Self { shown, fetches })
    }
}

/// Key attributes have nothing within, whether of the table or of the index.
fn check_paths(
    target: &Target<'_>,
    projection: Option<&Projection>,
    filter: Option<&Condition>,
) -> Result<()> {
    let projected = projection.iter().flat_map(|projection| &projection.paths);
    let paths: Vec<_> = projected.chain(filter.map(Condition::paths).unwrap_or_default()).collect();
    target.meta.keys.check_scalars(paths.iter().copied(), KeyRole::Table)?;
    target.keys().check_scalars(paths, target.role())
}
