//! What may be done with users, whoever does it: found, changed, signed out, exported and erased, on both databases.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends by panicking")]

mod common;
#[path = "administration/erasure.rs"]
mod erasure;
#[allow(dead_code, reason = "another test uses the rest")]
#[path = "storage/fixture.rs"]
mod fixture;
#[path = "administration/pages.rs"]
mod pages;
#[path = "administration/world.rs"]
mod world;

use std::collections::BTreeSet;

use common::database::Backend;
use futures_util::future::join_all;
use neodyme::accounts::change::{Change, change};
use neodyme::accounts::erasure::erase;
use neodyme::accounts::export::export;
use neodyme::accounts::revocation::revoke_sessions;
use neodyme::accounts::users::{self, Role, User, UserFilter, Version};
use neodyme::accounts::webhooks::Webhooks;
use neodyme::accounts::{Actor, sessions};
use neodyme::error::Error;
use neodyme::language::Language;
use neodyme::values::{FullName, OrNull};
use serde_json::{Value, json};
use uuid::Uuid;
use world::World;

on_both_databases!(
    a_user_is_changed_and_the_trail_tells_of_it,
    a_change_of_nothing_leaves_no_trace,
    who_is_switched_off_is_signed_out,
    only_the_state_that_was_read_is_changed,
    those_who_change_a_user_at_once_lose_nothing,
    without_its_entry_nothing_is_changed,
    one_admin_is_left_whoever_takes_it_from_whom,
    a_user_is_signed_out_everywhere,
    an_export_holds_all_but_what_signs_in,
);

fn name(text: &str) -> Option<FullName> {
    Some(FullName::parse(text).unwrap())
}

async fn a_user_is_changed_and_the_trail_tells_of_it(backend: Backend) {
    let world = World::new(backend).await;
    let (ada, admin) = (world.user("ada@example.com").await, Uuid::now_v7());
    let locale = Language::parse("de").ok();
    let to = Change {
        full_name: name("Ada King"),
        is_active: Some(false),
        role: Some(Role::Support),
        locale: Some(OrNull(locale.clone())),
    };
    let changed = change(&world.db, &Webhooks::default(), &world.actor(admin), ada.id, None, &to).await.unwrap();
    let found = users::find(&world.db, ada.id).await.unwrap().unwrap();
    assert_eq!((&changed.user, changed.is_new()), (&found, true));
    assert_eq!((found.full_name.expose(), found.is_active, found.role), ("Ada King", false, Role::Support));
    assert_eq!(found.locale, locale);
    assert!(found.updated_at > ada.updated_at && found.version() != ada.version());
    assert_eq!((found.email, found.password_hash, found.created_at), (ada.email, ada.password_hash, ada.created_at));

    let trail = world.trail_of(ada.id).await;
    let told: BTreeSet<_> =
        trail.iter().map(|entry| (entry.action.as_str(), entry.details.clone().to_string())).collect();
    let role = r#"{"from":"user","to":"support"}"#.to_owned();
    let plain = ["user.renamed", "user.deactivated", "user.language_changed"].map(|action| (action, "{}".into()));
    assert_eq!(told, plain.into_iter().chain([("user.role_changed", role)]).collect());
    for entry in trail {
        assert_eq!((entry.actor, entry.request_id.as_str()), (admin.to_string(), "request-1"));
        assert_eq!(entry.client_ip.unwrap().expose(), "192.0.2.7");
    }
    let unknown = change(&world.db, &Webhooks::default(), &Actor::operator(), Uuid::now_v7(), None, &to).await;
    assert!(matches!(unknown, Err(Error::NotFound)), "{unknown:?}");
}

async fn a_change_of_nothing_leaves_no_trace(backend: Backend) {
    let world = World::new(backend).await;
    let ada = world.user("ada@example.com").await;
    let the_same =
        Change { full_name: name("Ada Lovelace"), is_active: Some(true), role: Some(Role::User), locale: None };
    for to in [Change::default(), the_same] {
        let changed =
            change(&world.db, &Webhooks::default(), &Actor::operator(), ada.id, Some(vec![ada.version()]), &to)
                .await
                .unwrap();
        assert_eq!((changed.is_new(), &changed.user), (false, &ada));
    }
    assert_eq!(world.trail_of(ada.id).await, []);
}

async fn who_is_switched_off_is_signed_out(backend: Backend) {
    let world = World::new(backend).await;
    let (ada, bob) = (world.user("ada@example.com").await, world.user("bob@example.com").await);
    for user in [&ada, &ada, &bob] {
        world.sign_in(user.id).await;
    }
    let switch = async |on| {
        let to = Change { is_active: Some(on), ..Change::default() };
        change(&world.db, &Webhooks::default(), &Actor::operator(), ada.id, None, &to).await.unwrap().sessions
    };
    assert_eq!((switch(false).await, switch(true).await), (2, 0));
    assert_eq!(sessions::of_user(&world.db, ada.id).await.unwrap(), []);
    assert_eq!(sessions::of_user(&world.db, bob.id).await.unwrap().len(), 1);
    assert_eq!(world.database.count("refresh_tokens").await, 1);
    let actions: Vec<_> = world.trail_of(ada.id).await.into_iter().map(|entry| (entry.action, entry.actor)).collect();
    assert_eq!(
        actions,
        [("user.activated", "operator"), ("user.deactivated", "operator")].map(|(a, b)| (a.into(), b.into()))
    );
}

