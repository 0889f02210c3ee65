use serde::Serialize;
use serde_json::Value;
use slog::{Drain, Level, debug, error, info, o, trace};

use crate::config::LogFormat;
use crate::telemetry::logging::bridge::Bridge;
use crate::telemetry::logging::testing::{PATIENCE, Sink, config};
use crate::telemetry::logging::{Exception, LoggerName, Loggers, Logging, context};

#[derive(Serialize)]
struct Details {
    method: &'static str,
    status_code: u16,
    client_ip: Option<String>,
}

const DETAILS: Details = Details { method: "POST", status_code: 201, client_ip: None };

/// The top-level keys of a line, in the order written.
fn keys(line: &str) -> Vec<String> {
    let value = serde_json::from_str::<Value>(line).unwrap();
    let mut keys: Vec<String> = value.as_object().unwrap().keys().cloned().collect();
    keys.sort_by_key(|key| line.find(&format!("\"{key}\":")).unwrap());
    keys
}

fn finish(logging: Logging) {
    assert!(logging.finish(PATIENCE), "the log finishes");
}

#[test]
fn a_line_has_its_keys_in_order() {
    let sink = Sink::default();
    let logging = sink.start(16);
    let ids = o!("user_id" => "u", "span_id" => "s", "trace_id" => "t", "request_id" => "r");
    let log = logging.loggers().get(LoggerName::Requests).new(ids);
    let failure = std::io::Error::other("broken");
    error!(log, "Request {}", "failed"; "exception" => Exception::of(&failure), "context" => context(DETAILS), "extra" => 1);
    finish(logging);
    let text = sink.text();
    let wanted =
        "timestamp level logger message request_id trace_id span_id user_id context exception extra module line";
    assert_eq!(keys(&text).join(" "), wanted);
    let line = &sink.lines()[0];
    assert_eq!(line["level"], "error");
    assert_eq!(line["logger"], "neodyme.requests");
    assert_eq!(line["message"], "Request failed");
    assert_eq!(line["request_id"], "r");
    assert_eq!(line["context"], serde_json::json!({"method": "POST", "status_code": 201, "client_ip": null}));
    assert_eq!(line["exception"], serde_json::json!({"type": "Error", "message": "broken", "chain": []}));
    assert_eq!(line["module"], "neodyme::telemetry::logging::tests::lines");
    assert!(line["line"].as_u64().unwrap() > 0);
    let stamp = line["timestamp"].as_str().unwrap();
    assert!(stamp.len() == 27 && stamp.ends_with('Z'), "{stamp}");
}

#[test]
fn a_key_comes_once_and_the_most_specific_value_wins() {
    let sink = Sink::default();
    let logging = sink.start(16);
    let parent =
        logging.loggers().get(LoggerName::Db).new(o!("request_id" => "parent", "user_id" => "parent", "x" => 1));
    let child = parent.new(o!("request_id" => "child", "user_id" => None::<&str>, "x" => 2, "level" => "forged"));
    info!(child, "m"; "request_id" => "record", "x" => 3, "logger" => "mine", "message" => "other", "x" => 4);
    finish(logging);
    let text = sink.text();
    for key in keys(&text) {
        assert_eq!(text.matches(&format!("\"{key}\":")).count(), 1, "{key} in {text}");
    }
    let line = &sink.lines()[0];
    assert_eq!(
        [&line["request_id"], &line["user_id"], &line["logger"], &line["message"], &line["level"]],
        ["record", "parent", "mine", "m", "info"]
    );
    assert_eq!(line["x"], 4);
}

#[test]
fn the_time_is_that_of_the_call_not_of_the_writing() {
    let sink = Sink::default();
    sink.shut();
    let logging = sink.start(16);
    let log = logging.loggers().get(LoggerName::App).clone();
    info!(log, "in the way");
    sink.wait_for_stall();
    info!(log, "called");
    let after_the_call = time::OffsetDateTime::now_utc();
    sink.open();
    finish(logging);
    let lines = sink.lines();
    let format = &time::format_description::well_known::Rfc3339;
    let stamp = time::OffsetDateTime::parse(lines[1]["timestamp"].as_str().unwrap(), format).unwrap();
    assert_eq!(lines[1]["message"], "called");
    assert!(stamp <= after_the_call);
}

