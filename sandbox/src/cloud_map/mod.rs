//! AWS Cloud Map: private DNS namespaces, the services in them, and the tasks that ECS registers there. moto has no instances that
//! a name leads to, so this is the sandbox's own.
//!
//! <https://docs.aws.amazon.com/cloud-map/latest/dg/what-is-cloud-map.html>

mod calls;
mod map;
mod names;

use std::sync::Arc;

pub(crate) use map::{CloudMap, LAG};

use crate::place::Place;

/// Cloud Map, with a name server for the tasks.
pub(crate) fn start(place: Arc<Place>) -> Arc<CloudMap> {
    let socket = names::open(place.loopback.name_server());
    let map = Arc::new(CloudMap::new(place, socket.as_ref().err()));
    if let Ok(socket) = socket {
        tokio::spawn(names::serve(Arc::clone(&map), socket));
    }
    map
}
