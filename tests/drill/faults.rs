//! What can go wrong, and who must hear of it: the one list that the drill runs and docs/ALERTING.md shows.
//!
//! An alert is named as notifications name it: `NeodymeCriticalError DATABASE_ERROR`, or a beginning of that.

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
    /// Each answer of PostgreSQL comes 150 ms later.
    DatabaseSlow,
    /// PostgreSQL takes no writes.
    DatabaseReadOnly,
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
    /// Whether it must be told within a minute: it pages, and not just because an objective is missed for a while.
    pub fn is_urgent(&self) -> bool {
        let urgent = ["NeodymeDown", "NeodymeCriticalError DATABASE_ERROR"];
        self.pages.first().is_some_and(|alerts| urgent.contains(&alerts[0]))
    }

    /// Whether nobody shall hear of it.
    pub fn is_silent(&self) -> bool {
        self.pages.is_empty() && self.warnings.is_empty()
    }
}

impl Injection {
    /// Whether the fault is over as soon as it was injected.
    pub fn is_momentary(self) -> bool {
        matches!(self, Injection::MailRefused(_) | Injection::FirstDatabaseError)
    }
}

const MAIL_ERRORS: &str =
    r#"max_over_time(job_error_type:neodyme_errors:increase5m{error_type="EMAIL_SERVICE_ERROR"}[30m])"#;
const MAIL_USERS: &str =
    r#"max_over_time(job_error_type:neodyme_error_users:count5m{error_type="EMAIL_SERVICE_ERROR"}[30m])"#;

const DATABASE_ERRORS: &str =
    r#"max_over_time(job_error_type:neodyme_errors:increase5m{error_type="DATABASE_ERROR"}[30m])"#;

pub const NOTHING: Fault = Fault {
    name: "none",
    injection: Injection::Nothing,
    pages: &[],
    warnings: &[],
    may: &[],
    proof: None,
    users: None,
    harms_nobody: true,
    words: "",
};

const DATABASE_STOPPED: Fault = Fault {
    name: "database stopped",
    injection: Injection::DatabaseStopped,
    pages: &[&["NeodymeCriticalError DATABASE_ERROR"]],
    users: Some("DATABASE_ERROR"),
    harms_nobody: false,
    words: "no connection",
    ..NOTHING
};

const MAIL_DOWN: Fault = Fault {
    name: "mail server down",
    injection: Injection::MailDown,
    pages: &[&["NeodymeErrorBudgetBurn welcome_email"]],
    warnings: &["NeodymeDependencyDown email"],
    may: &[
        "NeodymeErrorUsersAffected EMAIL_SERVICE_ERROR",
        "NeodymeErrorRateHigh EMAIL_SERVICE_ERROR",
        "NeodymeExternalServiceFailing email",
        "NeodymeErrorBudgetBurn welcome_email",
    ],
    ..NOTHING
};

const HASH_FLOOD: Fault = Fault {
    name: "hash queue saturated",
    injection: Injection::HashFlood,
    pages: &[&[
        "NeodymeRegistrationsFailing",
        "NeodymeErrorBudgetBurn availability",
        "NeodymeErrorBudgetBurn registration_latency",
    ]],
    warnings: &["NeodymePasswordHashQueueSlow"],
    // Worlds beside it are neighbours.
    may: &[
        "NeodymeErrorBudgetBurn availability",
        "NeodymeErrorBudgetBurn registration_latency",
        "NeodymeProcessorStarved",
    ],
    harms_nobody: false,
    ..NOTHING
};

