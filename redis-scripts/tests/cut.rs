//! An answer of Redis that ends in its middle is no answer: whether the call took effect is not known.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use redis_scripts::{Config, Error, Redis, keys::Partition};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// No answer is cut.
const WHOLE: usize = usize::MAX;

/// Passes bytes on between clients and a Redis; once `left` is not [`WHOLE`], so many bytes of answers pass
/// on each connection, and then it closes.
async fn cutting_proxy(redis: String, left: Arc<AtomicUsize>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect(redis.trim_start_matches("redis://")).await.unwrap();
            tokio::spawn(pass(client, server, left.clone()));
        }
    });
    format!("redis://{address}")
}

async fn pass(client: TcpStream, server: TcpStream, left: Arc<AtomicUsize>) {
    let ((mut asked, mut answers), (mut from, mut to)) = (client.into_split(), server.into_split());
    let asking = async {
        let _ = tokio::io::copy(&mut asked, &mut to).await;
    };
    let answering = async {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(n @ 1..) = from.read(&mut buffer).await {
            let allowed = left.load(Ordering::SeqCst);
            if answers.write_all(&buffer[..n.min(allowed)]).await.is_err() || allowed != WHOLE {
                break;
            }
        }
        let _ = answers.shutdown().await;
    };
    // Either end's leaving ends both.
    tokio::select! { () = asking => {}, () = answering => {} }
}

/// `GET` of a value of 26 bytes, whose answer is `$26\r\n<the value>\r\n`.
async fn get(redis: &Redis) -> Result<String, Error> {
    let mut connection = redis.connection(Partition::all().next().unwrap()).await?;
    Ok(redis::cmd("GET").arg("cut").query_async(&mut connection).await?)
}

#[tokio::test]
async fn an_answer_that_ends_in_its_middle_is_no_answer() {
    const VALUE: &str = "abcdefghijklmnopqrstuvwxyz";
    let server = test_support::Redis::start();
    let left = Arc::new(AtomicUsize::new(WHOLE));
    let redis = Redis::new(&Config::new(cutting_proxy(server.url(), left.clone()).await)).unwrap();
    let mut connection = redis.connection(Partition::all().next().unwrap()).await.unwrap();
    let () = redis::cmd("SET").arg("cut").arg(VALUE).query_async(&mut connection).await.unwrap();
    drop(connection);

    // Before the first byte, in the length, behind the length, in the value, before the last line's end.
    for passing in [0, 1, 3, 5, 15, 31, 32] {
        left.store(WHOLE, Ordering::SeqCst);
        // The first may meet the connection that was cut, and say so.
        let mut answers = vec![get(&redis).await, get(&redis).await];
        assert_eq!(answers.pop().unwrap().unwrap(), VALUE);
        left.store(passing, Ordering::SeqCst);
        let error = get(&redis).await.unwrap_err();
        assert!(matches!(error, Error::Unavailable(_)), "{passing} bytes: {error}");
    }
}
