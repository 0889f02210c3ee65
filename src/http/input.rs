//! What endpoints take: typed, and described where it is typed.

use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::sync::Arc;

use http::request::Parts;
use schemars::{Schema, SchemaGenerator};

use super::body::expect_json;
use super::takes::{Parameter, Takes};
use super::{Context, Request};
use crate::error::{Error, Result};

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
