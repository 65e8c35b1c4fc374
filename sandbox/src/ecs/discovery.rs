//! Service discovery: gives a task its own address, forwards the container's port there to the real one, and
//! registers the address in Cloud Map.
//!
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-discovery.html>

use std::{net::Ipv4Addr, sync::Arc};

use serde_json::Value;
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use super::fargate::Ecs;
use crate::cloud_map::LAG;

/// Returns the ARNs of a service's registries.
pub(super) fn registries(settings: &Value) -> Vec<String> {
    let registries = settings["serviceRegistries"].as_array().into_iter().flatten();
    registries.filter_map(|registry| registry["registryArn"].as_str().map(str::to_owned)).collect()
}

/// A registered task. Its address forwards to it until this is dropped.
pub(super) struct Found {
    ecs: Arc<Ecs>,
    task: String,
    registries: Vec<String>,
    address: Ipv4Addr,
    leading: Vec<JoinHandle<()>>,
}

impl Found {
    /// Registers `task` with its container ports, each with the real port on this computer. Returns `None` for a
    /// service without registries.
    pub(super) async fn register(
        ecs: &Arc<Ecs>,
        task: &str,
        registries: Vec<String>,
        ports: Vec<(u16, u16)>,
    ) -> Option<Self> {
        if registries.is_empty() {
            return None;
        }
        let Some(address) = ecs.works.place.loopback.address_of_task() else {
            tracing::error!(task, "no address is left for it: nobody finds it by a name");
            return None;
        };
        let leading = futures::future::join_all(ports.into_iter().map(|(port, here)| lead(address, port, here))).await;
        let leading = leading.into_iter().flatten().collect();
        registries.iter().for_each(|registry| ecs.works.cloud_map.register(registry, task, address));
        Some(Self { ecs: Arc::clone(ecs), task: task.to_owned(), registries, address, leading })
    }

    /// Removes the task from DNS. Clients that know its address can still reach it.
    pub(super) fn deregister(&self) {
        self.registries.iter().for_each(|registry| self.ecs.works.cloud_map.deregister(registry, &self.task));
    }
}

impl Drop for Found {
    fn drop(&mut self) {
        self.deregister();
        self.leading.iter().for_each(JoinHandle::abort);
        let (place, address) = (Arc::clone(&self.ecs.works.place), self.address);
        tokio::spawn(async move {
            // The address stays reserved as long as DNS still returns it.
            tokio::time::sleep(LAG).await;
            place.loopback.give_back(address);
        });
    }
}

/// Forwards connections from `port` of `address` to `here`. A program that listens on all addresses needs no
/// forwarding.
async fn lead(address: Ipv4Addr, port: u16, here: u16) -> Option<JoinHandle<()>> {
    let listener = TcpListener::bind((address, port)).await.ok()?;
    Some(tokio::spawn(async move {
        while let Ok((mut caller, _)) = listener.accept().await {
            tokio::spawn(async move {
                // If the task does not listen, the caller's connection is closed.
                if let Ok(mut task) = TcpStream::connect((Ipv4Addr::LOCALHOST, here)).await {
                    drop(tokio::io::copy_bidirectional(&mut caller, &mut task).await);
                }
            });
        }
    }))
}
