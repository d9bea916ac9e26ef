//! Tokens made into the types of the model, by AWS's rules of conversion.
//!
//! The body is read once and to its end, whatever is wrong with it: a syntax error anywhere outweighs a
//! value of the wrong type, and that outweighs broken constraints. So a wrong type is remembered (the first
//! one), its value counts as absent, and reading goes on.

use std::borrow::Cow;

use bytes::Bytes;
use bytestring::ByteString;
use millstream_model::Timestamp;

use super::blob::{BlobArena, base64_complaint};
use super::number::Number;
use super::shape::Shape;
use super::text::Text;
use super::token::{Extent, Malformed, Read, Reader, Token};
use crate::aws::validation::{Checked, clipped};

/// A structure of the model.
pub(crate) trait Structure: Sized {
    /// The name that AWS shows for a value of this type.
    const CLASS: &'static str;

    /// Reads the members and checks them against the model.
    fn decode<'b, R: Reader<'b>>(fields: &mut Fields<'_, 'b, R>) -> Read<Checked<Self>>;
}

/// What the model expects of a value, in the words of AWS's type errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    Scalar(&'static str),
    List,
    Map,
    Structure,
}

#[derive(Debug)]
pub(crate) struct Decoder<'b, R> {
    reader: R,
    body: &'b Bytes,
    blobs: BlobArena,
    wrong_type: Option<Cow<'static, str>>,
}

impl<'b, R: Reader<'b>> Decoder<'b, R> {
    /// `reader` reads `body`.
    pub(crate) fn new(reader: R, body: &'b Bytes) -> Self {
        Self { reader, body, blobs: BlobArena::for_body(body.len()), wrong_type: None }
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
            other => self.wrong(other, Expected::Scalar("an String")),
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
            other => self.wrong(other, Expected::Scalar("a Blob")),
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
                    _ => {
                        let complaint = format!("'{}' can not be converted to an Boolean", clipped(&text));
                        Ok(self.remember(complaint))
                    }
                }
            }
            other => self.wrong(other, Expected::Scalar("an Boolean")),
        }
    }

    pub(super) fn integer(&mut self) -> Read<Option<i32>> {
        let number = self.number("an Integer")?;
        let value = number.map(|number| number.to_integer(i32::MIN.into(), i32::MAX.into()));
        Ok(value.and_then(|value| i32::try_from(value).ok()))
    }

    #[allow(dead_code)] // see the shape
    pub(super) fn long(&mut self) -> Read<Option<i64>> {
        Ok(self.number("an Long")?.map(|number| number.to_integer(i64::MIN, i64::MAX)))
    }

    #[allow(dead_code)] // see the shape
    pub(super) fn double(&mut self) -> Read<Option<f64>> {
        Ok(self.number("an Double")?.map(Number::to_float))
    }

    pub(super) fn timestamp(&mut self) -> Read<Option<Timestamp>> {
        let number = self.number("milliseconds since epoch")?;
        Ok(number.map(|number| Timestamp::from_millis(number.to_millis())))
    }

    fn number(&mut self, target: &'static str) -> Read<Option<Number<'b>>> {
        match self.reader.token()? {
            Token::Number(number) => Ok(Some(number)),
            other => self.wrong(other, Expected::Scalar(target)),
        }
    }

    #[inline]
    pub(super) fn structure<S: Structure>(&mut self) -> Read<Option<Checked<S>>> {
        match self.reader.token()? {
            Token::Map(map) => S::decode(&mut Fields { decoder: self, map }).map(Some),
            other => self.wrong(other, Expected::Structure),
        }
    }

    /// Opens a list, to be read with [`Self::item`] until there is no more.
    pub(super) fn list(&mut self) -> Read<Option<Extent>> {
        match self.reader.token()? {
            Token::List(list) => Ok(Some(list)),
            other => self.wrong(other, Expected::List),
        }
    }

    #[inline]
    pub(super) fn item(&mut self, list: &mut Extent) -> Read<bool> {
        self.reader.item(list)
    }

    /// Opens a map, to be read with [`Self::key`] until there is no more.
    pub(super) fn map(&mut self) -> Read<Option<Extent>> {
        match self.reader.token()? {
            Token::Map(map) => Ok(Some(map)),
            other => self.wrong(other, Expected::Map),
        }
    }

    pub(super) fn key(&mut self, map: &mut Extent) -> Read<Option<ByteString>> {
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
            self.wrong_type = Some(mismatch(expected, &token));
        }
        self.reader.skip(token)?;
        Ok(None)
    }

    #[cold]
    fn not_base64<T>(&mut self, text: &str) -> Read<Option<T>> {
        let complaint = base64_complaint(text);
        Ok(self.remember(format!("'{}' can not be converted to a Blob: {complaint}", clipped(text))))
    }

    fn remember<T>(&mut self, complaint: String) -> Option<T> {
        self.wrong_type.get_or_insert(complaint.into());
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
        shape.decode(self.decoder)
    }

    /// Passes over a member that the model does not know.
    pub(crate) fn skip(&mut self, key: Text<'b>) -> Read<()> {
        key.read()?;
        self.decoder.skip()
    }
}

fn mismatch(expected: Expected, found: &Token<'_>) -> Cow<'static, str> {
    const LIST_FOUND: &str = "Start of list found where not expected";
    const MAP_FOUND: &str = "Start of structure or map found where not expected.";
    let class = match found {
        Token::List(_) => return LIST_FOUND.into(),
        Token::Map(_) => return MAP_FOUND.into(),
        Token::Boolean(_) => "java.lang.Boolean",
        Token::Number(_) => "com.amazon.coral.value.json.numbers.TruncatingBigNumber",
        Token::Bytes(_) => "java.nio.HeapByteBuffer",
        Token::Text(_) | Token::Null => "java.lang.String",
    };
    match expected {
        Expected::List => "Expected list or null".into(),
        Expected::Map => "Expected map or null".into(),
        Expected::Structure => "Expected null".into(),
        Expected::Scalar(target) => format!("class {class} can not be converted to {target}").into(),
    }
}
