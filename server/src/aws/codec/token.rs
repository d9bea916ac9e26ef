//! What JSON and CBOR have in common: a stream of tokens, and the rules for reading it.
//!
//! A [`Reader`] sees the body once, from front to back, borrows from it and allocates for nothing that the
//! body merely announces. Whether a token is what the model expects is not decided here.

use std::borrow::Cow;

use super::number::Number;
use super::text::Text;

/// The body is not well-formed, or nested too deeply. AWS says nothing about where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

pub(crate) type Read<T> = Result<T, Malformed>;

/// A whole scalar, or the opening of a list or map.
#[derive(Debug)]
pub(crate) enum Token<'b> {
    Null,
    Boolean(bool),
    Number(Number<'b>),
    Text(Text<'b>),
    /// CBOR's byte strings; JSON has none.
    Bytes(Cow<'b, [u8]>),
    List(Extent),
    Map(Extent),
}

/// What is left of a list or map that a reader has opened. The reader keeps no stack of its own, so
/// nesting costs it nothing.
#[derive(Debug)]
pub(crate) struct Extent {
    /// How many items or pairs are still to come; unknown in JSON and in CBOR's indefinite forms.
    pub(super) remaining: Option<u64>,
    /// Nothing of it was read yet, so JSON has no comma before the next one.
    pub(super) fresh: bool,
}

pub(crate) trait Reader<'b> {
    /// The next value. Whoever gets a [`Token::List`] or [`Token::Map`] reads it to its end.
    fn token(&mut self) -> Read<Token<'b>>;

    /// Whether the list goes on; then a value is next.
    fn item(&mut self, list: &mut Extent) -> Read<bool>;

    /// The next key of the map, `None` at its end; after a key its value is next.
    fn key(&mut self, map: &mut Extent) -> Read<Option<Text<'b>>>;

    /// Nothing but the body's end may follow.
    fn end(&mut self) -> Read<()>;

    /// Reads `token` to its end and forgets it. Recursion ends at the reader's nesting limit.
    fn skip(&mut self, token: Token<'b>) -> Read<()> {
        match token {
            Token::Null | Token::Boolean(_) | Token::Number(_) | Token::Bytes(_) => Ok(()),
            Token::Text(text) => text.read().map(drop),
            Token::List(mut list) => {
                while self.item(&mut list)? {
                    let item = self.token()?;
                    self.skip(item)?;
                }
                Ok(())
            }
            Token::Map(mut map) => {
                while let Some(key) = self.key(&mut map)? {
                    key.read()?;
                    let value = self.token()?;
                    self.skip(value)?;
                }
                Ok(())
            }
        }
    }
}
