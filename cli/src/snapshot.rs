//! `snapshot`: everything that a server holds, into a file and back.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use bytes::{Bytes, BytesMut};
use clap::Subcommand;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use millstream_runtime::{TaskSet, threads};
use serde_json::Value;
use tokio::sync::mpsc;

use crate::admin::{AdminArguments, AdminError, Upload};
use crate::exit::Failure;

/// Bytes that are read of a file at once …
const PIECE_BYTES: usize = 256 * 1024;
/// … and how many such pieces may wait to be sent.
const AHEAD_MAX: usize = 4;

#[derive(Debug, Subcommand)]
pub(crate) enum SnapshotCommand {
    /// Save all streams and records, as they are at one moment, while the server goes on.
    Save {
        /// Where to; - is the standard output. A file that is there is replaced once the snapshot is whole.
        file: PathBuf,
    },
    /// Put a snapshot in the place of everything that the server holds.
    Load {
        /// Where from; - is the standard input.
        file: PathBuf,
    },
}

/// A file that cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[error("{}: {error}", file.display())]
pub(crate) struct FileError {
    file: PathBuf,
    error: io::Error,
}

pub(crate) async fn run(admin: &AdminArguments, command: SnapshotCommand) -> Result<(), Failure> {
    match command {
        SnapshotCommand::Save { file } => save(admin, &file).await,
        SnapshotCommand::Load { file } => load(admin, &file).await,
    }
}

async fn save(admin: &AdminArguments, file: &Path) -> Result<(), Failure> {
    let read = async |body: Incoming| {
        if is_standard(file) {
            receive(body, io::stdout(), file).await?.1.flush().map_err(Failure::Output)?;
            return Ok(());
        }
        // Beside its place, so that what broke off replaces nothing.
        let part = part_of(file);
        let saved = save_as(body, &part, file).await;
        if saved.is_err() {
            // It may not have been made.
            let _ = fs::remove_file(&part);
        }
        say(&format!("Saved {} bytes to {}.", saved?, file.display()))
    };
    admin.post("/admin/snapshot", Upload::none(), read).await
}

async fn save_as(body: Incoming, part: &Path, file: &Path) -> Result<u64, Failure> {
    let out = File::create(part).map_err(|error| in_file(part, error))?;
    let (bytes, out) = receive(body, out, part).await?;
    out.sync_all().map_err(|error| in_file(part, error))?;
    fs::rename(part, file).map_err(|error| in_file(file, error))?;
    Ok(bytes)
}

/// Writes a body as it comes. Gives the number of its bytes.
async fn receive<W: Write + Send + 'static>(
    mut body: Incoming,
    mut out: W,
    file: &Path,
) -> Result<(u64, W), Failure> {
    let mut bytes = 0;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(AdminError::BrokenOff)?.into_data() else { continue };
        bytes += data.len() as u64;
        let written = TaskSet::blocking(move || out.write_all(&data).map(|()| out)).await;
        let written = written.ok_or(Failure::Interrupted)?;
        out = written
            .map_err(|error| if is_standard(file) { Failure::Output(error) } else { in_file(file, error) })?;
    }
    Ok((bytes, out))
}

async fn load(admin: &AdminArguments, file: &Path) -> Result<(), Failure> {
    let (pieces, receiver) = mpsc::channel(AHEAD_MAX);
    let name = file.to_owned();
    let from: Box<dyn Read + Send> = if is_standard(file) {
        Box::new(io::stdin())
    } else {
        Box::new(File::open(file).map_err(|error| in_file(file, error))?)
    };
    let reader =
        threads::spawn("snapshot", move || send(from, &pieces)).map_err(|error| in_file(file, error))?;
    let read = async |body: Incoming| {
        let answer = body.collect().await.map_err(AdminError::BrokenOff)?.to_bytes();
        let answer: Value = serde_json::from_slice(&answer).unwrap_or_default();
        let figure = |name: &str| answer[name].as_u64().unwrap_or_default();
        say(&format!(
            "Loaded {}, saved at {}: {} entries, {} bytes, in {} ms.",
            name.display(),
            answer["saved"].as_str().unwrap_or("?"),
            figure("entries"),
            figure("bytes"),
            figure("took_ms")
        ))
    };
    let outcome = admin.post("/admin/snapshot/load", Upload::of(receiver), read).await;
    // A reader of the standard input may wait for more for ever, and what it reads is not wanted any more.
    if reader.is_finished()
        && let Ok(Err(error)) = reader.join()
    {
        return Err(in_file(file, error));
    }
    outcome
}

/// Sends the file piece by piece. The server is told of an error by what does not come.
fn send(mut from: impl Read, pieces: &mpsc::Sender<io::Result<Bytes>>) -> io::Result<()> {
    loop {
        let mut piece = BytesMut::zeroed(PIECE_BYTES);
        let read = match from.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => {
                let told = io::Error::new(error.kind(), error.to_string());
                // If nobody takes it, the connection has ended already.
                let _ = pieces.blocking_send(Err(told));
                return Err(error);
            }
        };
        piece.truncate(read);
        if pieces.blocking_send(Ok(piece.freeze())).is_err() {
            return Ok(());
        }
    }
}

fn part_of(file: &Path) -> PathBuf {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    file.with_file_name(name)
}

fn is_standard(file: &Path) -> bool {
    file.as_os_str() == "-"
}

fn in_file(file: &Path, error: io::Error) -> Failure {
    Failure::File(FileError { file: file.to_owned(), error })
}

fn say(text: &str) -> Result<(), Failure> {
    writeln!(io::stdout(), "{text}").map_err(Failure::Output)
}
