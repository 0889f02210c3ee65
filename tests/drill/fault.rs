//! What a fault is: how the world is broken, and what is expected of those who tell of it.

/// One way in which the world breaks.
#[derive(Debug)]
pub struct Fault {
    /// For people.
    pub name: &'static str,
    /// What is done.
    pub injection: Injection,
    /// The incidents that page; each names the alerts of which it is made, and one of them is enough.
    pub pages: &'static [&'static [&'static str]],
    /// The warnings that must come.
    pub warnings: &'static [&'static str],
    /// The warnings that may come as well.
    pub may: &'static [&'static str],
    /// What Prometheus must know while the fault lasts: else nothing was injected, and silence would prove nothing.
    pub proof: Option<(&'static str, f64)>,
    /// The type of the error whose users are counted, in notifications and by those who met it.
    pub users: Option<&'static str>,
    /// Nobody may meet an error.
    pub harms_nobody: bool,
    /// Words that the first notification must have: they name the cause.
    pub words: &'static str,
}

/// How a world is broken, always from outside the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Injection {
    /// Not at all.
    Nothing,
    /// PostgreSQL is stopped.
    DatabaseStopped,
    /// Each answer of PostgreSQL comes 300 ms later.
    DatabaseSlow,
    /// PostgreSQL takes no writes.
    DatabaseReadOnly,
    /// It takes no writes for a minute, is well for another two, and then a session holds a lock on the table of users.
    DatabaseReadOnlyThenLocked,
    /// A session holds a lock on the table of users.
    TableLocked,
    /// Others have taken all connections of PostgreSQL.
    ConnectionsExhausted,
    /// The mail server refuses connections.
    MailDown,
    /// The mail server accepts connections and says nothing.
    MailHanging,
    /// The analytics service answers 500.
    AnalyticsFailing,
    /// The analytics service refuses connections.
    AnalyticsDown,
    /// The endpoint of webhooks answers 500.
    WebhooksFailing,
    /// The endpoint of webhooks answers 410.
    WebhooksGone,
    /// One instance gets SIGKILL.
    OneKilled,
    /// One instance stands still: SIGSTOP.
    OneHung,
    /// Every instance gets SIGKILL.
    AllKilled,
    /// One instance after the other is stopped and started again, as a deployment does it.
    RollingRestart,
    /// One instance gets SIGKILL 20 s after each start.
    RestartLoop,
    /// The mail server does not let neodyme in any more.
    MailRefusesLogin,
    /// The analytics service is behind a login page, which answers 200.
    AnalyticsLoginPage,
    /// The mail server refuses the recipients of one domain for good.
    DomainRefused,
    /// The mail server refuses the mail of one new user after the other, each so many times, with 451.
    MailRefused(&'static [usize]),
    /// As soon as the service runs, a session that is not its own holds the row that one registration wants: its
    /// statement times out.
    FirstDatabaseError,
    /// The same, later, and then one instance is flooded.
    OneDatabaseErrorThenFlood,
    /// Somebody tries taken addresses, eight a second.
    DuplicateFlood,
    /// Eight people a second sign in with a password that is wrong, each from another address and to another account.
    WrongPasswords,
    /// Eight people a second ask for a code to choose another password, each from another address and for another account.
    CodesAsked,
    /// A refresh token comes again an hour after it was used.
    TokenStolen,
    /// No instance can read the key that access tokens are signed with, and people sign in.
    KeyUnreadable,
    /// The same, and nobody signs in.
    KeyUnreadableUnnoticed,
    /// Forty people at once register at one instance, every 10 s: twice as many as it can hash within the longest wait.
    HashFlood,
    /// Nobody reads the log of one instance.
    LogStalled,
    /// Prometheus sends a token that the instances do not know.
    TokenChanged,
    /// The clock of one instance jumps by so many seconds.
    ClockShifted(i64),
}

impl Fault {
    /// Whether it must be told within half a minute: nothing answers, or the first error that must never happen.
    pub fn is_urgent(&self) -> bool {
        let urgent = ["NeodymeDown", "NeodymeCriticalError"];
        self.pages.first().is_some_and(|alerts| urgent.iter().any(|name| alerts[0].split(' ').next() == Some(name)))
    }

    /// Whether nobody shall hear of it.
    pub fn is_silent(&self) -> bool {
        self.pages.is_empty() && self.warnings.is_empty()
    }
}

impl Injection {
    /// Whether the fault is over as soon as it was injected.
    pub fn is_momentary(self) -> bool {
        matches!(self, Injection::MailRefused(_) | Injection::FirstDatabaseError | Injection::TokenStolen)
    }
}
