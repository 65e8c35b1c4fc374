//! Traffic through the load balancer, over new and kept-alive connections.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval},
};

/// The number of clients, and the requests per second of each, over kept-alive and over new connections.
const KEPT_ALIVE: (usize, u64) = (8, 25);
const NEW: (usize, u64) = (4, 15);

/// Traffic that runs until it is stopped.
pub struct Traffic {
    stop: Arc<AtomicBool>,
    sent: Arc<AtomicUsize>,
    failures: Arc<Mutex<Vec<String>>>,
    clients: JoinSet<()>,
    began: Instant,
}

/// The result of the traffic.
pub struct Report {
    /// How many requests were sent.
    pub sent: usize,
    /// Requests per second.
    pub rate: f64,
    /// The requests that failed.
    pub failures: Vec<String>,
}

impl Traffic {
    /// Starts requesting `url`. Every response must be a 200.
    pub fn start(url: &str) -> Self {
        let mut traffic = Self {
            stop: Arc::default(),
            sent: Arc::default(),
            failures: Arc::default(),
            clients: JoinSet::new(),
            began: Instant::now(),
        };
        for (kept, (clients, rate)) in [(true, KEPT_ALIVE), (false, NEW)] {
            for _ in 0..clients {
                traffic.add(url.to_owned(), kept, rate);
            }
        }
        traffic
    }

    fn add(&mut self, url: String, kept: bool, rate: u64) {
        let (stop, sent, failures) = (Arc::clone(&self.stop), Arc::clone(&self.sent), Arc::clone(&self.failures));
        self.clients.spawn(async move {
            let client = reqwest::Client::builder()
                .tls_danger_accept_invalid_certs(true)
                .pool_max_idle_per_host(usize::from(kept))
                .timeout(Duration::from_secs(20))
                .http1_only()
                .build()
                .expect("a client");
            let mut tick = interval(Duration::from_millis(1000 / rate));
            tick.set_missed_tick_behavior(MissedTickBehavior::Burst);
            while !stop.load(Ordering::Relaxed) {
                tick.tick().await;
                let answer = client.get(&url).send().await;
                sent.fetch_add(1, Ordering::Relaxed);
                let failure = match answer {
                    Ok(answer) if answer.status() == 200 => {
                        answer.bytes().await.err().map(|error| format!("{error:?}"))
                    }
                    Ok(answer) => {
                        let status = answer.status();
                        Some(format!("status {status}: {}", answer.text().await.unwrap_or_default()))
                    }
                    Err(error) => Some(format!("{error:?}")),
                };
                if let Some(failure) = failure {
                    failures.lock().expect("nobody panics while holding this").push(failure);
                }
            }
        });
    }

    /// Returns the number of requests so far.
    pub fn sent(&self) -> usize {
        self.sent.load(Ordering::Relaxed)
    }

    /// Returns the failures so far.
    pub fn failures(&self) -> Vec<String> {
        self.failures.lock().expect("nobody panics while holding this").clone()
    }

    /// Stops the traffic.
    pub async fn stop(mut self) -> Report {
        self.stop.store(true, Ordering::Relaxed);
        let took = self.began.elapsed();
        while let Some(ended) = self.clients.join_next().await {
            ended.expect("a client does not panic");
        }
        let sent = self.sent();
        let failures = std::mem::take(&mut *self.failures.lock().expect("nobody panics while holding this"));
        let rate = f64::from(u32::try_from(sent).expect("it is not that many")) / took.as_secs_f64();
        Report { sent, rate, failures }
    }
}
