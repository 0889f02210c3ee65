//! One fault in a world of its own: quiet, broken, told, mended, taken back.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;
use tokio::time::sleep;

use crate::common::app::TestApp;
use crate::common::within;

use super::faults::{Fault, Injection};
use super::ledger::Ledger;
use super::receivers::{Notice, Receiver, Receivers};
use super::traffic::Traffic;
use super::verdict::Told;
use super::world::World;

/// How long things take.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// For how long before the beginning the service is said to have run well.
    pub history: Duration,
    /// Steady traffic before the fault; nobody may be told of anything meanwhile.
    pub quiet: Duration,
    /// The longest wait for what is expected.
    pub patience: Duration,
    /// How long nothing else may come after what was expected, and after its end.
    pub silence: Duration,
    /// How long nothing may come where nothing is expected.
    pub hush: Duration,
    /// The longest wait for the end of it all, and for the digest; nothing where it is not waited for.
    pub until_resolved: Option<Duration>,
    /// What is changed in `alertmanager.yml`.
    pub alertmanager: &'static [(&'static str, &'static str)],
}

/// What came of it.
pub struct Outcome {
    pub fault: &'static Fault,
    /// When it began, and when it was over.
    pub injected: Instant,
    pub mended: Instant,
    pub told: Told,
    /// What Prometheus knew while it lasted, where that is asked for.
    pub proof: Option<f64>,
    /// Whether its end was waited for.
    pub is_whole: bool,
    /// How often the dead man's switch was told that alerting works, and whether anybody else was.
    pub watchdog: (usize, bool),
    /// What notifications do not say, and should.
    pub unclear: BTreeSet<&'static str>,
    /// The digests, as text.
    pub digests: Vec<String>,
    /// Of the users that a fault counts: what was said last, and how many there were.
    pub users: Option<(usize, usize)>,
    /// Numbers of users that were wrong when they were said.
    pub miscounted: Vec<String>,
    /// What was told again after the end.
    pub repeated: Vec<String>,
    /// What people met who should have met nothing.
    pub harm: Vec<String>,
    /// Whether the first notification names the cause.
    pub names_cause: bool,
}

impl Outcome {
    /// Everything that is wrong with it.
    pub fn complaints(&self) -> Vec<String> {
        let Outcome { fault, injected, told, .. } = self;
        let mut complaints: Vec<String> = told.missing(fault).iter().map(|alert| format!("no {alert}")).collect();
        complaints.extend(told.false_pages(fault, *injected).iter().map(|alert| format!("false page {alert}")));
        complaints.extend(told.false_warnings(fault, *injected).iter().map(|alert| format!("false warning {alert}")));
        if let Some((query, expected)) = fault.proof
            && self.proof != Some(expected)
        {
            complaints.push(format!("{query} is {:?} instead of {expected}", self.proof));
        }
        if self.is_whole {
            let is_open = !fault.is_silent() && told.resolved(fault).is_none();
            complaints.extend(is_open.then(|| "it is never taken back".to_owned()));
            let unmailed = unmailed(fault, &self.digests);
            complaints.extend(unmailed.iter().map(|alert| format!("no digest has {alert}")));
        }
        complaints.extend(self.miscounted.iter().cloned());
        complaints.extend(self.repeated.iter().map(|alert| format!("told again after the end: {alert}")));
        complaints.extend(self.harm.iter().take(3).map(|failure| format!("somebody met {failure}")));
        complaints
            .extend((!self.names_cause).then(|| format!("the first notification does not say `{}`", fault.words)));
        complaints.extend(self.unclear.iter().map(|part| format!("a notification without `{part}`")));
        match self.watchdog {
            (0, _) => complaints.push("the dead man's switch heard nothing".into()),
            (_, true) => complaints.push("Watchdog reached somebody else".into()),
            _ => {}
        }
        complaints
    }

    /// From the fault to the page, where one is expected.
    pub fn first_page(&self) -> Option<Duration> {
        let pages = self.told.incidents.iter().map(|incident| incident.opened.saturating_duration_since(self.injected));
        pages.min().filter(|_| !self.fault.pages.is_empty())
    }
}

/// What is told so soon after the end was under way before it.
const LAST_WORD: Duration = Duration::from_secs(30);

/// Between two looks; there are many worlds.
const LOOK: Duration = Duration::from_millis(200);

/// Worlds are made one at a time: that is what keeps the processors busy.
static BUILDING: Mutex<()> = Mutex::const_new(());