async fn only_the_state_that_was_read_is_changed(backend: Backend) {
    let world = World::new(backend).await;
    let ada = world.user("ada@example.com").await;
    let to = |text| Change { full_name: name(text), ..Change::default() };
    let by = async |version: Version, text| {
        change(&world.db, &Webhooks::default(), &Actor::operator(), ada.id, Some(vec![version]), &to(text)).await
    };
    let first = by(ada.version(), "Ada King").await.unwrap().user;
    assert!(matches!(by(ada.version(), "Ada Byron").await, Err(Error::VersionMismatch)));
    assert_eq!(Version::parse(&first.version().to_string()), Some(first.version()));
    let second = by(first.version(), "Ada Byron").await.unwrap().user;
    assert_eq!(second.full_name.expose(), "Ada Byron");
    // One that was read long before is none, even if the clock was set back since.
    let future = "UPDATE users SET updated_at = updated_at + ";
    let hour = if backend == Backend::Sqlite { "3600000000" } else { "interval '1 hour'" };
    world.execute(&format!("{future}{hour}")).await;
    let late = users::find(&world.db, ada.id).await.unwrap().unwrap();
    let third = by(late.version(), "Ada").await.unwrap().user;
    assert!(third.updated_at > late.updated_at);
}

async fn those_who_change_a_user_at_once_lose_nothing(backend: Backend) {
    let world = World::new(backend).await;
    let ada = world.user("ada@example.com").await;
    let changes = [
        Change { full_name: name("Ada King"), ..Change::default() },
        Change { role: Some(Role::Support), ..Change::default() },
        Change { is_active: Some(false), ..Change::default() },
        Change { locale: Some(OrNull(Some(Language::english()))), ..Change::default() },
    ];
    let operator = Actor::operator();
    let webhooks = Webhooks::default();
    let ended = join_all(changes.iter().map(|to| change(&world.db, &webhooks, &operator, ada.id, None, to))).await;
    ended.into_iter().for_each(|changed| assert!(changed.unwrap().is_new()));
    let found = users::find(&world.db, ada.id).await.unwrap().unwrap();
    assert_eq!((found.full_name.expose(), found.is_active, found.role), ("Ada King", false, Role::Support));
    assert_eq!(found.locale, Some(Language::english()));
    assert_eq!(world.trail_of(ada.id).await.len(), 4);
}

async fn without_its_entry_nothing_is_changed(backend: Backend) {
    let world = World::new(backend).await;
    let ada = world.user("ada@example.com").await;
    world.sign_in(ada.id).await;
    world.execute("ALTER TABLE audit_log RENAME TO elsewhere").await;
    let to = Change { is_active: Some(false), ..Change::default() };
    assert!(change(&world.db, &Webhooks::default(), &Actor::operator(), ada.id, None, &to).await.is_err());
    assert!(revoke_sessions(&world.db, &Actor::operator(), ada.id).await.is_err());
    assert!(
        neodyme::accounts::erasure::erase(&world.db, &Webhooks::default(), &Actor::operator(), ada.id, None)
            .await
            .is_err()
    );
    assert_eq!(users::find(&world.db, ada.id).await.unwrap(), Some(ada.clone()));
    assert_eq!(sessions::of_user(&world.db, ada.id).await.unwrap().len(), 1);
}

