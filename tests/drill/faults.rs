//! What can go wrong, and who must hear of it: the one list that the drill runs and docs/ALERTING.md shows.
//!
//! An alert is named as notifications name it: `NeodymeCriticalError DATABASE_ERROR`, or a beginning of that.

mod fault;

pub use fault::{Fault, Injection};

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
        name: "database read-only, mended, then a table locked",
        injection: Injection::DatabaseReadOnlyThenLocked,
        pages: &[&["NeodymeCriticalError DATABASE_ERROR"], &["NeodymeErrorCauseChanged DATABASE_ERROR lock"]],
        words: "read-only (a standby?)",
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
        name: "webhooks answered with 500",
        injection: Injection::WebhooksFailing,
        warnings: &["NeodymeWebhookFailing webhook_1"],
        may: &["NeodymeErrorUsersAffected WEBHOOK_SERVICE_ERROR", "NeodymeErrorRateHigh WEBHOOK_SERVICE_ERROR"],
        ..NOTHING
    },
    Fault {
        name: "webhooks answered with 410",
        injection: Injection::WebhooksGone,
        warnings: &["NeodymeWebhookSwitchedOff webhook_1"],
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
        name: "wrong passwords from many addresses",
        injection: Injection::WrongPasswords,
        warnings: &["NeodymeWrongPasswordsUnusuallyMany"],
        words: "had a wrong password",
        ..NOTHING
    },
    Fault {
        name: "codes asked for many addresses",
        injection: Injection::CodesAsked,
        warnings: &["NeodymeCodeEmailsUnusuallyMany"],
        words: "most for reset_password",
        ..NOTHING
    },
    Fault {
        name: "a stolen refresh token",
        injection: Injection::TokenStolen,
        pages: &[&["NeodymeCriticalError SECURITY_VIOLATION"]],
        words: "A refresh token was used twice",
        ..NOTHING
    },
    Fault {
        name: "signing key unreadable",
        injection: Injection::KeyUnreadable,
        pages: &[&["NeodymeCriticalError AUTHENTICATION_FAILURE"]],
        words: "People cannot sign in",
        ..NOTHING
    },
    Fault {
        name: "signing key unreadable, and nobody signs in",
        injection: Injection::KeyUnreadableUnnoticed,
        pages: &[&["NeodymeSignInsFailing key"]],
        words: "the signing key cannot be used on 2 of 2 instances",
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
