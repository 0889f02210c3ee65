//! `GET /users/`.

use http::Method;
use schemars::{JsonSchema, json_schema};
use serde::Serialize;
use uuid::Uuid;

use super::{MAX_SKIP, State};
use crate::accounts::profile::Profile;
use crate::accounts::query::{self, choice, id, number, time};
use crate::accounts::users::{self, Order, Page, Role, UserFilter};
use crate::error::{Error, Result};
use crate::http::{Access, Call, Endpoint, FromQuery, Json, Parameter, Permission, Query, Values};
use crate::state::App;
use crate::values::AddressPrefix;

/// The most users of a page, and how many there are unless the client says otherwise.
const MOST: usize = 200;
const USUAL: usize = 50;

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
        let integer = |minimum, maximum| json_schema!({ "type": "integer", "minimum": minimum, "maximum": maximum });
        let parameter = |name, about, schema| Parameter { name, about, schema };
        vec![
            parameter("after", "Only those behind this user: `next` of the page before.", query::id_schema()),
            parameter("limit", "The most users; 50 without it.", integer(1, MOST)),
            parameter(
                "order",
                "Who registered first comes first (`asc`, without it), or last.",
                query::schema::<Order>(),
            ),
            parameter("state", "Only those who may use the service, or may not.", query::schema::<State>()),
            parameter("role", "Only those with this role.", query::schema::<Role>()),
            parameter("since", "Only those who registered then or later.", query::time_schema()),
            parameter("until", "Only those who registered before.", query::time_schema()),
            parameter("email_prefix", "Only those whose address begins so.", json_schema!({ "type": "string" })),
            parameter("skip", "Leave so many out; `after` is faster, and goes further.", integer(0, MAX_SKIP)),
        ]
    }

    fn from_query(values: &Values) -> Result<Self> {
        let prefix = |text| {
            let accepted = |_fault| "how an address begins, without control characters".to_owned();
            AddressPrefix::parse(text)
                .map_err(|fault| Error::InvalidParameter { parameter: "email_prefix", accepted: accepted(fault) })
        };
        let filter = UserFilter {
            is_active: choice::<State>(values, "state")?.map(|state| state == State::Active),
            role: choice(values, "role")?,
            since: time(values, "since")?,
            until: time(values, "until")?,
            address: values.get("email_prefix").map(prefix).transpose()?,
        };
        let page = Page {
            after: id(values, "after")?,
            order: choice(values, "order")?.unwrap_or(Order::Asc),
            skip: number(values, "skip", 0..=MAX_SKIP)?.unwrap_or(0),
            limit: number(values, "limit", 1..=MOST)?.unwrap_or(USUAL),
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
    let has_more = found.len() > page.limit;
    found.truncate(page.limit);
    let next = found.last().filter(|_| has_more).map(|user| user.id);
    Ok(Json(Users { users: found.into_iter().map(Into::into).collect(), next }))
}
