//! What endpoints take: typed, and described where it is typed.

use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::sync::Arc;

use http::request::Parts;
use schemars::{Schema, SchemaGenerator};
use serde_json::Value;

use super::body::expect_json;
use super::{Context, Request};
use crate::error::{Error, ErrorCode, Result};

/// What an endpoint takes, for its description.
#[derive(Default)]
pub struct Takes {
    /// The parts of the path that stand for something.
    pub path: Vec<Parameter>,
    /// The parameters of the query.
    pub query: Vec<Parameter>,
    /// Headers that change what is done.
    pub headers: Vec<Parameter>,
    /// Whether a query can be refused.
    pub is_strict: bool,
    /// The JSON body.
    pub body: Option<fn(&mut SchemaGenerator) -> Schema>,
    /// Whether there may be none.
    pub may_lack_body: bool,
    /// What is looked at of the head before the request counts against the limit of its client: for what a client may not know
    /// that it sends, since a page of another site has its browser do so.
    pub checks: Vec<Check>,
}

/// What a head must be like.
pub type Check = fn(&Parts) -> Result<()>;

/// A part of the path, or a parameter of the query.
#[derive(Clone)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// What it is, in a sentence.
    pub about: &'static str,
    /// Its form.
    pub schema: Schema,
}

impl Parameter {
    /// A parameter of this name and form.
    pub fn new(name: &'static str, about: &'static str, schema: Schema) -> Self {
        Parameter { name, about, schema }
    }
}

impl Takes {
    /// How a client can fail to give it.
    pub(super) fn errors(&self) -> Vec<ErrorCode> {
        const BODY: [ErrorCode; 5] = [
            ErrorCode::MalformedJson,
            ErrorCode::BodyIncomplete,
            ErrorCode::BodyTooLarge,
            ErrorCode::UnsupportedMediaType,
            ErrorCode::ValidationFailed,
        ];
        let mut errors = Vec::new();
        if !self.path.is_empty() {
            errors.push(ErrorCode::NotFound);
        }
        if self.is_strict {
            errors.push(ErrorCode::InvalidParameter);
        }
        if self.body.is_some() {
            errors.extend(BODY);
        }
        errors
    }

    /// What a head is not like that it must be like.
    pub(super) fn check(&self, head: &Parts) -> Result<()> {
        self.checks.iter().try_for_each(|check| check(head))
    }

    fn and(mut self, other: Takes) -> Takes {
        self.path.extend(other.path);
        self.query.extend(other.query);
        self.headers.extend(other.headers);
        self.checks.extend(other.checks);
        let may_lack_body = self.may_lack_body || other.may_lack_body;
        Takes { is_strict: self.is_strict || other.is_strict, body: self.body.or(other.body), may_lack_body, ..self }
    }
}

/// What a handler is given of a request.
pub trait Input: Sized + Send {
    /// What that is.
    fn takes() -> Takes;
    /// Reads it.
    fn read(context: &Arc<Context>, request: Request) -> impl Future<Output = Result<Self>> + Send;
}

/// What can be read from the head alone.
pub trait FromHead: Sized + Send {
    /// What that is.
    fn takes() -> Takes;
    /// Reads it.
    ///
    /// # Errors
    /// What is wrong with it.
    fn from_head(request: &Request) -> Result<Self>;
}

/// A type with the form of a JSON body. `json_body!` makes them.
pub trait FromJson: Sized + Send {
    /// Reads a body; every fault is reported.
    ///
    /// # Errors
    /// [`Error::MalformedJson`] or [`Error::Validation`].
    fn from_json(body: &[u8]) -> Result<Self>;
    /// Its form.
    fn schema(generator: &mut SchemaGenerator) -> Schema;
}

/// The parameters of a query.
pub trait FromQuery: Sized + Send {
    /// Whether other parameters are refused. Where anything may call, such as a load balancer, they are ignored.
    const IS_STRICT: bool = true;
    /// The parameters that there are.
    fn parameters() -> Vec<Parameter>;
    /// Reads them from their texts.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`].
    fn from_query(values: &Values) -> Result<Self>;
    /// Reads them from a query.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`].
    fn read(query: &str) -> Result<Self> {
        Self::from_query(&Values::read(query, &Self::parameters(), Self::IS_STRICT)?)
    }
}

