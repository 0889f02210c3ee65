//! What people really met, to hold against what a page says of it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::common::http::Answer;

/// The people whose requests failed, by the code of the error; one that was given no answer has no code.
#[derive(Clone, Default)]
pub struct Ledger(Arc<Mutex<BTreeMap<(String, String), Instant>>>);

/// A page's number is at most so old when it is sent.
const AGE: Duration = Duration::from_secs(30);

impl Ledger {
    /// Somebody got an answer, or none.
    pub fn note(&self, who: &str, answer: &reqwest::Result<Answer>) {
        let code = match answer {
            Ok(answer) if answer.status >= 500 => answer.code(),
            Ok(_) => return,
            Err(_) => String::new(),
        };
        self.0.lock().unwrap().entry((code, who.to_owned())).or_insert_with(Instant::now);
    }

    /// How many people had met this error by then.
    pub fn met(&self, code: &str, by: Instant) -> usize {
        self.0.lock().unwrap().iter().filter(|((met, _), at)| met == code && **at <= by).count()
    }

    /// Everybody who met anything at all: the code, and how long after this.
    pub fn failures(&self, since: Instant) -> Vec<String> {
        let ledger = self.0.lock().unwrap();
        let after = |at: &Instant| at.saturating_duration_since(since).as_secs_f32();
        ledger.iter().map(|((code, _), at)| format!("{code} after {:.1} s", after(at))).collect()
    }

    /// Whether this number could be said at this time: exact up to some tens and within a tenth beyond, of what was so in the
    /// last half minute.
    pub fn allows(&self, code: &str, said: usize, at: Instant) -> bool {
        let least = self.met(code, at.checked_sub(AGE).unwrap_or(at));
        let most = self.met(code, at);
        let tolerance = |users: usize| if users > 48 { users / 10 } else { 0 };
        said + tolerance(least) >= least && said <= most + tolerance(most)
    }
}
