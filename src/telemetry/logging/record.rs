//! The macros that write records: as slog's, and they say in which function the record was made, which slog's leave out.

use std::sync::OnceLock;

/// The name of the function in which `here`, an item of its own, is declared.
pub fn function_of<F>(here: F, known: &'static OnceLock<String>) -> &'static str {
    known.get_or_init(|| enclosing(type_name_of(&here)))
}

fn type_name_of<F>(_: &F) -> &'static str {
    std::any::type_name::<F>()
}

/// `send` for `neodyme::mail::smtp::Smtp::send::{{closure}}::here`, since an async function is a closure within itself;
/// `Ended::emit` for `<neodyme::events::Ended as neodyme::Event>::emit::here`, where the method's name alone says little.
fn enclosing(path: &str) -> String {
    let mut outwards = path.rsplit("::").skip(1).filter(|part| !part.starts_with("{{"));
    let name = without_parameters(outwards.next().unwrap_or_default());
    match path.strip_prefix('<').and_then(|rest| rest.split_once(" as ")) {
        Some((implementor, _)) => {
            let implementor = without_parameters(implementor);
            format!("{}::{name}", implementor.rsplit("::").next().unwrap_or(implementor))
        }
        None => name.to_owned(),
    }
}

/// `Server` for `Server<S>`.
fn without_parameters(name: &str) -> &str {
    name.split(['<', '>']).next().unwrap_or(name)
}

/// `record!(Level::Info, log, "message {}", argument; "key" => value)`
macro_rules! record {
    ($level:expr, $log:expr, $message:literal $(, $argument:expr)* $(; $($pairs:tt)*)?) => {{
        if $level.as_usize() <= slog::__slog_static_max_level().as_usize() {
            fn here() {}
            static FUNCTION: std::sync::OnceLock<String> = std::sync::OnceLock::new();
            let location = slog::RecordLocation {
                file: file!(),
                line: line!(),
                column: column!(),
                function: $crate::telemetry::logging::function_of(here, &FUNCTION),
                module: module_path!(),
            };
            let fixed = slog::RecordStatic { location: &location, level: $level, tag: "" };
            $log.log(&slog::Record::new(&fixed, &format_args!($message $(, $argument)*), slog::b!($($($pairs)*)?)));
        }
    }};
}

/// Somebody must act.
macro_rules! crit {
    ($log:expr, $($rest:tt)+) => { $crate::telemetry::logging::record!(slog::Level::Critical, $log, $($rest)+) };
}

/// Something failed.
macro_rules! error {
    ($log:expr, $($rest:tt)+) => { $crate::telemetry::logging::record!(slog::Level::Error, $log, $($rest)+) };
}

/// Something is not as it should be.
macro_rules! warning {
    ($log:expr, $($rest:tt)+) => { $crate::telemetry::logging::record!(slog::Level::Warning, $log, $($rest)+) };
}

/// What happened.
macro_rules! info {
    ($log:expr, $($rest:tt)+) => { $crate::telemetry::logging::record!(slog::Level::Info, $log, $($rest)+) };
}

/// For those who build the service.
macro_rules! debug {
    ($log:expr, $($rest:tt)+) => { $crate::telemetry::logging::record!(slog::Level::Debug, $log, $($rest)+) };
}

pub(crate) use {crit, debug, error, info, record, warning as warn};

#[cfg(test)]
mod tests {
    use super::*;

    fn name_here() -> String {
        fn here() {}
        enclosing(type_name_of(&here))
    }

    #[test]
    fn a_function_is_named_also_where_it_is_async_generic_or_a_method() {
        assert_eq!(name_here(), "name_here");
        for (path, name) in [
            ("neodyme::mail::smtp::Smtp::send::{{closure}}::here", "send"),
            ("neodyme::server::Server<S>::run::{{closure}}::{{closure}}::here", "run"),
            ("<neodyme::http::Observation as core::ops::drop::Drop>::drop::here", "Observation::drop"),
            ("<a::b::StepEnded<'_> as neodyme::telemetry::event::Event>::emit::here", "StepEnded::emit"),
        ] {
            assert_eq!(enclosing(path), name);
        }
    }
}
