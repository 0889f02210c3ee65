//! An answer on its way to the client.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper::body::{Body, Frame, SizeHint};

use super::activity::InRequest;

/// An answer's body, which the transport takes piece by piece and drops at its end.
pub(super) struct Answer<B> {
    body: B,
    in_request: Arc<InRequest>,
}

impl<B> Answer<B> {
    /// The body of an answer to this request.
    pub(super) fn new(body: B, in_request: Arc<InRequest>) -> Self {
        in_request.answered();
        Answer { body, in_request }
    }
}

impl<B> Drop for Answer<B> {
    fn drop(&mut self) {
        self.in_request.end();
    }
}

impl<B: Body + Unpin> Body for Answer<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
