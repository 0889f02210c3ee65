//! `GET /users/`.

use http::Method;
use schemars::{JsonSchema, SchemaGenerator};
use serde::Serialize;
use uuid::Uuid;

use super::{MAX_SKIP, State};
use crate::accounts::profile::Profile;
use crate::accounts::query::{self, choice, id, number, time};
use crate::accounts::users::{self, Order, Page, Role, UserFilter};
use crate::error::Result;
use crate::http::{Access, Call, Endpoint, FromQuery, Json, Parameter, Permission, Query, Values};
use crate::state::App;
use crate::values::AddressPrefix;

pub(in crate::accounts) fn endpoints() -> Vec<Endpoint<App>> {
    const ABOUT: &str = "Users, a page at a time.";
    vec![Endpoint::new(Access::Permitted(Permission::UsersRead), Method::GET, "/users/", ABOUT, list)]
}

/// What is asked for.
struct Asked {
    filter: UserFilter,
    page: Page,
}

impl FromQuery for Asked {
    fn parameters() -> Vec<Parameter> {
        vec![
            Parameter::new("after", "Only those behind this user: `next` of the page before.", query::id_schema()),
            Parameter::new("limit", "The most users; 50 without it.", query::limit_schema()),
            Parameter::new(
                "order",
                "Who registered first comes first (`asc`, without it), or last.",
                query::schema::<Order>(),
            ),
            Parameter::new("state", "Only those who may use the service, or may not.", query::schema::<State>()),
            Parameter::new("role", "Only those with this role.", query::schema::<Role>()),
            Parameter::new("since", "Only those who registered then or later.", query::time_schema()),
            Parameter::new("until", "Only those who registered before.", query::time_schema()),
            Parameter::new(
                "email_prefix",
                "Only those whose address begins so.",
                AddressPrefix::json_schema(&mut SchemaGenerator::default()),
            ),
            Parameter::new(
                "skip",
                "Leave so many out; `after` is faster, and goes further.",
                query::number_schema(0..=MAX_SKIP),
            ),
        ]
    }

    fn from_query(values: &Values) -> Result<Self> {
        let prefix = |text: &str| AddressPrefix::parse(text).ok();
        let begins = || "how an address begins, without control characters".to_owned();
        let filter = UserFilter {
            is_active: choice::<State>(values, "state")?.map(|state| state == State::Active),
            role: choice(values, "role")?,
            since: time(values, "since")?,
            until: time(values, "until")?,
            address: query::read(values, "email_prefix", prefix, begins)?,
        };
        let page = Page {
            after: id(values, "after")?,
            order: choice(values, "order")?.unwrap_or(Order::Asc),
            skip: number(values, "skip", 0..=MAX_SKIP)?.unwrap_or(0),
            limit: query::limit(values)?,
        };
        Ok(Asked { filter, page })
    }
}

/// A page of users.
#[derive(Serialize, JsonSchema)]
struct Users {
    users: Vec<Profile>,
    /// What `after` is to be for the next page; none on the last.
    next: Option<Uuid>,
}

async fn list(call: Call<App>, Query(Asked { filter, page }): Query<Asked>) -> Result<Json<Users>> {
    // One more, to know whether there are more.
    let one_more = Page { limit: page.limit + 1, ..page };
    let mut found = {
        let _turn = call.state.db.turn(call.context.client).await?;
        users::list(&call.state.db, &filter, &one_more).await?
    };
    let has_more = query::cut(&mut found, page.limit);
    let next = found.last().filter(|_| has_more).map(|user| user.id);
    Ok(Json(Users { users: found.into_iter().map(Into::into).collect(), next }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::error::Error;

    #[test]
    fn a_query_says_which_users() {
        let Asked { filter, page } =
            Asked::read("limit=7&order=desc&state=inactive&role=admin&skip=3&email_prefix=ad%61%2B").unwrap();
        assert_eq!((page.limit, page.skip, page.after), (7, 3, None));
        assert!(page.order == Order::Desc && filter.is_active == Some(false) && filter.role == Some(Role::Admin));
        assert!(filter.address.is_some() && filter.since.is_none() && filter.until.is_none());
    }

    fn parameter() -> impl Strategy<Value = String> {
        let names = Asked::parameters().into_iter().map(|parameter| parameter.name).collect::<Vec<_>>();
        let value = prop_oneof![
            "[ -~]{0,30}",
            "(19|20|99)[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:00:00(Z|[+-][0-2][0-9]:[0-9]{2})",
            "-?[0-9]{1,25}",
            "[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}",
            "(%[0-9a-fA-F]{0,2}){0,8}",
            any::<String>(),
        ];
        (prop::sample::select(names), value).prop_map(|(name, value)| format!("{name}={value}"))
    }

    proptest! {
        #[test]
        fn any_query_is_read_or_refused(query in any::<String>()) {
            let _ = Asked::read(&query);
        }

        #[test]
        fn any_values_are_read_or_refused_without_them(
            parameters in prop::collection::vec(parameter(), 0..5),
            canary in "[g-z]{12}",
        ) {
            match Asked::read(&parameters.join("&")) {
                Ok(Asked { page, .. }) => prop_assert!((1..=200).contains(&page.limit) && page.skip <= MAX_SKIP),
                Err(Error::InvalidParameter { .. }) => {}
                Err(other) => prop_assert!(false, "{:?}", other),
            }
            let refused = Asked::read(&format!("{}&limit={canary}", parameters.join("&"))).err();
            let told = refused.map(|refused| format!("{refused} {refused:?}"));
            prop_assert!(told.is_some_and(|told| !told.contains(&canary)));
        }
    }
}
