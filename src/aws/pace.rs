//! Rate limiter for calls: each call waits until the token buckets of its operation, as known for an account, have a
//! token. This avoids throttling by AWS.
//!
//! The SDK allows custom code to wait in few places. One is the lookup of credentials: it happens once for each
//! attempt, is asynchronous, knows the operation, and comes before the signature, which AWS accepts for only five
//! minutes.

use std::{
    fmt,
    sync::{Arc, Mutex},
    time::Duration,
};

use aws_config::{SdkConfig, identity::IdentityCache};
use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        identity::{IdentityFuture, ResolveCachedIdentity, SharedIdentityCache, SharedIdentityResolver},
        interceptors::{Intercept, context::AfterDeserializationInterceptorContextRef},
        orchestrator::Metadata,
        runtime_components::RuntimeComponents,
    },
    http::Response,
};
use aws_smithy_types::config_bag::ConfigBag;
use aws_types::SigningName;
use stackctl_limits::Buckets;
use tokio::{sync::watch, time::Instant};

use super::error::THROTTLED;

/// Shorter waits are not reported, because a person would not notice them.
const WORTH_A_WORD: Duration = Duration::from_secs(1);

/// The token buckets of a session. Cheap to clone.
#[derive(Clone)]
pub struct Pace(Arc<State>);

struct State {
    buckets: Buckets,
    /// The services, as the SDK names them, whose endpoint is not AWS. AWS's limits do not apply there.
    elsewhere: Vec<&'static str>,
    hurries: watch::Sender<bool>,
    waited: Mutex<Waited>,
}

/// Statistics about calls that waited.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Waited {
    /// How many calls waited longer than a second.
    pub calls: usize,
    /// The longest wait.
    pub longest: Duration,
    /// The operation with the longest wait, such as `ecs:RegisterTaskDefinition`.
    pub operation: String,
}

/// The names that identify the buckets of a call.
struct Kind<'a> {
    service: &'a str,
    operation: &'a str,
}

impl fmt::Debug for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pace")
    }
}

impl Pace {
    /// Creates full buckets, which do not limit the services in `elsewhere`.
    pub(super) fn new(elsewhere: Vec<&'static str>) -> Self {
        let (buckets, waited) = (Buckets::of_a_client(), Mutex::default());
        Self(Arc::new(State { buckets, elsewhere, hurries: watch::channel(false).0, waited }))
    }

    /// Returns `config` with the rate limiter added.
    pub(super) fn over(&self, config: &SdkConfig) -> SdkConfig {
        let cache = config.identity_cache().unwrap_or_else(|| IdentityCache::lazy().build());
        config.to_builder().identity_cache(Paced { cache, pace: self.clone() }).build()
    }

    /// Makes all calls stop waiting, so that started work ends soon. AWS may throttle some of them.
    pub fn hurry(&self) {
        self.0.hurries.send_replace(true);
    }

    /// Returns how calls have waited, or `None` if no wait was long.
    pub fn waited(&self) -> Option<Waited> {
        Some(self.0.waited.lock().expect("nobody panics while holding this").clone()).filter(|waited| waited.calls > 0)
    }

    /// Waits until AWS should accept the call.
    async fn turn(&self, call: &Kind<'_>) {
        let began = Instant::now();
        let mut hurries = self.0.hurries.subscribe();
        tokio::select! {
            biased;
            // The sender lives as long as `self`, so the wait cannot fail.
            _ = hurries.wait_for(|hurries| *hurries) => {}
            () = self.0.buckets.take("", call.service, call.operation) => {}
        }
        let took = began.elapsed();
        if took >= WORTH_A_WORD {
            let mut waited = self.0.waited.lock().expect("nobody panics while holding this");
            waited.calls += 1;
            if took > waited.longest {
                waited.longest = took;
                waited.operation = format!("{}:{}", call.service, call.operation);
            }
        }
    }

    /// Returns the call that `config` belongs to, or `None` if it is not limited.
    fn kind<'a>(&self, config: &'a ConfigBag) -> Option<Kind<'a>> {
        let call = config.load::<Metadata>()?;
        let service = config.load::<SigningName>()?.as_ref();
        (!self.0.elsewhere.contains(&call.service())).then(|| Kind { service, operation: call.name() })
    }
}

/// A cache of credentials that returns them when the call may be sent.
#[derive(Debug)]
struct Paced {
    cache: SharedIdentityCache,
    pace: Pace,
}

impl ResolveCachedIdentity for Paced {
    fn resolve_cached_identity<'a>(
        &'a self,
        resolver: SharedIdentityResolver,
        components: &'a RuntimeComponents,
        config: &'a ConfigBag,
    ) -> IdentityFuture<'a> {
        IdentityFuture::new(async move {
            if let Some(call) = self.pace.kind(config) {
                self.pace.turn(&call).await;
            }
            self.cache.resolve_cached_identity(resolver, components, config).await
        })
    }
}

impl Intercept for Pace {
    fn name(&self) -> &'static str {
        "Pace"
    }

    /// Throttling despite the limiter means that other clients have used the tokens, so the buckets are emptied.
    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(call) = self.kind(config).filter(|_| is_throttled(context.response())) {
            self.0.buckets.empty("", call.service, call.operation);
        }
        Ok(())
    }
}

/// Returns whether AWS throttled the call. All protocols have the code in the body.
fn is_throttled(answer: &Response) -> bool {
    let status = answer.status().as_u16();
    if !matches!(status, 400 | 503) {
        return status == 429;
    }
    let body = String::from_utf8_lossy(answer.body().bytes().unwrap_or_default());
    body.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| THROTTLED.contains(&word))
}

#[cfg(test)]
mod tests;
