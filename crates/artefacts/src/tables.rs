//! The tables in pages.

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::alerts::{Alert, Alerts};
use crate::artefact::read;
use crate::pattern::regex;
use crate::program::Program;

/// The table of this name; what is asked for besides depends on the table.
pub fn table(name: &str, asked: &[&str], program: &Program, alerts: &Alerts) -> Result<String> {
    Ok(match name {
        "alerts" => of_alerts(&alerts.table()?),
        "settings" => of_settings(&program.prints(&["check", "--markdown"])?, asked)?,
        "errors" => of_errors(&program.prints(&["errors", "--markdown"])?, asked)?,
        "commands" => of_commands(&program.prints(&["--help"])?)?,
        "endpoints" => of_endpoints(&program.prints(&["openapi", "--listener", asked.first().unwrap_or(&"api")])?)?,
        "make" => of_make(&read("Makefile")?),
        _ => bail!("there is no table {name}"),
    })
}

fn markdown<const N: usize>(head: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let rows: String = rows.into_iter().map(|row| format!("| {} |\n", row.join(" | "))).collect();
    format!("| {} |\n|{}\n{rows}", head.join(" | "), "---|".repeat(N))
}

fn of_alerts(alerts: &[Alert]) -> String {
    let row = |alert: &Alert| {
        let Alert { name, severities, when, file } = alert;
        [format!("[{name}](runbooks/{name}.md)"), severities.join(", "), when.clone(), file.clone()]
    };
    markdown(["alert", "severity", "when", "file"], alerts.iter().map(row))
}

/// The settings with these keys, from the reference of all, without what is accepted.
fn of_settings(reference: &str, keys: &[&str]) -> Result<String> {
    let all = cells(reference);
    let row = |key: &&str| {
        let cells = all.iter().find(|cells| cells[0].starts_with(&format!("`{key}`")));
        let cells = cells.with_context(|| format!("there is no setting {key}"))?;
        let variable = cells[1].split("<br>").next().unwrap_or_default().to_owned();
        let meaning = cells[3].split(". Accepted: ").next().unwrap_or_default().to_owned();
        Ok([variable, cells[2].clone(), meaning])
    };
    let body = keys.iter().map(row).collect::<Result<Vec<_>>>()?;
    Ok(markdown(["variable", "default", "meaning"], body))
}

/// The errors with these codes, from the reference of all, in the order of their statuses.
fn of_errors(reference: &str, codes: &[&str]) -> Result<String> {
    let all = cells(reference);
    let row = |code: &&str| {
        let cells = all.iter().find(|cells| cells[0] == format!("`{code}`"));
        let cells = cells.with_context(|| format!("there is no error {code}"))?;
        Ok([cells[1].clone(), cells[0].clone(), cells[3].clone()])
    };
    let mut body = codes.iter().map(row).collect::<Result<Vec<_>>>()?;
    body.sort_by(|one, other| one[0].cmp(&other[0]));
    Ok(markdown(["status", "code", "when"], body))
}

/// The cells of every row of every table in a page.
fn cells(page: &str) -> Vec<Vec<String>> {
    let rows = page.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    rows.map(|row| row.split(" | ").map(str::to_owned).collect()).collect()
}

fn of_commands(help: &str) -> Result<String> {
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let commands: Vec<_> =
        lines.filter_map(|line| line.trim().split_once("  ")).filter(|(name, _)| *name != "help").collect();
    ensure!(!commands.is_empty(), "the help lists no commands: {help}");
    let row = |(name, about): (&str, &str)| [format!("`neodyme {name}`"), about.trim().to_owned()];
    Ok(markdown(["command", "what it does"], commands.into_iter().map(row)))
}

/// The endpoints of an OpenAPI document.
fn of_endpoints(document: &str) -> Result<String> {
    let document: Value = serde_json::from_str(document)?;
    let paths = document["paths"].as_object().context("the document has no paths")?;
    let operations = paths.iter().flat_map(|(path, methods)| {
        methods.as_object().into_iter().flatten().map(move |(method, operation)| (method, path, operation))
    });
    let row = |(method, path, operation): (&String, &String, &Value)| {
        let caller = operation["x-callers"].as_str().unwrap_or_default();
        let about = operation["summary"].as_str().unwrap_or_default();
        [format!("`{} {path}`", method.to_uppercase()), about.to_owned(), caller.to_owned()]
    };
    Ok(markdown(["endpoint", "what it gives", "who may call it"], operations.map(row)))
}

fn of_make(makefile: &str) -> String {
    let target = regex(r"(?m)^([a-z]+):.*?## (.*)$");
    let targets = target.captures_iter(makefile).map(|found| [format!("`make {}`", &found[1]), found[2].to_owned()]);
    markdown(["command", "what it does"], targets)
}
