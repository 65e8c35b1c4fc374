//! Calls are paced before AWS throttles them: each waits until the token buckets of its operation, as the account is known to
//! have them, hold a token for it.
//!
//! The SDK lets code of ours wait in few places. Where it asks for credentials is one of them: that comes once for each attempt, is
//! asynchronous, knows the operation, and comes before the signature, which AWS takes for five minutes only.

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

/// A wait that is worth a word, because a person would notice it.
const WORTH_A_WORD: Duration = Duration::from_secs(1);

/// The buckets of a session. Cheap to clone.
#[derive(Clone)]
pub struct Pace(Arc<State>);

struct State {
    buckets: Buckets,
    /// The services, as the SDK calls them, whose calls go elsewhere than to AWS: no limits of AWS's count there.
    elsewhere: Vec<&'static str>,
    hurries: watch::Sender<bool>,
    waited: Mutex<Waited>,
}

/// How calls have waited.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Waited {
    /// How many waited for longer than a second.
    pub calls: usize,
    /// The longest wait.
    pub longest: Duration,
    /// What waited longest, such as `ecs:RegisterTaskDefinition`.
    pub operation: String,
}

/// What a call is to its buckets.
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
    /// Full buckets, for the calls of all services but those that go `elsewhere`.
    pub(super) fn new(elsewhere: Vec<&'static str>) -> Self {
        let (buckets, waited) = (Buckets::of_a_client(), Mutex::default());
        Self(Arc::new(State { buckets, elsewhere, hurries: watch::channel(false).0, waited }))
    }

    /// `config`, whose clients are paced.
    pub(super) fn over(&self, config: &SdkConfig) -> SdkConfig {
        let cache = config.identity_cache().unwrap_or_else(|| IdentityCache::lazy().build());
        config.to_builder().identity_cache(Paced { cache, pace: self.clone() }).build()
    }

    /// From now on no call waits: what was begun is to end soon. AWS may throttle some.
    pub fn hurry(&self) {
        self.0.hurries.send_replace(true);
    }

    /// How calls have waited, if any did so for long.
    pub fn waited(&self) -> Option<Waited> {
        Some(self.0.waited.lock().expect("nobody panics while holding this").clone()).filter(|waited| waited.calls > 0)
    }

    /// Waits until AWS is thought to take the call.
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

    /// What `config` is of, where its calls are paced.
    fn kind<'a>(&self, config: &'a ConfigBag) -> Option<Kind<'a>> {
        let call = config.load::<Metadata>()?;
        let service = config.load::<SigningName>()?.as_ref();
        (!self.0.elsewhere.contains(&call.service())).then(|| Kind { service, operation: call.name() })
    }
}

/// The credentials' cache, which gives them once it is a call's turn.
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

    /// Where AWS throttles all the same, others have taken the tokens: there are none left for the next calls either.
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

/// Whether `answer` asks to slow down. All protocols of AWS's have the code in the body.
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
