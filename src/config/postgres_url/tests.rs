//! What libpq takes is taken, and no password is shown.

use std::collections::BTreeSet;

use proptest::prelude::*;
use tokio_postgres::config::TargetSessionAttrs;

use super::parameters::KNOWN;
use super::{PostgresTls, PostgresUrl};

fn parse(url: &str) -> PostgresUrl {
    PostgresUrl::parse(url).unwrap_or_else(|fault| panic!("{url} {fault}"))
}

fn fault(url: &str) -> String {
    PostgresUrl::parse(url).err().unwrap_or_else(|| panic!("{url} was accepted"))
}

fn hosts(url: &str) -> String {
    parse(url).hosts.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

#[test]
fn hosts_are_read_as_libpq_reads_them() {
    for (url, expected) in [
        ("postgres://u:p@h1,h2/db", "h1:5432 h2:5432"),
        ("postgresql://h1:123,h2:456/db?target_session_attrs=any", "h1:123 h2:456"),
        ("postgres://h1,h2:456,[::1]:7,[fe80::1]/db", "h1:5432 h2:456 [::1]:7 [fe80::1]:5432"),
        ("postgres://h1:1,h2:2/db?port=3", "h1:3 h2:3"),
        ("postgres://u@/db?host=/run/postgresql", "socket /run/postgresql/.s.PGSQL.5432"),
        ("postgres:///db?host=/run/postgresql&port=5433", "socket /run/postgresql/.s.PGSQL.5433"),
        ("postgres://%2Frun%2Fpostgresql:5433/db", "socket /run/postgresql/.s.PGSQL.5433"),
        (
            "postgres://u:p@localhost/db?host=/cloudsql/project:region:name",
            "socket /cloudsql/project:region:name/.s.PGSQL.5432",
        ),
        ("postgres:///db?host=a,b&port=1,2", "a:1 b:2"),
        ("postgres:///db?host=a,b", "a:5432 b:5432"),
        ("postgres:///db?host=db.example.com&hostaddr=192.0.2.1", "db.example.com:5432"),
        ("postgres:///db?hostaddr=192.0.2.1,::1&port=,6", "192.0.2.1:5432 ::1:6"),
    ] {
        assert_eq!(hosts(url), expected, "{url}");
    }
    for url in ["postgres://", "postgresql:///db", "postgresql:///", "postgres://u@/db", "postgres://?dbname=db"] {
        assert!(hosts(url).ends_with("/.s.PGSQL.5432"), "{url}: {}", hosts(url));
    }
}

#[test]
fn names_are_decoded() {
    let url = parse("postgresql://us%40er:pass%2Fw%3Ard+%25@h/d%20b?application_name=a%26b+c&options=-c%20geqo%3Doff");
    assert_eq!(url.driver.get_user(), Some("us@er"));
    assert_eq!(url.password().unwrap().expose(), "pass/w:rd+%");
    assert_eq!(url.driver.get_dbname(), Some("d b"));
    assert_eq!(url.driver.get_application_name(), Some("a&b+c"));
    assert_eq!(url.options.as_deref(), Some("-c geqo=off"));
    let raw = parse(r"postgres://u:1?b#c'\@h/d#e");
    assert_eq!((raw.password().unwrap().expose(), raw.driver.get_dbname()), (r"1?b#c'\", Some("d#e")));
    let inside = parse("postgres:///?user=u&password=p&dbname=d&host=h");
    assert_eq!((inside.driver.get_user(), inside.driver.get_dbname()), (Some("u"), Some("d")));
}

#[test]
fn several_servers_are_asked_for_the_one_that_takes_writes() {
    use TargetSessionAttrs::{Any, ReadWrite};
    for (url, target) in [
        ("postgres://h/d", Any),
        ("postgres://h1,h2/d", ReadWrite),
        ("postgres://h1,h2/d?target_session_attrs=any", Any),
        ("postgres://h/d?target_session_attrs=read-write", ReadWrite),
        ("postgres://h/d?target_session_attrs=primary", ReadWrite),
    ] {
        assert_eq!(parse(url).driver.get_target_session_attrs(), target, "{url}");
    }
}

#[test]
fn tls_is_verified_or_off() {
    for (parameters, tls) in [
        ("", PostgresTls::Default),
        ("?sslmode=disable", PostgresTls::Off),
        ("?sslmode=require", PostgresTls::Verified),
        ("?sslmode=verify-full&sslrootcert=system", PostgresTls::Verified),
        ("?ssl=true", PostgresTls::Verified),
    ] {
        let url = parse(&format!("postgres://h/d{parameters}"));
        assert_eq!((url.tls, url.trusted), (tls, None), "{parameters}");
    }
    assert_eq!(parse("postgres://h/d?sslrootcert=/etc/ca.pem").trusted.as_deref(), Some("/etc/ca.pem"));
}

#[test]
fn plain_text_is_only_for_this_machine_and_all_hosts_count() {
    for (hosts, is_elsewhere) in [
        ("db.example.com", true),
        ("10.0.0.1", true),
        ("127.0.0.1", false),
        ("[::1]", false),
        ("localhost", false),
        ("%2Frun%2Fpostgresql", false),
        ("", false),
        ("127.0.0.1,[::1],localhost", false),
        ("127.0.0.1,db.example.com", true),
    ] {
        let url = parse(&format!("postgres://u@{hosts}/d?sslmode=disable"));
        assert_eq!(url.is_plain_text_to_another_host(), is_elsewhere, "{hosts}");
        let url = parse(&format!("postgres://u@{hosts}/d?sslmode=verify-full"));
        assert!(!url.is_plain_text_to_another_host(), "{hosts}");
    }
    let elsewhere = parse("postgres://u@localhost/d?sslmode=disable&hostaddr=192.0.2.1");
    assert!(elsewhere.is_plain_text_to_another_host(), "the address is what counts");
}

#[test]
fn a_fault_is_named_and_no_value_is() {
    for (url, says) in [
        ("postgres://u:canary@h/d?colour=canary", "the parameter colour"),
        (
            "postgres://u:canary@h/d?sslcert=canary&user=u&colour=canary&sslcert=canary",
            "the parameters colour, sslcert, which",
        ),
        ("postgres://u:canary@h/d?sslmode=canary", "sslmode that is not accepted"),
        ("postgres://u:canary@h/d?sslcert=canary", "the parameter sslcert"),
        ("postgres://u:canary@h/d?connect_timeout=canary", "connect_timeout"),
        ("postgres://u:canary@h/d?target_session_attrs=standby", "target_session_attrs"),
        ("postgres://u:canary@h/d?canary", "without a value"),
        ("postgres://u:canary@h:99999/d", "port"),
        ("postgres://u:canary@h:0/d", "port"),
        ("postgres://u:canary@h1,h2/d?port=1,2,3", "number of ports"),
        ("postgres://u:canary@h1,h2/d?hostaddr=192.0.2.1", "number of hosts"),
        ("postgres://u:canary@h/d?hostaddr=canary", "hostaddr"),
        ("postgres://u:canary@[::1/d", "]"),
        ("postgres://u:canary%zz@h/d", "%25"),
        ("postgres://u:canary%00@h/d", "%25"),
        ("postgres://u:canary%ff@h/d", "UTF-8"),
        // What is in the wrong place may be a part of a password.
        ("postgres://u:a/canary@h/d", "%2F"),
        ("postgres://u:a@canary@h/d", "%40"),
        ("postgres://u:a/b?canary=c@h/d", "%40"),
        ("postgres://u:a@b/c?canary=d@h/d", "%40"),
        ("postgres://u:canary/b?c@h/d", "%40"),
    ] {
        let fault = fault(url);
        assert!(fault.contains(says) && !fault.contains("canary"), "{url} {fault}");
    }
}

#[test]
fn the_parameters_that_are_known_are_those_in_the_documentation() {
    let text = include_str!("../../../docs/DATABASE.md");
    let (_, rest) = text.split_once("Parameters: ").unwrap();
    let (list, _) = rest.split_once("Any other is refused").unwrap();
    // What stands in brackets are values.
    let names: String = list.split('(').map(|part| part.split_once(')').map_or(part, |(_, names)| names)).collect();
    let documented: BTreeSet<_> = names.split('`').skip(1).step_by(2).collect();
    assert_eq!(documented, BTreeSet::from(KNOWN));
}

#[test]
fn a_password_is_shown_nowhere() {
    for url in [
        "postgres://u:canary@h:5432/d?sslmode=require",
        "postgres://u:canary@h1:1,h2:2/d",
        "postgresql://u@h/d?password=canary&sslmode=disable",
        "postgresql://u@h/d?p%61ssword=canary&sslmode=disable",
        "postgres://u:c%61nary@%2Frun%2Fpostgresql/d?password=canary",
        "postgres:///?user=u&password=canary&host=a,b",
    ] {
        let url = parse(url);
        let shown = format!("{url} {url:?} {} {:?}", url.describe(), url.driver);
        assert!(!shown.contains("canary") && !shown.contains("%61nary"), "{shown}");
        assert!(url.password().is_some());
        assert_eq!(parse(&url.to_string()).hosts, url.hosts, "what is shown is an address");
    }
    assert_eq!(parse("postgres://u:p@h/d").to_string(), "postgres://u:***@h/d");
    assert_eq!(parse("postgres://u@h1,h2/d?sslmode=require").to_string(), "postgres://u@h1,h2/d?sslmode=require");
}

proptest! {
    #[test]
    fn whatever_is_written_there_is_no_panic_and_no_password(
        user in "[a-z@/:?#%]{0,6}", password in "canary[a-z@/:?#%&=]{0,8}", rest in "[a-z0-9@/:?#%&=,\\[\\]]{0,24}",
    ) {
        let shown = match PostgresUrl::parse(&format!("postgres://{user}:{password}@{rest}")) {
            Ok(url) => format!("{url} {url:?} {}", url.describe()),
            Err(fault) => fault,
        };
        prop_assert!(!shown.contains("canary"), "{}", shown);
    }

    #[test]
    fn encoded_names_come_back(user in "\\PC{1,12}", password in "\\PC{0,12}", name in "\\PC{1,12}") {
        let encode = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
        let url = parse(&format!("postgres://{}:{}@h/{}", encode(&user), encode(&password), encode(&name)));
        prop_assert_eq!(url.driver.get_user(), Some(user.as_str()));
        prop_assert_eq!(url.driver.get_dbname(), Some(name.as_str()));
        prop_assert_eq!(url.password().map(|p| p.expose().to_owned()).unwrap_or_default(), password);
    }
}
