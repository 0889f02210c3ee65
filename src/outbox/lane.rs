//! One topic's lane: claim → deliver → settle, again and again. The SQL is in `outbox::store`, the attempt in `delivery`.

mod judgement;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use slog::Logger;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::Instant;
use uuid::Uuid;

use super::circuit::{Circuit, Permit};
use super::station::Station;
use super::topic::TopicSettings;
use super::waiting::Waiting;
use crate::config::{Config, OutboxConfig};
use crate::error::{Error, ErrorCode};
use crate::lifecycle::{Lifecycle, Phase};
use crate::outbox::store::{self as store, Pick, Settlement};
use crate::store::Db;
use crate::telemetry::errors::{self, Occurrence};
use crate::telemetry::logging::{Exception, LoggerName, Loggers, context, error, warn};
use crate::telemetry::metrics::{self, AttemptOutcome, CircuitState};
use crate::values::job::{Effect, Failure, Job, Reason, Receipt, TopicName};

/// Of the shutdown's deadline, what is kept for returning the jobs that did not end.
const RESERVE: Duration = Duration::from_secs(1);
/// A trickle of jobs is claimed and settled together: each look is a transaction that registrations wait behind.
const GATHER: Duration = Duration::from_millis(150);
/// A backlog is worked off no faster: registrations need the processors as well.
const PACE: Duration = Duration::from_millis(6);
/// The part of a lease after which it is renewed, and an answer is late.
const PATIENCE: u32 = 3;
/// The longest wait between two tries to reach a database that is away.
const LONGEST_DATABASE_WAIT: Duration = Duration::from_secs(5);

/// Another instance holds the leases of so many jobs that ended here: they may be delivered twice.
#[derive(Debug, thiserror::Error)]
#[error("{0} job(s) were taken over by another instance before they were settled")]
struct TakenOver(usize);

/// A job that is being delivered.
struct Running {
    job: Job,
    /// When it got its lease.
    leased: Instant,
    /// It has said everything, and has waited for the answer for long.
    is_late: bool,
}

type Finished = Result<(Id, Result<Receipt, Failure>), JoinError>;

pub(super) struct Lane {
    station: Arc<Station>,
    db: Db,
    settings: OutboxConfig,
    concurrency: usize,
    lease: Duration,
    drain: Duration,
    loggers: Loggers,
    log: Logger,
    lifecycle: Lifecycle,
    circuit: Circuit,
    waiting: Waiting,
    deliveries: JoinSet<Result<Receipt, Failure>>,
    running: HashMap<Id, Running>,
    /// Finished, but not written down yet.
    unsettled: Vec<(Uuid, Uuid, Settlement)>,
    /// The service was left alone and is back, or answers for the first time: jobs that wait for it need wait no longer.
    came_back: bool,
    /// When that was: the time before is held against no job.
    back_since: Option<Instant>,
    /// Whether it has looked for a job that backed off, perhaps for what this start has mended.
    has_tried: bool,
    /// Whether it has delivered anything.
    has_delivered: bool,
    /// When this lane began.
    began: Instant,
    /// What somebody has to mend before the service is back.
    fault: Option<Reason>,
    database_wait: Duration,
    /// The last claim took as much as it could: there may be more.
    backlog: bool,
    last_look: Instant,
}

impl Lane {
    pub(super) fn new(station: Arc<Station>, db: Db, config: &Config, loggers: &Loggers, lifecycle: Lifecycle) -> Self {
        let settings = config.outbox.clone();
        let TopicSettings { concurrency, lease, .. } = (station.about.settings)(&settings);
        Lane {
            station,
            db,
            concurrency,
            lease,
            drain: config.shutdown.deadline.saturating_sub(RESERVE),
            loggers: loggers.clone(),
            log: loggers.get(LoggerName::Outbox).clone(),
            lifecycle,
            circuit: Circuit::new(),
            waiting: Waiting::default(),
            deliveries: JoinSet::new(),
            running: HashMap::new(),
            unsettled: Vec::new(),
            came_back: false,
            back_since: None,
            has_tried: false,
            has_delivered: false,
            began: Instant::now(),
            fault: None,
            database_wait: settings.poll_interval,
            backlog: false,
            last_look: Instant::now(),
            settings,
        }
    }

    fn topic(&self) -> TopicName {
        self.station.about.name
    }

