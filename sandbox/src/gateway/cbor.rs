//! Translates between Smithy's RPC v2 protocol in CBOR, which SDKs use for CloudWatch, and the JSON that moto
//! understands.
//! <https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html>

use hyper::{HeaderMap, body::Bytes, header::HeaderValue};
use minicbor::{
    Decoder, Encoder,
    data::{IanaTag, Type},
};
use serde_json::{Map, Number, Value};

use crate::api::{Answer, ApiError, Call};

/// The nesting limit of a value. AWS's values have only a few levels.
const DEPTH: usize = 32;

/// Returns whether a request with these headers uses this protocol.
pub(super) fn is_spoken(headers: &HeaderMap) -> bool {
    headers.get("smithy-protocol").is_some_and(|protocol| protocol == "rpc-v2-cbor")
}

/// Converts a call to AWS's JSON protocol. Its path is `/service/<service>/operation/<operation>`.
pub(super) fn to_json(mut call: Call) -> Result<Call, ApiError> {
    let unknown = || ApiError::client("UnknownOperationException", "the path names no operation");
    let path = call.path_and_query.strip_prefix("/service/").ok_or_else(unknown)?;
    let (service, operation) = path.split_once("/operation/").ok_or_else(unknown)?;
    let target = HeaderValue::from_str(&format!("{service}.{operation}")).map_err(|_| unknown())?;
    operation.clone_into(&mut call.operation);
    for header in ["smithy-protocol", "accept", "x-amzn-query-mode"] {
        call.headers.remove(header);
    }
    call.headers.insert("x-amz-target", target);
    call.headers.insert("content-type", HeaderValue::from_static("application/x-amz-json-1.0"));
    "/".clone_into(&mut call.path_and_query);
    let input = if call.body.is_empty() {
        Value::Object(Map::new())
    } else {
        let malformed = |error| ApiError::client("SerializationException", format!("the body is no CBOR: {error}"));
        decode(&mut Decoder::new(&call.body), 0).map_err(malformed)?
    };
    call.body = Bytes::from(input.to_string());
    Ok(call)
}

/// Converts the response to a CBOR call back to CBOR.
pub(super) fn from_json(answer: Answer) -> Answer {
    let value: Value = serde_json::from_slice(&answer.body).unwrap_or_else(|_| Value::Object(Map::new()));
    let mut encoder = Encoder::new(Vec::new());
    encode(&mut encoder, "", &value);
    Answer { content_type: "application/cbor".to_owned(), body: encoder.into_writer().into(), ..answer }
}

fn decode(decoder: &mut Decoder, depth: usize) -> Result<Value, minicbor::decode::Error> {
    if depth > DEPTH {
        return Err(minicbor::decode::Error::message("it is nested too deep"));
    }
    Ok(match decoder.datatype()? {
        Type::Bool => decoder.bool()?.into(),
        Type::Null | Type::Undefined => {
            decoder.skip()?;
            Value::Null
        }
        Type::F16 | Type::F32 | Type::F64 => Number::from_f64(decoder.f64()?).map_or(Value::Null, Value::Number),
        Type::String | Type::StringIndef => decoder.str_iter()?.collect::<Result<String, _>>()?.into(),
        // A timestamp, in seconds since 1970 as in JSON.
        Type::Tag => {
            decoder.tag()?;
            decode(decoder, depth + 1)?
        }
        Type::Array | Type::ArrayIndef => {
            let length = decoder.array()?;
            let mut items = Vec::new();
            while more(decoder, length, items.len())? {
                items.push(decode(decoder, depth + 1)?);
            }
            items.into()
        }
        Type::Map | Type::MapIndef => {
            let length = decoder.map()?;
            let (mut fields, mut read) = (Map::new(), 0);
            while more(decoder, length, read)? {
                let key = decoder.str_iter()?.collect::<Result<String, _>>()?;
                fields.insert(key, decode(decoder, depth + 1)?);
                read += 1;
            }
            fields.into()
        }
        _ => decoder.i64()?.into(),
    })
}

/// Returns whether an array or a map of `length` has more items after `read`. Without a length, it ends with a break.
fn more(decoder: &mut Decoder, length: Option<u64>, read: usize) -> Result<bool, minicbor::decode::Error> {
    match length {
        Some(length) => Ok((read as u64) < length),
        None if decoder.datatype()? == Type::Break => {
            decoder.skip()?;
            Ok(false)
        }
        None => Ok(true),
    }
}

/// Encodes `value`. JSON does not distinguish times from numbers, so `key` decides.
fn encode(encoder: &mut Encoder<Vec<u8>>, key: &str, value: &Value) {
    let written = match value {
        Value::Null => encoder.null().map(drop),
        Value::Bool(truth) => encoder.bool(*truth).map(drop),
        Value::String(text) => encoder.str(text).map(drop),
        Value::Number(number) => match (number.as_f64(), number.as_i64()) {
            (Some(time), _) if key.ends_with("Timestamp") || key == "Timestamps" => {
                encoder.tag(IanaTag::Timestamp).and_then(|encoder| encoder.f64(time)).map(drop)
            }
            (_, Some(whole)) => encoder.i64(whole).map(drop),
            (other, None) => encoder.f64(other.unwrap_or_default()).map(drop),
        },
        Value::Array(items) => {
            let begun = encoder.array(items.len() as u64).map(drop);
            items.iter().for_each(|item| encode(encoder, key, item));
            begun
        }
        Value::Object(fields) => {
            // Null fields are omitted, because null is a value in CBOR.
            let there = fields.iter().filter(|(_, field)| !field.is_null());
            let begun = encoder.map(there.clone().count() as u64).map(drop);
            for (key, field) in there {
                drop(encoder.str(key));
                encode(encoder, key, field);
            }
            begun
        }
    };
    written.expect("a vector takes all that is written");
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn round(value: &Value) -> Value {
        let mut encoder = Encoder::new(Vec::new());
        encode(&mut encoder, "", value);
        decode(&mut Decoder::new(&encoder.into_writer()), 0).expect("it reads what it wrote")
    }

    #[test]
    fn cbor_values_round_trip_without_nulls() {
        let value = json!({ "a": [1, -2, 2.5, true, "ü"], "b": { "c": [] }, "StateUpdatedTimestamp": 1.5 });
        assert_eq!(round(&value), value);
        assert_eq!(round(&json!({ "a": null, "b": 1 })), json!({ "b": 1 }));
    }

    #[test]
    fn cbor_of_indefinite_length_ends_with_a_break() {
        let mut encoder = Encoder::new(Vec::new());
        let wrote = encoder.begin_map().and_then(|encoder| encoder.str("names")?.begin_array()?.str("x")?.end()?.end());
        wrote.expect("a vector takes it");
        let read = decode(&mut Decoder::new(&encoder.into_writer()), 0).expect("it is CBOR");
        assert_eq!(read, json!({ "names": ["x"] }));
    }

    #[test]
    fn truncated_or_deeply_nested_cbor_is_refused() {
        assert!(decode(&mut Decoder::new(&[0xa1, 0x61]), 0).is_err());
        assert!(decode(&mut Decoder::new(&[0x81; 10_000]), 0).is_err());
    }
}
