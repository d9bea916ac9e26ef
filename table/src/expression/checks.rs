//! What is wrong with an expression whatever its names and values stand for, in AWS's words and in AWS's
//! order.
//!
//! What depends on names and values is refused in `resolve`, after all of this.

use super::syntax::{Condition, Element, Operand, Path, Predicate, Section, SetValue, Update};
use super::{Fault, IN_OPERANDS_MAX, OPERATORS_MAX};
use crate::expression::reserved::is_reserved;
use crate::value::DEPTH_MAX;

const CONDITION_FUNCTIONS: [&str; 6] =
    ["attribute_exists", "attribute_not_exists", "attribute_type", "begins_with", "contains", "size"];
const UPDATE_FUNCTIONS: [&str; 2] = ["if_not_exists", "list_append"];

pub(super) fn condition(condition: &Condition, has_redundant_parentheses: bool) -> Result<(), Fault> {
    if has_redundant_parentheses {
        return Err("The expression has redundant parentheses;".to_owned());
    }
    let mut predicates = Vec::new();
    condition.predicates(&mut |predicate| predicates.push(predicate));
    let mut operands = Vec::new();
    for predicate in &predicates {
        if let Predicate::Call(call) = predicate {
            known_in_condition(&call.function)?;
        }
        predicate.operands().into_iter().for_each(|operand| operand.visit(&mut |inner| operands.push(inner)));
    }
    for operand in &operands {
        if let Operand::Call(call) = operand {
            known_in_condition(&call.function)?;
        }
    }
    functions_are_in_place(&predicates, &operands)?;
    operands.iter().try_for_each(|operand| path_is_writable(operand))?;
    let calls = operands.iter().filter(|operand| matches!(operand, Operand::Call(_))).count();
    // Every predicate is an operator or a function, and what joins them are operators too.
    let joints = joints(condition);
    check_operators(predicates.len() + calls + joints)?;
    predicates.iter().try_for_each(|predicate| match predicate {
        Predicate::In(_, list) if list.len() > IN_OPERANDS_MAX => Err(format!(
            "The IN operator is provided with too many operands; number of operands: {}",
            list.len()
        )),
        _ => Ok(()),
    })
}

/// The size of something is an operand; all other functions are conditions.
fn functions_are_in_place(predicates: &[&Predicate], operands: &[&Operand]) -> Result<(), Fault> {
    let as_operands = operands.iter().filter_map(|operand| match operand {
        Operand::Call(call) if call.function != "size" => Some(call),
        _ => None,
    });
    let as_conditions = predicates.iter().filter_map(|predicate| match predicate {
        Predicate::Call(call) if call.function == "size" => Some(call),
        _ => None,
    });
    match as_operands.chain(as_conditions).next() {
        Some(call) => Err(format!(
            "The function is not allowed to be used this way in an expression; function: {}",
            call.function
        )),
        None => Ok(()),
    }
}

fn joints(condition: &Condition) -> usize {
    match condition {
        Condition::Or(parts) | Condition::And(parts) => {
            parts.len() - 1 + parts.iter().map(joints).sum::<usize>()
        }
        Condition::Not(inner) => 1 + joints(inner),
        Condition::Predicate(_) => 0,
    }
}

pub(super) fn update(update: &Update) -> Result<(), Fault> {
    let mut operands = Vec::new();
    let values = || update.actions().filter_map(|action| action.value.as_ref());
    values().flat_map(SetValue::operands).for_each(|value| value.visit(&mut |inner| operands.push(inner)));
    for action in update.actions() {
        names_are_free(&action.path)?;
    }
    operands.iter().try_for_each(|operand| path_is_writable(operand))?;
    for operand in &operands {
        if let Operand::Call(call) = operand {
            known_in_update(&call.function)?;
        }
    }
    let mut seen: Vec<Section> = Vec::new();
    for (section, _) in &update.sections {
        if seen.contains(section) {
            return Err(format!(
                "The \"{}\" section can only be used once in an update expression;",
                section.word()
            ));
        }
        seen.push(*section);
    }
    let calls = operands.iter().filter(|operand| matches!(operand, Operand::Call(_))).count();
    let signs = values().filter(|value| value.second.is_some()).count();
    check_operators(calls + signs)
}

pub(super) fn projection(paths: &[Path]) -> Result<(), Fault> {
    paths.iter().try_for_each(names_are_free)
}

fn known_in_condition(function: &str) -> Result<(), Fault> {
    if CONDITION_FUNCTIONS.contains(&function) {
        Ok(())
    } else if UPDATE_FUNCTIONS.contains(&function) {
        Err(format!("The function is not allowed in a condition expression; function: {function}"))
    } else {
        Err(format!("Invalid function name; function: {function}"))
    }
}

fn known_in_update(function: &str) -> Result<(), Fault> {
    if UPDATE_FUNCTIONS.contains(&function) {
        Ok(())
    } else if CONDITION_FUNCTIONS.contains(&function) {
        Err(format!("The function is not allowed in an update expression; function: {function}"))
    } else {
        Err(format!("Invalid function name; function: {function}"))
    }
}

fn path_is_writable(operand: &Operand) -> Result<(), Fault> {
    if let Operand::Path(path) = operand { names_are_free(path) } else { Ok(()) }
}

/// No name is a reserved word, no index is out of range, and the path is not too long.
fn names_are_free(path: &Path) -> Result<(), Fault> {
    for element in &path.0 {
        match element {
            Element::Name(name) if is_reserved(name) => {
                return Err(format!("Attribute name is a reserved keyword; reserved keyword: {name}"));
            }
            Element::Index(digits) => {
                index(digits)?;
            }
            _ => {}
        }
    }
    if path.0.len() > DEPTH_MAX {
        return Err(format!(
            "The document path has too many nesting levels; nesting levels: {}",
            path.0.len()
        ));
    }
    Ok(())
}

/// The list index that these digits are.
pub(super) fn index(digits: &str) -> Result<u32, Fault> {
    let index = digits.parse::<i32>().ok().and_then(|index| u32::try_from(index).ok());
    index.ok_or_else(|| format!("List index is not within the allowable range; index: [{digits}]"))
}

fn check_operators(count: usize) -> Result<(), Fault> {
    if count > OPERATORS_MAX {
        Err(format!("The expression contains too many operators; operator count: {count}"))
    } else {
        Ok(())
    }
}