/// The parts of a path that stand for something.
pub trait FromPath: Sized + Send {
    /// The parts that there are.
    fn parts() -> Vec<Parameter>;
    /// Reads them from their texts. `None`: there can be nothing at such a path.
    fn from_path(texts: &Values) -> Option<Self>;
}

/// Texts by their names: the parameters of a query, or the parts of a path.
pub struct Values(BTreeMap<String, String>);

/// The JSON body.
pub struct Json<T>(pub T);

/// The parameters of the query.
pub struct Query<T>(pub T);

/// The parts of the path.
pub struct Path<T>(pub T);

/// The head, for what no type says.
pub struct Head(pub Parts);

/// Input that the handler itself reads, since reading is a step of its work.
pub struct Unread<I> {
    request: Request,
    input: PhantomData<fn() -> I>,
}

impl<I: Input> Unread<I> {
    /// What the head says, also where the request is refused.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn look<H: FromHead>(&self) -> Result<H> {
        H::from_head(&self.request)
    }

    /// Reads it now.
    ///
    /// # Errors
    /// What is wrong with it, or with its client.
    pub async fn read(self, context: &Arc<Context>) -> Result<I> {
        I::read(context, self.request).await
    }
}

impl<T: FromJson> Unread<Json<T>> {
    /// Reads a JSON body now, by `parse` instead of [`FromJson::from_json`]: it knows more of what makes a body valid.
    ///
    /// # Errors
    /// What is wrong with it, or with its client.
    pub async fn read_by(self, context: &Arc<Context>, parse: impl FnOnce(&[u8]) -> Result<T>) -> Result<T> {
        parse(&self.read_bytes(context).await?)
    }

    /// Reads the bytes of a JSON body now.
    ///
    /// # Errors
    /// What is wrong with the request, or with its client.
    pub async fn read_bytes(self, context: &Arc<Context>) -> Result<Vec<u8>> {
        self.request.read_body(context).await
    }
}

impl<H: FromHead, T: FromJson> Unread<(H, Json<T>)> {
    /// The same, with what the head says.
    ///
    /// # Errors
    /// What is wrong with either, or with its client.
    pub async fn read_by(self, context: &Arc<Context>, parse: impl FnOnce(&[u8]) -> Result<T>) -> Result<(H, T)> {
        let (head, request) = read_head(self.request).await?;
        Ok((head, Unread::<Json<T>> { request, input: PhantomData }.read_by(context, parse).await?))
    }
}

impl<I: Input> Input for Unread<I> {
    fn takes() -> Takes {
        I::takes()
    }

    async fn read(_context: &Arc<Context>, request: Request) -> Result<Self> {
        Ok(Unread { request, input: PhantomData })
    }
}

impl<T: FromJson> Input for Json<T> {
    fn takes() -> Takes {
        Takes { body: Some(T::schema), checks: vec![expect_json], ..Takes::default() }
    }

    async fn read(context: &Arc<Context>, request: Request) -> Result<Self> {
        T::from_json(&request.read_body(context).await?).map(Json)
    }
}

/// A JSON body, if there is any body.
impl<T: FromJson> Input for Option<Json<T>> {
    fn takes() -> Takes {
        Takes { may_lack_body: true, checks: Vec::new(), ..Json::<T>::takes() }
    }

    async fn read(context: &Arc<Context>, request: Request) -> Result<Self> {
        let body = request.read_json_if_any(context).await?;
        body.map(|body| T::from_json(&body).map(Json)).transpose()
    }
}

impl Input for () {
    fn takes() -> Takes {
        Takes::default()
    }

    async fn read(context: &Arc<Context>, request: Request) -> Result<Self> {
        request.accept().await?.start_work(context)
    }
}

impl<H: FromHead> Input for H {
    fn takes() -> Takes {
        H::takes()
    }

    async fn read(context: &Arc<Context>, request: Request) -> Result<Self> {
        let request = request.accept().await?;
        request.start_work(context)?;
        H::from_head(&request)
    }
}

impl<H: FromHead, I: Input> Input for (H, I) {
    fn takes() -> Takes {
        H::takes().and(I::takes())
    }

    async fn read(context: &Arc<Context>, request: Request) -> Result<Self> {
        let (head, request) = read_head(request).await?;
        Ok((head, I::read(context, request).await?))
    }
}

