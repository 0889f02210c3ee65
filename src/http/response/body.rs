//! The body of an answer.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use hyper::body::{Frame, SizeHint};

use crate::fairness::Place;
use crate::http::Asker;

/// What the transport is given at a time. On HTTP/2 it takes the next piece only once the client has room for it.
const PIECE_BYTES: usize = 16 * 1024;

/// The body of an answer: whole, of a known length, and handed out in pieces.
#[derive(Default)]
pub struct Body {
    rest: Bytes,
    place: Option<Arc<Place<Asker>>>,
}

/// A part of a body. The body's place is taken until the transport is done with the last one.
pub struct Piece {
    bytes: Bytes,
    _place: Option<Arc<Place<Asker>>>,
}

impl Body {
    /// Keeps a place for as long as any of the body is here.
    pub fn hold(&mut self, place: Place<Asker>) {
        self.place = Some(Arc::new(place));
    }
}

impl From<Bytes> for Body {
    fn from(rest: Bytes) -> Self {
        Body { rest, place: None }
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Bytes::from(bytes).into()
    }
}

impl hyper::body::Body for Body {
    type Data = Piece;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Piece>, Infallible>>> {
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        let length = self.rest.len().min(PIECE_BYTES);
        let piece = Piece { bytes: self.rest.split_to(length), _place: self.place.clone() };
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len() as u64)
    }
}

impl Buf for Piece {
    fn remaining(&self) -> usize {
        self.bytes.remaining()
    }

    fn chunk(&self) -> &[u8] {
        self.bytes.chunk()
    }

    fn advance(&mut self, count: usize) {
        self.bytes.advance(count);
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use http_body_util::BodyExt;
    use hyper::body::Body as _;

    use super::*;
    use crate::fairness::{ClientKey, Places, Tenant, Use};
    use crate::http::Progress;

    /// Does nothing, and does not mind.
    struct Idler;

    impl Tenant for Idler {
        fn used(&self) -> Use {
            Use::Work
        }

        fn give_way(&self) {}
    }

    impl Progress for Idler {
        fn work_begins(&self) {}
    }

    fn next(body: &mut Body) -> Option<Piece> {
        let frame = futures_util::FutureExt::now_or_never(body.frame()).unwrap();
        frame.map(|frame| frame.unwrap().into_data().unwrap_or_else(|_| panic!("data")))
    }

    #[test]
    fn a_body_is_handed_out_in_pieces_and_its_rest_is_always_known() {
        let bytes: Vec<u8> = (0..40_000_u32).map(|n| n as u8).collect();
        let mut body = Body::from(bytes.clone());
        let mut seen = Vec::new();
        while let Some(piece) = next(&mut body) {
            assert!(piece.remaining() <= PIECE_BYTES);
            seen.extend_from_slice(piece.chunk());
            assert_eq!(body.size_hint().exact(), Some((bytes.len() - seen.len()) as u64));
            assert_eq!(body.is_end_stream(), seen.len() == bytes.len());
        }
        assert_eq!(seen, bytes);
        assert!(Body::default().is_end_stream() && next(&mut Body::default()).is_none());
    }

    #[test]
    fn a_place_is_taken_until_the_last_piece_is_gone() {
        let (places, client) = (Places::new(1, 1), ClientKey::from(IpAddr::from([192, 0, 2, 1])));
        let mut body = Body::from(vec![0; PIECE_BYTES + 1]);
        body.hold(places.take(client, Arc::new(Asker::new(Arc::new(Idler)))).unwrap());
        drop(next(&mut body));
        let last = next(&mut body);
        drop(body);
        assert_eq!(places.count(), 1);
        drop(last);
        assert_eq!(places.count(), 0);
    }
}
