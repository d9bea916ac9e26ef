//! The legacy and the expression spelling of the same thing agree, on random items; and no text is too
//! strange for the parser.

use std::collections::BTreeMap;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

use super::legacy::{self, ComparisonOperator, ConditionalOperator, Expected, Filter};
use super::{Condition, ExpressionKind, KeyConditions, Projection, Substitutions, Update};
use crate::error::Error;
use crate::generators::{item, name, scalar, value};
use crate::item::Item;
use crate::value::Value;

/// Entries whose arguments fit their operators in number, though not always in type.
fn filters() -> impl Strategy<Value = BTreeMap<String, Filter>> {
    let arguments = prop_oneof![
        2 => vec(scalar(), 2),
        1 => vec(value(), 2),
        2 => vec((-3_i32..4).prop_map(|n| Value::N(n.to_string().parse().unwrap())), 2),
        2 => vec("[ab]{0,2}".prop_map(Value::S), 2),
    ];
    let entry = (prop::sample::select(ComparisonOperator::ALL.to_vec()), arguments).prop_map(
        |(operator, mut list)| {
            list.truncate(match operator {
                ComparisonOperator::Null | ComparisonOperator::NotNull => 0,
                ComparisonOperator::Between | ComparisonOperator::In => 2,
                _ => 1,
            });
            Filter { operator, list }
        },
    );
    btree_map(name(), entry, 1..4)
}

/// The same in the expression language.
fn written(filters: &BTreeMap<String, Filter>, operator: ConditionalOperator) -> (String, Substitutions) {
    let mut values = BTreeMap::new();
    let mut parts = Vec::new();
    for (at, (name, filter)) in filters.iter().enumerate() {
        let mut next = (0..).map(|argument| format!(":v{at}_{argument}"));
        for (value, placeholder) in filter.list.iter().zip(next.clone()) {
            values.insert(placeholder, value.clone());
        }
        let mut next = || next.next().unwrap();
        parts.push(match filter.operator {
            ComparisonOperator::Eq => format!("{name} = {}", next()),
            ComparisonOperator::Ne => format!("{name} <> {}", next()),
            ComparisonOperator::In => format!("{name} IN ({}, {})", next(), next()),
            ComparisonOperator::Le => format!("{name} <= {}", next()),
            ComparisonOperator::Lt => format!("{} > {name}", next()),
            ComparisonOperator::Ge => format!("NOT NOT {name}>={}", next()),
            ComparisonOperator::Gt => format!("({name} > {})", next()),
            ComparisonOperator::Between => format!("{name} between {} and {}", next(), next()),
            ComparisonOperator::NotNull => format!("attribute_exists({name})"),
            ComparisonOperator::Null => format!("attribute_not_exists({name})"),
            ComparisonOperator::Contains => format!("contains({name}, {})", next()),
            ComparisonOperator::NotContains => {
                format!("(attribute_exists({name}) AND NOT contains({name}, {}))", next())
            }
            ComparisonOperator::BeginsWith => format!("begins_with({name}, {})", next()),
        });
    }
    let joint = if operator == ConditionalOperator::And { " AND " } else { " OR " };
    let values = Some(values).filter(|values| !values.is_empty());
    (parts.join(joint), Substitutions::new(None, values).unwrap())
}

fn operator() -> impl Strategy<Value = ConditionalOperator> {
    prop::sample::select(vec![ConditionalOperator::And, ConditionalOperator::Or])
}