async fn one_admin_is_left_whoever_takes_it_from_whom(backend: Backend) {
    let world = World::new(backend).await;
    let admins = join_all((0..4).map(async |number| {
        let admin = User { role: Role::Admin, ..fixture::user(&format!("admin{number}@example.com")) };
        world.add(admin).await
    }));
    let admins = admins.await;
    let ada = world.user("ada@example.com").await;
    // Each takes it from the next one, in each of the ways, all at once.
    let takes = (0..4).map(async |by: usize| {
        let (actor, other) = (world.actor(admins[by].id), admins[(by + 1) % 4].id);
        let demoted = Change { role: Some(Role::User), ..Change::default() };
        let switched_off = Change { is_active: Some(false), ..Change::default() };
        match by {
            0 => change(&world.db, &Webhooks::default(), &actor, other, None, &demoted).await.map(drop),
            1 => change(&world.db, &Webhooks::default(), &actor, other, None, &switched_off).await.map(drop),
            _ => erase(&world.db, &Webhooks::default(), &actor, other, None).await.map(drop),
        }
    });
    let taken = join_all(takes).await;
    let refused: Vec<_> = taken.iter().filter_map(|taken| taken.as_ref().err()).collect();
    assert!(matches!(refused[..], [Error::LastAdmin]), "{refused:?}");
    let filter = UserFilter { is_active: Some(true), role: Some(Role::Admin), ..UserFilter::default() };
    let left = users::list(&world.db, &filter, &pages::ALL).await.unwrap();
    let [left] = &left[..] else { panic!("{left:?}") };

    let harmless =
        Change { full_name: name("Ada King"), is_active: Some(true), role: Some(Role::Admin), ..Change::default() };
    change(&world.db, &Webhooks::default(), &Actor::operator(), left.id, None, &harmless).await.unwrap();
    let off = Change { is_active: Some(false), ..Change::default() };
    change(&world.db, &Webhooks::default(), &Actor::operator(), ada.id, None, &off).await.unwrap();
    let refused = change(&world.db, &Webhooks::default(), &Actor::operator(), left.id, None, &off).await;
    assert!(matches!(refused, Err(Error::LastAdmin)), "{refused:?}");
    change(&world.db, &Webhooks::default(), &Actor::operator().insisting(), left.id, None, &off).await.unwrap();
    erase(&world.db, &Webhooks::default(), &Actor::operator(), left.id, None).await.unwrap();
}

async fn a_user_is_signed_out_everywhere(backend: Backend) {
    let world = World::new(backend).await;
    let ada = world.user("ada@example.com").await;
    for _ in 0..2 {
        world.sign_in(ada.id).await;
    }
    assert_eq!(revoke_sessions(&world.db, &Actor::operator(), ada.id).await.unwrap(), 2);
    assert_eq!(sessions::of_user(&world.db, ada.id).await.unwrap(), []);
    let trail = world.trail_of(ada.id).await;
    assert_eq!((trail[0].action.as_str(), &trail[0].details), ("sessions.revoked", &json!({ "sessions": 2 })));
    let unknown = revoke_sessions(&world.db, &Actor::operator(), Uuid::now_v7()).await;
    assert!(matches!(unknown, Err(Error::NotFound)), "{unknown:?}");
}

async fn an_export_holds_all_but_what_signs_in(backend: Backend) {
    let world = World::new(backend).await;
    let (ada, bob) = (world.user("ada@example.com").await, world.user("bob@example.com").await);
    for user in [&ada, &bob] {
        world.live(user).await;
    }
    let exported = export(&world.db, &Actor::operator(), ada.id).await.unwrap();
    let exported = serde_json::to_value(&exported).unwrap();
    assert_eq!(exported["user"]["email"], "ada@example.com");
    assert_eq!((&exported["user"]["full_name"], &exported["user"]["role"]), (&json!("Ada Lovelace"), &json!("user")));
    let session = &exported["sessions"][0];
    assert_eq!((&session["client_ip"], &session["user_agent"]), (&json!("192.0.2.1"), &json!("Firefox/140")));
    assert!(session["refresh_tokens"][0]["rotated_at"].is_null());
    assert_eq!(exported["wrong_passwords"]["failures"], 3);
    assert_eq!(exported["jobs"][0]["payload"]["email"], "ada@example.com");
    assert_eq!(exported["is_cut_off"], false);
    let of = |name: &str| exported[name].as_array().unwrap().len();
    assert_eq!((of("sessions"), of("jobs"), of("audit_log")), (1, 1, 3));
    let text = exported.to_string();
    for absent in ["c2FsdA", "bob@example.com", "192.0.2.99"] {
        assert!(!text.contains(absent), "{absent} is in {text}");
    }
    assert_eq!(exported["user"]["password_hash"], "argon2id");
    assert_eq!(world.trail_of(ada.id).await[0].action, "user.exported");
    assert_every_column_is_exported(&world, &exported).await;
}

/// What a later version stores of a user as well is to be exported as well.
async fn assert_every_column_is_exported(world: &World, exported: &Value) {
    for (table, at, withheld) in [
        ("users", &exported["user"], &[][..]),
        ("sessions", &exported["sessions"][0], &["user_id", "cookie_hash"]),
        ("refresh_tokens", &exported["sessions"][0]["refresh_tokens"][0], &["token_hash", "session_id", "successor"]),
        ("login_failures", &exported["wrong_passwords"], &["address_hash", "user_id"]),
        ("one_time_codes", &exported["codes"][0], &["code_hash", "user_id", "email_key", "session_id"]),
        ("registration_keys", &exported["registration_key"], &["key_hash", "fingerprint", "user_id"]),
    ] {
        for column in world.columns(table).await.iter().filter(|column| !withheld.contains(&column.as_str())) {
            assert!(at.get(column).is_some(), "{table}.{column} is not exported");
        }
    }
}
