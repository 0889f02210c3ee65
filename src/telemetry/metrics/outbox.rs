//! The outbox: what waits, what was tried, and how long it took.

use std::collections::BTreeMap;
use std::time::Duration;

use prometheus::{Gauge, GaugeVec, Histogram, HistogramVec, IntCounter, IntCounterVec};

use super::declare::metrics;
use super::registry::unix_now;
use crate::label::{labels, parse};
use crate::values::job::{Reason, TopicName};

/// From fifty milliseconds to a day.
const DELIVERY: &[f64] = &[0.05, 0.25, 0.5, 1.5, 5.5, 15.5, 60.5, 300.5, 900.5, 3600.5, 21_600.5, 86_400.5];

labels! {
    /// Where a job stands that is not done.
    pub enum OpenState("state") {
        /// It waits for its time.
        Pending = "pending",
        /// It is being delivered.
        Running = "running",
        /// It failed for good and waits for an operator.
        Dead = "dead",
    }
}

labels! {
    /// How an attempt ended.
    pub enum AttemptOutcome("outcome") {
        /// The job is done.
        Delivered = "delivered",
        /// The job is done, and nothing was sent: nobody was to get it.
        Withheld = "withheld",
        /// It will be tried again.
        Retried = "retried",
        /// It is given up.
        Dead = "dead",
    }
}

labels! {
    /// Why a job was given up.
    #[derive(PartialOrd, Ord)]
    pub enum DeadReason("reason") {
        /// It has failed for too long, or HTTP: it was refused for good.
        Refused4xx = "refused_4xx",
        /// It was refused for good.
        Refused5xx = "refused_5xx",
        /// Only another mail server could take it.
        NoSmtputf8 = "no_smtputf8",
        /// It cannot be read.
        Payload = "payload",
        /// Anything else, for too long.
        Other = "other",
    }
}

impl DeadReason {
    /// That of a job whose last error begins so.
    pub fn of(error: &str) -> Self {
        let class = error.split(' ').next().unwrap_or_default();
        parse(class).unwrap_or(DeadReason::Other)
    }
}

labels! {
    /// Whether a topic's service is called.
    pub enum CircuitState("state") {
        /// It is.
        Closed = "closed",
        /// It is not: it failed too often.
        Open = "open",
        /// It is called once, to see.
        HalfOpen = "half_open",
    }
}

metrics! { init;
    JOBS: GaugeVec = "outbox_jobs" ["topic", "state"], "Jobs in the outbox, by topic and state, refreshed in the background; aggregate over instances with max.";
    DEAD: GaugeVec = "outbox_dead_jobs" ["topic", "reason"], "Dead jobs by the reason of their last failure, of the 10,000 that became due last; aggregate over instances with max.";
    OLDEST: GaugeVec = "outbox_oldest_pending_timestamp_seconds" ["topic"], "When the oldest pending job was caused, in seconds since the epoch; 0 = nothing pending.";
    ENQUEUED: IntCounterVec = "outbox_enqueued_total" ["topic"], "Jobs put into the outbox.";
    ATTEMPTS: IntCounterVec = "outbox_attempts_total" ["topic", "outcome"], "Attempts at jobs, by outcome. Withheld: the job is done, and nothing was sent, since nobody was to get it.";
    LATENCY: HistogramVec = "outbox_delivery_latency_seconds" ["topic"] in DELIVERY, "Time from the cause of a job to its delivery, of those that were delivered.";
    LAST_POLL: Gauge = "outbox_last_poll_timestamp_seconds", "When the outbox was last looked into, in seconds since the epoch; 0 = never.";
    PERHAPS_SENT: IntCounter = "mails_perhaps_sent_total", "Mails that were given to the mail server whole, without its answer: each is sent again, and may come twice.";
    PAUSED: GaugeVec = "outbox_paused" ["topic", "reason"], "1 while the topic is paused by what somebody has to mend, such as refused credentials; its jobs wait.";
    CIRCUIT: GaugeVec = "outbox_circuit" ["topic", "state"], "1 for the state of the topic's circuit, 0 for the others.";
}

/// The series of one topic, resolved once.
pub struct TopicMetrics {
    jobs: Vec<Gauge>,
    dead: Vec<Gauge>,
    oldest: Gauge,
    enqueued: IntCounter,
    attempts: Vec<IntCounter>,
    latency: Histogram,
    circuit: Vec<Gauge>,
    paused: Vec<(Reason, Gauge)>,
}

