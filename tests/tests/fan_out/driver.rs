//! One SDK as the tests see it: it is told what to do, and heard, in lines of JSON.
//!
//! A command is an object with `do`: `register` (`stream`, an ARN, and `name`), `describe` or `deregister` (`consumer`,
//! an ARN), `list` (`stream`), or `subscribe` (`as`, the subscription's name, `consumer`, `shard`, `type`, and
//! perhaps `number`, `timestamp` in milliseconds, `dryRun`). Each has one reply, in order: `{"reply": …}`, which is a
//! consumer, a list of them, or nothing in particular; where the call failed `{"reply": {"error": failure}}`. A
//! subscription is heard at any time: `{"from": name, "event": …}` for each event, and at last `{"from": name,
//! "end": null}`, or a failure in place of null.

use std::collections::{HashMap, VecDeque};
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use millstream_runtime::threads;
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedSender;

use crate::shown::{Consumer, Event, Failure};

/// For whatever must come; longer than any SDK takes for its attempts, on however busy a machine.
const PATIENCE: Duration = Duration::from_secs(90);

#[derive(Debug)]
pub(crate) struct Driver {
    sdk: Told,
    lines: Receiver<Value>,
    /// What was heard of subscriptions and not asked for yet, by the names under which they were made.
    heard: HashMap<String, VecDeque<Heard>>,
    /// A name may be given again. So each subscription is made under one of its own, and this is the latest.
    latest: HashMap<String, String>,
    made: usize,
}

/// Where commands go.
#[derive(Debug)]
enum Told {
    Program { child: Child, input: Option<ChildStdin>, errors: PathBuf },
    Thread(UnboundedSender<Value>),
}

/// What an SDK shows of a subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    Event(Event),
    End(Option<Failure>),
}

