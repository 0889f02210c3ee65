//! `neodyme keys list` and `neodyme keys rotate`: the keys that access tokens are signed with.

use clap::ArgMatches;
use serde::Serialize;

use super::database::open;
use super::output::{note, print, to_json};
use super::runtime::block_on;
use super::table::align;
use crate::accounts::keys::{self, Rotation, StoredKey};
use crate::clock;
use crate::config::Config;
use crate::values::timestamp::rfc3339;

const HEAD: [&str; 7] = ["number", "kid", "state", "signs_from", "created_at", "encrypted", "readable"];

#[derive(Serialize)]
struct KeyView {
    number: i32,
    kid: String,
    state: &'static str,
    signs_from: String,
    created_at: String,
    encrypted: bool,
    /// With the `key_encryption_key` of this command.
    readable: bool,
}

pub(super) fn run(config: &Config, task: &str, arguments: &ArgMatches) -> anyhow::Result<()> {
    match task {
        "rotate" => block_on(rotate(config, arguments))?,
        _ => block_on(list(config, arguments))?,
    }
}

async fn list(config: &Config, arguments: &ArgMatches) -> anyhow::Result<()> {
    let db = open(&config.database).await?;
    if let Some(path) = &config.sign_in.signing_key_file {
        note(format_args!("the service signs with the first key in {}, and with none of these", path.display()));
    }
    let all = keys::list(&db).await?;
    let views: Vec<_> = all.iter().map(|key| view(config, key, &all)).collect();
    match views.as_slice() {
        views if arguments.get_flag("json") => print(to_json(&views)?),
        [] => print("no keys: the first `neodyme serve` makes one\n"),
        views => {
            if views.iter().any(|view| !view.readable) {
                note(
                    "with the key_encryption_key of this command not all can be read; that of the service may be another",
                );
            }
            print(align(std::iter::once(HEAD.map(String::from)).chain(views.iter().map(row))))
        }
    }
}

async fn rotate(config: &Config, arguments: &ArgMatches) -> anyhow::Result<()> {
    let db = open(&config.database).await?;
    let rotation = Rotation { at_once: arguments.get_flag("now"), despite_unreadable: arguments.get_flag("key-lost") };
    let key = keys::rotate(&config.sign_in, &db, rotation).await?;
    let view = view(config, &key, &keys::list(&db).await?);
    match arguments.get_flag("json") {
        true => print(to_json(&view)?),
        false => print(format_args!("key {} is new, and signs from {} on\n", view.kid, view.signs_from)),
    }
}

fn view(config: &Config, key: &StoredKey, all: &[StoredKey]) -> KeyView {
    KeyView {
        number: key.number,
        kid: key.kid.clone(),
        state: key.state(all, clock::now()).as_str(),
        signs_from: rfc3339(key.signs_from),
        created_at: rfc3339(key.created_at),
        encrypted: key.is_sealed,
        readable: key.is_readable(config.sign_in.key_encryption_key.as_ref()),
    }
}

fn row(view: &KeyView) -> [String; 7] {
    let KeyView { number, kid, state, signs_from, created_at, encrypted, readable } = view;
    let [encrypted, readable] = [encrypted, readable].map(|is| if *is { "yes" } else { "no" }.to_owned());
    let [signs_from, created_at] = [signs_from.clone(), created_at.clone()];
    [number.to_string(), kid.clone(), (*state).to_owned(), signs_from, created_at, encrypted, readable]
}
