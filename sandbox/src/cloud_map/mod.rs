//! AWS Cloud Map: private DNS namespaces, their services, and the tasks that ECS registers there. moto does not
//! resolve names to instances, so the sandbox implements this service itself.
//!
//! <https://docs.aws.amazon.com/cloud-map/latest/dg/what-is-cloud-map.html>

mod calls;
mod map;
mod names;

use std::sync::Arc;

pub(crate) use map::{CloudMap, LAG};

use crate::place::Place;

/// Starts Cloud Map with a name server for tasks.
pub(crate) fn start(place: Arc<Place>) -> Arc<CloudMap> {
    let socket = names::open(place.loopback.name_server());
    let map = Arc::new(CloudMap::new(place, socket.as_ref().err()));
    if let Ok(socket) = socket {
        tokio::spawn(names::serve(Arc::clone(&map), socket));
    }
    map
}
