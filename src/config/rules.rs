//! Checks that look at several settings, and what `environment = production` refuses.

use ipnet::IpNet;
use url::Url;

use super::problem::Problems;
use super::{Config, DatabaseUrl, Environment, SmtpTls, WebhookEndpoint, is_localhost, is_loopback, is_this_machine};

/// The least argon2id parameters of the OWASP password storage cheat sheet: KiB of memory and iterations.
const OWASP_MINIMUM: [(u32, u32); 5] = [(47_104, 1), (19_456, 2), (12_288, 3), (9216, 4), (7168, 5)];

/// Adds everything that the single values do not show.
pub(super) fn check(config: &Config, problems: &mut Problems) {
    let mut faults = contradictions(config);
    if config.environment == Environment::Production {
        let refusals = production_refusals(config).into_iter();
        faults.extend(refusals.map(|(key, text)| (key, format!("refused in production: {text}"))));
    }
    for (key, text) in faults {
        // The default stands in for a value that was refused: what follows from it is not the operator's fault.
        if !problems.concern(key) {
            problems.add(Some(key), config.source(key), format!("{key}: {text}"));
        }
    }
}

type Faults = Vec<(&'static str, String)>;

fn contradictions(config: &Config) -> Faults {
    let mut faults = Faults::new();
    let password = &config.password;
    let least = 8 * password.parallelism;
    if password.memory_kib < least {
        let text = format!(
            "{} KiB are too few for password_argon2_parallelism {}; accepted: at least {least}",
            password.memory_kib, password.parallelism
        );
        faults.push(("password_argon2_memory_kib", text));
    }
    if config.api_listen == config.ops_listen && config.api_listen.port() != 0 {
        faults
            .push(("ops_listen", format!("{} is the address of api_listen too; use another port", config.ops_listen)));
    }
    let sign_in = &config.sign_in;
    if sign_in.max_failures < sign_in.free_failures {
        let text = format!("{} is less than login_free_failures {}", sign_in.max_failures, sign_in.free_failures);
        faults.push(("login_max_failures", text));
    }
    match (&config.mail.smtp_username, &config.mail.smtp_password) {
        (Some(_), None) => faults.push(("smtp_password", "it is missing, while smtp_username is set".into())),
        (None, Some(_)) => faults.push(("smtp_username", "it is missing, while smtp_password is set".into())),
        _ => {}
    }
    if !config.registration.conflict.is_told() && !config.codes.require_verified {
        let text = "hide hides nothing from who signs in with the password just registered; set require_verified_email";
        faults.push(("registration_conflict", text.into()));
    }
    if let Some(token) = &config.ops_token
        && !token.expose().bytes().all(|byte| byte.is_ascii_graphic())
    {
        faults.push(("ops_token", "the value has characters that no header carries; use visible ASCII".into()));
    }
    faults.extend(config.webhook.faults());
    faults
}

fn production_refusals(config: &Config) -> Faults {
    let (memory, passes) = (config.password.memory_kib, config.password.iterations);
    let everyone = |network: &IpNet| network.prefix_len() == 0;
    let mail = &config.mail;
    let mail_leaves = mail.smtp_host.as_ref().is_some_and(|host| !host.is_this_machine());
    let refusals = [
        (
            "password_argon2_memory_kib",
            !is_slow_enough(memory, passes),
            format!(
                "{memory} KiB with password_argon2_iterations {passes} is guessed too fast; OWASP's least for KiB/iterations \
             is 19456/2, 12288/3, 9216/4, 7168/5 or 47104/1"
            ),
        ),
        ("log_full_emails", config.log.full_emails, "logs would hold personal data; use false".into()),
        (
            "database_url",
            config.database.url.is_plain_text_to_another_host(),
            "sslmode=disable sends users and password hashes over the network in plain text; use verify-full".into(),
        ),
        (
            "key_encryption_key",
            matches!(config.database.url, DatabaseUrl::Postgres(_))
                && config.sign_in.signing_key_file.is_none()
                && config.sign_in.key_encryption_key.is_none(),
            "the keys that sign access tokens would lie open in a database that others reach; set \
             NEODYME_KEY_ENCRYPTION_KEY_FILE, or give the keys with signing_key_file"
                .into(),
        ),
        (
            "ops_listen",
            !is_loopback(config.ops_listen.ip()) && config.ops_token.is_none(),
            format!(
                "{} can be reached from other machines, and who reaches it reads metrics, errors and settings; use a loopback \
             address, or set a token through NEODYME_OPS_TOKEN or NEODYME_OPS_TOKEN_FILE",
                config.ops_listen
            ),
        ),
        (
            "cors_allowed_origins",
            config.cors_allowed_origins.iter().any(|origin| is_plain_text_to_another_host(origin.as_url())),
            "whoever is between a page that comes over http and its reader can change it, and have it send passwords and tokens \
             elsewhere; use https"
                .into(),
        ),
        (
            "trusted_proxies",
            config.http.trusted_proxies.iter().any(everyone),
            "0.0.0.0/0 and ::/0 let every client choose the address it is logged with; name your proxies".into(),
        ),
        (
            "webhook_private_networks",
            config.webhook.private_networks.iter().any(everyone),
            "0.0.0.0/0 and ::/0 let a webhook reach whatever this machine can reach; name the network of your receiver"
                .into(),
        ),
        (
            "breached_passwords_url",
            config.new_password.breached_url.as_ref().is_some_and(is_plain_text_to_another_host),
            "http sends a part of the hash of each new password over the network in plain text; use https".into(),
        ),
        (
            "smtp_tls",
            mail.smtp_tls == SmtpTls::None && mail_leaves,
            "none sends names, addresses and the password over the network in plain text; use starttls or tls".into(),
        ),
        (
            "mail_from",
            mail.smtp_host.is_some() && is_localhost(mail.from.email.domain()),
            "nobody can answer an address at localhost, and servers refuse it; use one of your own domain".into(),
        ),
    ];
    let refusals = refusals.into_iter().filter(|(_, is_unsafe, _)| *is_unsafe).map(|(key, _, text)| (key, text));
    refusals.chain(config.webhook.endpoints().filter_map(|endpoint| plain_webhook(&endpoint))).collect()
}

fn plain_webhook(endpoint: &WebhookEndpoint<'_>) -> Option<(&'static str, String)> {
    let text = "http sends names and addresses over the network in plain text; use https";
    endpoint.url.filter(|url| is_plain_text_to_another_host(url)).map(|_| (endpoint.url_setting, text.into()))
}

fn is_plain_text_to_another_host(url: &Url) -> bool {
    let host = url.host_str().map(|host| host.trim_matches(['[', ']']));
    url.scheme() == "http" && !host.is_some_and(is_this_machine)
}

fn is_slow_enough(memory_kib: u32, iterations: u32) -> bool {
    OWASP_MINIMUM.iter().any(|&(memory, passes)| memory_kib >= memory && iterations >= passes)
}

#[cfg(test)]
mod tests {
    use super::is_slow_enough;

    #[test]
    fn the_owasp_minimum_is_met_by_any_of_its_rows_or_more() {
        for (memory, passes) in [(19_456, 2), (47_104, 1), (7168, 5), (12_288, 9), (65_536, 3)] {
            assert!(is_slow_enough(memory, passes), "{memory}/{passes}");
        }
        for (memory, passes) in [(19_455, 2), (19_456, 1), (7167, 100), (8, 1)] {
            assert!(!is_slow_enough(memory, passes), "{memory}/{passes}");
        }
    }
}
