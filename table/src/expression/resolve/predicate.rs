//! Comparisons and functions of conditions: what they take, and what they mean.

use base64_simd::STANDARD as BASE64;

use super::{Resolver, no_path, not_distinct, order, wrong_count, wrong_type};
use crate::expression::syntax;
use crate::expression::tree::{Condition, Operand};
use crate::expression::{Fault, Path};
use crate::value::{Type, Value};

/// How AWS calls the type of an operand that may have any.
const ANY_TYPE: &str = "{NS,SS,L,BS,N,M,B,BOOL,NULL,S}";

impl Resolver<'_> {
    pub(super) fn condition(&mut self, condition: &syntax::Condition) -> Result<Condition, Fault> {
        match condition {
            syntax::Condition::Or(parts) => Ok(Condition::Or(self.conditions(parts)?)),
            syntax::Condition::And(parts) => Ok(Condition::And(self.conditions(parts)?)),
            syntax::Condition::Not(inner) => Ok(Condition::Not(Box::new(self.condition(inner)?))),
            syntax::Condition::Predicate(predicate) => self.predicate(predicate),
        }
    }

    fn conditions(&mut self, parts: &[syntax::Condition]) -> Result<Vec<Condition>, Fault> {
        parts.iter().map(|part| self.condition(part)).collect()
    }

    fn predicate(&mut self, predicate: &syntax::Predicate) -> Result<Condition, Fault> {
        for operand in predicate.operands() {
            self.names(operand)?;
            self.values(operand)?;
        }
        match predicate {
            syntax::Predicate::Compare(left, comparator, right) => {
                let (left, right) = (self.operand(left)?, self.operand(right)?);
                let operator = comparator.to_string();
                distinct(&operator, &left, &[&right])?;
                if comparator.is_ordering() {
                    ordered(&operator, &[&left, &right])?;
                }
                Ok(Condition::Compare { left, comparator: *comparator, right })
            }
            syntax::Predicate::Between([operand, lower, upper]) => {
                let (operand, lower, upper) =
                    (self.operand(operand)?, self.operand(lower)?, self.operand(upper)?);
                distinct("BETWEEN", &operand, &[&lower, &upper])?;
                ordered("BETWEEN", &[&operand, &lower, &upper])?;
                bounds_are_ordered(&lower, &upper)?;
                Ok(Condition::Between { operand, lower, upper })
            }
            syntax::Predicate::In(operand, list) => {
                let operand = self.operand(operand)?;
                let list = list.iter().map(|member| self.operand(member)).collect::<Result<Vec<_>, _>>()?;
                distinct("IN", &operand, &list.iter().collect::<Vec<_>>())?;
                Ok(Condition::In { operand, list })
            }
            syntax::Predicate::Call(call) => self.function(call),
        }
    }

    fn function(&mut self, call: &syntax::Call) -> Result<Condition, Fault> {
        let name = call.function.as_str();
        let arguments: Vec<_> =
            call.arguments.iter().map(|argument| self.operand(argument)).collect::<Result<_, _>>()?;
        let count = arguments.len();
        let mut arguments = arguments.into_iter();
        match (name, count, arguments.next(), arguments.next()) {
            ("attribute_exists", 1, Some(of), _) => Ok(Condition::Exists(path(name, of)?)),
            ("attribute_not_exists", 1, Some(of), _) => Ok(Condition::NotExists(path(name, of)?)),
            ("attribute_type", 2, Some(of), Some(kind)) => {
                distinct(name, &of, &[&kind])?;
                Ok(Condition::HasType { operand: of, kind: type_named(&kind)? })
            }
            ("begins_with", 2, Some(operand), Some(prefix)) => {
                distinct(name, &operand, &[&prefix])?;
                let kinds = [&operand, &prefix].map(Operand::static_type);
                let is_wrong = |kind: &Type| !matches!(kind, Type::S | Type::B);
                match kinds.into_iter().flatten().find(is_wrong) {
                    Some(kind) => Err(wrong_type(name, kind.name())),
                    None => Ok(Condition::BeginsWith { operand, prefix }),
                }
            }
            ("contains", 2, Some(container), Some(member)) => {
                distinct(name, &container, &[&member])?;
                Ok(Condition::Contains { container, member })
            }
            _ => Err(wrong_count(name, count)),
        }
    }

    fn operand(&mut self, operand: &syntax::Operand) -> Result<Operand, Fault> {
        let call = match operand {
            syntax::Operand::Path(path) => return Ok(Operand::Path(self.path(path)?)),
            syntax::Operand::Value(name) => {
                return Ok(Operand::Value(self.substitutions.value(name)?.clone()));
            }
            syntax::Operand::Call(call) => call,
        };
        let [of] = call.arguments.as_slice() else {
            return Err(wrong_count(&call.function, call.arguments.len()));
        };
        let of = self.operand(of)?;
        match of.static_type() {
            Some(kind @ (Type::N | Type::Bool | Type::Null)) => Err(wrong_type(&call.function, kind.name())),
            _ => Ok(Operand::Size(Box::new(of))),
        }
    }
}

fn path(function: &str, operand: Operand) -> Result<Path, Fault> {
    if let Operand::Path(path) = operand { Ok(path) } else { Err(no_path(function)) }
}

fn type_named(operand: &Operand) -> Result<Type, Fault> {
    let Operand::Value(value) = operand else {
        let kind = operand.static_type().map_or(ANY_TYPE, Type::name);
        return Err(wrong_type("attribute_type", kind));
    };
    let Value::S(name) = &**value else { return Err(wrong_type("attribute_type", value.kind().name())) };
    Type::of_name(name).ok_or_else(|| {
        format!(
            "Invalid attribute type name found; type: {name}, valid types: {{B,NULL,SS,BOOL,L,BS,N,NS,S,M}}"
        )
    })
}

fn distinct(operator: &str, first: &Operand, others: &[&Operand]) -> Result<(), Fault> {
    match first {
        Operand::Path(path) if others.contains(&first) => Err(not_distinct(operator, path)),
        _ => Ok(()),
    }
}

fn ordered(operator: &str, operands: &[&Operand]) -> Result<(), Fault> {
    let wrong = operands.iter().filter_map(|operand| operand.static_type()).find(|kind| !kind.is_ordered());
    wrong.map_or(Ok(()), |kind| Err(wrong_type(operator, kind.name())))
}

fn bounds_are_ordered(lower: &Operand, upper: &Operand) -> Result<(), Fault> {
    let (Operand::Value(lower), Operand::Value(upper)) = (lower, upper) else { return Ok(()) };
    let rule = if lower.kind() != upper.kind() {
        "requires same data type for lower and upper bounds"
    } else if order(lower, upper).is_some_and(std::cmp::Ordering::is_gt) {
        "requires upper bound to be greater than or equal to lower bound"
    } else {
        return Ok(());
    };
    Err(format!(
        "The BETWEEN operator {rule}; lower bound operand: AttributeValue: {}, upper bound operand: \
         AttributeValue: {}",
        shown(lower),
        shown(upper)
    ))
}

/// A bound, which is a text, a number or a binary, as AWS shows it: `{S:x}`.
fn shown(bound: &Value) -> String {
    let value = match bound {
        Value::S(text) => text.clone(),
        Value::N(number) => number.to_string(),
        Value::B(bytes) => BASE64.encode_to_string(bytes),
        other => format!("{other:?}"),
    };
    format!("{{{}:{value}}}", bound.kind())
}