    pub(super) async fn run(mut self) {
        let (station, lifecycle) = (Arc::clone(&self.station), self.lifecycle.clone());
        let mut closing = std::pin::pin!(lifecycle.reached(Phase::Closing));
        loop {
            let wait = self.work().await;
            tokio::select! {
                biased;
                () = &mut closing => break,
                Some(ended) = self.deliveries.join_next_with_id() => self.note(ended),
                () = station.wake.notified() => {}
                () = tokio::time::sleep(wait) => {}
            }
            let pause = if self.backlog { PACE } else { GATHER };
            tokio::time::sleep_until(self.last_look + pause).await;
        }
        self.finish().await;
    }

    /// Settles what ended, claims what is due; returns how long to wait if nothing happens meanwhile.
    async fn work(&mut self) -> Duration {
        while let Some(ended) = self.deliveries.try_join_next_with_id() {
            self.note(ended);
        }
        self.note_late_ones();
        self.station.metrics.circuit(self.circuit.state());
        self.station.metrics.paused(self.fault);
        match self.settle_and_claim().await {
            Ok(()) => {
                metrics::outbox_polled();
                self.database_wait = self.settings.poll_interval;
            }
            Err(error) => {
                self.record(error.code(), &error);
                error!(self.log, "The outbox cannot use its database";
                    "exception" => Exception::named(error.code().as_str(), &error),
                    "context" => context(json!({ "topic": self.topic().as_str() })));
                self.database_wait = (self.database_wait * 2).min(LONGEST_DATABASE_WAIT);
            }
        }
        if self.running.is_empty() { self.database_wait } else { self.database_wait.min(self.patience()) }
    }

    /// Leases are renewed when this part of them is over; and an answer that takes longer is late.
    fn patience(&self) -> Duration {
        self.lease / PATIENCE
    }

    /// A service that takes a job and does not answer is slow: it gets no more until it answers, and the others learn of it
    /// before the end of the wait. What it has is waited for, since to say it again would be to do it twice.
    fn note_late_ones(&mut self) {
        let patience = self.patience();
        let is_late =
            |running: &Running| running.job.handed_over.since().is_some_and(|since| since.elapsed() >= patience);
        for running in self.running.values_mut().filter(|running| !running.is_late && is_late(running)) {
            running.is_late = true;
            self.station.tell_of_no_answer(&running.job, patience, &self.loggers);
            if self.circuit.failed(Instant::now()) {
                tell_of_pause(&self.log, self.station.about.name, Reason::Timeout);
            }
        }
    }

    /// Deliveries that can begin. What only waits for a late answer takes no place, up to as many again.
    fn free(&self) -> usize {
        let late = self.running.values().filter(|running| running.is_late).count();
        self.concurrency.saturating_sub(self.running.len() - late.min(self.concurrency))
    }

    async fn renew(&mut self) -> Result<(), Error> {
        let patience = self.patience();
        let due: Vec<_> = self.running.values_mut().filter(|running| running.leased.elapsed() >= patience).collect();
        let jobs: Vec<_> = due.iter().map(|running| (running.job.id, running.job.lease_token)).collect();
        store::renew(&self.db, &jobs, self.lease).await?;
        due.into_iter().for_each(|running| running.leased = Instant::now());
        Ok(())
    }

    async fn settle_and_claim(&mut self) -> Result<(), Error> {
        self.last_look = Instant::now();
        self.settle().await?;
        self.renew().await?;
        if self.is_switched_off().await? {
            self.waiting.end();
            return Ok(());
        }
        self.count_waiting().await?;
        let free = self.free();
        let (limit, pick) = match self.circuit.permit(Instant::now()) {
            Permit::Free if free > 0 => (free, Pick::Due { horizon: self.settings.max_backoff * 2 }),
            Permit::Probe if free > 0 => (1, Pick::Probe),
            Permit::Free | Permit::Probe => return Ok(()),
            Permit::Wait => {
                self.station.calls.spared();
                return Ok(());
            }
        };
        let mut jobs = store::claim(&self.db, self.topic(), limit, self.lease, pick).await?;
        if jobs.is_empty() && !self.has_tried {
            jobs = store::claim(&self.db, self.topic(), 1, self.lease, Pick::Probe).await?;
        }
        self.has_tried = true;
        self.backlog = jobs.len() == limit;
        for job in jobs {
            if pick == Pick::Probe {
                self.circuit.probing();
            }
            self.start(job);
        }
        Ok(())
    }

    async fn count_waiting(&mut self) -> Result<(), Error> {
        if self.circuit.state() == CircuitState::Closed {
            self.waiting.end();
            return Ok(());
        }
        self.waiting.look(&self.db, self.topic(), self.station.about.error).await
    }

