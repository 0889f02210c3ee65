//! The outbox: what follows a commit happens, at least once, however the world behaves.
//!
//! The transaction that registers a user also writes one job per side effect. One lane per topic claims jobs under a
//! lease, delivers them and settles them; a job whose instance died is claimed again when its lease ends. A service that
//! fails is left alone for a while, and a job that cannot succeed is put aside for an operator.

mod backoff;
mod circuit;
mod delivery;
mod failed;
mod housekeeping;
mod lane;
mod standing;
mod station;
pub mod store;
mod topic;
mod waiting;

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::join_all;

pub use self::delivery::logger;
pub use self::failed::FailedJobs;
use self::failed::Watch;
use self::lane::Lane;
pub use self::standing::Standing;
use self::station::Station;
pub use self::station::series_of;
pub use self::topic::{About, Deliver, Topic, TopicSettings, job, job_of};
use crate::config::Config;
use crate::lifecycle::Lifecycle;
use crate::store::Db;
use crate::telemetry::logging::Loggers;
pub use crate::values::job::{
    Age, Effect, Failure, HandedOver, Job, JobState, NewJob, Payload, Reason, Receipt, TopicName,
};

/// The topics, and what wakes their lanes.
pub struct Outbox {
    stations: Vec<Arc<Station>>,
    /// Topics that nothing is delivered of, and that may have been used before.
    unused: Vec<About>,
    watch: Watch,
}

impl Outbox {
    /// An outbox of these topics; what of `unused` ones was delivered once is removed like everything else.
    pub fn new(topics: Vec<Arc<dyn Deliver>>, unused: Vec<About>) -> Self {
        let stations = topics.into_iter().map(|topic| Arc::new(Station::new(topic))).collect();
        Outbox { stations, unused, watch: Watch::new() }
    }

    /// Tells the lanes that these jobs were committed.
    pub fn committed(&self, jobs: &[NewJob]) {
        for job in jobs {
            if let Some(station) = self.stations.iter().find(|station| station.about.name == job.topic) {
                station.metrics.enqueued();
                station.wake.notify_one();
            }
        }
    }

    /// Jobs that wait, by topic, as last counted.
    pub fn pending(&self) -> BTreeMap<&'static str, u64> {
        self.topics().iter().map(|topic| (topic.name.as_str(), topic.pending)).collect()
    }

    /// How each topic stands, as last counted.
    pub fn topics(&self) -> Vec<Standing> {
        self.stations.iter().map(|station| Standing::of(station)).collect()
    }

    /// Jobs that failed, in summary, as last looked at.
    pub fn failed(&self) -> Arc<FailedJobs> {
        self.watch.found()
    }

    /// Delivers until the service closes, then finishes what it began, and returns the rest.
    pub async fn run(self: Arc<Self>, db: Db, config: Config, loggers: Loggers, lifecycle: Lifecycle) {
        let lanes = self
            .stations
            .iter()
            .map(|station| Lane::new(Arc::clone(station), db.clone(), &config, &loggers, lifecycle.clone()).run());
        let topics = (self.stations.as_slice(), self.unused.as_slice());
        let housekeeping = housekeeping::run(topics, &self.watch, &db, &config.outbox, &loggers, &lifecycle);
        tokio::join!(join_all(lanes), housekeeping);
        for station in &self.stations {
            station.topic.end().await;
        }
    }
}
