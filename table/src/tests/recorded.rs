//! What was recorded from AWS and would not be guessed: which error is whose, and what is charged.

use super::indexes::{global, index};
use super::*;
use crate::{
    BatchGet, BatchGetItems, BatchWrite, BillingMode, Capacity, Error, GlobalIndexSpec, GlobalIndexUpdate,
    ProjectionSpec, ProjectionType, Status, StreamSpec, StreamView, TableClass, TransactAction, TransactGet,
    TransactWrite, Units, UpdateItem, UpdateTable, WriteRequest,
};

const EMPTY: &str = "The AttributeValue for a key attribute cannot contain an empty string value.";

fn by_g(name: &str) -> GlobalIndexSpec {
    global(index(name, "g", None, ProjectionType::KeysOnly))
}

/// A table with two indexes of one key, of which the second by name is given first.
fn indexed(arn: &TableArn) -> CreateTable {
    let mut call = on_demand(arn);
    call.attributes.push(element("g", KeyType::S));
    call.global_indexes = Some(vec![by_g("late"), by_g("early")]);
    call
}

async fn with_indexes(world: &World) -> (Tables, TableArn) {
    let (tables, arn) = (world.open().await, arn("orders"));
    tables.create_table(indexed(&arn)).await.unwrap();
    (tables, arn)
}

fn write(arn: &TableArn, action: TransactAction) -> TransactWrite {
    transactions::write(arn, action, None, Placeholders::default())
}

async fn transact(
    tables: &Tables,
    writes: Vec<TransactWrite>,
    token: Option<&str>,
) -> Result<Vec<crate::Consumed>> {
    tables.transact_write_items(transactions::all(writes, token)).await.map(|written| written.consumed)
}

#[tokio::test]
async fn an_empty_key_refuses_a_transaction_and_cancels_a_reading_one() {
    let world = World::new();
    let (tables, arn) = with_indexes(&world).await;
    let given = item([("id", "a".into()), ("g", "".into())]);
    let mut update = write(&arn, TransactAction::Update(id("a"), "SET g = :empty".to_owned()));
    update.placeholders = values([(":empty", "".into())]);
    for write in [
        write(&arn, TransactAction::Put(id(""))),
        write(&arn, TransactAction::Delete(id(""))),
        write(&arn, TransactAction::Put(given)),
        update,
    ] {
        let error = transact(&tables, vec![write], None).await.unwrap_err();
        assert!(matches!(&error, Error::EmptyKey(text) if text.contains(EMPTY)), "{error}");
    }
    let wrong = || write(&arn, TransactAction::Put(item([("id", 1.into())])));
    let put = || write(&arn, TransactAction::Put(id("a")));
    // Before it is seen that two are for one item, and whatever is wrong with those behind it.
    let writes = vec![put(), put(), wrong(), wrong()];
    let text = "cancellation reasons for specific reasons [None, None, ValidationError, None]";
    let error = transact(&tables, writes, None).await.unwrap_err();
    assert!(error.to_string().ends_with(text), "{error}");
    let placeholders = Placeholders::default();
    let get = TransactGet { table: arn.clone(), key: id(""), projection: None, placeholders };
    let error = tables.transact_get_items(vec![get]).await.unwrap_err();
    assert!(matches!(error, Error::TransactionCanceled { .. }), "{error}");
}

#[tokio::test]
async fn updates_do_not_go_together_with_everything() {
    let world = World::new();
    let (tables, arn) = (world.open().await, arn("orders"));
    let mut call = on_demand(&arn);
    (call.billing, call.throughput) = (Some(BillingMode::Provisioned), Some(Units { read: 5, write: 5 }));
    tables.create_table(call).await.unwrap();
    let refusal = async |call: UpdateTable| tables.update_table(call).await.unwrap_err().to_string();
    let stream = Some(StreamSpec { enabled: true, view: Some(StreamView::KeysOnly) });
    let of = || UpdateTable::new(arn.clone());
    let paced = UpdateTable { throughput: Some(Units { read: 7, write: 7 }), stream, ..of() };
    let prefix = "One or more parameter values were invalid: ";
    let text = "You cannot modify stream status while updating table IOPS";
    assert_eq!(refusal(paced).await, format!("{prefix}{text}"));
    let class = Some(TableClass::StandardInfrequentAccess);
    let text = "TableClass modification must be the only operation in the request";
    assert_eq!(refusal(UpdateTable { class, stream, ..of() }).await, format!("{prefix}{text}"));
    tables.update_table(UpdateTable { class, ..of() }).await.unwrap();
}

