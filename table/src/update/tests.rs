use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::expression::Substitutions;
use crate::expression::legacy::{self, AttributeUpdate, UpdateAction};
use crate::generators;
use crate::key::{KeyElement, KeyType};

fn set(members: &[&str]) -> Value {
    Value::string_set(members.iter().map(ToString::to_string).collect()).unwrap()
}

fn list(members: &[u64]) -> Value {
    Value::L(members.iter().map(|member| Value::from(*member)).collect())
}

fn map(members: &[(&str, Value)]) -> Value {
    Value::M(members.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect())
}

fn item(members: &[(&str, Value)]) -> Item {
    members.iter().cloned().collect()
}

fn update(text: &str) -> Update {
    let values = [
        (":one", 1.into()),
        (":two", 2.into()),
        (":text", "text".into()),
        (":list", list(&[8, 9])),
        (":empty", list(&[])),
        (":set", set(&["b", "c"])),
        (":huge", Value::N("9e125".parse().unwrap())),
        (":numbers", Value::number_set(vec![Number::from(1)]).unwrap()),
    ];
    let values = values.map(|(name, value)| (name.to_owned(), value)).into();
    Update::parse(text, &mut Substitutions::new(None, Some(values)).unwrap()).unwrap()
}

/// Of an item that is there.
fn apply(update: &Update, before: &Item) -> Result<Item> {
    update.apply(Some(before), &Item::new()).map(|after| after.expect("an item stays one"))
}

fn before() -> Item {
    item(&[
        ("num", 5.into()),
        ("lst", list(&[0, 1, 2])),
        ("doc", map(&[("inside", 7.into())])),
        ("letters", set(&["a", "b"])),
    ])
}

/// What the update makes of attributes that it changes; `Null` for one that is gone.
fn check(text: &str, expected: &[(&str, Value)]) {
    let after = apply(&update(text), &before()).unwrap_or_else(|error| panic!("{text}: {error}"));
    let mut wanted = before();
    for (name, value) in expected {
        match value {
            Value::Null => wanted.remove(name),
            value => wanted.insert(*name, value.clone()),
        };
    }
    assert_eq!(after, wanted, "{text}");
}

#[test]
fn values_are_computed_from_the_item_as_it_was() {
    check("SET a1 = num, num = :one", &[("a1", 5.into()), ("num", 1.into())]);
    check("SET num = num + :two", &[("num", 7.into())]);
    check("SET num = num - num", &[("num", 0.into())]);
    check("SET a1 = (:two + num)", &[("a1", 7.into())]);
    check("SET a1 = if_not_exists(nothing, :one) + if_not_exists(num, :one)", &[("a1", 6.into())]);
    check("SET lst = list_append(lst, :list)", &[("lst", list(&[0, 1, 2, 8, 9]))]);
    check("SET lst = list_append(:list, lst)", &[("lst", list(&[8, 9, 0, 1, 2]))]);
    check("SET a1 = list_append(if_not_exists(nothing, :empty), :list)", &[("a1", list(&[8, 9]))]);
    check("SET doc.another = doc.inside REMOVE doc.inside", &[("doc", map(&[("another", 7.into())]))]);
}

#[test]
fn lists_are_changed_by_the_indexes_that_they_had() {
    check("SET lst[1] = :two", &[("lst", list(&[0, 2, 2]))]);
    check("SET lst[9] = :two, lst[5] = :one", &[("lst", list(&[0, 1, 2, 1, 2]))]);
    check("REMOVE lst[0], lst[2], lst[7]", &[("lst", list(&[1]))]);
    check("SET lst[2] = :one, lst[7] = :two REMOVE lst[0], lst[3]", &[("lst", list(&[1, 1, 2]))]);
    check("ADD lst[0] :two, lst[9] :one", &[("lst", list(&[2, 1, 2, 1]))]);
}

#[test]
fn adding_and_deleting_go_by_type() {
    check("ADD num :two, nothing :one", &[("num", 7.into()), ("nothing", 1.into())]);
    check("ADD letters :set", &[("letters", set(&["a", "b", "c"]))]);
    check("ADD nothing :set", &[("nothing", set(&["b", "c"]))]);
    check("DELETE letters :set, nothing :set", &[("letters", set(&["a"]))]);
    let only = item(&[("letters", set(&["b"]))]);
    assert_eq!(apply(&update("DELETE letters :set"), &only), Ok(Item::new()));
    check("REMOVE num, nothing, doc.nothing", &[("num", Value::Null)]);
}