/// Reads what the head says, of a request with more to read.
async fn read_head<H: FromHead>(request: Request) -> Result<(H, Request)> {
    let request = request.accept().await?;
    match H::from_head(&request) {
        Ok(head) => Ok((head, request)),
        Err(error) => request.refuse(error).await,
    }
}

impl FromHead for Head {
    fn takes() -> Takes {
        Takes::default()
    }

    fn from_head(request: &Request) -> Result<Self> {
        Ok(Head(request.head.clone()))
    }
}

impl<T: FromQuery> FromHead for Query<T> {
    fn takes() -> Takes {
        Takes { query: T::parameters(), is_strict: T::IS_STRICT, ..Takes::default() }
    }

    fn from_head(request: &Request) -> Result<Self> {
        T::read(request.head.uri.query().unwrap_or_default()).map(Query)
    }
}

impl<T: FromPath> FromHead for Path<T> {
    fn takes() -> Takes {
        Takes { path: T::parts(), ..Takes::default() }
    }

    fn from_head(request: &Request) -> Result<Self> {
        T::from_path(&Values(request.path.clone())).map(Path).ok_or(Error::NotFound)
    }
}

impl Values {
    /// Reads a query; of a parameter that comes twice, the last counts.
    fn read(query: &str, known: &[Parameter], is_strict: bool) -> Result<Self> {
        let mut values = BTreeMap::new();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            if is_strict && !known.iter().any(|parameter| parameter.name == name) {
                let accepted = known.iter().map(|parameter| parameter.name).collect::<Vec<_>>().join(", ");
                return Err(Error::InvalidParameter { parameter: "a parameter of the query", accepted });
            }
            values.insert(name.into_owned(), value.into_owned());
        }
        Ok(Values(values))
    }

    /// The text with this name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

/// A member that may be missing is no `null` where it is there.
pub(crate) fn never_null(schema: &mut Schema) {
    let members = schema.get_mut("properties").and_then(Value::as_object_mut);
    for member in members.into_iter().flat_map(serde_json::Map::values_mut) {
        if let Some(values) = member.get_mut("enum").and_then(Value::as_array_mut) {
            values.retain(|value| !value.is_null());
        }
        match member.get("type").and_then(Value::as_array).map(Vec::as_slice) {
            Some([one, null]) if null == "null" => member["type"] = one.clone(),
            _ => {}
        }
    }
}

/// Declares the form of a JSON body: how it is read, with every fault of every field, and how it is described.
///
/// ```ignore
/// json_body! {
///     /// A registration.
///     pub struct Registration {
///         /// Whom the user is.
///         pub email: Email = "email",
///     }
/// }
/// ```
macro_rules! json_body {
    ($(#[$meta:meta])* $vis:vis struct $name:ident {
        $($(#[doc = $about:literal])+ $field_vis:vis $field:ident: $type:ty = $key:literal),+ $(,)?
    }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, schemars::JsonSchema)]
        #[schemars(deny_unknown_fields, transform = $crate::http::never_null)]
        $vis struct $name {
            $($(#[doc = $about])+ #[schemars(rename = $key)] $field_vis $field: $type),+
        }

        impl $name {
            /// Reads a body; `check` is shown which fields could be read, and says what else is wrong with which of them.
            fn from_json_and(
                body: &[u8],
                check: impl FnOnce($(Option<&$type>),+) -> Option<(&'static str, $crate::values::Fault)>,
            ) -> $crate::error::Result<Self> {
                let mut fields = $crate::values::Fields::read(body, &[$($key),+])?;
                $(let $field = <$type as $crate::values::Member>::read(&mut fields, $key);)+
                if let Some((name, fault)) = check($($field.as_ref()),+) {
                    fields.refuse(name, fault);
                }
                let all = (|| Some($name { $($field: $field?),+ }))();
                fields.finish(all)
            }
        }

        impl $crate::http::FromJson for $name {
            fn from_json(body: &[u8]) -> $crate::error::Result<Self> {
                Self::from_json_and(body, |$(_: Option<&$type>),+| None)
            }

            fn schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                generator.subschema_for::<$name>()
            }
        }
    };
}

pub(crate) use json_body;
