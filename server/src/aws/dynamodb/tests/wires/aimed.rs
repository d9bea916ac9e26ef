//! What a request made from choices becomes when it is about the few things that there are.

use crate::aws::requests::Node;

/// Members that were there before expressions, and cannot be mixed with them.
const OLDER: [&str; 7] = [
    "AttributeUpdates",
    "AttributesToGet",
    "ConditionalOperator",
    "Expected",
    "KeyConditions",
    "QueryFilter",
    "ScanFilter",
];

/// What stands for something else in the expressions below.
const NAMES: [(&str, &str); 1] = [("#v", "v")];
const VALUES: [(&str, &str, &str); 3] = [(":k", "S", "a"), (":one", "N", "1"), (":v", "S", "x")];

/// About the tables `orders` and `events` of [`super::script`], or one that is missing.
pub(super) fn aimed(operation: &str, node: Node, turn: u16) -> Node {
    let Node::Map(mut members) = aim(node, &mut Turn(turn)) else { return Node::Map(Vec::new()) };
    if operation == "CreateTable" {
        let is_key = |name: &str| ["AttributeDefinitions", "KeySchema"].contains(&name);
        members.retain(|(name, _)| !is_key(name) && !name.ends_with("Indexes"));
        members.push(("AttributeDefinitions".to_owned(), Node::List(vec![definition()])));
        members.push(("KeySchema".to_owned(), Node::List(vec![key_element()])));
    }
    Node::Map(members)
}

/// Draws small numbers.
struct Turn(u16);

impl Turn {
    fn of(&mut self, count: usize) -> usize {
        self.0 = self.0.wrapping_mul(25_173).wrapping_add(13_849);
        usize::from(self.0 >> 3) % count
    }

    fn pick<'t>(&mut self, texts: &[&'t str]) -> &'t str {
        texts[self.of(texts.len())]
    }
}

fn aim(node: Node, turn: &mut Turn) -> Node {
    match node {
        Node::Map(members) => {
            let members = members.into_iter().map(|(name, value)| member(name, value, turn));
            // What is empty cannot be told from what is absent.
            let is_nothing = |value: &Node| {
                matches!(value, Node::List(items) if items.is_empty())
                    || matches!(value, Node::Map(entries) if entries.is_empty())
            };
            let members = members.filter(|(_, value)| !is_nothing(value)).collect();
            Node::Map(spelled_one_way(members, turn))
        }
        Node::List(items) => Node::List(items.into_iter().map(|item| aim(item, turn)).collect()),
        other => other,
    }
}

fn member(name: String, value: Node, turn: &mut Turn) -> (String, Node) {
    let text = |text: &str| Node::text(text);
    let value = match name.as_str() {
        "TableName" => text(turn.pick(&["orders", "orders", "orders", "events", "missing"])),
        "ResourceArn" => text(turn.pick(&[
            "arn:aws:dynamodb:us-east-1:000000000000:table/orders",
            "arn:aws:dynamodb:us-east-1:000000000000:table/missing",
        ])),
        "StreamArn" => text("arn:aws:kinesis:us-east-1:000000000000:stream/changes"),
        "IndexName" => text(turn.pick(&["by_v", "by_v", "by_w"])),
        "Key" | "ExclusiveStartKey" => key(turn),
        "Keys" => Node::List((0..=turn.of(3)).map(|_| key(turn)).collect()),
        "Item" => item(value, turn),
        "RequestItems" => by_table(value, turn),
        "TransactItems" => one_of_each(aim(value, turn)),
        "ConditionExpression" => text(turn.pick(&[
            "attribute_exists(k)",
            "attribute_not_exists(k)",
            "#v = :v",
            "v = :v OR v < :one",
            "v = ",
        ])),
        "UpdateExpression" => {
            text(turn.pick(&["SET v = :v", "ADD c :one", "REMOVE #v", "SET c = :one, #v = :v", "SET k = :v"]))
        }
        "KeyConditionExpression" => text(turn.pick(&["k = :k", "k = :k AND n > :one", "v = :v"])),
        "FilterExpression" => text(turn.pick(&["#v = :v", "attribute_exists(v)", "c > :one"])),
        "ProjectionExpression" => text(turn.pick(&["k", "k, #v", "v.k0[0]"])),
        _ => aim(value, turn),
    };
    (name, value)
}

