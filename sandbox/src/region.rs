//! Wires the parts of the region together. Each part gets the parts that it uses, and none gets the whole region.

use std::sync::Arc;

use crate::{
    alb::Alb,
    authority::Authorities,
    cloud_map::{self, CloudMap},
    credentials::Credentials,
    ecr::Ecr,
    ecs::{Ecs, Works},
    elasticache::Caches,
    faults::Lag,
    gateway::Requests,
    moto::Moto,
    place::Place,
    rds::{Postgres, Rds},
    schedules::Schedules,
    secrecy::Secrecy,
    sessions::Sessions,
};

/// The parts of the region.
pub(crate) struct Region {
    pub(crate) place: Arc<Place>,
    pub(crate) moto: Arc<Moto>,
    pub(crate) lag: Lag,
    pub(crate) requests: Requests,
    pub(crate) secrecy: Secrecy,
    pub(crate) alb: Arc<Alb>,
    pub(crate) cloud_map: Arc<CloudMap>,
    pub(crate) ecs: Arc<Ecs>,
    pub(crate) ecr: Arc<Ecr>,
    pub(crate) rds: Arc<Rds>,
    pub(crate) caches: Arc<Caches>,
    pub(crate) schedules: Arc<Schedules>,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) credentials: Arc<Credentials>,
}

impl Region {
    pub(crate) fn new(
        place: Place,
        moto: Moto,
        postgres: Postgres,
        authorities: Arc<Authorities>,
        requests: Requests,
    ) -> Self {
        let (place, moto) = (Arc::new(place), Arc::new(moto));
        let alb = Arc::new(Alb::new(Arc::clone(&place), Arc::clone(&moto), Arc::clone(&authorities)));
        let ecr = Arc::new(Ecr::new(Arc::clone(&place)));
        let credentials = Arc::new(Credentials::default());
        let cloud_map = cloud_map::start(Arc::clone(&place));
        let sessions = Arc::new(Sessions::new(Arc::clone(&place)));
        let ecs = Arc::new(Ecs::new(Works {
            place: Arc::clone(&place),
            moto: Arc::clone(&moto),
            alb: Arc::clone(&alb),
            cloud_map: Arc::clone(&cloud_map),
            ecr: Arc::clone(&ecr),
            sessions: Arc::clone(&sessions),
            authorities: Arc::clone(&authorities),
            credentials: Arc::clone(&credentials),
            postgres: postgres.clone(),
        }));
        Self {
            rds: Arc::new(Rds::new(Arc::clone(&place), Arc::clone(&moto), postgres, Arc::clone(&authorities))),
            caches: Arc::new(Caches::new(Arc::clone(&place), Arc::clone(&moto), authorities)),
            schedules: Arc::new(Schedules::new(Arc::clone(&place), Arc::clone(&moto), Arc::clone(&ecs))),
            lag: Lag::default(),
            requests,
            secrecy: Secrecy::default(),
            alb,
            cloud_map,
            ecs,
            ecr,
            sessions,
            credentials,
            place,
            moto,
        }
    }
}
