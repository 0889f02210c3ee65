//! Levels that are changed for a limited time, and fall back by themselves.

use super::record::warn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use slog::Level;
use time::OffsetDateTime;
use tokio::task::AbortHandle;

use super::{LoggerName, Loggers, context, level_name};

/// Changes levels for a while. Clones share what is changed.
#[derive(Clone)]
pub struct TemporaryLevels {
    loggers: Loggers,
    states: Arc<Mutex<Vec<State>>>,
}

/// What a logger writes, and until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoggerLevel {
    /// The logger.
    pub name: LoggerName,
    /// The least severe level that it writes.
    pub level: Level,
    /// The level that it falls back to.
    pub configured: Level,
    /// When it falls back; `None` if it is as configured.
    pub until: Option<OffsetDateTime>,
}

struct State {
    now: LoggerLevel,
    changes: u64,
    timer: Option<AbortHandle>,
}

impl TemporaryLevels {
    /// What the loggers write now is what they will fall back to.
    pub fn new(loggers: Loggers) -> Self {
        let state = |name: &LoggerName| {
            let level = loggers.level(*name);
            State { now: LoggerLevel { name: *name, level, configured: level, until: None }, changes: 0, timer: None }
        };
        let states = LoggerName::ALL.iter().map(state).collect();
        TemporaryLevels { loggers, states: Arc::new(Mutex::new(states)) }
    }

    /// Every logger, as it is now.
    pub fn all(&self) -> Vec<LoggerLevel> {
        self.lock().iter().map(|state| state.now).collect()
    }

    /// Changes a logger's level for that long; a later change takes the place of an earlier one. Called within a runtime.
    pub fn set(&self, name: LoggerName, level: Level, duration: Duration) {
        let mut states = self.lock();
        let state = &mut states[name.index()];
        state.changes += 1;
        state.now.level = level;
        state.now.until = Some(OffsetDateTime::now_utc() + duration);
        self.loggers.set_level(name, level);
        let (levels, change) = (self.clone(), state.changes);
        let timer = tokio::spawn(async move {
            tokio::time::sleep(duration).await;
            levels.fall_back(name, change);
        });
        if let Some(earlier) = state.timer.replace(timer.abort_handle()) {
            earlier.abort();
        }
    }

    /// Undoes a change, unless there was another since.
    fn fall_back(&self, name: LoggerName, change: u64) {
        let mut states = self.lock();
        let state = &mut states[name.index()];
        if state.changes != change {
            return;
        }
        let configured = state.now.configured;
        state.now = LoggerLevel { level: configured, until: None, ..state.now };
        self.loggers.set_level(name, configured);
        drop(states);
        warn!(self.loggers.get(LoggerName::App), "Log level fell back"; "context" => context(serde_json::json!({
            "logger": name.as_str(), "level": level_name(configured)
        })));
    }

    fn lock(&self) -> MutexGuard<'_, Vec<State>> {
        self.states.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn levels() -> (Loggers, TemporaryLevels) {
        let loggers = Loggers::discard();
        (loggers.clone(), TemporaryLevels::new(loggers))
    }

    async fn pass(time: Duration) {
        tokio::time::sleep(time).await;
        tokio::task::yield_now().await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_level_falls_back_by_itself() {
        let (loggers, levels) = levels();
        levels.set(LoggerName::Db, Level::Debug, MINUTE);
        assert_eq!(loggers.level(LoggerName::Db), Level::Debug);
        assert!(levels.all()[LoggerName::Db.index()].until.is_some());
        pass(MINUTE + Duration::from_millis(5)).await;
        assert_eq!(loggers.level(LoggerName::Db), Level::Info);
        assert_eq!(levels.all()[LoggerName::Db.index()].until, None);
        assert_eq!(loggers.level(LoggerName::Dependencies), Level::Warning, "nothing else was touched");
    }

    #[tokio::test(start_paused = true)]
    async fn a_later_change_counts_and_falls_back_to_what_is_configured() {
        let (loggers, levels) = levels();
        levels.set(LoggerName::Db, Level::Debug, MINUTE);
        pass(MINUTE / 2).await;
        levels.set(LoggerName::Db, Level::Critical, MINUTE);
        pass(MINUTE * 3 / 4).await;
        assert_eq!(loggers.level(LoggerName::Db), Level::Critical, "the first change's end is none of the second's");
        pass(MINUTE).await;
        assert_eq!(loggers.level(LoggerName::Db), Level::Info);
    }
}
