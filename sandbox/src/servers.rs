//! The servers of databases or of caches: those that run, and those that are being made.

use std::{collections::BTreeMap, mem, time::Duration};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::{process::Child, sync::Mutex, task::JoinHandle, time::timeout};

/// How long a server may take to end.
const ENDS: Duration = Duration::from_secs(5);

/// The servers, by name.
pub(crate) struct Servers {
    /// What tells one of them to end.
    signal: Signal,
    running: Mutex<BTreeMap<String, Child>>,
    /// Those that are being made, so that deleting one of them ends its making first.
    making: Mutex<BTreeMap<String, JoinHandle<()>>>,
}

impl Servers {
    /// No servers yet; `signal` will tell them to end.
    pub(crate) fn ended_by(signal: Signal) -> Self {
        Self { signal, running: Mutex::default(), making: Mutex::default() }
    }

    /// Makes one by `work`, beside everything else.
    pub(crate) async fn make(&self, name: String, work: impl Future<Output = ()> + Send + 'static) {
        self.making.lock().await.insert(name, tokio::spawn(work));
    }

    /// Takes one in that runs.
    pub(crate) async fn add(&self, name: &str, child: Child) {
        self.running.lock().await.insert(name.to_owned(), child);
    }

    /// Whether there is one that has not ended by itself.
    pub(crate) async fn runs(&self, name: &str) -> std::io::Result<bool> {
        match self.running.lock().await.get_mut(name) {
            Some(child) => Ok(child.try_wait()?.is_none()),
            None => Ok(false),
        }
    }

    /// Ends one, or its making.
    pub(crate) async fn remove(&self, name: &str) {
        if let Some(making) = self.making.lock().await.remove(name) {
            making.abort();
            drop(making.await);
        }
        if let Some(child) = self.running.lock().await.remove(name) {
            self.end(child).await;
        }
    }

    /// Makes no more.
    pub(crate) async fn stop_making(&self) {
        for (_, making) in mem::take(&mut *self.making.lock().await) {
            making.abort();
            drop(making.await);
        }
    }

    /// Ends all that run.
    pub(crate) async fn end_all(&self) {
        let running = mem::take(&mut *self.running.lock().await);
        futures::future::join_all(running.into_values().map(|child| self.end(child))).await;
    }

    async fn end(&self, mut child: Child) {
        if let Some(id) = child.id().and_then(|id| i32::try_from(id).ok()) {
            // One that has ended by itself is what we want.
            let _gone_already = kill(Pid::from_raw(id), self.signal);
        }
        if timeout(ENDS, child.wait()).await.is_err() {
            drop(child.kill().await);
        }
    }
}
