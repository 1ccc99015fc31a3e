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
    use std::{
        convert::Infallible,
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering},
        },
    };

    use actix_web::{body::BodyStream, rt};
    use futures_util::{future::poll_fn, stream};

    use super::*;

    #[actix_web::test]
    async fn what_is_large_goes_out_in_turns_and_is_the_same() {
        let large = Bytes::from((0..=255u8).cycle().take(3 * TURN_BYTES + 7).collect::<Vec<_>>());
        let items = [large.clone(), Bytes::from_static(b"small"), Bytes::new(), large.clone()];
        let whole: Vec<u8> = items.iter().flatten().copied().collect();
        let source = stream::iter(items.into_iter().map(Ok::<_, Infallible>));
        let reply = paced(HttpResponse::Ok().body(BoxBody::new(BodyStream::new(source))));
        let others = Arc::new(AtomicUsize::default());
        let counted = Arc::clone(&others);
        let other = rt::spawn(async move {
            loop {
                counted.fetch_add(1, Ordering::Relaxed);
                rt::task::yield_now().await;
            }
        });
        let (mut body, mut sent) = (Box::pin(reply.into_body()), Vec::new());
        while let Some(piece) = poll_fn(|cx| body.as_mut().poll_next(cx)).await {
            let piece = piece.unwrap();
            assert!(piece.len() <= TURN_BYTES);
            sent.extend_from_slice(&piece);
        }
        other.abort();
        assert_eq!(sent, whole);
        assert!(others.load(Ordering::Relaxed) >= 6, "whoever else had something to do had six turns in between");
    }
}