/// Where a subscription is to start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start<'a> {
    TrimHorizon,
    Latest,
    AtNumber(&'a str),
    AfterNumber(&'a str),
    /// Milliseconds since the Unix epoch.
    AtTime(u64),
    /// A type, and nothing of what it needs.
    Bare(&'a str),
}

impl Driver {
    /// A program, whose standard error is kept for a test that fails.
    pub(crate) fn of_program(mut command: Command, directory: &Path) -> Self {
        let errors = directory.join("client.log");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(File::create(&errors).unwrap());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let (input, output) = (child.stdin.take(), child.stdout.take().unwrap());
        let (sender, lines) = channel();
        threads::spawn("client", move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let line = serde_json::from_str(&line).unwrap_or(Value::String(line));
                if sender.send(line).is_err() {
                    return;
                }
            }
        })
        .unwrap();
        Self::new(Told::Program { child, input, errors }, lines)
    }

    /// A thread of this process. It ends when nothing more can be told to it.
    pub(crate) fn of_thread(
        run: impl FnOnce(tokio::sync::mpsc::UnboundedReceiver<Value>, Sender<Value>) + Send + 'static,
    ) -> Self {
        let (told, commands) = tokio::sync::mpsc::unbounded_channel();
        let (sender, lines) = channel();
        threads::spawn("client", move || run(commands, sender)).unwrap();
        Self::new(Told::Thread(told), lines)
    }

    fn new(sdk: Told, lines: Receiver<Value>) -> Self {
        Self { sdk, lines, heard: HashMap::new(), latest: HashMap::new(), made: 0 }
    }

    pub(crate) fn register(&mut self, stream_arn: &str, name: &str) -> Result<Consumer, Failure> {
        self.call(&json!({ "do": "register", "stream": stream_arn, "name": name }))
            .map(|reply| Consumer::of(&reply))
    }

    pub(crate) fn describe(&mut self, consumer_arn: &str) -> Result<Consumer, Failure> {
        self.call(&json!({ "do": "describe", "consumer": consumer_arn })).map(|reply| Consumer::of(&reply))
    }

    pub(crate) fn list(&mut self, stream_arn: &str) -> Vec<Consumer> {
        let reply = self.call(&json!({ "do": "list", "stream": stream_arn })).unwrap();
        reply.as_array().unwrap().iter().map(Consumer::of).collect()
    }

    pub(crate) fn deregister(&mut self, consumer_arn: &str) -> Result<(), Failure> {
        self.call(&json!({ "do": "deregister", "consumer": consumer_arn })).map(drop)
    }

    pub(crate) fn subscribe(
        &mut self,
        name: &str,
        consumer_arn: &str,
        shard: &str,
        start: Start<'_>,
    ) -> Result<(), Failure> {
        let made = format!("{name}, of {consumer_arn}, number {}", self.made);
        self.made += 1;
        self.latest.insert(name.to_owned(), made.clone());
        self.call(&subscription(&made, consumer_arn, shard, start)).map(drop)
    }

    /// Asks whether [`Self::subscribe`] would be granted.
    pub(crate) fn try_subscribe(
        &mut self,
        consumer_arn: &str,
        shard: &str,
        start: Start<'_>,
    ) -> Result<(), Failure> {
        let mut command = subscription("nobody", consumer_arn, shard, start);
        command["dryRun"] = true.into();
        self.call(&command).map(drop)
    }

    /// What comes next from the subscription that was given this name last.
    pub(crate) fn hear(&mut self, from: &str) -> Heard {
        let made = self.latest.get(from).unwrap_or_else(|| panic!("{from} was never made")).clone();
        loop {
            if let Some(heard) = self.heard.get_mut(&made).and_then(VecDeque::pop_front) {
                return heard;
            }
            let reply = self.read(&made);
            assert_eq!(reply, None, "a reply to no command");
        }
    }

    fn call(&mut self, command: &Value) -> Result<Value, Failure> {
        match &mut self.sdk {
            Told::Program { input, .. } => {
                let input = input.as_mut().expect("it is not dropped");
                writeln!(input, "{command}").and_then(|()| input.flush()).expect("the client takes commands");
            }
            Told::Thread(commands) => commands.send(command.clone()).expect("the client takes commands"),
        }
        loop {
            if let Some(reply) = self.read(&command.to_string()) {
                return match reply.get("error") {
                    Some(failure) => Err(Failure::of(failure)),
                    None => Ok(reply),
                };
            }
        }
    }

    /// One line, while `awaited` is waited for: gives a reply and keeps what a subscription says.
    fn read(&mut self, awaited: &str) -> Option<Value> {
        let line = match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => line,
            Err(error) => panic!("nothing came of {awaited}: {error}\n{}", self.errors()),
        };
        if let Some(reply) = line.get("reply") {
            return Some(reply.clone());
        }
        let from = line["from"].as_str().unwrap_or_else(|| panic!("{line}\n{}", self.errors()));
        let heard = match (line.get("event"), &line["end"]) {
            (Some(event), _) => Heard::Event(Event::of(event)),
            (None, Value::Null) => Heard::End(None),
            (None, failure) => Heard::End(Some(Failure::of(failure))),
        };
        self.heard.entry(from.to_owned()).or_default().push_back(heard);
        None
    }

    /// What a program complained about.
    fn errors(&self) -> String {
        match &self.sdk {
            Told::Program { errors, .. } => fs::read_to_string(errors).unwrap_or_default(),
            Told::Thread(_) => String::new(),
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        if let Told::Program { child, input, .. } = &mut self.sdk {
            // A program ends when nothing more can be told to it.
            drop(input.take());
            let _ = child.wait();
        }
    }
}

fn subscription(name: &str, consumer_arn: &str, shard: &str, start: Start<'_>) -> Value {
    let mut command = json!({ "do": "subscribe", "as": name, "consumer": consumer_arn, "shard": shard });
    command["type"] = match start {
        Start::TrimHorizon => "TRIM_HORIZON",
        Start::Latest => "LATEST",
        Start::AtNumber(_) => "AT_SEQUENCE_NUMBER",
        Start::AfterNumber(_) => "AFTER_SEQUENCE_NUMBER",
        Start::AtTime(_) => "AT_TIMESTAMP",
        Start::Bare(kind) => kind,
    }
    .into();
    match start {
        Start::AtNumber(number) | Start::AfterNumber(number) => command["number"] = number.into(),
        Start::AtTime(millis) => command["timestamp"] = millis.into(),
        Start::TrimHorizon | Start::Latest | Start::Bare(_) => {}
    }
    command
}