#[test]
fn each_logger_has_its_level_and_it_can_be_changed() {
    let sink = Sink::default();
    let logging = sink.start(16);
    let loggers = logging.loggers();
    let (requests, db) = (loggers.get(LoggerName::Requests).new(o!()), loggers.get(LoggerName::Db));
    assert_eq!(loggers.level(LoggerName::Requests), Level::Debug);
    assert_eq!(loggers.level(LoggerName::Dependencies), Level::Warning);
    trace!(requests, "0");
    debug!(requests, "1");
    logging.loggers().set_level(LoggerName::Requests, Level::Error);
    info!(requests, "2");
    error!(requests, "3");
    debug!(db, "4");
    assert!(requests.is_error_enabled() && !requests.is_warning_enabled());
    finish(logging);
    let messages: Vec<Value> = sink.lines().iter().map(|line| line["message"].clone()).collect();
    assert_eq!(messages, ["1", "3", "4"]);
}

#[test]
fn nothing_in_a_value_forges_a_line() {
    let evil = "x\r\n{\"level\":\"critical\"}\u{1b}[2J\u{7f}\u{85}\u{9b}\u{2028}\u{202e}\"\\ é";
    for format in [LogFormat::Json, LogFormat::Terminal, LogFormat::Full] {
        let sink = Sink::default();
        let logging = Logging::start_on(&config(format, 16), sink.clone());
        let log = logging.loggers().get(LoggerName::App).new(o!("request_id" => evil, "other" => evil));
        info!(log, "{evil}"; "context" => context([evil]), "shown" => %evil, "debug" => ?evil);
        finish(logging);
        let text = sink.text();
        assert_eq!(text.matches(crate::text::is_invisible).collect::<String>(), "\n", "{text}");
        if format == LogFormat::Json {
            let line = &sink.lines()[0];
            assert_eq!([&line["message"], &line["request_id"], &line["shown"], &line["context"][0]], [evil; 4]);
        }
    }
}

#[test]
fn records_of_dependencies_come_with_their_target() {
    let sink = Sink::default();
    let logging = sink.start(16);
    let bridge = Bridge::new(logging.loggers().get(LoggerName::Dependencies).clone());
    for (level, target) in [(log::Level::Warn, "hyper::proto"), (log::Level::Info, "tokio_postgres")] {
        let mut record = log::Record::builder();
        record.level(level).target(target).module_path_static(Some("hyper::proto::h1")).line(Some(7));
        log::Log::log(&bridge, &record.args(format_args!("odd {}", 1)).build());
    }
    finish(logging);
    let lines = sink.lines();
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["logger"], "neodyme.dependencies");
    assert_eq!(lines[0]["level"], "warning");
    assert_eq!(lines[0]["message"], "odd 1");
    assert_eq!(lines[0]["context"], serde_json::json!({"target": "hyper::proto"}));
    assert_eq!([&lines[0]["module"], &lines[0]["line"]], [&Value::from("hyper::proto::h1"), &Value::from(7)]);
}

#[test]
fn no_value_says_where_in_the_code_a_record_is_from() {
    let sink = Sink::default();
    let logging = sink.start(16);
    let forged = o!("module" => "forged", "line" => 7, "other" => 8);
    let bridge = Bridge::new(logging.loggers().get(LoggerName::Dependencies).new(forged));
    log::Log::log(&bridge, &log::Record::builder().level(log::Level::Warn).args(format_args!("odd")).build());
    finish(logging);
    let line = &sink.lines()[0];
    assert_eq!([line.get("module"), line.get("line"), line.get("other")], [None, None, Some(&Value::from(8))]);
}

#[test]
fn discarded_loggers_write_nothing_and_have_levels() {
    let loggers = Loggers::discard();
    info!(loggers.get(LoggerName::Outbox), "gone"; "context" => context(DETAILS));
    loggers.set_level(LoggerName::Outbox, Level::Trace);
    assert_eq!(loggers.level(LoggerName::Outbox), Level::Trace);
}
