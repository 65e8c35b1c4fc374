//! The time by AWS's clock. AWS accepts calls from a computer whose clock is minutes off.

use std::sync::{Arc, Mutex};

use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        interceptors::{Intercept, context::BeforeDeserializationInterceptorContextRef},
        runtime_components::RuntimeComponents,
    },
    http::Headers,
};
use aws_smithy_types::config_bag::ConfigBag;
use jiff::Timestamp;

/// Reads the time from the `Date` header of the response to a call that it is added to with `interceptor`, in whole
/// seconds.
///
/// <https://www.rfc-editor.org/rfc/rfc9110#field.date>
#[derive(Clone, Debug, Default)]
pub struct Clock(Arc<Mutex<Option<Timestamp>>>);

impl Clock {
    /// Returns the time of the last response, or the time of this computer if no response had one.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.0.lock().expect("nobody panics while holding this").unwrap_or_else(Timestamp::now)
    }
}

impl Intercept for Clock {
    fn name(&self) -> &'static str {
        "Clock"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        *self.0.lock().expect("nobody panics while holding this") = date(context.response().headers());
        Ok(())
    }
}

fn date(headers: &Headers) -> Option<Timestamp> {
    let date = jiff::fmt::rfc2822::parse(headers.get("date")?).ok()?;
    Some(date.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_date_of_a_response_is_read_if_it_is_valid() {
        let mut headers = Headers::new();
        assert_eq!(date(&headers), None);
        headers.insert("date", "Sun, 22 Nov 2026 08:49:37 GMT");
        assert_eq!(date(&headers).map(|at| at.to_string()).as_deref(), Some("2026-11-22T08:49:37Z"));
        headers.insert("date", "soon");
        assert_eq!(date(&headers), None);
    }
}
