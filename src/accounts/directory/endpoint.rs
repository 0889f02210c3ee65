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