/// Texts that are nearly expressions.
fn nearly() -> impl Strategy<Value = String> {
    let token = prop::sample::select(vec![
        "a1",
        "b1",
        "#n",
        ":v",
        ":w",
        "(",
        ")",
        "(",
        ")",
        "[",
        "]",
        "0",
        "7",
        ".",
        ",",
        "=",
        "<>",
        "<",
        "<=",
        "+",
        "-",
        "AND",
        "OR",
        "NOT",
        "BETWEEN",
        "IN",
        "SET",
        "REMOVE",
        "ADD",
        "DELETE",
        "size",
        "contains",
        "attribute_exists",
        "if_not_exists",
        "list_append",
        "begins_with",
        "name",
        "é",
        "\"",
        "#",
        ":",
        "_",
    ]);
    let valid = prop::sample::select(vec![
        "a1 = :v AND (b1.c1[3] < :w OR NOT contains(a1, #n)) AND size(c1) BETWEEN :v AND :w",
        "SET a1 = if_not_exists(b1, :v) + :w, c1[2].d1 = list_append(c1, :v) REMOVE d1 ADD #n :v DELETE e1 \
         :w",
        "a1, b1.c1[0], #n.x",
        "a1 IN (:v, :w, b1) OR attribute_type(a1, :v)",
    ]);
    let mutated = (valid, any::<prop::sample::Index>(), 0_usize..4, token.clone()).prop_map(
        |(text, at, gone, token)| {
            let at = at.index(text.len());
            format!("{}{token}{}", &text[..at], text.get(at + gone..).unwrap_or(""))
        },
    );
    prop_oneof![
        2 => vec(token, 0..25).prop_map(|tokens| tokens.join(" ")),
        3 => mutated,
        1 => any::<String>(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn filters_agree_with_expressions(filters in filters(), operator in operator(), items in vec(item(), 1..8)) {
        // The legacy spelling refuses some types that the language lets be, and never the other way round.
        if let Ok(legacy) = legacy::filter(&filters, operator) {
            let (text, mut substitutions) = written(&filters, operator);
            let expression = Condition::parse(ExpressionKind::Filter, &text, &mut substitutions).unwrap();
            prop_assert_eq!(substitutions.finish(), Ok(()));
            for item in items {
                prop_assert_eq!(legacy.holds(&item), expression.holds(&item), "{} on {:?}", text, item);
            }
        }
    }

    #[test]
    fn expected_agrees_with_expressions(
        values in btree_map(name(), prop::option::of(value()), 1..4), operator in operator(), item in item(),
    ) {
        let entry = |value: &Option<Value>| Expected {
            value: value.clone(),
            exists: value.is_none().then_some(false),
            ..Expected::default()
        };
        let entries = values.iter().map(|(name, value)| (name.clone(), entry(value))).collect();
        let same = values.iter().map(|(name, value)| {
            let operator = if value.is_some() { ComparisonOperator::Eq } else { ComparisonOperator::Null };
            (name.clone(), Filter { operator, list: value.iter().cloned().collect() })
        });
        let (text, mut substitutions) = written(&same.collect(), operator);
        let expression = Condition::parse(ExpressionKind::Condition, &text, &mut substitutions).unwrap();
        prop_assert_eq!(legacy::expected(&entries, operator).unwrap().holds(&item), expression.holds(&item));
    }

    #[test]
    fn projections_agree(names in prop::sample::subsequence(vec!["a1", "b1", "c1", "d1"], 1..4), item in item()) {
        let legacy: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let expression = Projection::parse(&names.join(" , "), &mut Substitutions::default()).unwrap();
        prop_assert_eq!(legacy::attributes_to_get(&legacy).unwrap().apply(&item), expression.apply(&item));
    }

    #[test]
    fn any_text_is_an_expression_or_refused(text in nearly(), item in item(), values in vec(value(), 2)) {
        let names = BTreeMap::from([("#n".to_owned(), "d1".to_owned())]);
        let values: BTreeMap<_, _> = [":v", ":w"].map(str::to_owned).into_iter().zip(values).collect();
        let mut substitutions = Substitutions::new(Some(names), Some(values)).unwrap();
        let refused = |error: Error| {
            prop_assert!(matches!(&error, Error::Validation(text) if text.contains(": ")), "{:?}", error);
            Ok(())
        };
        match Condition::parse(ExpressionKind::Condition, &text, &mut substitutions) {
            Ok(condition) => {
                let _ = condition.holds(&item);
            }
            Err(error) => refused(error)?,
        }
        match Update::parse(&text, &mut substitutions) {
            Ok(update) => {
                let _ = update.apply(Some(&item), &item);
                let _ = update.apply(None, &Item::new());
            }
            Err(error) => refused(error)?,
        }
        match Projection::parse(&text, &mut substitutions) {
            Ok(projection) => {
                let shown = projection.apply(&item);
                prop_assert!(shown.size() <= item.size());
            }
            Err(error) => refused(error)?,
        }
        let _ = KeyConditions::parse(&text, &mut substitutions);
    }
}
