//! Lines as they stand.

use std::io::{BufRead, BufReader, Read};
use std::ops::ControlFlow;

use bytes::Bytes;

use super::{InputError, Intake};

/// Room for the end of a line behind the largest record.
const LINE_END_BYTES: usize = 2;

/// Every line is a record, an empty one too; the line's end does not belong to it.
pub(super) fn read(file: impl Read, intake: &mut Intake<'_>) -> Result<ControlFlow<()>, InputError> {
    each_line(file, intake, |intake, number, line| intake.accept(number, None, Bytes::copy_from_slice(line)))
}

/// Gives each line without its end. A line that could not be a record is refused without being read whole.
pub(super) fn each_line(
    file: impl Read,
    intake: &mut Intake<'_>,
    mut take: impl FnMut(&mut Intake<'_>, u64, &[u8]) -> Result<ControlFlow<()>, InputError>,
) -> Result<ControlFlow<()>, InputError> {
    let mut file = BufReader::new(file);
    let mut line = Vec::new();
    let bytes_max = intake.rules.record_bytes_max + LINE_END_BYTES;
    for number in 1.. {
        line.clear();
        let read = file.by_ref().take(bytes_max as u64 + 1).read_until(b'\n', &mut line);
        if read.map_err(|error| intake.unreadable(error))? == 0 {
            break;
        }
        if line.last() == Some(&b'\n') {
            line.pop();
            if line.last() == Some(&b'\r') {
                line.pop();
            }
        } else if line.len() > bytes_max {
            return Err(intake.endless(number));
        }
        if take(intake, number, &line)?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
    }
    Ok(ControlFlow::Continue(()))
}
