//! The server processes of databases or caches: those that run and those in creation.

use std::{collections::BTreeMap, mem, time::Duration};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::{process::Child, sync::Mutex, task::JoinHandle, time::timeout};

/// How long a server may take to stop.
const ENDS: Duration = Duration::from_secs(5);

/// The servers, by name.
pub(crate) struct Servers {
    /// The signal that stops a server.
    signal: Signal,
    running: Mutex<BTreeMap<String, Child>>,
    /// The creations in progress, so that deleting a server cancels its creation first.
    making: Mutex<BTreeMap<String, JoinHandle<()>>>,
}

impl Servers {
    /// Returns an empty set of servers. `signal` stops each of them.
    pub(crate) fn ended_by(signal: Signal) -> Self {
        Self { signal, running: Mutex::default(), making: Mutex::default() }
    }

    /// Creates a server by running `work` in the background.
    pub(crate) async fn make(&self, name: String, work: impl Future<Output = ()> + Send + 'static) {
        self.making.lock().await.insert(name, tokio::spawn(work));
    }

    /// Adds a running server.
    pub(crate) async fn add(&self, name: &str, child: Child) {
        self.running.lock().await.insert(name.to_owned(), child);
    }

    /// Returns whether the server exists and has not exited.
    pub(crate) async fn runs(&self, name: &str) -> std::io::Result<bool> {
        match self.running.lock().await.get_mut(name) {
            Some(child) => Ok(child.try_wait()?.is_none()),
            None => Ok(false),
        }
    }

    /// Stops a server, or cancels its creation.
    pub(crate) async fn remove(&self, name: &str) {
        if let Some(making) = self.making.lock().await.remove(name) {
            making.abort();
            drop(making.await);
        }
        if let Some(child) = self.running.lock().await.remove(name) {
            self.end(child).await;
        }
    }

    /// Cancels all creations.
    pub(crate) async fn stop_making(&self) {
        for (_, making) in mem::take(&mut *self.making.lock().await) {
            making.abort();
            drop(making.await);
        }
    }

    /// Stops all running servers.
    pub(crate) async fn end_all(&self) {
        let running = mem::take(&mut *self.running.lock().await);
        futures::future::join_all(running.into_values().map(|child| self.end(child))).await;
    }

    async fn end(&self, mut child: Child) {
        if let Some(id) = child.id().and_then(|id| i32::try_from(id).ok()) {
            // The signal fails if the process has already exited, which is fine.
            let _gone_already = kill(Pid::from_raw(id), self.signal);
        }
        if timeout(ENDS, child.wait()).await.is_err() {
            drop(child.kill().await);
        }
    }
}
