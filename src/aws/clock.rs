//! What time it is at AWS. A computer's own clock may be minutes off and AWS still takes its calls.

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

/// Reads the time off the answer to a call that it is given to with `interceptor`: HTTP's `Date`, in whole seconds.
///
/// <https://www.rfc-editor.org/rfc/rfc9110#field.date>
#[derive(Clone, Debug, Default)]
pub struct Clock(Arc<Mutex<Option<Timestamp>>>);

impl Clock {
    /// When the last of the answers was given; this computer's time, if no answer said.
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
    fn the_date_of_an_answer_is_understood_and_none_is_made_up() {
        let mut headers = Headers::new();
        assert_eq!(date(&headers), None);
        headers.insert("date", "Sun, 22 Nov 2026 08:49:37 GMT");
        assert_eq!(date(&headers).map(|at| at.to_string()).as_deref(), Some("2026-11-22T08:49:37Z"));
        headers.insert("date", "soon");
        assert_eq!(date(&headers), None);
    }
}