#[tokio::test]
async fn the_tables_of_a_batch_are_asked_in_one_spelling() {
    let world = World::new();
    let (tables, one) = world.with_table().await;
    let get = |projection| BatchGet { keys: vec![id("a")], projection, ..BatchGet::default() };
    let new = ProjectionSpec { expression: Some("id".to_owned()), attributes: None };
    let old = ProjectionSpec { expression: None, attributes: Some(vec!["id".to_owned()]) };
    let asked = [(one, get(new)), (arn("others"), get(old))].into();
    assert_eq!(
        tables.batch_get_items(BatchGetItems { tables: asked }).await.unwrap_err().to_string(),
        "Can not use both expression and non-expression parameters in the same request: Non-expression parameters: \
         {AttributesToGet} Expression parameters: {ProjectionExpression}"
    );
}

#[tokio::test]
async fn the_first_index_by_name_is_named() {
    let world = World::new();
    let (tables, arn) = with_indexes(&world).await;
    let error = put(&tables, &arn, item([("id", "a".into()), ("g", 1.into())])).await.unwrap_err();
    assert!(error.to_string().ends_with("Actual: N IndexName: early"), "{error}");
    let mut call = UpdateItem::new(arn.clone(), id("a"), "SET g = :empty");
    call.placeholders = values([(":empty", "".into())]);
    assert_eq!(
        tables.update_item(call).await.unwrap_err().to_string(),
        format!(
            "One or more parameter values are not valid. The update expression attempted to update a secondary index \
             key to a value that is not supported. {EMPTY}"
        )
    );
}

#[tokio::test]
async fn a_batch_tells_less_of_a_key_that_is_none() {
    let world = World::new();
    let (tables, arn) = world.with_table().await;
    let refusal = async |put: Item| {
        let call = BatchWrite {
            tables: [(arn.clone(), vec![WriteRequest::Put(put)])].into(),
            with_collections: false,
        };
        tables.batch_write_items(call).await.unwrap_err().to_string()
    };
    let no_match = "The provided key element does not match the schema";
    assert_eq!(refusal(item([("id", 1.into())])).await, no_match);
    assert_eq!(refusal(item([("other", "a".into())])).await, no_match);
    let empty = format!("One or more parameter values are not valid. {EMPTY} Key: id");
    assert_eq!(refusal(id("")).await, empty);
}

#[tokio::test]
async fn a_transaction_doubles_what_the_table_costs_and_costs_reads_when_it_is_repeated() {
    let world = World::new();
    let (tables, arn) = with_indexes(&world).await;
    let text = |length: usize| Value::S("x".repeat(length));
    let large = item([("id", "a".into()), ("g", "k".into()), ("text", text(9_000))]);
    put(&tables, &arn, large).await.unwrap();
    let delete = || vec![write(&arn, TransactAction::Delete(id("a")))];
    let first = transact(&tables, delete(), Some("token")).await.unwrap();
    assert_eq!(first[0].base, Capacity::units(18));
    assert_eq!(first[0].global_indexes["early"], Capacity::units(1));
    // By the item as the first call found it, although it is gone.
    let again = transact(&tables, delete(), Some("token")).await.unwrap();
    assert_eq!(again[0].total(), Capacity::units(6));
}

