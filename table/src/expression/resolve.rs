//! From syntax to meaning: names and values are put in, and what only then is seen to be wrong is refused.

use super::parsed;
use super::path::{Element, Path};
use super::substitutions::Substitutions;
use super::syntax::{self, Section, Sign};
use super::tree::{
    Action, ActionKind, Condition, ExpressionKind, Projection, SetOperand, SetValue, Spelling, Update,
};
use super::{Fault, checks, clash};
use crate::condition::order;
use crate::error::{Error, Result};
use crate::value::Type;

mod predicate;

impl Condition {
    /// The condition that a text says. `kind` is how errors call it.
    ///
    /// # Errors
    ///
    /// A validation error in AWS's words, when the text is not a condition or uses what is not defined.
    pub fn parse(kind: ExpressionKind, text: &str, substitutions: &mut Substitutions) -> Result<Self> {
        let mut parse = || {
            let tree = parsed::condition(text)?;
            Resolver { substitutions }.condition(&tree)
        };
        parse().map_err(|fault| refused(kind, &fault))
    }
}

impl Update {
    /// The update that a text says.
    ///
    /// # Errors
    ///
    /// A validation error in AWS's words, when the text is not an update, uses what is not defined, or
    /// changes something in two ways.
    pub fn parse(text: &str, substitutions: &mut Substitutions) -> Result<Self> {
        let mut parse = || {
            let tree = parsed::update(text)?;
            Resolver { substitutions }.update(&tree)
        };
        parse().map_err(|fault| refused(ExpressionKind::Update, &fault))
    }
}

impl Projection {
    /// The projection that a text says.
    ///
    /// # Errors
    ///
    /// A validation error in AWS's words, when the text is not a projection, uses what is not defined, or
    /// names something twice.
    pub fn parse(text: &str, substitutions: &mut Substitutions) -> Result<Self> {
        let mut parse = || {
            let tree = parsed::projection(text)?;
            let mut resolver = Resolver { substitutions };
            let paths = tree.iter().map(|path| resolver.path(path)).collect::<Result<Vec<_>, _>>()?;
            clash::paths_are_apart(&paths)?;
            Ok(Self { paths })
        };
        parse().map_err(|fault: Fault| refused(ExpressionKind::Projection, &fault))
    }
}

fn refused(kind: ExpressionKind, fault: &str) -> Error {
    Error::Validation(format!("Invalid {kind}: {fault}"))
}

struct Resolver<'a> {
    substitutions: &'a mut Substitutions,
}

