//! Users are listed a page at a time.

use neodyme::accounts::directory::{Who, find};
use neodyme::accounts::users::{self, Order, Page, Role, User, UserFilter};
use neodyme::store::types::to_micros;
use neodyme::values::AddressPrefix;
use time::{Duration, OffsetDateTime};
use uuid::{NoContext, Timestamp, Uuid};

use crate::common::database::Backend;
use crate::fixture::user;
use crate::on_both_databases;
use crate::world::World;

on_both_databases!(
    all_are_seen_once_in_either_order,
    a_page_goes_on_behind_a_user_who_has_gone,
    users_are_found_by_each_condition,
    a_user_is_found_by_id_or_address,
    a_page_looks_only_at_its_own,
);

pub const ALL: Page = Page { after: None, order: Order::Asc, skip: 0, limit: 100 };

/// Users who registered so many hours ago, in the order in which they are given.
async fn registered(world: &World, hours: &[i64]) -> Vec<User> {
    let now = to_micros(OffsetDateTime::now_utc());
    let mut all = Vec::new();
    for (number, hours) in hours.iter().enumerate() {
        let at = now - Duration::hours(*hours);
        let id = Uuid::new_v7(Timestamp::from_unix(NoContext, at.unix_timestamp().unsigned_abs(), at.nanosecond()));
        let new = user(&format!("user{number}@example.com"));
        all.push(world.add(User { id, created_at: at, updated_at: at, ..new }).await);
    }
    all
}

fn emails(users: &[User]) -> Vec<&str> {
    users.iter().map(|user| user.email.expose()).collect()
}

async fn all_are_seen_once_in_either_order(backend: Backend) {
    let world = World::new(backend).await;
    // They are not stored in the order in which they registered: some were imported.
    let mut expected = registered(&world, &[3, 7, 1, 6, 2, 5, 4]).await;
    expected.sort_by_key(|user| user.created_at);
    for order in [Order::Asc, Order::Desc] {
        let (mut seen, mut page) = (Vec::new(), Page { order, limit: 3, ..ALL });
        loop {
            let users = users::list(&world.db, &UserFilter::default(), &page).await.unwrap();
            let Some(last) = users.last() else { break };
            page.after = Some(last.id);
            seen.extend(users);
        }
        assert_eq!(emails(&seen), emails(&expected), "{order:?}");
        let skipped = users::list(&world.db, &UserFilter::default(), &Page { skip: 5, order, ..ALL }).await.unwrap();
        assert_eq!(emails(&skipped), emails(&expected[5..]), "{order:?}");
        expected.reverse();
    }
}

async fn a_page_goes_on_behind_a_user_who_has_gone(backend: Backend) {
    let world = World::new(backend).await;
    let all = registered(&world, &[3, 2, 1]).await;
    let page = Page { after: Some(all[0].id), ..ALL };
    world.execute("DELETE FROM users WHERE email = 'user0@example.com'").await;
    let rest = users::list(&world.db, &UserFilter::default(), &page).await.unwrap();
    assert_eq!(emails(&rest), emails(&all[1..]));
}

async fn users_are_found_by_each_condition(backend: Backend) {
    let world = World::new(backend).await;
    let all = registered(&world, &[72, 48, 2, 1]).await;
    world.execute("UPDATE users SET is_active = false WHERE email IN ('user1@example.com', 'user2@example.com')").await;
    world.execute("UPDATE users SET role = 'admin' WHERE email = 'user2@example.com'").await;
    world.add(user("José@example.com")).await;
    let found = async |filter: UserFilter| {
        let users = users::list(&world.db, &filter, &ALL).await.unwrap();
        users
            .into_iter()
            .map(|user| user.email.into_exposed())
            .collect::<Vec<_>>()
            .join(" ")
            .replace("@example.com", "")
    };
    let any = UserFilter::default;
    assert_eq!(found(any()).await, "user0 user1 user2 user3 José");
    assert_eq!(found(UserFilter { is_active: Some(true), ..any() }).await, "user0 user3 José");
    assert_eq!(found(UserFilter { is_active: Some(false), ..any() }).await, "user1 user2");
    assert_eq!(found(UserFilter { role: Some(Role::Admin), ..any() }).await, "user2");
    assert_eq!(found(UserFilter { role: Some(Role::User), ..any() }).await, "user0 user1 user3 José");
    assert_eq!(found(UserFilter { role: Some(Role::Support), ..any() }).await, "");
    let (since, until) = (Some(all[1].created_at), Some(all[3].created_at));
    assert_eq!(found(UserFilter { since, ..any() }).await, "user1 user2 user3 José");
    assert_eq!(found(UserFilter { since, until, ..any() }).await, "user1 user2");
    let address = |text: &str| UserFilter { address: Some(AddressPrefix::parse(text).unwrap()), ..any() };
    assert_eq!(found(address("USER2")).await, "user2");
    assert_eq!(found(address("user")).await, "user0 user1 user2 user3");
    assert_eq!(found(address("JOSE\u{301}")).await, "José");
    assert_eq!(found(address("%")).await, "");
    assert_eq!(
        found(UserFilter { role: Some(Role::Admin), is_active: Some(false), since, ..address("u") }).await,
        "user2"
    );
}

async fn a_user_is_found_by_id_or_address(backend: Backend) {
    let world = World::new(backend).await;
    let ada = world.user("Ada@example.com").await;
    let by = async |text: &str| find(&world.db, &Who::parse(text).unwrap()).await.unwrap().map(|user| user.id);
    assert_eq!(by(&ada.id.to_string()).await, Some(ada.id));
    assert_eq!(by("ada@EXAMPLE.com").await, Some(ada.id));
    assert_eq!((by(&Uuid::now_v7().to_string()).await, by("bob@example.com").await), (None, None));
    assert!(Who::parse("ada").is_err());
}

/// Whoever asks for those who are few does not read all the others on the way.
async fn a_page_looks_only_at_its_own(backend: Backend) {
    let world = World::new(backend).await;
    for (condition, index) in
        [("NOT is_active", "users_inactive"), ("role = 'admin' AND role <> 'user'", "users_by_role")]
    {
        let query = format!("SELECT * FROM users WHERE {condition} ORDER BY id LIMIT 50");
        let plan = match backend {
            Backend::Sqlite => {
                let mut conn = crate::common::database::open_sqlite(&world.folder.path().join("data/neodyme.db"));
                explained(&mut conn, &query)
            }
            Backend::Postgres => {
                let explain = format!("SET enable_seqscan = off; EXPLAIN {query}");
                let (client, _session) = crate::common::database::open_postgres(&world.database.url()).await;
                let rows = client.simple_query(&explain).await.unwrap();
                format!("{rows:?}")
            }
        };
        assert!(plan.contains(index), "{plan}");
    }
}

fn explained(conn: &mut diesel::SqliteConnection, query: &str) -> String {
    use diesel::RunQueryDsl;
    #[derive(diesel::QueryableByName)]
    struct Step {
        #[diesel(sql_type = diesel::sql_types::Text)]
        detail: String,
    }
    let steps: Vec<Step> = diesel::sql_query(format!("EXPLAIN QUERY PLAN {query}")).load(conn).unwrap();
    steps.into_iter().map(|step| step.detail).collect::<Vec<_>>().join("\n")
}
