//! Smithy's RPC v2 protocol in CBOR, which SDKs speak to CloudWatch, as the JSON that moto understands, and back.
//! <https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html>

use hyper::{HeaderMap, body::Bytes, header::HeaderValue};
use minicbor::{
    Decoder, Encoder,
    data::{IanaTag, Type},
};
use serde_json::{Map, Number, Value};

use crate::api::{Answer, ApiError, Call};

/// How deep a value may be nested; AWS's own are a handful deep.
const DEPTH: usize = 32;

/// Whether a request with these headers is in this protocol.
pub(super) fn is_spoken(headers: &HeaderMap) -> bool {
    headers.get("smithy-protocol").is_some_and(|protocol| protocol == "rpc-v2-cbor")
}

/// The same call in AWS's JSON protocol. Its path says service and operation: `/service/<service>/operation/<operation>`.
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

/// The answer to a call that came in CBOR.
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
        // A time, in seconds since 1970 as JSON has it too.
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

/// Whether an array or a map of `length` goes on after `read` items; one without a length ends with a break.
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

/// Writes `value`, which stands under `key`: JSON does not tell a time from a number, CloudWatch's names do.
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
            // What is not there is left out: null is a value in CBOR.
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
    fn a_value_is_read_as_it_was_written_and_nulls_are_left_out() {
        let value = json!({ "a": [1, -2, 2.5, true, "ü"], "b": { "c": [] }, "StateUpdatedTimestamp": 1.5 });
        assert_eq!(round(&value), value);
        assert_eq!(round(&json!({ "a": null, "b": 1 })), json!({ "b": 1 }));
    }

    #[test]
    fn maps_and_lists_without_a_length_end_with_their_break() {
        let mut encoder = Encoder::new(Vec::new());
        let wrote = encoder.begin_map().and_then(|encoder| encoder.str("names")?.begin_array()?.str("x")?.end()?.end());
        wrote.expect("a vector takes it");
        let read = decode(&mut Decoder::new(&encoder.into_writer()), 0).expect("it is CBOR");
        assert_eq!(read, json!({ "names": ["x"] }));
    }

    #[test]
    fn what_is_cut_short_or_nested_without_end_is_refused() {
        assert!(decode(&mut Decoder::new(&[0xa1, 0x61]), 0).is_err());
        assert!(decode(&mut Decoder::new(&[0x81; 10_000]), 0).is_err());
    }
}
