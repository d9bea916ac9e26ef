//! `cargo run -p millstream-codegen` writes the generated code anew; with `trim FILE` it prints AWS's
//! `service-2.json` as it is kept in `models/`.

use std::path::Path;
use std::process::ExitCode;

use millstream_codegen::{Error, service, trimmed, workspace_root, write};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let result = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => service::SERVICES.iter().try_for_each(|service| write(&workspace_root(), service)),
        ["trim", file] => trim(Path::new(file)),
        _ => {
            complain("usage: millstream-codegen [trim FILE]");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

#[allow(clippy::print_stdout)] // the output that was asked for
fn trim(file: &Path) -> Result<(), Error> {
    let model = trimmed(file)?;
    let json = model.to_json().map_err(|source| Error::Model { path: file.to_owned(), source })?;
    print!("{json}");
    Ok(())
}

#[allow(clippy::print_stderr)] // a command line tool speaks there
fn complain(text: &str) {
    eprintln!("{text}");
}