/// With expressions or with what was there before them, mostly; and with what the expressions need.
fn spelled_one_way(mut members: Vec<(String, Node)>, turn: &mut Turn) -> Vec<(String, Node)> {
    let is_expression = |name: &str| name.ends_with("Expression");
    match turn.of(8) {
        0 => return members,
        1 | 2 => members.retain(|(name, _)| !is_expression(name) || name == "ConditionExpression"),
        _ => members.retain(|(name, _)| !OLDER.contains(&name.as_str())),
    }
    let said: String = members
        .iter()
        .filter_map(|(name, value)| match value {
            Node::Text(text) if is_expression(name) => Some(format!("{text} ")),
            _ => None,
        })
        .collect();
    members.retain(|(name, _)| !name.starts_with("ExpressionAttribute"));
    let names: Vec<_> = NAMES.iter().filter(|(name, _)| said.contains(name)).collect();
    if !names.is_empty() {
        let names = names.iter().map(|(name, stands_for)| ((*name).to_owned(), Node::text(stands_for)));
        members.push(("ExpressionAttributeNames".to_owned(), Node::Map(names.collect())));
    }
    let values: Vec<_> = VALUES.iter().filter(|(name, ..)| said.contains(name)).collect();
    if !values.is_empty() {
        let values = values
            .iter()
            .map(|(name, kind, value)| ((*name).to_owned(), Node::map([(*kind, Node::text(value))])));
        members.push(("ExpressionAttributeValues".to_owned(), Node::Map(values.collect())));
    }
    members
}

fn key(turn: &mut Turn) -> Node {
    let part = |kind: &str, value: &str| Node::map([(kind, Node::text(value))]);
    let partition = turn.pick(&["a", "b", "c"]);
    match turn.of(8) {
        0 => Node::map([("k", part("N", "1"))]),
        1 | 2 => Node::map([("k", part("S", partition)), ("n", part("N", "2"))]),
        _ => Node::map([("k", part("S", partition))]),
    }
}

/// The attributes that were made up, with a key.
fn item(made_up: Node, turn: &mut Turn) -> Node {
    let Node::Map(mut attributes) = aim(made_up, turn) else { return Node::Map(Vec::new()) };
    let Node::Map(key) = key(turn) else { return Node::Map(attributes) };
    attributes.retain(|(name, _)| key.iter().all(|(other, _)| other != name));
    attributes.extend(key);
    if turn.of(2) == 0 {
        attributes.push(("v".to_owned(), Node::map([("S", Node::text("x"))])));
    }
    Node::Map(attributes)
}

fn by_table(made_up: Node, turn: &mut Turn) -> Node {
    let Node::Map(entries) = made_up else { return made_up };
    let tables = ["orders", "events", "missing"];
    let entries = entries.into_iter().take(1 + turn.of(2)).zip(tables).map(|((_, value), table)| {
        let value = match aim(value, turn) {
            writes @ Node::List(_) => one_of_each(writes),
            other => other,
        };
        (table.to_owned(), value)
    });
    Node::Map(entries.collect())
}

/// Items that have one member of several that they may have.
fn one_of_each(items: Node) -> Node {
    let Node::List(items) = items else { return items };
    let first = |item| match item {
        Node::Map(mut members) => {
            members.truncate(1);
            Node::Map(members)
        }
        other => other,
    };
    Node::List(items.into_iter().map(first).collect())
}

fn definition() -> Node {
    Node::map([("AttributeName", Node::text("k")), ("AttributeType", Node::text("S"))])
}

fn key_element() -> Node {
    Node::map([("AttributeName", Node::text("k")), ("KeyType", Node::text("HASH"))])
}