/// Runs it.
pub async fn run(fault: &'static Fault, pace: Pace) -> Outcome {
    let injection = fault.injection;
    let building = BUILDING.lock().await;
    let mut world = World::start(injection, pace).await;
    drop(building);
    let instances: Vec<String> = world.instances.iter().map(TestApp::api_url).collect();
    let ledger = Ledger::default();
    let _traffic = Traffic::steady(&instances, &ledger);
    if injection != Injection::FirstDatabaseError {
        // What Prometheus has never seen well, it would miss too soon.
        let up = async || world.prometheus.query(r#"sum(up{job="neodyme"})"#).await.filter(|up| *up == 2.0);
        within(Duration::from_secs(120), LOOK, up).await.expect("Prometheus sees both instances");
        sleep(pace.quiet).await;
    }

    say(fault, "broken");
    let injected = Instant::now();
    world.inject(injection).await;
    let over_at_once = injection.is_momentary().then(Instant::now);
    let receivers = world.receivers.clone();
    let proof = {
        let prometheus = world.prometheus.clone();
        let lasting = async {
            await_expected(fault, &receivers, pace).await;
            sleep(if fault.is_silent() { pace.hush } else { pace.silence }).await;
            match fault.proof {
                Some((query, _)) => prometheus.query(query).await,
                None => None,
            }
        };
        tokio::select! {
            proof = lasting => proof,
            () = world.sustain(injection) => unreachable!(),
        }
    };
    world.mend(injection).await;
    let mended = over_at_once.unwrap_or_else(Instant::now);
    say(fault, "mended");
    if let Some(patience) = pace.until_resolved.filter(|_| !fault.is_silent()) {
        let is_over = || Told::of(&receivers.notices()).resolved(fault).is_some();
        wait_for(patience, is_over).await;
        // What is over before the digest's next time is in it nevertheless.
        let is_mailed = || unmailed(fault, &texts(&receivers)).is_empty();
        wait_for(Duration::from_secs(330), is_mailed).await;
        // What it muted may speak now, and should not.
        sleep(pace.silence).await;
    }
    let is_watched = || receivers.notices().iter().any(|notice| notice.receiver == Receiver::Watchdog);
    wait_for(Duration::from_secs(90), is_watched).await;
    keep(fault, &receivers, injected);
    let outcome = outcome(fault, &receivers, &ledger, (injected, mended), proof, pace.until_resolved.is_some());
    say(fault, &format!("ended {:?}", outcome.complaints()));
    outcome
}

async fn await_expected(fault: &Fault, receivers: &Receivers, pace: Pace) {
    wait_for(pace.patience, || Told::of(&receivers.notices()).missing(fault).is_empty()).await;
}

/// Waits until it is so; whether it is in time.
pub async fn wait_for(patience: Duration, is_so: impl Fn() -> bool) -> bool {
    within(patience, LOOK, async || is_so().then_some(())).await.is_some()
}

fn texts(receivers: &Receivers) -> Vec<String> {
    receivers.digests().into_iter().map(|[text, _]| text).collect()
}

/// What must be in a digest and is not.
fn unmailed(fault: &Fault, digests: &[String]) -> Vec<&'static str> {
    let expected = fault.pages.iter().filter(|alerts| !any_mailed(alerts, digests)).map(|alerts| alerts[0]);
    expected.chain(fault.warnings.iter().copied().filter(|alert| !any_mailed(&[alert], digests))).collect()
}

fn any_mailed(alerts: &[&str], digests: &[String]) -> bool {
    alerts.iter().any(|alert| digests.iter().any(|mail| mail.contains(alert)))
}

fn outcome(
    fault: &'static Fault,
    receivers: &Receivers,
    ledger: &Ledger,
    (injected, mended): (Instant, Instant),
    proof: Option<f64>,
    is_whole: bool,
) -> Outcome {
    let notices = receivers.notices();
    let (watchdog, others): (Vec<_>, Vec<_>) = notices.iter().partition(|n| n.receiver == Receiver::Watchdog);
    let digests = texts(receivers);
    let strays = others.iter().any(|notice| notice.payload.to_string().contains("Watchdog"));
    let strays = strays || digests.iter().any(|text| text.contains("Watchdog"));
    let watchdog = (watchdog.len(), strays);
    let others: Vec<&Notice> = others.into_iter().filter(|notice| notice.at >= injected).collect();
    let said = |notice: &&Notice| Some((notice.at, notice.users(fault.users?)?));
    let said: Vec<(Instant, usize)> = others.iter().filter_map(said).collect();
    let error_type = fault.users.unwrap_or_default();
    let users = said.last().map(|(at, said)| (*said, ledger.met(error_type, *at)));
    let wrong = said.iter().filter(|(at, users)| !ledger.allows(error_type, *users, *at));
    let miscounted = wrong
        .map(|(at, users)| format!("said {users} users, and there were {}", ledger.met(error_type, *at)))
        .collect();
    let is_late = |notice: &&&Notice| notice.at > mended + LAST_WORD && is_whole && !fault.injection.is_momentary();
    let repeated = others.iter().filter(is_late).flat_map(|notice| &notice.alerts).filter(|(_, fires)| *fires);
    let repeated = repeated.map(|(alert, _)| alert.clone()).collect();
    let harm = if fault.harms_nobody { ledger.failures(injected) } else { Vec::new() };
    let names_cause = others.first().is_none_or(|notice| notice.payload.to_string().contains(fault.words));
    Outcome {
        fault,
        injected,
        mended,
        told: Told::of(&notices),
        proof,
        is_whole,
        watchdog,
        unclear: notices.iter().flat_map(Notice::lacks).collect(),
        digests,
        users,
        miscounted,
        repeated,
        harm,
        names_cause,
    }
}

/// Every notification as it came, in `target/tmp/drill/`, for whoever wants to see what a person gets.
fn keep(fault: &Fault, receivers: &Receivers, injected: Instant) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("drill").join(fault.name.replace(' ', "-"));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    for (number, notice) in receivers.notices().iter().filter(|n| n.receiver != Receiver::Watchdog).enumerate() {
        let after = notice.at.saturating_duration_since(injected).as_secs();
        let file = folder.join(format!("{number:03}-{after:04}s-{:?}.json", notice.receiver));
        fs::write(file, serde_json::to_string_pretty(&notice.payload).unwrap()).unwrap();
    }
    for (number, [text, html]) in receivers.digests().iter().enumerate() {
        fs::write(folder.join(format!("digest-{number}.txt")), text).unwrap();
        fs::write(folder.join(format!("digest-{number}.html")), html).unwrap();
    }
}

static START: OnceLock<Instant> = OnceLock::new();

fn say(fault: &Fault, what: &str) {
    let seconds = START.get_or_init(Instant::now).elapsed().as_secs();
    eprintln!("{seconds:5} s  {}: {what}", fault.name);
}
