//! From where on the page calls something wrong: each number is that of the alert that tells of it.

/// Of registrations that could succeed, the part that fails: `NeodymeRegistrationsFailing`.
pub(super) const FAILING_REGISTRATIONS: f64 = 0.2;
/// Of sign-ins with the right password, the part that fails: `NeodymeSignInsFailing`.
pub(super) const FAILING_SIGN_INS: f64 = 0.2;
/// Failures that are more than a chance, of registrations, sign-ins and calls.
pub(super) const FEW: u64 = 5;
/// The part of the calls of a service that fails: `NeodymeExternalServiceFailing`.
pub(super) const FAILING_CALLS: f64 = 0.5;
/// Unexpected errors within five minutes: `NeodymeErrorRateHigh`.
pub(super) const MANY_ERRORS: u64 = 10;
/// Seconds after which a critical error is over: `NeodymeCriticalError`.
pub(super) const RECENT_ERROR: u64 = 270;
/// Seconds that a job may wait while nothing is delivered: `NeodymeOutboxStuck`.
pub(super) const OLD_JOB: f64 = 900.0;
/// Seconds that a successful registration may take, and the part of them that may take longer: the objective, of which
/// `NeodymeErrorBudgetBurn` tells.
pub(super) const SLOW_REGISTRATION: f64 = 0.5;
/// The same of a sign-in.
pub(super) const SLOW_SIGN_IN: f64 = 0.5;
pub(super) const SLOW_PART: f64 = 0.01;
/// The part of a disk that has to be free: `NeodymeDiskAlmostFull`.
pub(super) const FREE_DISK: f64 = 0.1;

#[cfg(test)]
mod tests {
    use super::*;

    /// The expressions of an alert.
    fn rules(file: &str, alert: &str) -> String {
        let path = format!("{}/alert-rules/{file}.yml", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(path).unwrap();
        let rules = text.split("- alert: ").filter(|rule| rule.lines().next() == Some(alert));
        let expressions: Vec<&str> = rules.map(|rule| rule.split("labels:").next().unwrap()).collect();
        assert!(!expressions.is_empty(), "no {alert} in {file}");
        expressions.concat()
    }

    #[test]
    fn the_limits_are_those_of_the_alerts() {
        let compared = [
            ("registration", "NeodymeRegistrationsFailing", format!("> {FAILING_REGISTRATIONS}\n")),
            ("registration", "NeodymeRegistrationsFailing", format!(">= {FEW}\n")),
            ("dependencies", "NeodymeExternalServiceFailing", format!("> {FAILING_CALLS}\n")),
            ("dependencies", "NeodymeExternalServiceFailing", format!(">= {FEW}\n")),
            ("error-patterns", "NeodymeErrorRateHigh", format!("> {MANY_ERRORS}\n")),
            ("outbox", "NeodymeOutboxStuck", format!("> {OLD_JOB}\n")),
            ("machine", "NeodymeDiskAlmostFull", format!("< {FREE_DISK}\n")),
        ];
        for (file, alert, comparison) in compared {
            let rules = rules(file, alert) + "\n";
            assert!(rules.contains(&comparison), "{alert}: no `{}` in {rules}", comparison.trim());
        }
        let file = |name: &str| std::fs::read_to_string(format!("{}/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap();
        assert!(file("alert-rules/error-patterns.yml").contains(&format!(":min) < {RECENT_ERROR}\n")));
        let sign_ins = file("alert-rules/sign-in.yml");
        for comparison in [format!(":ratio10m > {FAILING_SIGN_INS}\n"), format!(":increase10m >= {FEW}\n")] {
            assert!(sign_ins.contains(&comparison), "{comparison}");
        }
        let objectives = file("alert-rules/slo.yml");
        for (bucket, limit) in [
            ("neodyme_registration_duration_seconds_bucket", SLOW_REGISTRATION),
            ("neodyme_sign_in_duration_seconds_bucket", SLOW_SIGN_IN),
        ] {
            let of_bucket = objectives.split(bucket).nth(1).unwrap().lines().next().unwrap();
            assert!(of_bucket.contains(&format!("le=\"{limit}\"")), "{of_bucket}");
        }
        for objective in ["slo: registration_latency", "slo: sign_in_latency"] {
            let objective = objectives.split(objective).nth(1).unwrap();
            let target = objective.lines().nth(1).unwrap();
            assert!(target.ends_with(&format!("vector({})", 1.0 - SLOW_PART)), "{objective}");
        }
    }
}
