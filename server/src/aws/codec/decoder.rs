//! Tokens made into the types of the model, by AWS's rules of conversion.
//!
//! The body is read once and to its end, whatever is wrong with it: a syntax error anywhere outweighs a
//! value of the wrong type, and that outweighs broken constraints. So a wrong type is remembered (the first
//! one), its value counts as absent, and reading goes on.

use std::borrow::Cow;

use bytes::Bytes;
use bytestring::ByteString;
use millstream_model::Timestamp;

use super::blob::BlobArena;
use super::number::Number;
use super::shape::Shape;
use super::text::Text;
use super::token::{Extent, Malformed, Read, Reader, Token};
use super::words::{Expected, Words};
use crate::aws::validation::Checked;

/// A structure of the model.
pub(crate) trait Structure: Sized {
    /// The name that AWS shows for a value of this type.
    const CLASS: &'static str;

    /// Reads the members and checks them against the model.
    fn decode<'b, R: Reader<'b>>(fields: &mut Fields<'_, 'b, R>) -> Read<Checked<Self>>;
}

#[derive(Debug)]
pub(crate) struct Decoder<'b, R> {
    reader: R,
    body: &'b Bytes,
    blobs: BlobArena,
    words: Words,
    /// Whether the next value stands in a list or map, not in a structure.
    in_collection: bool,
    wrong_type: Option<Cow<'static, str>>,
}

