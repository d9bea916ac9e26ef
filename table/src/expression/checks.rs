//! What is wrong with an expression whatever its names and values stand for, in AWS's words and in AWS's
//! order.
//!
//! What depends on names and values is refused in `resolve`, after all of this.

use super::syntax::{Call, Condition, Element, Operand, Path, Predicate, Section, SetValue, Update};
use super::{Fault, IN_OPERANDS_MAX, OPERATORS_MAX, REDUNDANT_PARENTHESES};
use crate::expression::reserved::is_reserved;
use crate::value::DEPTH_MAX;

const CONDITION_FUNCTIONS: [&str; 6] =
    ["attribute_exists", "attribute_not_exists", "attribute_type", "begins_with", "contains", "size"];
const UPDATE_FUNCTIONS: [&str; 2] = ["if_not_exists", "list_append"];

pub(super) fn condition(condition: &Condition, has_redundant_parentheses: bool) -> Result<(), Fault> {
    no_redundant_parentheses(has_redundant_parentheses)?;
    let mut predicates = Vec::new();
    condition.predicates(&mut |predicate| predicates.push(predicate));
    let mut operands = Vec::new();
    for predicate in &predicates {
        if let Predicate::Call(call) = predicate {
            known_in_condition(&call.function)?;
        }
        let before = operands.len();
        predicate.operands().into_iter().for_each(|operand| operand.visit(&mut |inner| operands.push(inner)));
        calls(&operands[before..]).try_for_each(|call| known_in_condition(&call.function))?;
    }
    functions_are_in_place(&predicates, &operands)?;
    operands.iter().try_for_each(|operand| check_operand(operand))?;
    // Every predicate is an operator or a function, and what joins them are operators too.
    check_operators(predicates.len() + calls(&operands).count() + joints(condition))?;
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
    let as_operands = calls(operands).filter(|call| call.function != "size");
    let as_conditions = predicates.iter().filter_map(|predicate| match predicate {
        Predicate::Call(call) if call.function == "size" => Some(call),
        _ => None,
    });
    match as_operands.chain(as_conditions).next() {
        Some(call) => Err(misplaced(&call.function)),
        None => Ok(()),
    }
}

fn misplaced(function: &str) -> Fault {
    format!("The function is not allowed to be used this way in an expression; function: {function}")
}

fn calls<'a>(operands: &'a [&'a Operand]) -> impl Iterator<Item = &'a Call> {
    operands.iter().filter_map(|operand| match operand {
        Operand::Call(call) => Some(call),
        _ => None,
    })
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

pub(super) fn update(update: &Update, has_redundant_parentheses: bool) -> Result<(), Fault> {
    no_redundant_parentheses(has_redundant_parentheses)?;
    let mut operands = Vec::new();
    for action in update.actions() {
        check_path(&action.path)?;
        let Some(value) = &action.value else { continue };
        let before = operands.len();
        value.operands().for_each(|operand| operand.visit(&mut |inner| operands.push(inner)));
        // A list that was appended to is a whole value, and no operand of anything.
        let is_whole = value.second.is_none();
        for (place, operand) in operands[before..].iter().enumerate() {
            match operand {
                Operand::Call(call) if call.function == "list_append" && !(is_whole && place == 0) => {
                    return Err(misplaced(&call.function));
                }
                operand => check_operand(operand)?,
            }
        }
    }
    calls(&operands).try_for_each(|call| known_in_update(&call.function))?;
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
    let has_sign = |value: &&SetValue| value.second.is_some();
    let signs = update.actions().filter_map(|action| action.value.as_ref()).filter(has_sign).count();
    check_operators(calls(&operands).count() + signs)
}

pub(super) fn projection(paths: &[Path]) -> Result<(), Fault> {
    paths.iter().try_for_each(check_path)
}

fn no_redundant_parentheses(has_some: bool) -> Result<(), Fault> {
    if has_some { Err(REDUNDANT_PARENTHESES.to_owned()) } else { Ok(()) }
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

fn check_operand(operand: &Operand) -> Result<(), Fault> {
    if let Operand::Path(path) = operand { check_path(path) } else { Ok(()) }
}

/// No name is a reserved word, no index is out of range, and the path is not too long.
fn check_path(path: &Path) -> Result<(), Fault> {
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
        // AWS counts no further.
        let count = OPERATORS_MAX + 1;
        Err(format!("The expression contains too many operators; operator count: {count}"))
    } else {
        Ok(())
    }
}