impl Resolver<'_> {
    fn path(&mut self, path: &syntax::Path) -> Result<Path, Fault> {
        let elements = path.0.iter().map(|element| match element {
            syntax::Element::Name(name) => Ok(Element::Name(name.as_str().into())),
            syntax::Element::Alias(alias) => Ok(Element::Name(self.substitutions.name(alias)?)),
            syntax::Element::Index(digits) => Ok(Element::Index(checks::index(digits)?)),
        });
        let mut tail = elements.collect::<Result<Vec<_>, Fault>>()?;
        let head = match tail.remove(0) {
            Element::Name(name) => name,
            // The grammar lets no path begin so.
            Element::Index(index) => return Err(format!("A path cannot start with a list index: {index}")),
        };
        Ok(Path { head, tail })
    }

    /// Whether every name in there is defined.
    fn names(&mut self, operand: &syntax::Operand) -> Result<(), Fault> {
        match operand {
            syntax::Operand::Path(path) => self.path(path).map(|_| ()),
            syntax::Operand::Value(_) => Ok(()),
            syntax::Operand::Call(call) => {
                call.arguments.iter().try_for_each(|argument| self.names(argument))
            }
        }
    }

    /// Whether every value in there is defined.
    fn values(&mut self, operand: &syntax::Operand) -> Result<(), Fault> {
        match operand {
            syntax::Operand::Path(_) => Ok(()),
            syntax::Operand::Value(name) => self.substitutions.value(name).map(|_| ()),
            syntax::Operand::Call(call) => {
                call.arguments.iter().try_for_each(|argument| self.values(argument))
            }
        }
    }

    fn update(&mut self, update: &syntax::Update) -> Result<Update, Fault> {
        for action in update.actions() {
            self.path(&action.path)?;
            action.operands().try_for_each(|operand| self.names(operand))?;
        }
        for action in update.actions() {
            action.operands().try_for_each(|operand| self.values(operand))?;
        }
        let paths = update.actions().map(|action| self.path(&action.path)).collect::<Result<Vec<_>, _>>()?;
        clash::paths_are_apart(&paths)?;
        self.operations_take_their_values(update)?;
        let mut paths = paths.into_iter();
        let mut actions = Vec::new();
        for (section, written) in &update.sections {
            for (action, path) in written.iter().zip(paths.by_ref()) {
                actions.push(Action { path, kind: self.action(*section, action)? });
            }
        }
        Ok(Update { actions, spelling: Spelling::Expression })
    }

    /// ADD takes numbers and sets, DELETE takes sets.
    fn operations_take_their_values(&mut self, update: &syntax::Update) -> Result<(), Fault> {
        for (section, actions) in &update.sections {
            if !matches!(section, Section::Add | Section::Delete) {
                continue;
            }
            for operand in actions.iter().filter_map(|action| action.value.as_ref()).map(|value| &value.first)
            {
                let syntax::Operand::Value(name) = operand else { continue };
                let kind = self.substitutions.value(name)?.kind();
                if !(kind.is_set() || *section == Section::Add && kind == Type::N) {
                    let operator = section.word();
                    return Err(format!(
                        "Incorrect operand type for operator or function; operator: {operator}, operand \
                         type: {}, typeSet: ALLOWED_FOR_{operator}_OPERAND",
                        kind.word()
                    ));
                }
            }
        }
        Ok(())
    }

    fn action(&mut self, section: Section, action: &syntax::Action) -> Result<ActionKind, Fault> {
        let Some(value) = &action.value else { return Ok(ActionKind::Remove) };
        if let (Section::Add | Section::Delete, syntax::Operand::Value(name)) = (section, &value.first) {
            let value = self.substitutions.value(name)?.clone();
            return Ok(if section == Section::Add {
                ActionKind::Add(value)
            } else {
                ActionKind::Delete(value)
            });
        }
        let first = self.set_operand(&value.first)?;
        Ok(ActionKind::Set(match &value.second {
            None => SetValue::Operand(first),
            Some((sign, second)) => {
                let second = self.set_operand(second)?;
                let operator = if *sign == Sign::Plus { "+" } else { "-" };
                takes(operator, &[&first, &second], Type::N)?;
                match sign {
                    Sign::Plus => SetValue::Plus(first, second),
                    Sign::Minus => SetValue::Minus(first, second),
                }
            }
        }))
    }

    fn set_operand(&mut self, operand: &syntax::Operand) -> Result<SetOperand, Fault> {
        let call = match operand {
            syntax::Operand::Path(path) => return Ok(SetOperand::Path(self.path(path)?)),
            syntax::Operand::Value(name) => {
                return Ok(SetOperand::Value(self.substitutions.value(name)?.clone()));
            }
            syntax::Operand::Call(call) => call,
        };
        let [first, second] = call.arguments.as_slice() else {
            return Err(wrong_count(&call.function, call.arguments.len()));
        };
        if call.function == "if_not_exists" {
            let syntax::Operand::Path(path) = first else { return Err(no_path(&call.function)) };
            let (path, second) = (self.path(path)?, self.set_operand(second)?);
            if matches!(&second, SetOperand::Path(second) if *second == path) {
                return Err(not_distinct(&call.function, &path));
            }
            return Ok(SetOperand::IfNotExists(path, Box::new(second)));
        }
        let (first, second) = (self.set_operand(first)?, self.set_operand(second)?);
        takes(&call.function, &[&first, &second], Type::L)?;
        Ok(SetOperand::ListAppend(Box::new(first), Box::new(second)))
    }
}

fn takes(operator: &str, operands: &[&SetOperand], kind: Type) -> Result<(), Fault> {
    let other = operands.iter().filter_map(|operand| operand.static_type()).find(|found| *found != kind);
    other.map_or(Ok(()), |other| Err(wrong_type(operator, other.name())))
}

fn wrong_type(operator: &str, kind: &str) -> Fault {
    format!(
        "Incorrect operand type for operator or function; operator or function: {operator}, operand type: \
         {kind}"
    )
}

fn wrong_count(operator: &str, count: usize) -> Fault {
    format!(
        "Incorrect number of operands for operator or function; operator or function: {operator}, number of \
         operands: {count}"
    )
}

fn no_path(operator: &str) -> Fault {
    format!("Operator or function requires a document path; operator or function: {operator}")
}

fn not_distinct(operator: &str, first: &Path) -> Fault {
    format!(
        "The first operand must be distinct from the remaining operands for this operator or function; \
         operator: {operator}, first operand: {first}"
    )
}

#[cfg(test)]
mod tests;
