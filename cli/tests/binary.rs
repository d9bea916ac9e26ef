//! The binary as a shell sees it: exit codes, where messages go, and whom it talks to as whom.

#![allow(clippy::unwrap_used)] // the lints spare test functions, not what serves them

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::{Command, Output, Stdio};

use millstream_runtime::threads;

/// The binary on a machine where nothing is configured.
fn millstream(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_millstream"));
    command.args(arguments).env_clear().stdin(Stdio::null());
    command
}

fn run(command: &mut Command) -> Output {
    command.output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Nobody listens there: the ports are below those that a machine gives out.
fn dead_endpoint(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

/// What the first request of `command` to an endpoint says of its sender, and how the command ends when the
/// answer is that there is no such stream.
fn authorization(arguments: &[&str], environment: &[(&str, &str)]) -> (String, Output) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = threads::spawn("server", move || {
        let (mut connection, _) = listener.accept().unwrap();
        let mut reader = BufReader::new(connection.try_clone().unwrap());
        let (mut authorization, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            let Some((name, value)) = line.trim_end().split_once(": ") else {
                if line == "\r\n" { break } else { continue }
            };
            match name.to_ascii_lowercase().as_str() {
                "authorization" => value.clone_into(&mut authorization),
                "content-length" => length = value.parse().unwrap(),
                _ => {}
            }
        }
        reader.read_exact(&mut vec![0; length]).unwrap();
        let body =
            r#"{"__type":"ResourceNotFoundException","message":"Stream s under account 0 not found."}"#;
        write!(
            connection,
            "HTTP/1.1 400 Bad Request\r\ncontent-type: application/x-amz-json-1.1\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        authorization
    });
    let output = run(millstream(arguments).args(["--endpoint-url", &url]).envs(environment.iter().copied()));
    (server.unwrap().join().unwrap(), output)
}

#[test]
fn a_wrong_command_line_is_code_2() {
    for arguments in [&["bogus"][..], &["put"], &["stream", "create", "a b"], &["tail", "s", "--from", "x"]] {
        let output = run(&mut millstream(arguments));
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty());
    }
    let output = run(&mut millstream(&["put", "s", "--key-field", "k", "-"]));
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("--key-field needs JSON or CSV"), "{}", said(&output));
}

#[test]
fn the_explicit_endpoint_goes_first_then_that_of_kinesis() {
    let (explicit, kinesis, general) = (dead_endpoint(1), dead_endpoint(2), dead_endpoint(3));
    let put = ["put", "s", "--retry-for", "0s"];
    let mut command = millstream(&put);
    command.env("AWS_ENDPOINT_URL", &general);
    let ends_at = |command: &mut Command, endpoint: &str| {
        let output = run(command);
        assert_eq!(output.status.code(), Some(3));
        assert!(said(&output).contains(&format!("the endpoint is {endpoint};")), "{}", said(&output));
    };
    ends_at(&mut command, &general);
    ends_at(command.env("AWS_ENDPOINT_URL_KINESIS", &kinesis), &kinesis);
    ends_at(command.args(["--endpoint-url", &explicit]), &explicit);
}

#[test]
fn a_machine_where_nothing_is_configured_is_test_in_us_east_1() {
    let (authorization, output) = authorization(&["stream", "describe", "s"], &[]);
    assert!(authorization.contains("Credential=test/"), "{authorization}");
    assert!(authorization.contains("/us-east-1/kinesis/"), "{authorization}");
    assert_eq!(output.status.code(), Some(4));
    assert_eq!(said(&output), "error: not found: Stream s under account 0 not found.\n");
}

#[test]
fn what_is_configured_is_used() {
    let environment =
        [("AWS_ACCESS_KEY_ID", "123456789012"), ("AWS_SECRET_ACCESS_KEY", "x"), ("AWS_REGION", "eu-west-1")];
    let (from_environment, _) = authorization(&["stream", "describe", "s"], &environment);
    assert!(from_environment.contains("Credential=123456789012/"), "{from_environment}");
    assert!(from_environment.contains("/eu-west-1/kinesis/"), "{from_environment}");
    let (explicit, _) = authorization(&["stream", "describe", "s", "--region", "ap-south-1"], &environment);
    assert!(explicit.contains("/ap-south-1/kinesis/"), "{explicit}");
}

#[test]
fn without_endpoint_and_region_nothing_is_guessed() {
    let output = run(millstream(&["stream", "ls"]).env("AWS_EC2_METADATA_DISABLED", "true"));
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("no region is configured"), "{}", said(&output));
}

#[test]
fn a_reader_that_is_gone_is_code_141_and_no_message() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = run(millstream(&["completions", "zsh"]).stdout(writer));
    assert_eq!((output.status.code(), said(&output).as_str()), (Some(141), ""));
}