#[test]
fn what_the_item_has_not_is_refused_with_awss_words() {
    let missing = "The provided expression refers to an attribute that does not exist in the item";
    let kind = "An operand in the update expression has an incorrect data type";
    let path = "The document path provided in the update expression is invalid for update";
    let overflow = "Number overflow. Attempting to store a number with magnitude larger than supported range";
    for (text, expected) in [
        ("SET a1 = nothing", missing),
        ("SET a1 = nothing + :one", missing),
        ("SET a1 = doc + :one", kind),
        ("SET a1 = list_append(num, :list)", kind),
        ("SET doc.x.y = :one", path),
        ("SET nothing.x = :one", path),
        ("SET doc[0] = :one", path),
        ("SET lst.x = :one", path),
        ("SET lst[7].x = :one", path),
        ("REMOVE nothing.x", path),
        ("REMOVE num.x", path),
        ("DELETE doc.x.y :set", path),
        ("ADD doc :one", kind),
        ("ADD letters :numbers", kind),
        ("DELETE num :set", kind),
        ("SET a1 = :huge + :huge", overflow),
    ] {
        let error = apply(&update(text), &before()).unwrap_err();
        assert_eq!(error, Error::Validation(expected.to_owned()), "{text}");
    }
}

#[test]
fn what_was_touched_is_shown_as_it_was_and_as_it_is() {
    let update = update("SET doc.inside = :one, lst[9] = :two REMOVE num, lst[0]");
    assert_eq!(
        update.named_before(&before()),
        item(&[("doc", map(&[("inside", 7.into())])), ("num", 5.into()), ("lst", list(&[0]))])
    );
    let after = apply(&update, &before()).unwrap();
    assert_eq!(update.named_after(&after), item(&[("doc", map(&[("inside", 1.into())]))]));
    assert_eq!(after.get("lst"), Some(&list(&[1, 2, 2])));
}

#[test]
fn what_is_shown_is_where_the_paths_lead() {
    for (text, shown) in [
        ("SET lst[100] = :two", item(&[])),
        ("REMOVE lst[1]", item(&[])),
        ("REMOVE lst[1] SET lst[0] = :two", item(&[("lst", list(&[2]))])),
        ("REMOVE lst[2]", item(&[])),
        ("SET lst[3] = :two", item(&[("lst", list(&[2]))])),
        ("DELETE letters :set", item(&[("letters", set(&["a"]))])),
    ] {
        let update = update(text);
        assert_eq!(update.named_after(&apply(&update, &before()).unwrap()), shown, "{text}");
    }
}

#[test]
fn what_only_takes_makes_no_item() {
    let key = item(&[("id", "a".into())]);
    let made = |text: &str| update(text).apply(None, &key).unwrap();
    for text in ["REMOVE a1", "REMOVE a1.b1, c1[0]", "DELETE a1 :set", "DELETE a1.b1 :set REMOVE c1"] {
        assert_eq!(made(text), None, "{text}");
    }
    let one = item(&[("id", "a".into()), ("a1", 1.into())]);
    for text in ["SET a1 = :one", "ADD a1 :one", "SET a1 = :one REMOVE b1.c1, d1[0] DELETE e1 :set"] {
        assert_eq!(made(text), Some(one.clone()), "{text}");
    }
    let legacy = |entries: &[(&str, AttributeUpdate)]| {
        let entries = entries.iter().map(|(name, entry)| ((*name).to_owned(), entry.clone())).collect();
        legacy::updates(&entries).unwrap().apply(None, &key).unwrap()
    };
    let delete = |value| AttributeUpdate { value, action: UpdateAction::Delete };
    assert_eq!(legacy(&[("a1", delete(None)), ("b1", delete(Some(set(&["x"]))))]), None);
    assert_eq!(legacy(&[]), Some(key.clone()));
}

#[test]
fn keys_do_not_change() {
    let hash = KeyElement { name: "num".to_owned(), kind: KeyType::N };
    let schema = KeySchema { hash: vec![hash], range: Vec::new() };
    assert_eq!(
        update("SET a1 = num REMOVE num").check_keys(&schema).unwrap_err().to_string(),
        "One or more parameter values were invalid: Cannot update attribute num. This attribute is part of \
         the key"
    );
    assert_eq!(update("SET a1 = num").check_keys(&schema), Ok(()));
}

