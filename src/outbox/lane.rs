//! One topic's lane: claim → deliver → settle, again and again. The SQL is in `outbox::store`, the attempt in `delivery`.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use slog::Logger;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::Instant;
use uuid::Uuid;

use super::backoff::{random, wait_after};
use super::circuit::{Circuit, Permit};
use super::station::Station;
use super::topic::TopicSettings;
use crate::clock;
use crate::config::{Config, OutboxConfig};
use crate::error::{Error, ErrorCode};
use crate::lifecycle::{Lifecycle, Phase};
use crate::outbox::store::{self as store, Pick, Settlement};
use crate::store::Db;
use crate::telemetry::errors::{self, Occurrence};
use crate::telemetry::logging::{Exception, LoggerName, Loggers, context, error, info, warn};
use crate::telemetry::metrics::{self, AttemptOutcome};
use crate::values::job::{Effect, Failure, Job, Reason, Receipt, TopicName};

/// Of the shutdown's deadline, what is kept for returning the jobs that did not end.
const RESERVE: Duration = Duration::from_secs(1);
/// A trickle of jobs is claimed and settled together: each look is a transaction that registrations wait behind.
const GATHER: Duration = Duration::from_millis(150);
/// A backlog is worked off no faster: registrations need the processors as well.
const PACE: Duration = Duration::from_millis(6);
/// The longest wait between two tries to reach a database that is away.
const LONGEST_DATABASE_WAIT: Duration = Duration::from_secs(5);

/// Another instance holds the leases of so many jobs that ended here: they may be delivered twice.
#[derive(Debug, thiserror::Error)]
#[error("{0} job(s) were taken over by another instance before they were settled")]
struct TakenOver(usize);

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
    deliveries: JoinSet<Result<Receipt, Failure>>,
    running: HashMap<Id, Job>,
    /// Finished, but not written down yet.
    unsettled: Vec<(Uuid, Uuid, Settlement)>,
    /// The service was left alone and is back: jobs that wait for it need wait no longer.
    came_back: bool,
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
            deliveries: JoinSet::new(),
            running: HashMap::new(),
            unsettled: Vec::new(),
            came_back: false,
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
        self.station.metrics.circuit(self.circuit.state());
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
        self.database_wait
    }

    async fn settle_and_claim(&mut self) -> Result<(), Error> {
        self.last_look = Instant::now();
        self.settle().await?;
        let free = self.concurrency.saturating_sub(self.running.len());
        let (limit, pick) = match self.circuit.permit(Instant::now()) {
            Permit::Free if free > 0 => (free, Pick::Due { horizon: self.settings.max_backoff * 2 }),
            Permit::Probe => (1, Pick::Probe),
            Permit::Free => return Ok(()),
            Permit::Wait => {
                self.station.calls.spared();
                return Ok(());
            }
        };
        let jobs = store::claim(&self.db, self.topic(), limit, self.lease, pick).await?;
        self.backlog = jobs.len() == limit;
        for job in jobs {
            if pick == Pick::Probe {
                self.circuit.probing();
            }
            self.start(job);
        }
        Ok(())
    }

    fn start(&mut self, job: Job) {
        // After a jump of the clock a lease of ours may seem to have ended: the delivery goes on under the new one.
        if let Some(running) = self.running.values_mut().find(|running| running.id == job.id) {
            running.lease_token = job.lease_token;
            return;
        }
        let (station, loggers, delivery) = (Arc::clone(&self.station), self.loggers.clone(), job.clone());
        let lease = self.lease;
        let task = self.deliveries.spawn(async move { station.deliver(&delivery, lease, &loggers).await });
        self.running.insert(task.id(), job);
    }

    /// A delivery ended: decides what becomes of its job, and of the circuit.
    fn note(&mut self, ended: Finished) {
        let (task, result) = match ended {
            Ok(ended) => ended,
            Err(panic) => (panic.id(), Err(broken(panic))),
        };
        let Some(job) = self.running.remove(&task) else { return };
        self.note_service(result.as_ref().err());
        let settlement = match result {
            Ok(_) => Settlement::Delivered,
            Err(failure) => self.after_failure(&job, &failure),
        };
        let outcome = match settlement {
            Settlement::Delivered => {
                self.station.metrics.delivered(job.age.now());
                AttemptOutcome::Delivered
            }
            Settlement::Dead { .. } => AttemptOutcome::Dead,
            Settlement::Retry { .. } | Settlement::Return => AttemptOutcome::Retried,
        };
        self.station.metrics.attempt(outcome);
        self.unsettled.push((job.id, job.lease_token, settlement));
    }

    fn note_service(&mut self, failure: Option<&Failure>) {
        let now = Instant::now();
        let down = failure.filter(|failure| failure.effect == Effect::ServiceDown);
        let (opened, closed) = match (down, failure) {
            (Some(_), _) => (self.circuit.failed(now), false),
            (None, Some(Failure { reason: Reason::Payload, .. })) => {
                self.circuit.unasked();
                (false, false)
            }
            (None, _) => (false, self.circuit.answered()),
        };
        if opened {
            let reason = down.map(|failure| failure.reason.as_str());
            warn!(self.log, "Circuit opened; deliveries paused"; "context" => context(json!({
                "topic": self.topic().as_str(), "reason": reason })));
        }
        if closed {
            info!(self.log, "Circuit closed; deliveries resumed"; "context" => context(json!({ "topic": self.topic().as_str() })));
            self.came_back = true;
        }
        if let Some(pause) = failure.and_then(|failure| failure.retry_after) {
            self.circuit.pause(now + pause.min(self.settings.max_backoff));
        }
    }

    fn after_failure(&self, job: &Job, failure: &Failure) -> Settlement {
        let error = failure.in_words();
        let too_old = clock::earliest() - job.created_at > self.settings.retry_for;
        if failure.effect == Effect::GiveUp || too_old {
            error!(super::delivery::logger(job, &self.loggers), "Job given up"; "context" => context(json!({
                "topic": self.topic().as_str(), "job_id": job.id, "attempt": job.attempt, "reason": failure.reason.as_str(),
                "reply_code": failure.code, "error": error })));
            return Settlement::Dead { error };
        }
        let wait = wait_after(job.attempt, self.settings.max_backoff, random());
        let wait = wait.max(failure.retry_after.unwrap_or_default().min(self.settings.max_backoff));
        Settlement::Retry { run_at: clock::now() + wait, error }
    }

    /// Writes down what ended. What cannot be written is kept for the next time; at worst it is delivered again.
    async fn settle(&mut self) -> Result<(), Error> {
        if !self.unsettled.is_empty() {
            let settled = store::settle(&self.db, &self.unsettled).await?;
            let lost = self.unsettled.len() - settled;
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
        while let Ok(Some(ended)) = tokio::time::timeout_at(deadline, self.deliveries.join_next_with_id()).await {
            self.note(ended);
        }
        self.deliveries.abort_all();
        let rest = self.running.drain().map(|(_, job)| (job.id, job.lease_token, Settlement::Return));
        self.unsettled.extend(rest);
        if let Err(error) = self.settle().await {
            error!(self.log, "Jobs could not be returned: they run again when their lease ends";
                "exception" => Exception::named(error.code().as_str(), &error));
        }
    }
}

fn broken(panic: JoinError) -> Failure {
    Failure::new(Reason::Payload, Effect::RetryJob, panic)
}
