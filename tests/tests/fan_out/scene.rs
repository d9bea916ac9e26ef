//! One SDK, one server of its own, and what both are asked for in a step.

use millstream_tests::{Session, Transport};

use crate::driver::{Driver, Heard, Start};
use crate::operator::{Entry, Operator, SPOKEN};
use crate::sdk::Sdk;
use crate::shown::{Event, Failure, Record};

pub(crate) const ACCOUNT: &str = "000000000000";
/// The first shard of every stream.
pub(crate) const SHARD: &str = "shardId-000000000000";
/// How long streams and consumers are CREATING where the clock stands still.
pub(crate) const CREATE_DELAY_MILLIS: u64 = 1000;
/// AWS's default.
const RECORD_KIB_MAX: u32 = 1024;

pub(crate) struct Scene {
    pub(crate) sdk: Sdk,
    pub(crate) session: Session,
    pub(crate) operator: Operator,
    pub(crate) driver: Driver,
    /// How long streams and consumers are CREATING.
    create_delay_millis: u64,
}

impl Scene {
    /// With a clock that stands still, at a full second, unless it is advanced: then nothing comes by itself, and the
    /// times of records are known. `None` where the SDK is skipped.
    pub(crate) fn with_still_clock(sdk: Sdk, transport: Transport) -> Option<Self> {
        let session = Session::with(transport, |options| {
            let delay = CREATE_DELAY_MILLIS.to_string();
            options.argument("--test-api").argument("--create-delay-ms").argument(delay)
        });
        let scene = Self { create_delay_millis: CREATE_DELAY_MILLIS, ..Self::of(sdk, session)? };
        let seconds = scene.operator.now() / 1000 + 1;
        scene.operator.freeze(seconds * 1000);
        Some(scene)
    }

    /// With the machine's clock, and without limits.
    pub(crate) fn with_running_clock(sdk: Sdk, transport: Transport) -> Option<Self> {
        Self::of(sdk, Session::with(transport, millstream_tests::ServerOptions::without_limits))
    }

    fn of(sdk: Sdk, session: Session) -> Option<Self> {
        let (operator, driver) = (Operator::new(&session.server), sdk.start(&session)?);
        Some(Self { sdk, session, operator, driver, create_delay_millis: 0 })
    }

    pub(crate) fn advance(&self, millis: u64) {
        self.operator.advance(millis);
    }

    /// Gives the ARN of a stream that is ACTIVE.
    pub(crate) fn create_stream(&self, name: &str) -> String {
        self.create_stream_for(name, RECORD_KIB_MAX)
    }

    pub(crate) fn create_stream_for(&self, name: &str, record_kib_max: u32) -> String {
        self.operator.create_stream(name, 1, record_kib_max);
        self.wait_for_creation();
        arn(name)
    }

    /// Gives the ARN of a consumer that is ACTIVE.
    pub(crate) fn register(&mut self, stream_arn: &str, name: &str) -> String {
        let consumer = self.driver.register(stream_arn, name).unwrap();
        self.wait_for_creation();
        consumer.arn
    }

    fn wait_for_creation(&self) {
        if self.create_delay_millis > 0 {
            self.advance(self.create_delay_millis);
        }
    }

    /// Puts records, all in one moment, and gives them as a reader must be shown them.
    pub(crate) fn put(&self, stream: &str, entries: &[Entry]) -> Vec<Record> {
        let arrival_millis = self.operator.now();
        let places = self.operator.put_all(stream, entries);
        let records = entries.iter().zip(places).map(|(entry, place)| Record {
            number: place.sequence,
            key: entry.key.clone(),
            data: entry.data.clone(),
            arrival_millis,
            encryption: None,
        });
        records.collect()
    }

    /// Puts one record, which says nothing but its name.
    pub(crate) fn put_one(&self, stream: &str, name: &str) -> Record {
        self.put(stream, &[Entry::new(name, name)]).remove(0)
    }

    #[track_caller]
    pub(crate) fn subscribe(&mut self, name: &str, consumer_arn: &str, start: Start<'_>) {
        let subscribed = self.driver.subscribe(name, consumer_arn, SHARD, start);
        assert_eq!(subscribed, Ok(()), "{name}");
    }

    /// The next event of a subscription that goes on.
    #[track_caller]
    pub(crate) fn event(&mut self, from: &str) -> Event {
        match self.driver.hear(from) {
            Heard::Event(event) => event,
            Heard::End(end) => panic!("{from} is over: {end:?}"),
        }
    }

    /// How a subscription of which no event is left ends.
    #[track_caller]
    pub(crate) fn end(&mut self, from: &str) -> Option<Failure> {
        match self.driver.hear(from) {
            Heard::End(end) => end,
            Heard::Event(event) => panic!("{from} goes on: {event:?}"),
        }
    }

    /// The events that bring so many records, and no more of them.
    #[track_caller]
    pub(crate) fn events(&mut self, from: &str, records: usize) -> Vec<Event> {
        let (mut events, mut found) = (Vec::new(), 0);
        while found < records {
            let event = self.event(from);
            found += event.records.len();
            events.push(event);
        }
        assert_eq!(found, records, "{from}: {events:?}");
        events
    }

    /// A subscription brings these records next, and is then at the end. Gives where to go on.
    #[track_caller]
    pub(crate) fn assert_brings(&mut self, from: &str, expected: &[Record]) -> String {
        let events = self.events(from, expected.len());
        let last = events.last().expect("a record at least").clone();
        let records: Vec<_> = events.into_iter().flat_map(|event| event.records).collect();
        assert_eq!(records, expected, "{from}");
        assert_eq!((last.millis_behind, last.children), (0, Vec::new()), "{from}");
        last.continuation.expect("where to go on")
    }

    /// The call was refused with an error of this code, and with this text in its message.
    #[track_caller]
    pub(crate) fn assert_refused<T: std::fmt::Debug>(
        &self,
        result: Result<T, Failure>,
        code: &str,
        text: &str,
    ) {
        let failure = result.expect_err(code);
        self.assert_shows(&failure, code, text, false);
        assert_eq!(failure.status, Some(400), "{failure:?}");
    }

    /// A subscription of which no event is left ends with this error.
    #[track_caller]
    pub(crate) fn assert_ends_with(&mut self, from: &str, code: &str, text: &str) {
        let end = self.end(from);
        let failure = end.unwrap_or_else(|| panic!("{from} ends without {code}"));
        self.assert_shows(&failure, code, text, true);
    }

    /// The SDK spoke what it is said to speak and nothing else. Gives the version of HTTP.
    pub(crate) fn assert_spoke(&self) -> String {
        let mut protocols = self.session.protocols();
        protocols.remove(SPOKEN);
        let spoken = self.sdk.spoken(self.session.transport);
        assert!(protocols.keys().map(String::as_str).eq(spoken.iter().copied()), "{protocols:?}");
        // Subscribing is always in JSON.
        let (subscribing, _) = protocols.last_key_value().expect("the server counts requests");
        subscribing.trim_end_matches(" json").to_owned()
    }

    #[track_caller]
    fn assert_shows(&self, failure: &Failure, code: &str, text: &str, is_in_stream: bool) {
        assert_eq!(failure.code.as_deref(), Some(code), "{failure:?}");
        assert_eq!(failure.class, self.sdk.class(code, is_in_stream), "{failure:?}");
        assert!(failure.message.contains(text), "{failure:?} does not say {text}");
    }
}

pub(crate) fn arn(stream: &str) -> String {
    format!("arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/{stream}")
}
