//! From the text of an expression to its syntax tree.
//!
//! Length and depth are bounded before anything is parsed, so that neither the parser nor whoever walks a
//! tree can run out of stack. The grammar is in `grammar.pest`.

use pest::Parser;
use pest::error::InputLocation;
use pest::iterators::{Pair, Pairs};

use self::grammar::{Grammar, Rule};
use super::syntax::{
    Action, Call, Condition, Element, Operand, Path, Predicate, Section, SetValue, Sign, Update,
};
use super::tokens::syntax_error;
use super::tree::Comparator;
use super::{Fault, LENGTH_MAX, PARENTHESES_MAX, REDUNDANT_PARENTHESES};

mod grammar {
    //! What is generated from `grammar.pest`.
    #![allow(unreachable_pub)]

    #[derive(pest_derive::Parser)]
    #[grammar = "expression/grammar.pest"]
    pub(super) struct Grammar;
}

/// The condition, and whether something in it has two pairs of parentheses around it.
pub(super) fn condition(text: &str) -> Result<(Condition, bool), Fault> {
    let mut tree = Tree { text, has_redundant_parentheses: false };
    let root = tree.parse(Rule::condition)?;
    let condition = tree.or(tree.first(root)?)?;
    Ok((condition, tree.has_redundant_parentheses))
}

/// The update, and whether something in it has two pairs of parentheses around it.
pub(super) fn update(text: &str) -> Result<(Update, bool), Fault> {
    let mut tree = Tree { text, has_redundant_parentheses: false };
    let mut sections = Vec::new();
    for pair in tree.parse(Rule::update)? {
        let section = match pair.as_rule() {
            Rule::set => Section::Set,
            Rule::remove => Section::Remove,
            Rule::add => Section::Add,
            Rule::delete => Section::Delete,
            _ => continue,
        };
        sections.push((section, tree.actions(pair)?));
    }
    Ok((Update { sections }, tree.has_redundant_parentheses))
}

pub(super) fn projection(text: &str) -> Result<Vec<Path>, Fault> {
    let tree = Tree { text, has_redundant_parentheses: false };
    let paths = tree.parse(Rule::projection)?.filter(|pair| pair.as_rule() == Rule::projection_path);
    Ok(paths.map(path).collect())
}

fn check_bounds(text: &str) -> Result<(), Fault> {
    if text.is_empty() {
        return Err("The expression can not be empty;".to_owned());
    }
    if text.len() > LENGTH_MAX {
        return Err(format!(
            "Expression size has exceeded the maximum allowed size; expression size: {}",
            text.len()
        ));
    }
    let mut depth = 0_usize;
    for byte in text.bytes() {
        match byte {
            b'(' => depth += 1,
            b')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > PARENTHESES_MAX {
            return Err(REDUNDANT_PARENTHESES.to_owned());
        }
    }
    Ok(())
}

struct Tree<'a> {
    text: &'a str,
    has_redundant_parentheses: bool,
}

