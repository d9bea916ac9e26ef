//! `completions`: what a shell needs to complete command lines.

use std::io::{self, Write};

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::Arguments;
use crate::exit::Failure;

/// Print completions for a shell.
#[derive(Args, Debug)]
pub(crate) struct CompletionsArguments {
    shell: Shell,
}

pub(crate) fn run(arguments: &CompletionsArguments) -> Result<(), Failure> {
    // The generator cannot report a closed pipe, so it writes to memory.
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Arguments::command(), "millstream", &mut script);
    io::stdout().write_all(&script).map_err(Failure::Output)
}