#[tokio::test]
async fn placeholders_without_an_expression_are_no_mistake_in_a_transaction() {
    let world = World::new();
    let (tables, arn) = world.with_table().await;
    let names = Some([("#a".to_owned(), "b".to_owned())].into());
    let placeholders = Placeholders { names, values: None };
    let mut unused = write(&arn, TransactAction::Put(id("a")));
    unused.placeholders = placeholders.clone();
    transact(&tables, vec![unused.clone()], None).await.unwrap();
    unused.condition = Some("attribute_exists(id)".to_owned());
    let error = transact(&tables, vec![unused], None).await.unwrap_err();
    assert!(error.to_string().ends_with("unused in expressions: keys: {#a}"), "{error}");
    let get = TransactGet { table: arn.clone(), key: id("a"), projection: None, placeholders };
    assert_eq!(tables.transact_get_items(vec![get]).await.unwrap().items, [Some(id("a"))]);
}

#[tokio::test]
async fn answers_tell_of_what_they_began_even_where_it_takes_no_time() {
    let world = World::new();
    let (tables, arn) = (world.open().await, arn("orders"));
    let created = tables.create_table(indexed(&arn)).await.unwrap();
    assert_eq!(created.status, Status::Creating);
    assert_eq!(created.meta.global_indexes[0].status(created.now), Some(Status::Creating));
    let described = tables.describe_table(&arn).unwrap();
    assert_eq!(described.status, Status::Active);
    assert_eq!(described.meta.global_indexes[0].status(described.now), Some(Status::Active));
    let mut drop = UpdateTable::new(arn.clone());
    drop.global_indexes =
        vec![GlobalIndexUpdate { delete: Some("late".to_owned()), ..GlobalIndexUpdate::default() }];
    let dropping = tables.update_table(drop).await.unwrap();
    assert_eq!(dropping.status, Status::Updating);
    assert_eq!(dropping.meta.global_index("late").unwrap().status(dropping.now), Some(Status::Deleting));
    let described = tables.describe_table(&arn).unwrap();
    assert_eq!(described.status, Status::Active);
    let mut protect = UpdateTable::new(arn.clone());
    protect.deletion_protection = Some(true);
    assert_eq!(tables.update_table(protect).await.unwrap().status, Status::Active);
}

#[tokio::test]
async fn definitions_of_tables_are_checked() {
    let world = World::new();
    let (tables, arn) = world.with_table().await;
    // The table has the attribute, and it must be named again all the same.
    let mut call = UpdateTable::new(arn.clone());
    let mut on_key = by_g("by-id");
    on_key.index.keys = vec![key_part("id", KeyPart::Hash)];
    call.global_indexes = vec![GlobalIndexUpdate { create: Some(on_key), ..GlobalIndexUpdate::default() }];
    assert!(matches!(tables.update_table(call.clone()).await, Err(Error::Validation(_))));
    call.attributes = vec![element("id", KeyType::S)];
    tables.update_table(call).await.unwrap();

    let refusal = async |change: fn(&mut CreateTable)| {
        let mut call = on_demand(&super::arn("another"));
        change(&mut call);
        tables.create_table(call).await.unwrap_err().to_string()
    };
    let three = refusal(|call| {
        call.keys.extend([key_part("b", KeyPart::Range), key_part("c", KeyPart::Range)]);
    });
    assert_eq!(
        three.await,
        "1 validation error detected: Value '[KeySchemaElement(attributeName=id, keyType=HASH), \
         KeySchemaElement(attributeName=b, keyType=RANGE), KeySchemaElement(attributeName=c, keyType=RANGE)]' at \
         'keySchema' failed to satisfy constraint: Member must have length less than or equal to 2"
    );
    assert_eq!(
        refusal(|call| call.limits.write_max = Some(0)).await,
        "One or more parameter values were invalid: Requested MaxWriteRequestUnits for OnDemandThroughput for table is \
         outside of valid range"
    );
    let provisioned = refusal(|call| {
        call.billing = Some(BillingMode::Provisioned);
        call.throughput = Some(Units { read: 1, write: 1 });
        call.limits.read_max = Some(10);
    });
    assert!(provisioned.await.ends_with("can be specified when BillingMode is PROVISIONED"));
}