impl<'a> Tree<'a> {
    /// What is within the root of the expression.
    fn parse(&self, rule: Rule) -> Result<Pairs<'a, Rule>, Fault> {
        check_bounds(self.text)?;
        match Grammar::parse(rule, self.text) {
            Ok(roots) => Ok(self.first(roots)?.into_inner()),
            Err(error) => {
                let (InputLocation::Pos(at) | InputLocation::Span((at, _))) = error.location;
                Err(syntax_error(self.text, at))
            }
        }
    }

    /// The grammar sees to it that there is one.
    fn first(&self, mut pairs: Pairs<'a, Rule>) -> Result<Pair<'a, Rule>, Fault> {
        pairs.next().ok_or_else(|| syntax_error(self.text, self.text.len()))
    }

    /// The first part of something, and the others.
    fn split_first(&self, pair: Pair<'a, Rule>) -> Result<(Pair<'a, Rule>, Pairs<'a, Rule>), Fault> {
        let mut inner = pair.into_inner();
        let first = inner.next().ok_or_else(|| syntax_error(self.text, self.text.len()))?;
        Ok((first, inner))
    }

    fn or(&mut self, pair: Pair<'a, Rule>) -> Result<Condition, Fault> {
        let parts = pair.into_inner().filter(|part| part.as_rule() == Rule::and);
        let parts = parts.map(|part| self.and(part)).collect::<Result<Vec<_>, _>>()?;
        Ok(one_or_many(parts, Condition::Or))
    }

    fn and(&mut self, pair: Pair<'a, Rule>) -> Result<Condition, Fault> {
        let parts = pair.into_inner().filter(|part| part.as_rule() == Rule::not);
        let parts = parts.map(|part| self.not(part)).collect::<Result<Vec<_>, _>>()?;
        Ok(one_or_many(parts, Condition::And))
    }

    fn not(&mut self, pair: Pair<'a, Rule>) -> Result<Condition, Fault> {
        let mut inner = pair.into_inner();
        let mut negations = 0;
        while inner.peek().is_some_and(|word| word.as_rule() == Rule::not_word) {
            inner.next();
            negations += 1;
        }
        let negated = self.first(inner)?;
        let condition = match negated.as_rule() {
            Rule::group => self.group(negated)?,
            _ => Condition::Predicate(self.predicate(negated)?),
        };
        Ok((0..negations).fold(condition, |inner, _| Condition::Not(Box::new(inner))))
    }

    fn group(&mut self, pair: Pair<'a, Rule>) -> Result<Condition, Fault> {
        let or = self.first(pair.into_inner())?;
        self.has_redundant_parentheses |= is_group_alone(&or);
        self.or(or)
    }

    fn predicate(&mut self, pair: Pair<'a, Rule>) -> Result<Predicate, Fault> {
        let (first, inner) = self.split_first(pair)?;
        if first.as_rule() == Rule::call {
            return Ok(Predicate::Call(self.call(first)?));
        }
        let operand = self.operand(first)?;
        let tail = self.first(inner)?;
        let rule = tail.as_rule();
        let mut comparator = Comparator::Equal;
        let mut operands = Vec::new();
        for pair in tail.into_inner() {
            match pair.as_rule() {
                Rule::comparator => comparator = comparator_of(pair.as_str()),
                Rule::operand => operands.push(self.operand(pair)?),
                _ => {}
            }
        }
        if rule == Rule::membership {
            return Ok(Predicate::In(operand, operands));
        }
        let mut operands = operands.into_iter();
        match (rule, operands.next(), operands.next()) {
            (Rule::comparison, Some(right), None) => Ok(Predicate::Compare(operand, comparator, right)),
            (Rule::between, Some(lower), Some(upper)) => Ok(Predicate::Between([operand, lower, upper])),
            _ => Err(syntax_error(self.text, self.text.len())),
        }
    }

    fn operand(&mut self, pair: Pair<'a, Rule>) -> Result<Operand, Fault> {
        let inner = self.first(pair.into_inner())?;
        match inner.as_rule() {
            Rule::nested => self.nested(inner),
            Rule::call => Ok(Operand::Call(self.call(inner)?)),
            Rule::value => Ok(Operand::Value(inner.as_str().to_owned())),
            _ => Ok(Operand::Path(path(inner))),
        }
    }

    /// An operand in parentheses, which a path may go on behind.
    fn nested(&mut self, pair: Pair<'a, Rule>) -> Result<Operand, Fault> {
        let (operand, inner) = self.split_first(pair)?;
        self.has_redundant_parentheses |= is_within(Rule::nested, &operand);
        let end = operand.as_span().end();
        let operand = self.operand(operand)?;
        if inner.peek().is_none() {
            return Ok(operand);
        }
        match operand {
            Operand::Path(Path(mut elements)) => {
                elements.extend(inner.map(element));
                Ok(Operand::Path(Path(elements)))
            }
            // Only a path goes on, so it is the dot or the bracket that makes no sense.
            _ => Err(syntax_error(self.text, end + self.text[end..].find(['.', '[']).unwrap_or(0))),
        }
    }

    /// Of a condition or of an update.
    fn call(&mut self, pair: Pair<'a, Rule>) -> Result<Call, Fault> {
        let (function, arguments) = self.split_first(pair)?;
        let function = function.as_str().to_owned();
        let arguments = arguments.map(|argument| match argument.as_rule() {
            Rule::operand => self.operand(argument),
            _ => self.set_operand(argument),
        });
        Ok(Call { function, arguments: arguments.collect::<Result<_, _>>()? })
    }

    fn actions(&mut self, section: Pair<'a, Rule>) -> Result<Vec<Action>, Fault> {
        let mut actions = Vec::new();
        for pair in section.into_inner() {
            match pair.as_rule() {
                Rule::update_path => actions.push(Action { path: path(pair), value: None }),
                Rule::operation | Rule::set_action => {
                    let (target, rest) = self.split_first(pair)?;
                    let value = self.first(rest)?;
                    let value = match value.as_rule() {
                        Rule::set_value => self.set_value(value)?,
                        _ => SetValue { first: Operand::Value(value.as_str().to_owned()), second: None },
                    };
                    actions.push(Action { path: path(target), value: Some(value) });
                }
                _ => {}
            }
        }
        Ok(actions)
    }

    fn set_value(&mut self, pair: Pair<'a, Rule>) -> Result<SetValue, Fault> {
        let (first, mut inner) = self.split_first(pair)?;
        if first.as_rule() == Rule::set_value {
            self.has_redundant_parentheses |= is_within(Rule::set_value, &first);
            return self.set_value(first);
        }
        let first = self.set_operand(first)?;
        let second = match (inner.next(), inner.next()) {
            (Some(sign), Some(second)) => {
                let sign = if sign.as_str() == "+" { Sign::Plus } else { Sign::Minus };
                Some((sign, self.set_operand(second)?))
            }
            _ => None,
        };
        Ok(SetValue { first, second })
    }

    fn set_operand(&mut self, pair: Pair<'a, Rule>) -> Result<Operand, Fault> {
        let inner = self.first(pair.into_inner())?;
        match inner.as_rule() {
            Rule::set_operand => {
                self.has_redundant_parentheses |= is_within(Rule::set_operand, &inner);
                self.set_operand(inner)
            }
            Rule::update_call => Ok(Operand::Call(self.call(inner)?)),
            Rule::value => Ok(Operand::Value(inner.as_str().to_owned())),
            _ => Ok(Operand::Path(path(inner))),
        }
    }
}

