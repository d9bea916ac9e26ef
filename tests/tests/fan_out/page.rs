//! The table about subscriptions in docs/compatibility.md: each row is what a run has shown, and fails where the page
//! says otherwise.

use std::fs;
use std::path::Path;

use millstream_tests::Transport;

use crate::sdk::Sdk;

/// One SDK over one transport.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) sdk: Sdk,
    pub(crate) transport: Transport,
    /// The version of HTTP that the server saw.
    pub(crate) http: String,
    /// That passed, and that there are.
    pub(crate) steps: (usize, usize),
}

impl Row {
    pub(crate) fn assert_is_on_the_page(&self) {
        let Self { sdk, transport, http, steps: (passed, all) } = self;
        let url = match transport {
            Transport::Http => "http://",
            Transport::Https => "https://",
        };
        let error = sdk.class("ResourceInUseException", true);
        let row = format!("| {} | `{url}` | HTTP/{http} | {passed} of {all} | `{error}` |", sdk.name());
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/compatibility.md");
        let page = fs::read_to_string(page).unwrap();
        assert!(page.lines().any(|line| line == row), "docs/compatibility.md does not say:\n{row}");
    }
}