/// The list.
pub const FAULTS: &[Fault] = &[
    NOTHING,
    DATABASE_STOPPED,
    Fault {
        name: "database read-only",
        injection: Injection::DatabaseReadOnly,
        words: "read-only (a standby?)",
        ..DATABASE_STOPPED
    },
    Fault {
        name: "table locked",
        injection: Injection::TableLocked,
        words: "another transaction holds a lock",
        ..DATABASE_STOPPED
    },
    Fault {
        name: "connections exhausted",
        injection: Injection::ConnectionsExhausted,
        // Those that neodyme had are ended first.
        words: "connection",
        ..DATABASE_STOPPED
    },
    Fault {
        name: "database slow",
        injection: Injection::DatabaseSlow,
        pages: &[&["NeodymeErrorBudgetBurn registration_latency"]],
        warnings: &["NeodymeDatabaseSlow"],
        may: &["NeodymeDbPoolExhausted", "NeodymeErrorBudgetBurn registration_latency"],
        harms_nobody: false,
        ..NOTHING
    },
    MAIL_DOWN,
    Fault { name: "mail server hanging", injection: Injection::MailHanging, ..MAIL_DOWN },
    Fault {
        name: "mail server refusing the login",
        injection: Injection::MailRefusesLogin,
        warnings: &["NeodymeOutboxPaused welcome_email"],
        may: &[
            "NeodymeErrorUsersAffected EMAIL_SERVICE_ERROR",
            "NeodymeErrorRateHigh EMAIL_SERVICE_ERROR",
            "NeodymeExternalServiceFailing email",
            "NeodymeErrorBudgetBurn welcome_email",
        ],
        ..MAIL_DOWN
    },
    Fault {
        name: "analytics behind a login page",
        injection: Injection::AnalyticsLoginPage,
        warnings: &["NeodymeOutboxPaused analytics_event"],
        may: &[
            "NeodymeErrorUsersAffected ANALYTICS_SERVICE_ERROR",
            "NeodymeErrorRateHigh ANALYTICS_SERVICE_ERROR",
            "NeodymeExternalServiceFailing analytics",
        ],
        ..NOTHING
    },
    Fault {
        name: "analytics answering 500",
        injection: Injection::AnalyticsFailing,
        warnings: &["NeodymeExternalServiceFailing analytics"],
        may: &["NeodymeErrorUsersAffected ANALYTICS_SERVICE_ERROR", "NeodymeErrorRateHigh ANALYTICS_SERVICE_ERROR"],
        ..NOTHING
    },
    Fault {
        name: "analytics unreachable",
        injection: Injection::AnalyticsDown,
        warnings: &["NeodymeDependencyDown analytics"],
        may: &[
            "NeodymeErrorUsersAffected ANALYTICS_SERVICE_ERROR",
            "NeodymeErrorRateHigh ANALYTICS_SERVICE_ERROR",
            "NeodymeExternalServiceFailing analytics",
        ],
        ..NOTHING
    },
    Fault {
        name: "one instance killed",
        injection: Injection::OneKilled,
        warnings: &["NeodymeInstanceDown"],
        harms_nobody: false,
        ..NOTHING
    },
    Fault {
        name: "one instance hung",
        injection: Injection::OneHung,
        warnings: &["NeodymeInstanceDown"],
        harms_nobody: false,
        ..NOTHING
    },
    Fault { name: "rolling restart", injection: Injection::RollingRestart, ..NOTHING },
    Fault {
        name: "all instances killed",
        injection: Injection::AllKilled,
        pages: &[&["NeodymeDown"]],
        harms_nobody: false,
        ..NOTHING
    },
    Fault {
        name: "an instance in a restart loop",
        injection: Injection::RestartLoop,
        warnings: &["NeodymeRestarting"],
        harms_nobody: false,
        ..NOTHING
    },
    Fault {
        name: "11 errors of one type",
        injection: Injection::MailRefused(&[4, 4, 3]),
        warnings: &["NeodymeErrorRateHigh EMAIL_SERVICE_ERROR"],
        proof: Some((MAIL_ERRORS, 11.0)),
        ..NOTHING
    },
    Fault {
        name: "10 errors of one type",
        injection: Injection::MailRefused(&[4, 3, 3]),
        proof: Some((MAIL_ERRORS, 10.0)),
        ..NOTHING
    },
    Fault {
        name: "six users hit by one type",
        injection: Injection::MailRefused(&[1; 6]),
        warnings: &["NeodymeErrorUsersAffected EMAIL_SERVICE_ERROR"],
        proof: Some((MAIL_USERS, 6.0)),
        ..NOTHING
    },
    Fault {
        name: "five users hit by one type",
        injection: Injection::MailRefused(&[2; 5]),
        proof: Some((MAIL_USERS, 5.0)),
        ..NOTHING
    },
    Fault {
        name: "a first critical error right after start",
        injection: Injection::FirstDatabaseError,
        pages: &[&["NeodymeCriticalError DATABASE_ERROR"]],
        proof: Some((DATABASE_ERRORS, 1.0)),
        harms_nobody: false,
        ..NOTHING
    },
    Fault {
        name: "one database error, then the hash queue saturated",
        injection: Injection::OneDatabaseErrorThenFlood,
        pages: &[&["NeodymeCriticalError DATABASE_ERROR"], HASH_FLOOD.pages[0]],
        ..HASH_FLOOD
    },
    HASH_FLOOD,
    Fault {
        name: "flood of duplicates",
        injection: Injection::DuplicateFlood,
        warnings: &["NeodymeDuplicateRegistrationSpike"],
        ..NOTHING
    },
    Fault {
        name: "log reader stalled",
        injection: Injection::LogStalled,
        warnings: &["NeodymeLogRecordsDropped"],
        ..NOTHING
    },
    Fault { name: "clock wrong", injection: Injection::ClockShifted(30), warnings: &["NeodymeClockSkew"], ..NOTHING },
    Fault {
        name: "clock ten minutes behind",
        injection: Injection::ClockShifted(-600),
        warnings: &["NeodymeClockSkew"],
        may: &["NeodymeClockJumped"],
        ..NOTHING
    },
    Fault {
        name: "token of Prometheus changed",
        injection: Injection::TokenChanged,
        pages: &[&["NeodymeMonitoringBlind"]],
        ..NOTHING
    },
    Fault {
        name: "mail to one domain refused",
        injection: Injection::DomainRefused,
        warnings: &["NeodymeOutboxDeadLetters welcome_email"],
        may: &["NeodymeErrorUsersAffected EMAIL_SERVICE_ERROR", "NeodymeErrorRateHigh EMAIL_SERVICE_ERROR"],
        ..NOTHING
    },
];

/// The fault of this name.
pub fn fault(name: &str) -> &'static Fault {
    FAULTS.iter().find(|fault| fault.name == name).unwrap_or_else(|| panic!("there is no fault `{name}`"))
}
