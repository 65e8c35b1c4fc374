//! Paginates lists as ECS does.

use serde_json::{Value, json};

use super::input::text;
use crate::api::ApiError;

/// The largest page size. <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListTasks.html>
const LARGEST: usize = 100;

/// Returns the page of `all` that `input` asks for, under `key`. `usual` is the default page size.
pub(super) fn page<T: Into<Value>>(
    input: &Value,
    key: &str,
    all: impl Iterator<Item = T>,
    usual: usize,
) -> Result<Value, ApiError> {
    let size = input["maxResults"].as_u64().map_or(usual, |size| usize::try_from(size).unwrap_or(usize::MAX));
    if !(1..=LARGEST).contains(&size) {
        return Err(ApiError::client("InvalidParameterException", "maxResults must be between 1 and 100"));
    }
    let token = text(input, "nextToken");
    let begin: usize = match token {
        "" => 0,
        _ => token.parse().map_err(|_| ApiError::client("InvalidParameterException", "Invalid nextToken."))?,
    };
    let mut rest = all.skip(begin);
    let page: Vec<Value> = rest.by_ref().take(size).map(Into::into).collect();
    let mut answer = json!({ key: page });
    if rest.next().is_some() {
        answer["nextToken"] = json!((begin + size).to_string());
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_have_the_requested_size_and_the_last_has_no_token() {
        let of = |input: Value| page(&input, "all", 0..25, 10);
        assert_eq!(of(json!({})).expect("a page")["all"], json!([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]));
        assert_eq!(of(json!({})).expect("a page")["nextToken"], "10");
        let last = of(json!({ "maxResults": 15, "nextToken": "10" })).expect("a page");
        assert_eq!(last["all"].as_array().map(Vec::len), Some(15));
        assert!(last["nextToken"].is_null());
        for wrong in [json!({ "maxResults": 0 }), json!({ "maxResults": 101 }), json!({ "nextToken": "x" })] {
            assert!(of(wrong).is_err());
        }
    }
}
