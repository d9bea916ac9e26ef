//! The admin port: JSON in, JSON out, one connection a request.

use std::net::SocketAddr;

use serde_json::Value;

use crate::raw::{Request, Response};

#[derive(Clone, Copy, Debug)]
pub struct Admin(pub SocketAddr);

impl Admin {
    /// # Panics
    /// As every call below: when the answer is not 200 or 201, or is no JSON.
    #[must_use]
    pub fn get(self, path: &str) -> Value {
        expect_json(path, &self.send("GET", path, ""))
    }

    /// # Panics
    /// See [`Self::get`].
    pub fn post(self, path: &str, body: &Value) -> Value {
        expect_json(path, &self.send("POST", path, &body.to_string()))
    }

    /// # Panics
    /// See [`Self::get`].
    pub fn delete(self, path: &str) -> Value {
        expect_json(path, &self.send("DELETE", path, ""))
    }

    /// Whatever the answer is.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn send(self, method: &str, path: &str, body: &str) -> Response {
        let request = Request::bare(method, body).target(path);
        request.send(self.0).unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    /// The status of the answer and what it says went wrong.
    ///
    /// # Panics
    /// When there is no answer.
    #[must_use]
    pub fn refusal(self, method: &str, path: &str, body: &str) -> (u16, String) {
        let response = self.send(method, path, body);
        let answer: Value = serde_json::from_slice(&response.body).unwrap_or_default();
        (response.status, answer["error"].as_str().unwrap_or_default().to_owned())
    }
}

fn expect_json(path: &str, response: &Response) -> Value {
    assert!(matches!(response.status, 200 | 201), "{path}: {} {}", response.status, response.text());
    serde_json::from_slice(&response.body).unwrap_or_else(|error| panic!("{path}: {error}"))
}
