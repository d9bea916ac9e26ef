//! Resource policies: IAM's JSON documents, checked as a whole before they are kept.
//!
//! [`document`] is the grammar, [`condition`] and [`principal`] what stands in two of its elements, [`glob`] its
//! wildcards. Nothing here decides who may do what, and whether a principal exists is not known.

mod condition;
mod document;
mod glob;
mod principal;

use millstream_model::limits::RESOURCE_POLICY_BYTES_MAX;

use self::document::{Document, Effect, Statement};
use self::glob::{is_match, is_match_ignoring_case};

/// What a policy is attached to.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    /// The service that its actions begin with, such as `kinesis`.
    pub(crate) service: &'static str,
    /// What others can be allowed to do with it, without the service.
    pub(crate) actions: &'static [&'static str],
    pub(crate) arn: String,
}

/// Why a text is no policy for its subject.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PolicyFault {
    #[error("The policy has {0} bytes, of which there may be {RESOURCE_POLICY_BYTES_MAX}.")]
    TooLarge(usize),
    /// Not JSON, or not of IAM's grammar.
    #[error("The policy is malformed: {0}.")]
    Malformed(String),
    /// The document breaks a rule; says where and which.
    #[error("The policy is not valid: {0}.")]
    Invalid(String),
}

impl PolicyFault {
    fn invalid(text: impl Into<String>) -> Self {
        Self::Invalid(text.into())
    }
}

/// Checks that the text is a policy that can be attached to the subject.
pub(crate) fn check(text: &str, subject: &Subject) -> Result<(), PolicyFault> {
    if text.len() > RESOURCE_POLICY_BYTES_MAX {
        return Err(PolicyFault::TooLarge(text.len()));
    }
    let document: Document =
        serde_json::from_str(text).map_err(|error| PolicyFault::Malformed(error.to_string()))?;
    if let Some(version) = document.version.as_deref()
        && !["2012-10-17", "2008-10-17"].contains(&version)
    {
        return Err(PolicyFault::invalid(format!(
            "Version {version:?} is neither 2012-10-17 nor 2008-10-17"
        )));
    }
    let statements = document.statement.0;
    if statements.is_empty() {
        return Err(PolicyFault::invalid("there is no Statement"));
    }
    check_sids(&statements)?;
    statements.iter().try_for_each(|statement| check_statement(statement, subject))
}

fn check_sids(statements: &[Statement]) -> Result<(), PolicyFault> {
    let mut sids: Vec<_> = statements.iter().filter_map(|statement| statement.sid.as_deref()).collect();
    sids.sort_unstable();
    match sids.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(PolicyFault::invalid(format!("the Sid {:?} is there twice", pair[0]))),
        None => Ok(()),
    }
}

fn check_statement(statement: &Statement, subject: &Subject) -> Result<(), PolicyFault> {
    check_principals(statement)?;
    match either(("Action", &statement.action), ("NotAction", &statement.not_action))? {
        (_, actions) if actions.0.is_empty() => {
            return Err(PolicyFault::invalid("a list of actions is empty"));
        }
        ("Action", actions) => {
            actions.0.iter().try_for_each(|action| check_action(action, subject))?;
        }
        (_, actions) => actions.0.iter().try_for_each(|action| check_other_action(action))?,
    }
    match either(("Resource", &statement.resource), ("NotResource", &statement.not_resource))? {
        (_, resources) if resources.0.is_empty() => {
            return Err(PolicyFault::invalid("a list of resources is empty"));
        }
        (name, resources) => resources.0.iter().try_for_each(|resource| {
            check_resource(resource)?;
            if name == "NotResource" || is_match(&without_variables(resource), &subject.arn) {
                return Ok(());
            }
            let arn = &subject.arn;
            Err(PolicyFault::invalid(format!("Resource {resource:?} is not {arn}, which the policy is for")))
        })?,
    }
    statement.condition.as_ref().map_or(Ok(()), condition::check)
}

fn check_principals(statement: &Statement) -> Result<(), PolicyFault> {
    match either(("Principal", &statement.principal), ("NotPrincipal", &statement.not_principal))? {
        ("NotPrincipal", _) if statement.effect == Effect::Allow => {
            Err(PolicyFault::invalid("NotPrincipal goes with the Effect Deny alone"))
        }
        (_, principal) => principal.check(),
    }
}

/// The one of two elements that is there; one must be, and not both.
fn either<'a, T>(
    (name, element): (&'static str, &'a Option<T>),
    (not_name, not_element): (&'static str, &'a Option<T>),
) -> Result<(&'static str, &'a T), PolicyFault> {
    match (element, not_element) {
        (Some(element), None) => Ok((name, element)),
        (None, Some(element)) => Ok((not_name, element)),
        (Some(_), Some(_)) => {
            Err(PolicyFault::invalid(format!("a statement has both {name} and {not_name}")))
        }
        (None, None) => Err(PolicyFault::invalid(format!("a statement has no {name}"))),
    }
}

/// An action stands for something that can be allowed of the subject; with wildcards, for at least one such thing.
fn check_action(action: &str, subject: &Subject) -> Result<(), PolicyFault> {
    if action == "*" {
        return Ok(());
    }
    let applies = action.split_once(':').is_some_and(|(service, name)| {
        service.eq_ignore_ascii_case(subject.service)
            && subject.actions.iter().any(|known| is_match_ignoring_case(name, known))
    });
    if applies {
        return Ok(());
    }
    let arn = &subject.arn;
    Err(PolicyFault::invalid(format!("Action {action:?} is none that can be allowed of {arn}")))
}

/// What a statement is not about may be any service's.
fn check_other_action(action: &str) -> Result<(), PolicyFault> {
    let is_name = |text: &str| {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-*?".contains(&byte))
    };
    let is_action = action.split_once(':').is_some_and(|(service, name)| is_name(service) && is_name(name));
    if is_action || action == "*" {
        return Ok(());
    }
    Err(PolicyFault::invalid(format!("NotAction {action:?} is not of the form service:action")))
}

fn check_resource(resource: &str) -> Result<(), PolicyFault> {
    let is_arn = resource.starts_with("arn:") && resource.splitn(6, ':').count() == 6;
    if is_arn || resource == "*" {
        return Ok(());
    }
    Err(PolicyFault::invalid(format!("resource {resource:?} is not an ARN")))
}

/// A variable of a policy may come to stand for anything.
fn without_variables(pattern: &str) -> String {
    let mut parts = pattern.split("${");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        plain.push('*');
        plain.push_str(part.split_once('}').map_or(part, |(_, rest)| rest));
    }
    plain
}

#[cfg(test)]
mod tests;