impl<'b, R: Reader<'b>> Decoder<'b, R> {
    /// `reader` reads `body`.
    pub(crate) fn new(reader: R, body: &'b Bytes, words: Words) -> Self {
        let blobs = BlobArena::for_body(body.len());
        Self { reader, body, blobs, words, in_collection: false, wrong_type: None }
    }

    /// The whole body as one structure; the text of the first type error beside it.
    pub(crate) fn root<S: Structure>(mut self) -> Read<(Checked<S>, Option<Cow<'static, str>>)> {
        let Token::Map(map) = self.reader.token()? else { return Err(Malformed) };
        let root = S::decode(&mut Fields { decoder: &mut self, map })?;
        self.reader.end()?;
        Ok((root, self.wrong_type))
    }

    #[inline]
    pub(super) fn text(&mut self) -> Read<Option<ByteString>> {
        match self.reader.token()? {
            Token::Text(text) => text.share(self.body).map(Some),
            other => self.wrong(other, Expected::Text),
        }
    }

    #[inline]
    pub(super) fn blob(&mut self) -> Read<Option<Bytes>> {
        match self.reader.token()? {
            Token::Text(Text::Quoted(base64)) => match self.blobs.decode(base64) {
                Ok(blob) => Ok(Some(blob)),
                Err(_) => self.not_base64(&Text::Quoted(base64).read()?),
            },
            Token::Text(text @ Text::Escaped(_)) => {
                let base64 = text.read()?;
                match self.blobs.decode(base64.as_bytes()) {
                    Ok(blob) => Ok(Some(blob)),
                    Err(_) => self.not_base64(&base64),
                }
            }
            Token::Bytes(Cow::Borrowed(raw)) => Ok(Some(self.body.slice_ref(raw))),
            Token::Bytes(Cow::Owned(joined)) => Ok(Some(joined.into())),
            other => self.wrong(other, Expected::Blob),
        }
    }

    pub(super) fn boolean(&mut self) -> Read<Option<bool>> {
        match self.reader.token()? {
            Token::Boolean(value) => Ok(Some(value)),
            Token::Text(text) => {
                let text = text.read()?.to_uppercase();
                match text.as_str() {
                    "TRUE" | "YES" | "1" => Ok(Some(true)),
                    "FALSE" | "NO" | "0" => Ok(Some(false)),
                    _ => Ok(self.remember(self.words.not_boolean(&text))),
                }
            }
            other => self.wrong(other, Expected::Boolean),
        }
    }

    pub(super) fn integer(&mut self) -> Read<Option<i32>> {
        let number = self.number(Expected::Integer)?;
        let value = number.map(|number| number.to_integer(i32::MIN.into(), i32::MAX.into()));
        Ok(value.and_then(|value| i32::try_from(value).ok()))
    }

    pub(super) fn long(&mut self) -> Read<Option<i64>> {
        Ok(self.number(Expected::Long)?.map(|number| number.to_integer(i64::MIN, i64::MAX)))
    }

    pub(super) fn double(&mut self) -> Read<Option<f64>> {
        Ok(self.number(Expected::Double)?.map(Number::to_float))
    }

    pub(super) fn timestamp(&mut self) -> Read<Option<Timestamp>> {
        let number = self.number(Expected::Time)?;
        Ok(number.map(|number| Timestamp::from_millis(number.to_millis())))
    }

    fn number(&mut self, expected: Expected) -> Read<Option<Number<'b>>> {
        match self.reader.token()? {
            Token::Number(number) => Ok(Some(number)),
            Token::Text(text) if self.words.takes_numbers_as_text() => {
                let text = text.read()?;
                match text.parse().ok().filter(|number: &f64| number.is_finite()) {
                    Some(number) => Ok(Some(Number::Float(number))),
                    None => self.wrong(Token::Text(Text::Joined(text.into_owned().into_bytes())), expected),
                }
            }
            other => self.wrong(other, expected),
        }
    }

    #[inline]
    pub(super) fn structure<S: Structure>(&mut self) -> Read<Option<Checked<S>>> {
        match self.reader.token()? {
            Token::Map(map) => S::decode(&mut Fields { decoder: self, map }).map(Some),
            other => self.wrong(other, Expected::Structure(S::CLASS)),
        }
    }

    /// Opens a list, to be read with [`Self::item`] until there is no more.
    pub(super) fn list(&mut self, class: fn() -> String) -> Read<Option<Extent>> {
        match self.reader.token()? {
            Token::List(list) => Ok(Some(list)),
            other => self.wrong(other, Expected::List(class)),
        }
    }

    #[inline]
    pub(super) fn item(&mut self, list: &mut Extent) -> Read<bool> {
        self.in_collection = true;
        self.reader.item(list)
    }

    /// Opens a map, to be read with [`Self::key`] until there is no more.
    pub(super) fn map(&mut self, class: fn() -> String) -> Read<Option<Extent>> {
        match self.reader.token()? {
            Token::Map(map) => Ok(Some(map)),
            other => self.wrong(other, Expected::Map(class)),
        }
    }

    pub(super) fn key(&mut self, map: &mut Extent) -> Read<Option<ByteString>> {
        self.in_collection = true;
        self.reader.key(map)?.map(|key| key.share(self.body)).transpose()
    }

    /// Passes over an item that is far beyond any limit. Where the model has none, that cannot be answered
    /// in its terms.
    pub(super) fn skip_surplus(&mut self, limit: Option<u32>) -> Read<()> {
        limit.ok_or(Malformed)?;
        self.skip()
    }

    fn skip(&mut self) -> Read<()> {
        let value = self.reader.token()?;
        self.reader.skip(value)
    }

    /// An explicit null is an absent value; anything else that arrives here is of the wrong type.
    #[cold]
    fn wrong<T>(&mut self, token: Token<'b>, expected: Expected) -> Read<Option<T>> {
        if matches!(token, Token::Null) {
            return Ok(None);
        }
        if self.wrong_type.is_none() {
            self.wrong_type = Some(self.words.mismatch(expected, &token, self.in_collection));
        }
        self.reader.skip(token)?;
        Ok(None)
    }

    #[cold]
    fn not_base64<T>(&mut self, text: &str) -> Read<Option<T>> {
        Ok(self.remember(self.words.not_base64(text)))
    }

    fn remember<T>(&mut self, complaint: Cow<'static, str>) -> Option<T> {
        self.wrong_type.get_or_insert(complaint);
        None
    }
}

/// The members of a structure as they come.
#[derive(Debug)]
pub(crate) struct Fields<'d, 'b, R> {
    decoder: &'d mut Decoder<'b, R>,
    map: Extent,
}

impl<'b, R: Reader<'b>> Fields<'_, 'b, R> {
    /// The next member's name; its value is read or skipped next.
    #[inline]
    pub(crate) fn key(&mut self) -> Read<Option<Text<'b>>> {
        self.decoder.reader.key(&mut self.map)?.map(Text::resolved).transpose()
    }

    /// The member's value, `None` for null.
    #[inline]
    pub(crate) fn value<S: Shape>(&mut self, shape: &S) -> Read<Option<Checked<S::Value>>> {
        self.decoder.in_collection = false;
        shape.decode(self.decoder)
    }

    /// Passes over a member that the model does not know.
    pub(crate) fn skip(&mut self, key: Text<'b>) -> Read<()> {
        key.read()?;
        self.decoder.skip()
    }
}
