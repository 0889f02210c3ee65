//! The table of settings: one line and its comment are all there is to say about a setting.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use lettre::message::Mailbox;
use url::Url;

use super::setting::{Setting, settings};
use super::value::Value;
use super::values::{Effective, Values};
use super::{
    Contact, DatabaseUrl, Environment, Host, HostPattern, LogFormat, MediaType, PathPrefix, RegistrationConflict,
    Secret, SmtpTls, WebAddress, WebOrigin, WebhookEvent, WebhookSecrets,
};
use crate::language::Language;

/// A limit in time: too short to be useful is the operator's choice, none at all is not.
const LIMIT: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_secs(3600);
/// A pause, which may be none.
const PAUSE: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(3600);
/// The time between two runs of something.
const INTERVAL: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(86_400);
/// The time for which a code from an email can be used.
const CODE_LIFETIME: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(30 * 86_400);
/// The time for which something is kept, or kept at.
const RETENTION: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(10 * 366 * 86_400);

settings! {
    "General" {
        /// What the service runs for. `production` refuses settings that are unsafe there and says which.
        environment: Environment = "environment", "development";
        /// Address of the API listener. Port 0 takes a free one, which the line `Listening` names.
        api_listen: SocketAddr = "api_listen", "127.0.0.1:8000";
        /// Path under which the API is served too, such as `/api/v1`. Who comes that way is led on that way, by `Location`.
        api_prefix: Option<PathPrefix> = "api_prefix", "";
        /// Origins of pages, other than the API's own, whose scripts may call the API (CORS), each as browsers send it: scheme,
        /// host, and the port where it is not the scheme's own. `*` is refused, since tokens are sent.
        cors_allowed_origins: Vec<WebOrigin> = "cors_allowed_origins", "";
        /// Whether the API listener serves pages for people, below `/account/`: where they sign up and sign in, and where the links of
        /// emails lead, for `mail_links_url`.
        hosted_pages: bool = "hosted_pages", "false";
        /// Directory with templates that are used for these pages instead of those built in: directly in it those of
        /// `mail_default_language`, those of another one in a folder with its tag. `neodyme page templates` writes those built in.
        pages_templates: Option<PathBuf> = "pages_templates", "";
        /// Address of the operations listener (metrics, health, errors). Beyond loopback, `production` wants `ops_token`.
        ops_listen: SocketAddr = "ops_listen", "127.0.0.1:9000";
        /// Token of the operations listener. With one, everything there but health and runbooks needs `Authorization: Bearer`, and
        /// `/health/metrics` does too; without one, what changes the service is refused.
        ops_token: Option<Secret> = "ops_token", "", 16;
        /// Names under which the operations listener may be asked, besides `localhost`, the names below it, and addresses.
        /// `*.` stands for all names below one. A request for another name is refused with 421: it may be a browser that a
        /// foreign page sent here.
        ops_allowed_hosts: Vec<HostPattern> = "ops_allowed_hosts", "";
        /// Key of the hash that counts the users affected by an error. Without one, instances share a random one through their
        /// database.
        error_user_hash_key: Option<Secret> = "error_user_hash_key", "", 16;
    }
    /// Limits of both listeners, and whom to believe about the client's address.
    http: HttpConfig "HTTP" {
        /// Open connections per listener. For one more, one gives way that is idle or waits for its client, of the client that
        /// has most; where there is none, it is answered with 503 and closed.
        max_connections: usize = "http_max_connections", "1024", 1..=1_000_000;
        /// Open connections of one client address (an IPv4 address, or the /64 of an IPv6 address) per listener, at most half of
        /// all; 0 for no limit of its own. One that is idle, or waits for its client, is closed for the next one, and where
        /// all are worked for, that is answered with 503. Trusted proxies have no such limit.
        max_connections_per_client: usize = "http_max_connections_per_client", "256", 0..=1_000_000;
        /// Requests worked on at once, from the end of their body on. More are refused with 503.
        max_requests_in_flight: usize = "http_max_requests_in_flight", "512", 1..=1_000_000;
        /// Requests of one client address worked on at once, at most half of all; 0 for no limit of its own. More are refused
        /// with 429.
        max_requests_per_client: usize = "http_max_requests_per_client", "100", 0..=1_000_000;
        /// Requests that one client address may make of the API at once and within each `http_requests_period`; 0 for no limit.
        /// More are refused with 429. Health, the keys of tokens and the OpenAPI document are counted apart, with the same limit.
        /// What trusted proxies ask by themselves is not limited.
        requests_per_client: u32 = "http_requests_per_client", "3000", 0..=1_000_000_000;
        /// Time within which a client may make `http_requests_per_client` once more: they come back evenly.
        requests_period: Duration = "http_requests_period", "1m", LIMIT;
        /// Bodies waited for at once. For one more, that which was waited for longest is given up with 503.
        max_late_bodies: usize = "http_max_late_bodies", "1024", 1..=1_000_000;
        /// Bodies of one client address waited for at once, at most half of all; 0 for no limit of its own. For one more, the
        /// oldest is given up.
        max_late_bodies_per_client: usize = "http_max_late_bodies_per_client", "128", 0..=1_000_000;
        /// Largest size of a request's headers in bytes.
        max_header_bytes: usize = "http_max_header_bytes", "16384", 8192..=1_048_576;
        /// Largest size of a request's body in bytes. A larger one is answered with 413.
        max_body_bytes: usize = "http_max_body_bytes", "16384", 1..=16_777_216;
        /// Time for a client to send a request's headers.
        header_timeout: Duration = "http_header_timeout", "10s", LIMIT;
        /// Time for a client to send a request's body.
        body_timeout: Duration = "http_body_timeout", "10s", LIMIT;
        /// Time for a request as a whole, from its headers to the answer.
        request_timeout: Duration = "http_request_timeout", "15s", LIMIT;
        /// Time for a client to take an answer. After that the connection is closed.
        answer_timeout: Duration = "http_answer_timeout", "10s", LIMIT;
        /// Time after which a connection without a request is closed.
        idle_timeout: Duration = "http_idle_timeout", "75s", LIMIT;
        /// Proxies whose `X-Forwarded-For` is trusted. From anyone else the header is ignored.
        trusted_proxies: Vec<IpNet> = "trusted_proxies", "";
    }
    /// How often one client may register, and what it is told.
    registration: RegistrationConfig "Registration" {
        /// Registrations that one client address (an IPv4 address, or the /64 of an IPv6 address) may try at once and within
        /// each `registrations_period`; 0 for no limit. More are refused with 429.
        per_client: u32 = "registrations_per_client", "600", 0..=1_000_000_000;
        /// Time within which a client that used up its registrations has all of them again; they come back one by one.
        period: Duration = "registrations_period", "10m", INTERVAL;
        /// What is told to whoever registers an address that is taken. `reveal`: 409. `hide`: 202 without a word, as for one that
        /// is not, and its owner is told by email, at most once an hour; needs `require_verified_email`.
        conflict: RegistrationConflict = "registration_conflict", "reveal";
    }
    /// The database and its pool.
    database: DatabaseConfig "Database" {
        /// Where the users are kept: a SQLite file (its folder is created) or a PostgreSQL server.
        url: DatabaseUrl = "database_url", "sqlite://data/neodyme.db";
        /// Connections in the pool. On SQLite those that read, at most 4; there is one more that writes.
        pool_size: usize = "database_pool_size", "10", 1..=1000;
        /// Time to wait for a connection of the pool.
        acquire_timeout: Duration = "database_acquire_timeout", "2s", LIMIT;
        /// Time for one statement. On SQLite the time to wait for another process's lock.
        query_timeout: Duration = "database_query_timeout", "5s", LIMIT;
        /// Time to open a connection.
        connect_timeout: Duration = "database_connect_timeout", "5s", LIMIT;
        /// Time at start to wait for the database to answer. After that the process ends with code 1.
        startup_timeout: Duration = "database_startup_timeout", "30s", LIMIT;
        /// Whether `serve` brings the database's tables up to date. If not, run `neodyme migrate`.
        migrate_on_start: bool = "database_migrate_on_start", "true";
        /// Time between two counts of all users, for the metric of active and inactive ones.
        users_refresh_interval: Duration = "users_refresh_interval", "1m", INTERVAL;
    }
    /// Hashing of passwords with argon2id.
    password: PasswordConfig "Passwords" {
        /// Memory of a hash in KiB. At least 8 times the parallelism.
        memory_kib: u32 = "password_argon2_memory_kib", "19456", 8..=4_194_304;
        /// Passes over the memory.
        iterations: u32 = "password_argon2_iterations", "2", 1..=1000;
        /// Lanes of a hash.
        parallelism: u32 = "password_argon2_parallelism", "1", 1..=64;
        /// Threads that hash, each with its own block of memory; 0 for one per core.
        workers: usize = "password_hash_workers", "0", 0..=1024;
        /// Longest expected wait for a free thread. Beyond it a registration is refused at once with 503.
        max_wait: Duration = "password_hash_max_wait", "2s", LIMIT;
    }
    /// Which passwords may be chosen.
    new_password: NewPasswordConfig "New passwords" {
        /// Fewest characters of a new password. NIST SP 800-63B-4 asks for 15 where the password is all that somebody signs in
        /// with, and for 8 beside a second factor. Passwords that users have already stay as they are.
        min_characters: usize = "password_min_characters", "15", 8..=64;
        /// Where to ask whether a new password is known from a data breach, beside the list that neodyme brings:
        /// `https://api.pwnedpasswords.com/range`, or a service with the same answers. Only the first 5 hex digits of its
        /// SHA-1 are sent. Without one, nobody is asked.
        breached_url: Option<Url> = "breached_passwords_url", "";
        /// Time for that question. A password is taken if there is no answer, and after 3 failures in a row nobody is asked
        /// for 30 seconds.
        breached_timeout: Duration = "breached_passwords_timeout", "1s", LIMIT;
    }
    /// Sign-ins, and what is given to those who signed in.
    sign_in: SignInConfig "Sign-in" {
        /// Sign-ins that one client address (an IPv4 address, or the /64 of an IPv6 address) may try at once and within each
        /// `logins_period`; 0 for no limit. More are refused with 429. Where a user has to say the password again, that counts
        /// too.
        logins_per_client: u32 = "logins_per_client", "600", 0..=1_000_000_000;
        /// Time within which a client that used up its sign-ins has all of them again; they come back one by one.
        logins_period: Duration = "logins_period", "10m", INTERVAL;
        /// Refreshes (`POST /auth/refresh`) that one client address may try at once and within each `refreshes_period`; 0 for no
        /// limit. More are refused with 429.
        refreshes_per_client: u32 = "refreshes_per_client", "6000", 0..=1_000_000_000;
        /// Time within which a client that used up its refreshes has all of them again; they come back one by one.
        refreshes_period: Duration = "refreshes_period", "10m", INTERVAL;
        /// Wrong passwords in a row for one address of mail before the next one has to wait: for a second, then for twice as
        /// long each time.
        free_failures: u32 = "login_free_failures", "5", 1..=100;
        /// Longest wait between two wrong passwords.
        max_delay: Duration = "login_max_delay", "15m", LIMIT;
        /// Wrong passwords in a row after which none is tried any more, until somebody who may activates the user again.
        max_failures: u32 = "login_max_failures", "100", 1..=1_000_000;
        /// Who issues access tokens, as their claim `iss` says it. What verifies them compares it: best the URL of the API.
        token_issuer: String = "token_issuer", "neodyme";
        /// Whom access tokens are for, as their claim `aud` says it.
        token_audience: String = "token_audience", "neodyme";
        /// Time for which an access token is valid. It cannot be taken back before.
        access_token_lifetime: Duration = "access_token_lifetime", "15m", Duration::from_secs(1)..=Duration::from_secs(3600);
        /// Time for which a refresh token is valid: a session that is not used for so long ends.
        session_idle: Duration = "session_idle", "30d", RETENTION;
        /// Time after which a session ends however much it is used.
        session_lifetime: Duration = "session_lifetime", "365d", RETENTION;
        /// Sessions of one user. For one more, that which was not used for longest ends.
        sessions_per_user: usize = "sessions_per_user", "100", 1..=10_000;
        /// File with the keys that access tokens are signed with (PEM, PKCS #8, P-256): the first signs, all are published. Without
        /// one, they are made at the first start, kept in the database, and changed with `neodyme keys rotate`.
        signing_key_file: Option<PathBuf> = "signing_key_file", "";
        /// Key under which keys in the database are encrypted: any text, the same for all instances. Without one they are as safe
        /// as the database.
        key_encryption_key: Option<Secret> = "key_encryption_key", "", 32;
        /// Time for which a new key is published before it signs. Those who verify tokens must look at the keys more often.
        key_lead: Duration = "signing_key_lead", "10m", PAUSE;
    }
    /// The codes that emails carry: to verify an address, to choose another password, to change the address.
    codes: CodesConfig "Codes by email" {
        /// Whether only those are signed in whose address is verified. Others are answered `EMAIL_NOT_VERIFIED` after the right
        /// password.
        require_verified: bool = "require_verified_email", "false";
        /// Time for which the code that verifies an address can be used, from when its email is sent.
        verification_lifetime: Duration = "verification_code_lifetime", "1d", CODE_LIFETIME;
        /// Time for which the code that resets a password can be used, from when its email is sent.
        reset_lifetime: Duration = "reset_code_lifetime", "30m", CODE_LIFETIME;
        /// Time for which a change of the address can be confirmed, from when its email is sent.
        change_lifetime: Duration = "email_change_code_lifetime", "1d", CODE_LIFETIME;
        /// Time for which a change of the address can be taken back, from the change on. Nobody else can register the address of
        /// before until then.
        undo_lifetime: Duration = "email_change_undo_lifetime", "3d", CODE_LIFETIME;
        /// Emails with a code that one client address (an IPv4 address, or the /64 of an IPv6 address) may ask for at once and
        /// within each `code_emails_period`; 0 for no limit. More are refused with 429.
        emails_per_client: u32 = "code_emails_per_client", "100", 0..=1_000_000_000;
        /// Time within which a client that used up its emails has all of them again; they come back one by one.
        emails_period: Duration = "code_emails_period", "10m", INTERVAL;
        /// Emails with a code of one kind that are sent to one address, and for one user, within an hour, whoever asks. For one
        /// more the answer is the same, and nothing is sent.
        emails_per_address: usize = "code_emails_per_address", "5", 1..=1000;
        /// Time after which a user is erased whose address was never verified, and who has no role but `user`; 0s for never. It
        /// counts from the registration, the import or the last change. Users from before there were codes are not erased.
        unverified_retention: Duration = "unverified_retention", "0s", Duration::ZERO..=Duration::from_secs(10 * 366 * 86_400);
    }
    /// The emails to users.
    mail: MailConfig "Mail" {
        /// Mail server. Without one, mail is written to files in `mail_directory`.
        smtp_host: Option<Host> = "smtp_host", "";
        /// Port of the mail server; 0 for the usual one: 587 with STARTTLS, 465 with TLS, 25 with neither.
        smtp_port: u16 = "smtp_port", "0", 0..=u16::MAX;
        /// How the conversation is protected. `none` only where nobody can listen.
        smtp_tls: SmtpTls = "smtp_tls", "starttls";
        /// File with certificates (PEM) to trust instead of the system's: authorities, or the mail server's own.
        smtp_ca_file: Option<PathBuf> = "smtp_ca_file", "";
        /// Name of this machine, as the mail server is told with EHLO. Without one, the host name if it is fully qualified,
        /// else the address of this end of the connection.
        smtp_helo_name: Option<Host> = "smtp_helo_name", "";
        /// User name at the mail server. Without one there is no authentication.
        smtp_username: Option<String> = "smtp_username", "";
        /// Password at the mail server.
        smtp_password: Option<Secret> = "smtp_password", "", 1;
        /// Time for one delivery up to the end of its message.
        smtp_timeout: Duration = "smtp_timeout", "20s", LIMIT;
        /// Time after that for the server to say that it has taken the message. A mail that is sent again before the server
        /// has answered comes twice; RFC 5321 (4.5.3.2.6) asks for 10 minutes.
        smtp_data_timeout: Duration = "smtp_data_timeout", "10m", LIMIT;
        /// Sender of the mail, as `Name <address>`.
        from: Mailbox = "mail_from", "neodyme <neodyme@localhost>";
        /// Where mail is written without a mail server.
        directory: PathBuf = "mail_directory", "data/mail";
        /// Where people use the codes that emails carry: emails link to `verify-email`, `reset-password`, `change-email` and
        /// `undo-email-change` below this URL, each with `?code=`, and to `forgot-password` without one. The pages there send the code
        /// to the API. Without this URL, emails show the code itself.
        links_url: Option<Url> = "mail_links_url", "";
        /// Directory with templates that are used instead of those built in: directly in it those of the default language, those
        /// of another one in a folder with its tag. `neodyme email templates` writes those built in.
        templates: Option<PathBuf> = "mail_templates", "";
        /// Language of emails to users who asked for none, or for one in which there are no templates; and of pages for whom reads
        /// none that there are pages in.
        default_language: Language = "mail_default_language", "en";
        /// Name by which users know the service, in emails and on pages. Without one, the name in `mail_from`, or its domain.
        product_name: Option<String> = "product_name", "";
        /// Where the name or the logo leads at the head of pages and in emails, such as the front page of a shop. Without one, nowhere.
        product_url: Option<WebAddress> = "product_url", "";
        /// Whom users ask, named at the foot of emails and pages. Without one, nobody is named.
        support_address: Option<Contact> = "support_address", "";
        /// Image at the head of emails in HTML and of pages, such as a logo, shown 40 pixels high. Mail readers fetch it where they are let.
        logo_url: Option<WebAddress> = "logo_url", "";
    }
    /// The analytics service.
    analytics: AnalyticsConfig "Analytics" {
        /// Base URL of the analytics service; events go to `{base}/events`. Without one there are no events.
        base_url: Option<Url> = "analytics_base_url", "";
        /// Time for one event as a whole.
        timeout: Duration = "analytics_timeout", "10s", LIMIT;
        /// Statuses that say that an event was taken; without any, all of 2xx.
        expect_statuses: Vec<u16> = "analytics_expect_statuses", "";
        /// Content types that an answer may have whose status says so. One without a body, or without a type, is accepted, but
        /// not a page of HTML; any other is not the service's, and the event waits.
        expect_types: Vec<MediaType> = "analytics_expect_types", "application/json,text/plain";
        /// Text that its body must have within the first 64 KiB.
        expect_text: Option<String> = "analytics_expect_text", "";
    }
    /// Who else is told what happens to users.
    webhook: WebhookConfig "Webhooks" {
        /// Where events of users are sent, signed as Standard Webhooks says: the first endpoint. `https`; `http` only to an address
        /// within `webhook_private_networks`. Without one there is no such endpoint. An endpoint keeps its number.
        url_1: Option<Url> = "webhook_1_url", "";
        /// What the requests to the first endpoint are signed with, and nobody else's. While one is replaced, both, with a space
        /// between.
        secret_1: WebhookSecrets = "webhook_1_secret", "";
        /// Events that the first endpoint is told of; without any, all.
        events_1: Vec<WebhookEvent> = "webhook_1_events", "";
        /// Where events of users are sent to the second endpoint.
        url_2: Option<Url> = "webhook_2_url", "";
        /// What the requests to the second endpoint are signed with.
        secret_2: WebhookSecrets = "webhook_2_secret", "";
        /// Events that the second endpoint is told of; without any, all.
        events_2: Vec<WebhookEvent> = "webhook_2_events", "";
        /// Where events of users are sent to the third endpoint.
        url_3: Option<Url> = "webhook_3_url", "";
        /// What the requests to the third endpoint are signed with.
        secret_3: WebhookSecrets = "webhook_3_secret", "";
        /// Events that the third endpoint is told of; without any, all.
        events_3: Vec<WebhookEvent> = "webhook_3_events", "";
        /// Where events of users are sent to the fourth endpoint.
        url_4: Option<Url> = "webhook_4_url", "";
        /// What the requests to the fourth endpoint are signed with.
        secret_4: WebhookSecrets = "webhook_4_secret", "";
        /// Events that the fourth endpoint is told of; without any, all.
        events_4: Vec<WebhookEvent> = "webhook_4_events", "";
        /// Time for one request as a whole.
        timeout: Duration = "webhook_timeout", "15s", LIMIT;
        /// Networks that are not public and that webhooks may be sent into. To any other address that is loopback, private,
        /// link-local, shared or reserved nothing is sent, whatever name leads there.
        private_networks: Vec<IpNet> = "webhook_private_networks", "";
    }
    /// What follows a registration.
    outbox: OutboxConfig "Outbox" {
        /// Time between two looks for jobs, besides the one that each new job causes.
        poll_interval: Duration = "outbox_poll_interval", "1s", LIMIT;
        /// Time for which a job is tried again that fails for its own sake. After that it is dead. The time for which its
        /// service is down, or refuses everything, does not count.
        retry_for: Duration = "outbox_retry_for", "1d", RETENTION;
        /// Longest wait between two tries of a job.
        max_backoff: Duration = "outbox_max_backoff", "10m", LIMIT;
        /// Welcome emails sent at once by one instance.
        welcome_email_concurrency: usize = "welcome_email_concurrency", "20", 1..=256;
        /// Time after which a welcome email whose instance died is taken over by another.
        welcome_email_lease: Duration = "welcome_email_lease", "1m", LIMIT;
        /// Time for which delivered welcome emails are remembered.
        welcome_email_retention: Duration = "welcome_email_retention", "7d", RETENTION;
        /// Emails about accounts, such as that a password was changed, sent at once by one instance.
        account_email_concurrency: usize = "account_email_concurrency", "5", 1..=256;
        /// Time after which an email about an account whose instance died is taken over by another.
        account_email_lease: Duration = "account_email_lease", "1m", LIMIT;
        /// Time for which delivered emails about accounts are remembered.
        account_email_retention: Duration = "account_email_retention", "7d", RETENTION;
        /// Analytics events sent at once by one instance.
        analytics_event_concurrency: usize = "analytics_event_concurrency", "8", 1..=256;
        /// Time after which an analytics event whose instance died is taken over by another.
        analytics_event_lease: Duration = "analytics_event_lease", "1m", LIMIT;
        /// Time for which delivered analytics events are remembered.
        analytics_event_retention: Duration = "analytics_event_retention", "7d", RETENTION;
        /// Webhooks sent at once by one instance to one endpoint.
        webhook_concurrency: usize = "webhook_concurrency", "4", 1..=256;
        /// Time after which a webhook whose instance died is taken over by another.
        webhook_lease: Duration = "webhook_lease", "1m", LIMIT;
        /// Time for which delivered webhooks are remembered.
        webhook_retention: Duration = "webhook_retention", "7d", RETENTION;
        /// Time for which audit rows are kept.
        audit_retention: Duration = "audit_retention", "365d", RETENTION;
    }
    /// The checks of what the service depends on.
    health: HealthConfig "Health" {
        /// Time between two checks of the database, a tenth more or less.
        interval: Duration = "health_interval", "2s", LIMIT;
        /// Time for a check of the database.
        timeout: Duration = "health_timeout", "2s", LIMIT;
        /// Time after which a database that answers is slow.
        slow_after: Duration = "health_slow_after", "100ms", LIMIT;
        /// Time between two checks of the mail server, and of the analytics service, a tenth more or less.
        service_interval: Duration = "health_service_interval", "15s", LIMIT;
        /// Time for a check of the mail server or the analytics service.
        service_timeout: Duration = "health_service_timeout", "5s", LIMIT;
        /// Time after which a mail server or analytics service that answers is slow.
        service_slow_after: Duration = "health_service_slow_after", "1s", LIMIT;
        /// Checks in a row that must find something worse before the status changes.
        down_after: u32 = "health_down_after", "2", 1..=100;
        /// Checks in a row that must find something better before the status changes.
        up_after: u32 = "health_up_after", "2", 1..=100;
        /// Time without a sign of life of the async runtime after which the process is not live.
        stall_after: Duration = "health_stall_after", "5s", Duration::from_secs(1)..=Duration::from_secs(3600);
    }
    /// The log on standard output.
    log: LogConfig "Log" {
        /// Least severe level that is logged. A release build has no `trace`.
        level: slog::Level = "log_level", "info";
        /// Form of a line. `auto` is `terminal` on a terminal, else `json`; `terminal` is for people, with what matters and
        /// short ids, and `full` with everything.
        format: LogFormat = "log_format", "auto";
        /// Records that may wait to be written. More are dropped, and counted.
        queue_capacity: usize = "log_queue_capacity", "8192", 1..=1_048_576;
        /// Whether email addresses are logged in full instead of as `j***@example.com`.
        full_emails: bool = "log_full_emails", "false";
    }
    /// The end of the process.
    shutdown: ShutdownConfig "Shutdown" {
        /// Time to go on serving while readiness already fails, so that load balancers look elsewhere.
        delay: Duration = "shutdown_delay", "1s", PAUSE;
        /// Time after that for requests in flight to finish.
        deadline: Duration = "shutdown_deadline", "25s", LIMIT;
    }
}

impl Setting {
    /// The setting of that name.
    pub fn find(key: &str) -> Option<&'static Setting> {
        SETTINGS.iter().find(|setting| setting.key == key)
    }
}
