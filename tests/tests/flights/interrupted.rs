//! A `put` during which the server is killed and started again.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{ChildStdin, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use millstream_runtime::threads;
use serde_json::Value;

use crate::checks::{Flight, Place};
use crate::{Airport, KEY_FIELD, STREAM};

/// For a piece to be acknowledged, with a restart of the server in between.
const PATIENCE: Duration = Duration::from_secs(60);

/// Puts all flights, a piece at a time through a pipe, so that the middle of the run can be met: there the server
/// is killed while a piece is on its way. Gives back the flight of each acknowledgement.
pub(crate) fn put(
    airport: &mut Airport,
    header: &str,
    flights: &[Flight],
    piece: usize,
) -> HashMap<Place, usize> {
    let mut command = airport.millstream(&[
        "put",
        STREAM,
        "--key-field",
        KEY_FIELD,
        "--format",
        "csv",
        "-o",
        "ndjson",
        "--retry-for",
        "60s",
        "-",
    ]);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let warnings = read_lines(child.stderr.take().unwrap());
    let mut told = Told { lines: read_lines(child.stdout.take().unwrap()), acknowledged: HashMap::new() };
    writeln!(input, "{header}").unwrap();

    let (mut fed, mut told_at_kill, mut is_down) = (0, None, false);
    for rows in flights.chunks(piece) {
        feed(&mut input, rows);
        if is_down {
            // What was just fed cannot be stored, so a warning must come.
            let warning = warnings.recv_timeout(PATIENCE).expect("a warning that the server is gone");
            assert!(warning.contains("retrying"), "{warning}");
            airport.server.restart();
            is_down = false;
        } else if told_at_kill.is_none() && fed >= flights.len() / 2 {
            // Some of this piece is acknowledged, some stored perhaps, and some on its way.
            told.wait_for(fed + 1);
            airport.server.kill();
            told_at_kill = Some(told.acknowledged.len());
            is_down = true;
        } else {
            told.wait_for(fed);
        }
        fed += rows.len();
    }
    drop(input);
    told.wait_for(fed);
    let status = child.wait().unwrap();
    assert!(status.success(), "{status}: {:?}", warnings.iter().collect::<Vec<_>>());
    let rest = told.lines.recv_timeout(PATIENCE);
    assert_eq!(rest, Err(RecvTimeoutError::Disconnected), "an acknowledgement too many");
    let told_at_kill = told_at_kill.expect("the server was killed");
    assert!((fed / 3..fed * 2 / 3).contains(&told_at_kill), "{told_at_kill} of {fed} is not the middle");
    told.acknowledged
}

/// The acknowledgements that were printed.
struct Told {
    lines: Receiver<String>,
    acknowledged: HashMap<Place, usize>,
}

impl Told {
    fn wait_for(&mut self, count: usize) {
        while self.acknowledged.len() < count {
            let line = self.lines.recv_timeout(PATIENCE);
            note(&line.expect("an acknowledgement"), &mut self.acknowledged);
        }
    }
}

fn feed(input: &mut ChildStdin, rows: &[Flight]) {
    for flight in rows {
        writeln!(input, "{}", flight.row).unwrap();
    }
    input.flush().unwrap();
}

fn note(line: &str, acknowledged: &mut HashMap<Place, usize>) {
    let line: Value = serde_json::from_str(line).unwrap();
    let member = |name: &str| line[name].as_str().unwrap().to_owned();
    let record = usize::try_from(line["record"].as_u64().unwrap()).unwrap();
    let before = acknowledged.insert((member("shardId"), member("sequenceNumber")), record - 1);
    assert_eq!(before, None, "one place acknowledged twice: {line}");
}

/// Lines as they come. The thread ends with the program that prints them.
fn read_lines(output: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    threads::spawn("lines", move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    })
    .unwrap();
    receiver
}