    fn start(&mut self, job: Job) {
        // After a jump of the clock a lease of ours may seem to have ended: the delivery goes on under the new one.
        let leased = Instant::now();
        if let Some(running) = self.running.values_mut().find(|running| running.job.id == job.id) {
            running.job.lease_token = job.lease_token;
            running.leased = leased;
            return;
        }
        let (station, loggers, delivery) = (Arc::clone(&self.station), self.loggers.clone(), job.clone());
        let lease = self.lease;
        let task = self.deliveries.spawn(async move { station.deliver(&delivery, lease, &loggers).await });
        self.running.insert(task.id(), Running { job, leased, is_late: false });
    }

    /// A delivery ended: decides what becomes of its job, and of the circuit.
    fn note(&mut self, ended: Finished) {
        let (task, result) = match ended {
            Ok(ended) => ended,
            Err(panic) => (panic.id(), Err(broken(panic))),
        };
        let Some(Running { job, is_late, .. }) = self.running.remove(&task) else { return };
        // That an answer did not come was noted when it was late.
        if !(is_late && result.is_err() && job.handed_over.since().is_some()) {
            match &result {
                Ok(receipt) if receipt.withheld.is_some() => self.circuit.unasked(),
                _ => self.note_service(&job, result.as_ref().err()),
            }
        }
        let settlement = match result {
            Ok(Receipt { withheld: Some(why), .. }) => Settlement::Withheld { why },
            Ok(_) => Settlement::Delivered,
            Err(failure) => self.after_failure(&job, &failure),
        };
        let outcome = match settlement {
            Settlement::Delivered => {
                self.station.metrics.delivered(job.age.now());
                AttemptOutcome::Delivered
            }
            Settlement::Withheld { .. } => AttemptOutcome::Withheld,
            Settlement::Dead { .. } => AttemptOutcome::Dead,
            Settlement::Retry { .. } | Settlement::Return => AttemptOutcome::Retried,
        };
        self.station.metrics.attempt(outcome);
        self.unsettled.push((job.id, job.lease_token, settlement));
    }

    /// Writes down what ended. What cannot be written is kept for the next time; at worst it is delivered again.
    async fn settle(&mut self) -> Result<(), Error> {
        if !self.unsettled.is_empty() {
            let settled = store::settle(&self.db, &self.unsettled).await?;
            let lost = match self.unsettled.len() - settled {
                0 => 0,
                // The job of a user who was erased is nobody's.
                _ => store::existing(&self.db, &self.unsettled).await?.saturating_sub(settled),
            };
            if lost > 0 {
                self.record(ErrorCode::OutboxError, &TakenOver(lost));
                warn!(self.log, "Jobs were taken over by another instance before they were settled";
                    "context" => context(json!({ "topic": self.topic().as_str(), "jobs": lost })));
            }
            self.unsettled.clear();
        }
        if self.came_back {
            store::release(&self.db, self.topic()).await?;
            self.came_back = false;
        }
        Ok(())
    }

    fn record(&self, code: ErrorCode, error: &(dyn std::error::Error + 'static)) {
        errors::record(&Occurrence { step: Some(self.topic().as_str()), ..Occurrence::of(code, error, "outbox") });
    }

    /// The end: lets deliveries end while there is time, and returns the jobs of the others.
    async fn finish(mut self) {
        let deadline = Instant::now() + self.drain;
        while !self.deliveries.is_empty() && Instant::now() < deadline {
            // Without a database there is nobody either who could take the jobs over.
            let _ = self.renew().await;
            let next_look = deadline.min(Instant::now() + self.patience());
            if let Ok(Some(ended)) = tokio::time::timeout_at(next_look, self.deliveries.join_next_with_id()).await {
                self.note(ended);
            }
        }
        self.deliveries.abort_all();
        for Running { job, .. } in std::mem::take(&mut self.running).into_values() {
            self.unsettled.push((job.id, job.lease_token, self.after_abort(&job)));
        }
        if let Err(error) = self.settle().await {
            error!(self.log, "Jobs could not be returned: they run again when their lease ends";
                "exception" => Exception::named(error.code().as_str(), &error));
        }
    }
}

fn tell_of_pause(log: &Logger, topic: TopicName, reason: Reason) {
    warn!(log, "Circuit opened; deliveries paused"; "context" => context(json!({
        "topic": topic.as_str(), "reason": reason.as_str() })));
}

fn broken(panic: JoinError) -> Failure {
    Failure::new(Reason::Payload, Effect::RetryJob, panic)
}