#[test]
fn an_item_must_not_grow_too_large() {
    let large = item(&[("a1", Value::S("x".repeat(409_590)))]);
    assert!(apply(&update("SET b1 = :one"), &large).is_ok());
    let too_large = "Item size to update has exceeded the maximum allowed size";
    assert_eq!(apply(&update("SET another = :text"), &large).unwrap_err().to_string(), too_large);
    // The third is not even looked for: nobody computes a hundred copies of a large attribute.
    let copies = update("SET b1 = a1, c1 = a1, d1 = nothing");
    assert_eq!(apply(&copies, &large).unwrap_err().to_string(), too_large);
}

fn legacy(updates: &[(&str, UpdateAction, Option<Value>)]) -> Result<Item> {
    let entries = updates.iter().map(|(name, action, value)| {
        ((*name).to_owned(), AttributeUpdate { value: value.clone(), action: *action })
    });
    apply(&legacy::updates(&entries.collect())?, &before())
}

#[test]
fn a_lease_is_taken_as_kcl_takes_it() {
    let after = legacy(&[
        ("leaseOwner", UpdateAction::Put, Some("worker".into())),
        ("num", UpdateAction::Add, Some(1.into())),
        ("checkpointOwner", UpdateAction::Delete, None),
        ("letters", UpdateAction::Delete, None),
    ]);
    let mut wanted = before();
    wanted.insert("leaseOwner", "worker".into());
    wanted.insert("num", 6.into());
    wanted.remove("letters");
    assert_eq!(after, Ok(wanted));
}

#[test]
fn lists_grow_in_the_legacy_spelling() {
    let after = legacy(&[("lst", UpdateAction::Add, Some(list(&[3])))]).unwrap();
    assert_eq!(after.get("lst"), Some(&list(&[0, 1, 2, 3])));
    for (name, action) in
        [("lst", UpdateAction::Delete), ("num", UpdateAction::Add), ("doc", UpdateAction::Add)]
    {
        let error = legacy(&[(name, action, Some(set(&["a"])))]).unwrap_err();
        assert_eq!(error.to_string(), "Type mismatch for attribute to update");
    }
}

proptest! {
    #[test]
    fn the_order_of_actions_makes_no_difference(
        before in generators::item(),
        actions in Just(vec!["a1 = :v0", "b1[3] = :v1", "b1[1] = :v2", "b1[2] = c1", "d1.x = :v3"]).prop_shuffle(),
        count in 1_usize..=5,
        values in prop::collection::vec(generators::value(), 4),
    ) {
        let mut forward = actions[..count].to_vec();
        let apply = |actions: &[&str]| {
            let text = format!("SET {}", actions.join(", "));
            let values: BTreeMap<_, _> = values.iter().enumerate().map(|(i, v)| (format!(":v{i}"), v.clone())).collect();
            let update = Update::parse(&text, &mut Substitutions::new(None, Some(values)).unwrap()).unwrap();
            apply(&update, &before).ok()
        };
        let first = apply(&forward);
        forward.reverse();
        prop_assert_eq!(apply(&forward), first);
    }

    #[test]
    fn removing_what_was_set_gives_back_what_was(before in generators::item(), value in generators::value()) {
        let values = BTreeMap::from([(":v".to_owned(), value)]);
        let set = Update::parse("SET new_one = :v", &mut Substitutions::new(None, Some(values)).unwrap()).unwrap();
        let removed = apply(&update("REMOVE new_one"), &apply(&set, &before).unwrap()).unwrap();
        prop_assert_eq!(removed, before);
    }

    #[test]
    fn both_spellings_change_an_item_alike(
        before in generators::item(), name in generators::name(), value in generators::value(), action in 0..3,
    ) {
        let (action, text) = [
            (UpdateAction::Put, format!("SET {name} = :v")),
            (UpdateAction::Add, format!("ADD {name} :v")),
            (UpdateAction::Delete, format!("DELETE {name} :v")),
        ][action as usize].clone();
        let entry = AttributeUpdate { value: Some(value.clone()), action };
        let legacy = legacy::updates(&[(name, entry)].into()).and_then(|update| apply(&update, &before));
        let mut substitutions = Substitutions::new(None, Some([(":v".to_owned(), value.clone())].into())).unwrap();
        let expression = Update::parse(&text, &mut substitutions).and_then(|update| apply(&update, &before));
        let is_of_legacy_alone = action == UpdateAction::Add && matches!(value, Value::L(_));
        prop_assert!(is_of_legacy_alone || legacy.ok() == expression.ok());
    }
}