impl TopicMetrics {
    /// Creates the series of a topic.
    pub fn new(topic: TopicName) -> Self {
        let topic = topic.as_str();
        let states = OpenState::ALL.iter().map(|state| JOBS.with_label_values(&[topic, state.as_str()]));
        let outcomes = AttemptOutcome::ALL.iter().map(|outcome| ATTEMPTS.with_label_values(&[topic, outcome.as_str()]));
        let circuit = CircuitState::ALL.iter().map(|state| CIRCUIT.with_label_values(&[topic, state.as_str()]));
        let faults = Reason::ALL.iter().copied().filter(|reason| reason.needs_an_operator());
        let deaths = DeadReason::ALL.iter().map(|reason| DEAD.with_label_values(&[topic, reason.as_str()]));
        let metrics = TopicMetrics {
            jobs: states.collect(),
            dead: deaths.collect(),
            oldest: OLDEST.with_label_values(&[topic]),
            enqueued: ENQUEUED.with_label_values(&[topic]),
            attempts: outcomes.collect(),
            latency: LATENCY.with_label_values(&[topic]),
            circuit: circuit.collect(),
            paused: faults.map(|reason| (reason, PAUSED.with_label_values(&[topic, reason.as_str()]))).collect(),
        };
        metrics.circuit(CircuitState::Closed);
        metrics
    }

    /// How many jobs stand there.
    pub fn jobs(&self, state: OpenState, jobs: u64) {
        self.jobs[state as usize].set(jobs as f64);
    }

    /// How many of the dead jobs died of what.
    pub fn dead(&self, jobs: &BTreeMap<DeadReason, i64>) {
        for reason in DeadReason::ALL {
            self.dead[*reason as usize].set(jobs.get(reason).copied().unwrap_or_default() as f64);
        }
    }

    /// Jobs that stand there, as last counted.
    pub fn counted(&self, state: OpenState) -> u64 {
        self.jobs[state as usize].get() as u64
    }

    /// Dead jobs by what they died of, as last counted; what none died of is left out.
    pub fn deaths(&self) -> Vec<(DeadReason, u64)> {
        let deaths = DeadReason::ALL.iter().map(|reason| (*reason, self.dead[*reason as usize].get() as u64));
        deaths.filter(|(_, jobs)| *jobs > 0).collect()
    }

    /// When the oldest pending job was caused, in seconds since the epoch, as last counted.
    pub fn oldest(&self) -> Option<f64> {
        Some(self.oldest.get()).filter(|unix_seconds| *unix_seconds > 0.0)
    }

    /// Whether the topic's service is left alone.
    pub fn is_left_alone(&self) -> bool {
        self.circuit[CircuitState::Closed as usize].get() == 0.0
    }

    /// What somebody has to mend before jobs are delivered again.
    pub fn fault(&self) -> Option<Reason> {
        self.paused.iter().find(|(_, gauge)| gauge.get() > 0.0).map(|(reason, _)| *reason)
    }

    /// When the oldest pending job was caused, in seconds since the epoch; 0 = nothing pending.
    pub fn oldest_pending(&self, unix_seconds: f64) {
        self.oldest.set(unix_seconds);
    }

    /// A job was put in.
    pub fn enqueued(&self) {
        self.enqueued.inc();
    }

    /// An attempt ended.
    pub fn attempt(&self, outcome: AttemptOutcome) {
        self.attempts[outcome as usize].inc();
    }

    /// A job was delivered, so long after its cause.
    pub fn delivered(&self, latency: Duration) {
        self.latency.observe(latency.as_secs_f64());
    }

    /// What somebody has to mend before jobs are delivered again.
    pub fn paused(&self, fault: Option<Reason>) {
        for (reason, gauge) in &self.paused {
            gauge.set(f64::from(fault == Some(*reason)));
        }
    }

    /// The state of the circuit.
    pub fn circuit(&self, state: CircuitState) {
        for other in CircuitState::ALL {
            self.circuit[*other as usize].set(f64::from(*other == state));
        }
    }
}

/// A mail was given away whole, and nobody said whether it was taken.
pub fn mail_perhaps_sent() {
    PERHAPS_SENT.inc();
}

/// Somebody looks for jobs.
pub fn outbox_polled() {
    LAST_POLL.set(unix_now());
}
