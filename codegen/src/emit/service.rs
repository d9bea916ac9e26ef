//! The way from an input to the handler of its operation, and from there to the bytes of its output.

use super::ALLOW_OPEN_ARMS;
use crate::catalog::{Catalog, OperationEntry};
use crate::error::Error;
use crate::names::snake_case;

pub(super) fn emit(catalog: &Catalog<'_>) -> Result<String, Error> {
    let operations = catalog.operations()?;
    let each = |line: &dyn Fn(&OperationEntry<'_>) -> String| operations.iter().map(line).collect::<String>();
    Ok(format!(
        "//! From an input to the handler of its operation, and back to bytes.

        {ALLOW_OPEN_ARMS}

        use std::future::{{Future, ready}};

        use bytes::Bytes;

        #[allow(clippy::wildcard_imports)] // which ones is the model's business
        use super::*;
        use crate::aws::codec::{{ApiError, Format, {protocol_error}Refusal, decode, encode}};
        use crate::aws::event_stream::EventStream;

        /// The input of any operation.
        #[allow(clippy::large_enum_variant)] // moved twice on its way to the handler; a box would cost more
        #[derive(Clone, Debug, PartialEq)]
        pub enum Input {{ {variants} }}

        impl Input {{
            /// Makes the body of a request into a valid input.
            pub fn decode(operation: Operation, format: Format, body: &Bytes) -> Result<Self, Refusal> {{
                Ok(match operation {{ {decodes} }})
            }}

            #[must_use]
            pub fn operation(&self) -> Operation {{
                match self {{ {names} }}
            }}
        }}

        /// What the operations do. One that is not built says so.
        pub trait {handler_trait}: Sync {{
            /// Who calls, from where and when: whatever a handler must know beside its input.
            type Context: Sync;

            {methods}
        }}

        /// Does what `input` asks for and appends the answer to `out`. Where the answer is a stream of events,
        /// nothing is appended and the stream is given back.
        #[allow(clippy::manual_async_fn)] // an async fn would hold its arguments twice
        pub fn dispatch<S: {handler_trait}>(
            service: &S,
            context: &S::Context,
            input: Input,
            format: Format,
            out: &mut Vec<u8>,
        ) -> impl Future<Output = Result<Option<EventStream>, ApiError>> + Send {{
            async move {{
                match input {{ {arms} }}
                Ok(None)
            }}
        }}

        fn not_built(operation: Operation) -> ApiError {{
            let text = format!(\"{{operation}} is not built yet.\");
            ApiError::new({unbuilt}, text)
        }}
        ",
        variants = each(&|o| format!("{}({}),", o.name, o.input)),
        decodes =
            each(&|o| format!("Operation::{0} => Self::{0}(decode(format, body, DIALECT)?),", o.name)),
        names = each(&|o| format!("Self::{0}(_) => Operation::{0},", o.name)),
        handler_trait = catalog.service.handler_trait,
        methods = each(&method),
        arms = each(&arm),
        unbuilt = catalog.service.unbuilt,
        protocol_error =
            if catalog.service.unbuilt.starts_with("ProtocolError") { "ProtocolError, " } else { "" },
    ))
}

fn method(operation: &OperationEntry<'_>) -> String {
    let OperationEntry { name, input, output, streams, .. } = *operation;
    let answer = if streams { "EventStream" } else { output.unwrap_or("()") };
    format!(
        "fn {method}(
            &self,
            context: &Self::Context,
            input: {input},
        ) -> impl Future<Output = Result<{answer}, ApiError>> + Send {{
            let _ = (context, input);
            ready(Err(not_built(Operation::{name})))
        }}

        ",
        method = snake_case(name),
    )
}

fn arm(operation: &OperationEntry<'_>) -> String {
    let OperationEntry { name, streams, .. } = *operation;
    let method = snake_case(name);
    if streams {
        // The events of a stream are in JSON, whatever the request was in.
        format!(
            "Input::{name}(input) => {{
                EventStream::check(format)?;
                return Ok(Some(service.{method}(context, input).await?));
            }}"
        )
    } else {
        format!("Input::{name}(input) => encode(format, &service.{method}(context, input).await?, out),")
    }
}
