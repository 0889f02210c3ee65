//! An answer on its way to the client.

use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::body::{Body, Frame, SizeHint};

use super::activity::InRequest;

/// An answer's body, which the transport takes piece by piece and drops at its end.
pub(super) struct Answer<B> {
    body: B,
    _in_request: InRequest,
}

impl<B> Answer<B> {
    /// The body of an answer to this request.
    pub(super) fn new(body: B, mut in_request: InRequest) -> Self {
        in_request.answered();
        Answer { body, _in_request: in_request }
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
