//! Operations of the model as calls of the table.

use millstream_table::{
    ConditionSpec, DeleteItem, Error, GetItem, Item, Placeholders, ProjectionSpec, PutItem, ReturnValues,
    TableArn, Tables, UpdateItem, Value,
};

use crate::model::{Answer, Operation};

pub(crate) fn arn() -> TableArn {
    "arn:aws:dynamodb:us-east-1:000000000000:table/registers".parse().unwrap()
}

fn key(item: u64) -> Item {
    [("id", Value::from(format!("item-{item}").as_str()))].into_iter().collect()
}

fn number(value: u64) -> Value {
    Value::N(value.to_string().parse().unwrap())
}

fn values<const N: usize>(values: [(&str, u64); N]) -> Placeholders {
    let values = values.into_iter().map(|(name, value)| (name.to_owned(), number(value))).collect();
    Placeholders { names: None, values: Some(values) }
}

fn value_of(item: &Item) -> u64 {
    match item.get("v") {
        Some(Value::N(number)) => number.to_string().parse().unwrap(),
        other => panic!("{other:?}"),
    }
}

async fn read(tables: &Tables, item: u64) -> Result<Option<u64>, Error> {
    let get = GetItem {
        table: arn(),
        key: key(item),
        projection: ProjectionSpec::default(),
        placeholders: Placeholders::default(),
        is_consistent: true,
    };
    Ok(tables.get_item(get).await?.item.as_ref().map(value_of))
}

pub(crate) async fn call(tables: &Tables, item: u64, operation: Operation) -> Result<Answer, Error> {
    let written = match operation {
        Operation::Read => return Ok(Answer::Found(read(tables, item).await?)),
        Operation::PutIfAbsent(new) => {
            let condition = ConditionSpec::expression("attribute_not_exists(id)");
            tables.put_item(PutItem { condition, ..put(item, new) }).await
        }
        Operation::CompareAndSet { old, new } => {
            let placeholders = values([(":old", old), (":new", new)]);
            let condition = ConditionSpec::expression("v = :old");
            let update = UpdateItem::new(arn(), key(item), "SET v = :new", placeholders);
            tables.update_item(UpdateItem { condition, ..update }).await
        }
        Operation::Add(more) => {
            let update = UpdateItem::new(arn(), key(item), "ADD v :more", values([(":more", more)]));
            let updated =
                tables.update_item(UpdateItem { return_values: ReturnValues::AllNew, ..update }).await?;
            return Ok(Answer::Sum(value_of(&updated.attributes.unwrap())));
        }
        Operation::DeleteIf(old) => {
            let condition = ConditionSpec::expression("v = :old");
            let placeholders = values([(":old", old)]);
            let delete = DeleteItem::new(arn(), key(item));
            tables.delete_item(DeleteItem { condition, placeholders, ..delete }).await
        }
    };
    match written {
        Ok(_) => Ok(Answer::Done),
        Err(Error::ConditionalCheckFailed { .. }) => Ok(Answer::Refused),
        Err(error) => Err(error),
    }
}

fn put(item: u64, value: u64) -> PutItem {
    let mut new = key(item);
    new.insert("v".to_owned(), number(value));
    PutItem::new(arn(), new)
}

/// The mistake that conditions are there for.
pub(crate) async fn compare_and_call(
    tables: &Tables,
    item: u64,
    operation: Operation,
) -> Result<Answer, Error> {
    let Operation::CompareAndSet { old, new } = operation else { return call(tables, item, operation).await };
    if read(tables, item).await? != Some(old) {
        return Ok(Answer::Refused);
    }
    tables.put_item(put(item, new)).await?;
    Ok(Answer::Done)
}
