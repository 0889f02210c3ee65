//! A session, as diesel uses it.
//!
//! diesel-async has one of its own, which says less and wants more: it drops the code of an error, and prepares every
//! statement in a round trip of its own, under a name that a pooler between takes to another session.

use std::collections::HashMap;

use diesel::connection::{CacheSize, Instrumentation};
use diesel::pg::Pg;
use diesel::query_builder::{AsQuery, QueryFragment, QueryId};
use diesel::{ConnectionError, ConnectionResult, QueryResult};
use diesel_async::{AnsiTransactionManager, AsyncConnection, AsyncConnectionCore, SimpleAsyncConnection};
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use futures_util::{FutureExt, StreamExt, TryStreamExt};
use tokio_postgres::{Client, RowStream};

use super::pooler::Pooler;
use super::row::PostgresRow;
use super::statement::Statement;
use crate::store::error::sqlstate::{code_of, from_driver};

/// A session at the server.
pub struct PostgresConn {
    client: Client,
    pooler: Pooler,
    /// By their texts.
    prepared: HashMap<String, tokio_postgres::Statement>,
    transactions: AnsiTransactionManager,
    instrumentation: Option<Box<dyn Instrumentation>>,
}

impl PostgresConn {
    pub(super) fn new(client: Client, pooler: Pooler) -> Self {
        let (prepared, transactions, instrumentation) = Default::default();
        Self { client, pooler, prepared, transactions, instrumentation }
    }

    /// Has the driver seen its end?
    pub(super) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    async fn run(&mut self, statement: QueryResult<Statement>) -> QueryResult<RowStream> {
        let sent = self.send(statement?).await;
        sent.inspect_err(|error| self.pooler.learn_from(code_of(error).unwrap_or_default()))
    }

    /// A statement that recurs is prepared once in a session that is ours alone. All others are prepared and done in one
    /// round trip, without a name.
    async fn send(&mut self, statement: Statement) -> QueryResult<RowStream> {
        let Statement { text, types, values, recurs } = statement;
        let sent = if !recurs || self.pooler.is_between() {
            self.client.query_typed_raw(&text, values.into_iter().zip(types)).await
        } else {
            let prepared = match self.prepared.get(&text) {
                Some(prepared) => prepared.clone(),
                None => {
                    let prepared = self.client.prepare_typed(&text, &types).await.map_err(from_driver)?;
                    self.prepared.entry(text).or_insert(prepared).clone()
                }
            };
            self.client.query_raw(&prepared, values).await
        };
        sent.map_err(from_driver)
    }
}

impl SimpleAsyncConnection for PostgresConn {
    async fn batch_execute(&mut self, statements: &str) -> QueryResult<()> {
        self.client.batch_execute(statements).await.map_err(from_driver)
    }
}

impl AsyncConnectionCore for PostgresConn {
    type Backend = Pg;
    type Row<'conn, 'query> = PostgresRow;
    type Stream<'conn, 'query> = BoxStream<'static, QueryResult<PostgresRow>>;
    type LoadFuture<'conn, 'query> = BoxFuture<'conn, QueryResult<Self::Stream<'conn, 'query>>>;
    type ExecuteFuture<'conn, 'query> = BoxFuture<'conn, QueryResult<usize>>;

    fn load<'conn, 'query, T>(&'conn mut self, source: T) -> Self::LoadFuture<'conn, 'query>
    where
        T: AsQuery + 'query,
        T::Query: QueryFragment<Pg> + QueryId + 'query,
    {
        let statement = Statement::of(&source.as_query());
        async move { Ok(self.run(statement).await?.map_ok(PostgresRow).map_err(from_driver).boxed()) }.boxed()
    }

    fn execute_returning_count<'conn, 'query, T>(&'conn mut self, source: T) -> Self::ExecuteFuture<'conn, 'query>
    where
        T: QueryFragment<Pg> + QueryId + 'query,
    {
        let statement = Statement::of(&source);
        async move {
            let mut rows = Box::pin(self.run(statement).await?);
            while rows.try_next().await.map_err(from_driver)?.is_some() {}
            Ok(usize::try_from(rows.rows_affected().unwrap_or_default()).unwrap_or(usize::MAX))
        }
        .boxed()
    }
}

impl AsyncConnection for PostgresConn {
    type TransactionManager = AnsiTransactionManager;

    /// Not from here: a session needs more than an address.
    async fn establish(_url: &str) -> ConnectionResult<Self> {
        Err(ConnectionError::BadConnection("a session is opened by its server".into()))
    }

    fn transaction_state(&mut self) -> &mut AnsiTransactionManager {
        &mut self.transactions
    }

    fn instrumentation(&mut self) -> &mut dyn Instrumentation {
        &mut self.instrumentation
    }

    fn set_instrumentation(&mut self, instrumentation: impl Instrumentation) {
        self.instrumentation = Some(Box::new(instrumentation));
    }

    /// Without effect: there are as many texts as the service has.
    fn set_prepared_statement_cache_size(&mut self, _size: CacheSize) {}
}
