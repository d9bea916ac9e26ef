//! Puts what tests have noted into the table of docs/compatibility.md: `compatibility RESULTS PAGE`.
//!
//! `make compatibility` runs the tests first, and then this.

use std::{env, fs, io};

use millstream_tests::results;

fn main() -> io::Result<()> {
    let mut arguments = env::args().skip(1);
    let (Some(noted), Some(page)) = (arguments.next(), arguments.next()) else {
        return Err(io::Error::other("compatibility RESULTS PAGE"));
    };
    let table = results::noted(&fs::read_to_string(noted)?);
    let text = table.put_on(&fs::read_to_string(&page)?);
    fs::write(page, text)
}
