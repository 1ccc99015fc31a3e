//! A body that takes turns: what is large goes out in pieces, and between them whatever else its worker has to do is done.
//! Without it, one event of a mebibyte for fifty watchers keeps everybody else waiting until it is copied fifty times.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use actix_web::{
    HttpResponse,
    body::{BodySize, BoxBody, MessageBody},
    web::Bytes,
};

/// The most bytes of one turn. Copying them takes some ten microseconds.
const TURN_BYTES: usize = 64 * 1024;

/// See the module.
struct Paced {
    body: BoxBody,
    rest: Bytes,
    sent: usize,
}

/// The reply, with a body that takes turns.
pub(super) fn paced(reply: HttpResponse) -> HttpResponse {
    reply.map_body(|_, body| BoxBody::new(Paced { body, rest: Bytes::new(), sent: 0 }))
}

impl MessageBody for Paced {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let this = &mut *self;
        if this.sent >= TURN_BYTES {
            this.sent = 0;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if this.rest.is_empty() {
            match Pin::new(&mut this.body).poll_next(cx) {
                Poll::Ready(Some(Ok(bytes))) => this.rest = bytes,
                Poll::Pending => {
                    this.sent = 0;
                    return Poll::Pending;
                }
                ended => return ended,
            }
        }
        let piece = this.rest.split_to(this.rest.len().min(TURN_BYTES - this.sent));
        this.sent += piece.len();
        Poll::Ready(Some(Ok(piece)))
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use actix_web::body::BodyStream;
    use futures_util::{future::poll_fn, stream};

    use super::*;

    #[actix_web::test]
    async fn what_is_large_goes_out_in_turns_and_is_the_same() {
        let large = Bytes::from((0..=255u8).cycle().take(3 * TURN_BYTES + 7).collect::<Vec<_>>());
        let items = [large.clone(), Bytes::from_static(b"small"), Bytes::new(), large.clone()];
        let whole: Vec<u8> = items.iter().flatten().copied().collect();
        let source = stream::iter(items.into_iter().map(Ok::<_, Infallible>));
        let reply = paced(HttpResponse::Ok().body(BoxBody::new(BodyStream::new(source))));
        let (mut body, mut sent, mut n_turns) = (Box::pin(reply.into_body()), Vec::new(), 0);
        while let Some(piece) = poll_fn(|cx| {
            let polled = body.as_mut().poll_next(cx);
            // Whoever else has something to do has their turn.
            n_turns += usize::from(polled.is_pending());
            polled
        })
        .await
        {
            let piece = piece.unwrap();
            assert!(piece.len() <= TURN_BYTES);
            sent.extend_from_slice(&piece);
        }
        assert_eq!(sent, whole);
        assert_eq!(n_turns, 6);
    }
}
