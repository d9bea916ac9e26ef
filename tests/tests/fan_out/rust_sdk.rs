//! The AWS SDK for Rust as a client like the programs of other languages, on a thread of its own.

use std::convert::Infallible;
use std::error::Error as StdError;
use std::sync::mpsc::Sender;

use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::config::retry::RetryConfig;
use aws_sdk_kinesis::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_kinesis::operation::subscribe_to_shard::SubscribeToShardOutput;
use aws_sdk_kinesis::primitives::DateTime;
use aws_sdk_kinesis::types::{
    ChildShard, Consumer, EncryptionType, Record, ShardIteratorType, StartingPosition, SubscribeToShardEvent,
    SubscribeToShardEventStream,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use millstream_runtime::{OnFailure, TaskSet};
use millstream_tests::Session;
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::driver::Driver;
use crate::rust_client;

/// The variant of errors that the model does not know.
const UNMODELLED: &str = "Unhandled";

pub(crate) fn start(session: &Session) -> Driver {
    let client = rust_client::client(session, RetryConfig::standard());
    Driver::of_thread(move |commands, lines| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(carry_out_all(&client, commands, &lines));
    })
}

async fn carry_out_all(client: &Client, mut commands: UnboundedReceiver<Value>, lines: &Sender<Value>) {
    let following = TaskSet::default();
    while let Some(command) = commands.recv().await {
        let reply = match command["do"].as_str().unwrap() {
            "register" => register(client, &command).await,
            "describe" => describe(client, &command).await,
            "list" => list(client, &command).await,
            "deregister" => deregister(client, &command).await,
            _ => subscribe(client, &command, &following, lines).await,
        };
        let reply = reply.unwrap_or_else(|failure| json!({ "error": failure }));
        // Nobody listens once the test has failed.
        let _ = lines.send(json!({ "reply": reply }));
    }
}

async fn register(client: &Client, command: &Value) -> Result<Value, Value> {
    let call = client.register_stream_consumer().stream_arn(text(command, "stream"));
    let answer = call.consumer_name(text(command, "name")).send().await.map_err(|error| refusal(&error))?;
    Ok(consumer(answer.consumer().unwrap()))
}

async fn describe(client: &Client, command: &Value) -> Result<Value, Value> {
    let call = client.describe_stream_consumer().consumer_arn(text(command, "consumer"));
    let answer = call.send().await.map_err(|error| refusal(&error))?;
    let found = answer.consumer_description().unwrap();
    Ok(json!({
        "name": found.consumer_name(),
        "arn": found.consumer_arn(),
        "status": found.consumer_status().as_str(),
        "created": millis(found.consumer_creation_timestamp()),
        "stream": found.stream_arn(),
    }))
}

async fn list(client: &Client, command: &Value) -> Result<Value, Value> {
    let call = client.list_stream_consumers().stream_arn(text(command, "stream"));
    let answer = call.send().await.map_err(|error| refusal(&error))?;
    Ok(answer.consumers().iter().map(consumer).collect())
}

async fn deregister(client: &Client, command: &Value) -> Result<Value, Value> {
    let call = client.deregister_stream_consumer().consumer_arn(text(command, "consumer"));
    call.send().await.map_err(|error| refusal(&error))?;
    Ok(json!({}))
}

async fn subscribe(
    client: &Client,
    command: &Value,
    following: &TaskSet,
    lines: &Sender<Value>,
) -> Result<Value, Value> {
    let start = StartingPosition::builder()
        .r#type(ShardIteratorType::from(text(command, "type")))
        .set_sequence_number(command["number"].as_str().map(str::to_owned))
        .set_timestamp(command["timestamp"].as_i64().map(DateTime::from_millis));
    let call = client
        .subscribe_to_shard()
        .consumer_arn(text(command, "consumer"))
        .shard_id(text(command, "shard"))
        .starting_position(start.build().unwrap())
        .set_dry_run(command["dryRun"].as_bool());
    let answer = call.send().await.map_err(|error| refusal(&error))?;
    let (name, lines) = (text(command, "as").to_owned(), lines.clone());
    following.spawn("subscription", OnFailure::Log, async move {
        let end = follow(&name, answer, &lines).await.err();
        let _ = lines.send(json!({ "from": name, "end": end }));
        Ok::<_, Infallible>(())
    });
    Ok(json!({}))
}

/// Gives every event as it comes.
async fn follow(name: &str, mut answer: SubscribeToShardOutput, lines: &Sender<Value>) -> Result<(), Value> {
    loop {
        let received = answer.event_stream.recv().await;
        let received = received.map_err(|error| failure(error.as_service_error(), &error, None))?;
        let Some(shown) = received else { return Ok(()) };
        let SubscribeToShardEventStream::SubscribeToShardEvent(shown) = shown else { panic!("{shown:?}") };
        let _ = lines.send(json!({ "from": name, "event": event(&shown) }));
    }
}

/// A call that failed.
fn refusal<E: ProvideErrorMetadata + StdError + 'static>(error: &SdkError<E>) -> Value {
    let status = error.raw_response().map(|response| response.status().as_u16());
    failure(error.as_service_error(), error, status)
}

/// An error that the model knows is a variant of its operation's error, or of its stream's.
fn failure<E: ProvideErrorMetadata + StdError>(
    service: Option<&E>,
    error: &(dyn StdError + 'static),
    status: Option<u16>,
) -> Value {
    let Some(service) = service else {
        let class = format!("{error:?}");
        let message = DisplayErrorContext(error).to_string();
        return json!({ "class": name(&class), "code": null, "message": message, "status": null });
    };
    let shown = format!("{service:?}");
    let class = name(&shown);
    // An error inside a stream has a type and a message; the SDK leaves its code out.
    let code = service.code().or(Some(class).filter(|class| *class != UNMODELLED));
    json!({ "class": class, "code": code, "message": service.message(), "status": status })
}

/// A variant's name, from how it is shown for debugging.
fn name(variant: &str) -> &str {
    variant.split(['(', ' ']).next().unwrap()
}

fn consumer(found: &Consumer) -> Value {
    json!({
        "name": found.consumer_name(),
        "arn": found.consumer_arn(),
        "status": found.consumer_status().as_str(),
        "created": millis(found.consumer_creation_timestamp()),
        "stream": null,
    })
}

fn event(shown: &SubscribeToShardEvent) -> Value {
    // The SDK shows a member that the model requires as an empty text when it is absent.
    let continuation = Some(shown.continuation_sequence_number()).filter(|number| !number.is_empty());
    json!({
        "records": shown.records().iter().map(record).collect::<Value>(),
        "continuation": continuation,
        "behind": shown.millis_behind_latest(),
        "children": shown.child_shards().iter().map(child).collect::<Value>(),
    })
}

fn record(shown: &Record) -> Value {
    json!({
        "number": shown.sequence_number(),
        "key": shown.partition_key(),
        "data": BASE64.encode(shown.data()),
        "arrival": millis(shown.approximate_arrival_timestamp().unwrap()),
        "encryption": shown.encryption_type().map(EncryptionType::as_str),
    })
}

fn child(shown: &ChildShard) -> Value {
    let range = shown.hash_key_range().unwrap();
    json!({
        "shard": shown.shard_id(),
        "parents": shown.parent_shards(),
        "range": [range.starting_hash_key(), range.ending_hash_key()],
    })
}

fn millis(time: &DateTime) -> i64 {
    time.to_millis().unwrap()
}

fn text<'a>(command: &'a Value, name: &str) -> &'a str {
    command[name].as_str().unwrap()
}
