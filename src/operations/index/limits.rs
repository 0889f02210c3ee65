//! From where on the page calls something wrong: each number is that of the alert that tells of it.

/// Of registrations that could succeed, the part that fails: `NeodymeRegistrationsFailing`.
pub(super) const FAILING_REGISTRATIONS: f64 = 0.2;
/// Failures that are more than a chance, of registrations and of calls.
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
        let objectives = file("alert-rules/slo.yml");
        assert!(objectives.contains(&format!("le=\"{SLOW_REGISTRATION}\"")));
        let objective = objectives.split("slo: registration_latency").nth(1).unwrap();
        assert!(objective.lines().nth(1).unwrap().ends_with(&format!("vector({})", 1.0 - SLOW_PART)), "{objective}");
    }
}