fn one_or_many(mut parts: Vec<Condition>, many: fn(Vec<Condition>) -> Condition) -> Condition {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        Some(last) => {
            parts.push(last);
            many(parts)
        }
        None => many(parts),
    }
}

/// Whether an expression in parentheses is nothing but another one in parentheses.
fn is_group_alone(or: &Pair<'_, Rule>) -> bool {
    let not = only_child(or.clone()).and_then(only_child);
    not.and_then(only_child).is_some_and(|child| child.as_rule() == Rule::group)
}

/// Whether something begins with what a rule is for.
fn is_within(rule: Rule, pair: &Pair<'_, Rule>) -> bool {
    pair.clone().into_inner().next().is_some_and(|first| first.as_rule() == rule)
}

fn only_child(pair: Pair<'_, Rule>) -> Option<Pair<'_, Rule>> {
    let mut inner = pair.into_inner();
    let first = inner.next();
    first.filter(|_| inner.next().is_none())
}

fn path(pair: Pair<'_, Rule>) -> Path {
    Path(pair.into_inner().map(element).collect())
}

fn element(pair: Pair<'_, Rule>) -> Element {
    match pair.as_rule() {
        Rule::alias => Element::Alias(pair.as_str().to_owned()),
        Rule::index => {
            let digits = pair.into_inner().find(|inner| inner.as_rule() == Rule::digits);
            Element::Index(digits.map(|digits| digits.as_str().to_owned()).unwrap_or_default())
        }
        _ => Element::Name(pair.as_str().to_owned()),
    }
}

fn comparator_of(text: &str) -> Comparator {
    match text {
        "<>" => Comparator::NotEqual,
        "<" => Comparator::Less,
        "<=" => Comparator::LessOrEqual,
        ">" => Comparator::Greater,
        ">=" => Comparator::GreaterOrEqual,
        _ => Comparator::Equal,
    }
}
