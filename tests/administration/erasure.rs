//! A user is erased, and nothing is left that tells of the person.

use std::fs;

use diesel::connection::SimpleConnection;
use neodyme::accounts::Actor;
use neodyme::accounts::erasure::{erase, wipe};
use neodyme::accounts::users;
use neodyme::accounts::webhooks::Webhooks;
use neodyme::error::Error;
use serde_json::json;
use uuid::Uuid;

use crate::common::database::{Backend, open_sqlite};
use crate::fixture::user;
use crate::on_both_databases;
use crate::world::World;

on_both_databases!(
    the_user_goes_and_the_trail_keeps_the_id,
    who_erases_oneself_leaves_no_address,
    others_are_as_they_were,
    nobody_is_erased_twice,
);

const TABLES: [&str; 7] =
    ["users", "sessions", "refresh_tokens", "login_failures", "registration_keys", "one_time_codes", "outbox_jobs"];

async fn the_user_goes_and_the_trail_keeps_the_id(backend: Backend) {
    let world = World::new(backend).await;
    let ada = world.user("ada@example.com").await;
    world.live(&ada).await;
    let admin = Uuid::now_v7();
    let erased = erase(&world.db, &Webhooks::default(), &world.actor(admin), ada.id, None).await.unwrap();
    assert_eq!((erased.sessions, erased.jobs, erased.entries), (1, 1, 2));
    for table in TABLES {
        assert_eq!(world.database.count(table).await, 0, "{table}");
    }
    let trail = world.trail_of(ada.id).await;
    assert_eq!(trail.len(), 4);
    let last = &trail[0];
    assert_eq!((last.action.as_str(), last.actor.clone()), ("user.erased", admin.to_string()));
    assert_eq!(last.details, json!({ "sessions": 1, "jobs": 1 }));
    let addresses: Vec<_> = trail.iter().filter_map(|entry| entry.client_ip.as_ref()).map(|ip| ip.expose()).collect();
    assert_eq!(addresses, ["192.0.2.7", "192.0.2.99"], "those of others stay");
}

async fn who_erases_oneself_leaves_no_address(backend: Backend) {
    let world = World::new(backend).await;
    let (ada, bob) = (world.user("ada@example.com").await, world.user("bob@example.com").await);
    let renamed = neodyme::accounts::change::Change { is_active: Some(false), ..Default::default() };
    neodyme::accounts::change::change(&world.db, &Webhooks::default(), &world.actor(ada.id), bob.id, None, &renamed)
        .await
        .unwrap();
    erase(&world.db, &Webhooks::default(), &world.actor(ada.id), ada.id, None).await.unwrap();
    for entry in [world.trail_of(ada.id).await, world.trail_of(bob.id).await].concat() {
        assert_eq!((entry.actor, entry.client_ip), (ada.id.to_string(), None), "{}", entry.action);
    }
}

async fn others_are_as_they_were(backend: Backend) {
    let world = World::new(backend).await;
    let (ada, bob) = (world.user("ada@example.com").await, world.user("bob@example.com").await);
    for user in [&ada, &bob] {
        world.live(user).await;
    }
    let before = world.trail_of(bob.id).await;
    erase(&world.db, &Webhooks::default(), &Actor::operator(), ada.id, None).await.unwrap();
    for table in TABLES {
        assert_eq!(world.database.count(table).await, 1, "{table}");
    }
    assert_eq!(users::find(&world.db, bob.id).await.unwrap(), Some(bob.clone()));
    assert_eq!(world.trail_of(bob.id).await, before);
}

async fn nobody_is_erased_twice(backend: Backend) {
    let world = World::new(backend).await;
    let ada = world.user("ada@example.com").await;
    erase(&world.db, &Webhooks::default(), &Actor::operator(), ada.id, None).await.unwrap();
    let again = erase(&world.db, &Webhooks::default(), &Actor::operator(), ada.id, None).await;
    assert!(matches!(again, Err(Error::NotFound)), "{again:?}");
    assert_eq!(world.trail_of(ada.id).await.len(), 1);
    // The address is free for somebody else.
    world.user("ada@example.com").await;
}

/// Every file beside the database, and itself.
fn holds(world: &World, text: &str) -> bool {
    let files = fs::read_dir(world.folder.path().join("data")).unwrap();
    let mut contents = files.map(|file| fs::read(file.unwrap().path()).unwrap());
    contents.any(|content| content.windows(text.len()).any(|window| window == text.as_bytes()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_file_of_the_database_holds_an_erased_address() {
    let world = World::new(Backend::Sqlite).await;
    let mut all = Vec::new();
    for number in 0_u64..300 {
        let place = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        all.push(world.add(user(&format!("User-{place:016x}@example.com"))).await);
    }
    for user in all.iter().step_by(10) {
        world.live(user).await;
        assert!(holds(&world, user.email_key.expose()));
        let erased = erase(&world.db, &Webhooks::default(), &Actor::operator(), user.id, None).await.unwrap();
        assert!(wipe(&world.db, &erased).await.unwrap());
        for text in [user.email.expose(), user.email_key.expose()] {
            assert!(!holds(&world, text), "{text}");
        }
    }
    assert!(holds(&world, all[1].email_key.expose()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_left_before_goes_as_well() {
    let world = World::new(Backend::Sqlite).await;
    let ada = world.user("ada@example.com").await;
    {
        // As a version deleted that did not overwrite what it deletes.
        let mut conn = open_sqlite(&world.folder.path().join("data/neodyme.db"));
        conn.batch_execute(
            "PRAGMA secure_delete = OFF; CREATE TABLE old (text TEXT); INSERT INTO old VALUES ('ada@example.com'), ('x');
             DELETE FROM old WHERE text <> 'x'; PRAGMA wal_checkpoint(TRUNCATE)",
        )
        .unwrap();
    }
    let erased = erase(&world.db, &Webhooks::default(), &Actor::operator(), ada.id, None).await.unwrap();
    assert!(wipe(&world.db, &erased).await.unwrap());
    assert!(!holds(&world, "ada@example.com"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_told_when_somebody_reads_what_is_to_go() {
    let world = World::new(Backend::Sqlite).await;
    let ada = world.user("ada@example.com").await;
    let mut reader = open_sqlite(&world.folder.path().join("data/neodyme.db"));
    reader.batch_execute("BEGIN; SELECT count(*) FROM users").unwrap();
    let erased = erase(&world.db, &Webhooks::default(), &Actor::operator(), ada.id, None).await.unwrap();
    assert!(!wipe(&world.db, &erased).await.unwrap());
    world.user("bob@example.com").await;
    reader.batch_execute("COMMIT").unwrap();
    assert!(wipe(&world.db, &erased).await.unwrap());
    assert!(!holds(&world, "ada@example.com") && holds(&world, "bob@example.com"));
}
