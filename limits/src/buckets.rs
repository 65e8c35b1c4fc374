//! Token buckets of the sizes in the table, refilled over time.
//!
//! AWS adds the tokens for each second at once. These buckets refill evenly, which gives the same average rate.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex},
    time::Duration,
};

use leaky_bucket::RateLimiter;

use crate::table::{self, Size};

/// A set of token buckets. Each bucket is created full on first use.
pub struct Buckets {
    /// Returns the number of tokens that a bucket of this size holds.
    holds: fn(Size) -> usize,
    made: Mutex<HashMap<String, Arc<RateLimiter>>>,
}

impl Buckets {
    /// Returns buckets of the sizes that AWS uses.
    pub fn of_aws() -> Self {
        Self::holding(|size| whole(size.burst))
    }

    /// Returns smaller buckets for a client that must stay within the limits of AWS. They hold one second's tokens less
    /// than those of AWS, but at most a quarter less: requests take different times to reach AWS, and AWS adds tokens
    /// only once a second.
    pub fn of_a_client() -> Self {
        Self::holding(|size| {
            let quarter = whole(size.burst) / 4;
            whole(size.burst) - quarter.min(rounded_up(size.per_second)).max(1)
        })
    }

    fn holding(holds: fn(Size) -> usize) -> Self {
        Self { holds, made: Mutex::default() }
    }

    /// Takes the tokens for one request, if the buckets hold enough.
    pub fn try_take(&self, region: &str, service: &str, operation: &str) -> bool {
        self.of(region, service, operation).iter().all(|bucket| bucket.try_acquire(1))
    }

    /// Waits for the tokens for one request and takes them. Requests are served in order of arrival.
    pub async fn take(&self, region: &str, service: &str, operation: &str) {
        for bucket in self.of(region, service, operation) {
            bucket.acquire_one().await;
        }
    }

    /// Empties the buckets of an operation, after AWS has throttled a request because other clients use the same
    /// buckets.
    pub fn empty(&self, region: &str, service: &str, operation: &str) {
        for bucket in self.of(region, service, operation) {
            // Another task may take tokens in between, which lowers the balance.
            while !bucket.try_acquire(bucket.balance()) {}
        }
    }

    fn of(&self, region: &str, service: &str, operation: &str) -> Vec<Arc<RateLimiter>> {
        let wanted = table::of(service, operation);
        let mut made = self.made.lock().expect("nobody panics while holding this");
        let found = wanted.into_iter().map(|bucket| {
            let of_region = format!("{region} {}", bucket.name);
            Arc::clone(
                made.entry(of_region).or_insert_with(|| Arc::new(limiter((self.holds)(bucket.size), bucket.size))),
            )
        });
        found.collect()
    }
}

impl fmt::Debug for Buckets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Buckets")
    }
}

fn limiter(tokens: usize, size: Size) -> RateLimiter {
    // The crate counts in whole milliseconds. The interval is rounded up, so that the rate is never above the limit.
    let interval = Duration::from_millis(u64::try_from(rounded_up(1000.0 / size.per_second)).unwrap_or(u64::MAX));
    RateLimiter::builder().initial(tokens).max(tokens).refill(1).interval(interval).fair(true).build()
}

fn whole(tokens: u32) -> usize {
    usize::try_from(tokens).unwrap_or(usize::MAX)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the table's numbers are small and positive"
)]
fn rounded_up(number: f64) -> usize {
    number.ceil() as usize
}

#[cfg(test)]
mod tests {
    use tokio::time::{Instant, advance};

    use super::*;

    const REGION: &str = "eu-west-1";

    fn taken(buckets: &Buckets, operation: &str) -> usize {
        (0..1000).take_while(|_| buckets.try_take(REGION, "ecs", operation)).count()
    }

    #[tokio::test(start_paused = true)]
    async fn bucket_gives_its_burst_and_then_its_rate() {
        let buckets = Buckets::of_aws();
        assert_eq!(taken(&buckets, "RegisterTaskDefinition"), 20);
        advance(Duration::from_millis(3500)).await;
        assert_eq!(taken(&buckets, "DeregisterTaskDefinition"), 3, "both share it");
        assert_eq!(taken(&buckets, "DescribeServices"), 100, "this one has another");
        assert!(buckets.try_take("eu-west-2", "ecs", "RegisterTaskDefinition"), "so has another region");
        advance(Duration::from_secs(1000)).await;
        assert_eq!(taken(&buckets, "RegisterTaskDefinition"), 20);
    }

    #[tokio::test(start_paused = true)]
    async fn operation_without_a_limit_is_never_refused() {
        let buckets = Buckets::of_aws();
        assert!((0..10_000).all(|_| buckets.try_take(REGION, "s3", "PutObject")));
    }

    #[tokio::test(start_paused = true)]
    async fn client_stays_within_the_limits_of_aws() {
        let (client, aws) = (Arc::new(Buckets::of_a_client()), Arc::new(Buckets::of_aws()));
        let began = Instant::now();
        let calls = (0..100).map(|_| {
            let (client, aws) = (Arc::clone(&client), Arc::clone(&aws));
            tokio::spawn(async move {
                client.take(REGION, "elasticloadbalancing", "CreateRule").await;
                assert!(aws.try_take(REGION, "elasticloadbalancing", "CreateRule"), "{:?}", began.elapsed());
            })
        });
        for call in calls.collect::<Vec<_>>() {
            call.await.expect("it is taken");
        }
        // The client sends 17 at once, and the others at three per second.
        assert_eq!(began.elapsed().as_secs(), 27);
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_for_one_bucket_does_not_delay_others() {
        let client = Arc::new(Buckets::of_a_client());
        for _ in 0..50 {
            let client = Arc::clone(&client);
            tokio::spawn(async move { client.take(REGION, "elasticloadbalancing", "CreateRule").await });
        }
        tokio::task::yield_now().await;
        let began = Instant::now();
        client.take(REGION, "elasticloadbalancing", "DescribeRules").await;
        client.take(REGION, "ecs", "RegisterTaskDefinition").await;
        assert!(began.elapsed() < Duration::from_millis(200), "{:?}", began.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn emptied_bucket_gives_only_its_rate() {
        let client = Buckets::of_a_client();
        client.empty(REGION, "ecs", "RegisterTaskDefinition");
        let began = Instant::now();
        for _ in 0..3 {
            client.take(REGION, "ecs", "RegisterTaskDefinition").await;
        }
        assert_eq!(began.elapsed().as_secs(), 3);
    }
}
