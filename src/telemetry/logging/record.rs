//! The macros that write records: as slog's, and they say in which function the record was made, which slog's leave out.

use std::sync::OnceLock;

/// The name of the function in which `here`, an item of its own, is declared.
pub fn function_of<F>(here: F, known: &OnceLock<&'static str>) -> &'static str {
    known.get_or_init(|| enclosing(type_name_of(&here)))
}

fn type_name_of<F>(_: &F) -> &'static str {
    std::any::type_name::<F>()
}

/// `send` for `neodyme::mail::smtp::Smtp::send::{{closure}}::here`: an async function is a closure within itself.
fn enclosing(path: &'static str) -> &'static str {
    let mut outside_in = path.rsplit("::").skip(1).filter(|part| !part.starts_with("{{"));
    let name = outside_in.next().unwrap_or_default();
    // A method of a trait: `<T as Trait>::name`; a generic function: `name<T>`.
    name.split(['<', '>']).next().unwrap_or(name)
}

/// `record!(Level::Info, log, "message {}", argument; "key" => value)`
macro_rules! record {
    ($level:expr, $log:expr, $message:literal $(, $argument:expr)* $(; $($pairs:tt)*)?) => {{
        if $level.as_usize() <= slog::__slog_static_max_level().as_usize() {
            fn here() {}
            static FUNCTION: std::sync::OnceLock<&'static str> = std::sync::OnceLock::new();
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

    fn name_here() -> &'static str {
        fn here() {}
        enclosing(type_name_of(&here))
    }

    #[test]
    fn a_function_is_named_also_where_it_is_async_generic_or_a_method() {
        assert_eq!(name_here(), "name_here");
        for (path, name) in [
            ("neodyme::mail::smtp::Smtp::send::{{closure}}::here", "send"),
            ("neodyme::server::Server<S>::run::{{closure}}::{{closure}}::here", "run"),
            ("<neodyme::http::Observation as core::ops::drop::Drop>::drop::here", "drop"),
        ] {
            assert_eq!(enclosing(path), name);
        }
    }
}
