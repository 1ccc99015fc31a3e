//! What is remembered of what was read, as long as Redis promises to tell of every change: client-side caching, as
//! <https://redis.io/docs/latest/develop/reference/client-side-caching/> describes it. What was read on a connection is
//! forgotten when Redis says on that same connection that it changed, and with the connection. A connection that says
//! nothing may be one that is gone, so nothing is remembered beyond [`TRUST_FOR`] after a question that was answered.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use redis::{
    PushInfo, PushKind, Value,
    aio::{AsyncPushSender, MultiplexedConnection, SendError},
    cmd,
};
use tokio::{sync::OnceCell, time::Instant};

use crate::{Error, Fields, lasting::LastingRuntime, routes::Node};

/// How long what Redis promised is believed after the last sign of life on the connection.
const TRUST_FOR: Duration = Duration::from_secs(1);

/// When the next sign of life is asked for, beside what goes on.
const RENEW_AFTER: Duration = Duration::from_millis(250);

/// How long a server that cannot be reached is not asked again for its promise, and how long one that makes none, e.g.
/// because it is too old.
const REST: Duration = Duration::from_secs(1);
const LONG_REST: Duration = Duration::from_secs(60);

/// The most that is remembered of one server; forgotten as a whole when full, since to ask again is cheap.
const MAX_REMEMBERED: usize = 100_000;

/// What is remembered of one server.
#[derive(Debug)]
pub(crate) struct Remembered<T> {
    promise: RwLock<Arc<Promise<T>>>,
    rests_until: Mutex<Option<Instant>>,
}

/// One connection, and what was read on it.
#[derive(Debug)]
struct Promise<T> {
    connection: OnceCell<MultiplexedConnection>,
    known: Arc<Known<T>>,
    since: Instant,
    /// When the last question was asked that was answered, in milliseconds after `since`.
    heard_ms: AtomicU64,
    renewing: AtomicBool,
}

#[derive(Debug)]
struct Known<T> {
    // Not tokio locks: they are held for a look-up only, never across an await.
    places: Mutex<Places<T>>,
    is_broken: AtomicBool,
}

#[derive(Debug)]
struct Places<T> {
    by_key: HashMap<Arc<str>, Place<T>>,
    next_question: u64,
}

#[derive(Debug)]
enum Place<T> {
    /// Somebody asks, under this number. An answer to an older question, or to one since which it changed, is not kept.
    Asked(u64),
    Is(Arc<T>),
}

impl<T> Known<T> {
    fn lock(&self) -> MutexGuard<'_, Places<T>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn get(&self, key: &str) -> Option<Arc<T>> {
        match self.lock().by_key.get(key)? {
            Place::Is(value) => Some(value.clone()),
            Place::Asked(_) => None,
        }
    }

    /// Notes that a question about `key` is about to be asked.
    fn expect(&self, key: &str) -> u64 {
        let mut places = self.lock();
        if places.by_key.len() >= MAX_REMEMBERED {
            places.by_key.clear();
        }
        places.next_question += 1;
        let number = places.next_question;
        places.by_key.insert(key.into(), Place::Asked(number));
        number
    }

    /// Keeps the answer to a question, unless the key changed since, or was asked about again.
    fn learn(&self, key: &str, number: u64, value: Option<&Arc<T>>) {
        let mut places = self.lock();
        let Some(place) = places.by_key.get_mut(key) else { return };
        if !matches!(place, Place::Asked(asked) if *asked == number) {
            return;
        }
        match value {
            Some(value) => *place = Place::Is(value.clone()),
            None => {
                places.by_key.remove(key);
            }
        }
    }

    /// What Redis says on the connection, in the order in which it says it.
    fn told(&self, push: &PushInfo) {
        match (&push.kind, push.data.first()) {
            (PushKind::Invalidate, Some(Value::Array(keys))) => {
                let mut places = self.lock();
                for key in keys {
                    if let Value::BulkString(key) = key
                        && let Ok(key) = std::str::from_utf8(key)
                    {
                        places.by_key.remove(key);
                    }
                }
            }
            // Everything, or something that is not understood.
            (PushKind::Invalidate, _) => self.lock().by_key.clear(),
            (PushKind::Disconnection, _) => self.breaks(),
            _ => {}
        }
    }

    /// Keeps it from being used again.
    fn breaks(&self) {
        self.is_broken.store(true, Ordering::Relaxed);
        self.lock().by_key.clear();
    }
}

/// Hears what Redis says unasked.
struct Ear<T>(Arc<Known<T>>);

impl<T: Send + Sync + 'static> AsyncPushSender for Ear<T> {
    fn send(&self, push: PushInfo) -> Result<(), SendError> {
        self.0.told(&push);
        Ok(())
    }
}

impl<T: Send + Sync + 'static> Promise<T> {
    fn new() -> Arc<Self> {
        let places = Places { by_key: HashMap::new(), next_question: 0 };
        Arc::new(Self {
            connection: OnceCell::new(),
            known: Arc::new(Known { places: places.into(), is_broken: AtomicBool::new(false) }),
            since: Instant::now(),
            heard_ms: AtomicU64::new(0),
            renewing: AtomicBool::new(false),
        })
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// A question that was asked then was answered.
    fn heard(&self, asked_ms: u64) {
        self.heard_ms.fetch_max(asked_ms, Ordering::Relaxed);
    }

    fn silent_for(&self) -> Duration {
        Duration::from_millis(self.now_ms().saturating_sub(self.heard_ms.load(Ordering::Relaxed)))
    }

    /// What is remembered of `key`, if that still counts.
    fn get(self: &Arc<Self>, key: &str, runtime: &LastingRuntime) -> Option<Arc<T>> {
        let silent_for = self.silent_for();
        if silent_for >= TRUST_FOR {
            return None;
        }
        let found = self.known.get(key)?;
        if silent_for >= RENEW_AFTER && !self.renewing.swap(true, Ordering::Relaxed) {
            runtime.start_beside(self.clone().renew());
        }
        Some(found)
    }

    async fn renew(self: Arc<Self>) {
        if let Some(connection) = self.connection.get() {
            let asked_ms = self.now_ms();
            match cmd("PING").query_async::<()>(&mut connection.clone()).await {
                Ok(()) => self.heard(asked_ms),
                Err(_) => self.known.breaks(),
            }
        }
        self.renewing.store(false, Ordering::Relaxed);
    }

    async fn connection(&self, node: &Node, runtime: &LastingRuntime) -> Result<MultiplexedConnection, Error> {
        let begin = async || {
            let mut connection = node.open_telling(runtime, Ear(self.known.clone())).await?;
            let () = cmd("CLIENT").arg("TRACKING").arg("ON").query_async(&mut connection).await?;
            Ok::<_, Error>(connection)
        };
        Ok(self.connection.get_or_try_init(begin).await?.clone())
    }
}

impl<T: Send + Sync + 'static> Remembered<T> {
    pub(crate) fn new() -> Self {
        Self { promise: RwLock::new(Promise::new()), rests_until: Mutex::default() }
    }

    /// What is remembered of `key`, if that still counts.
    pub(crate) fn get(&self, key: &str, runtime: &LastingRuntime) -> Option<Arc<T>> {
        self.current().get(key, runtime)
    }

    /// Forgets what somebody knows to have changed, before Redis tells of it.
    pub(crate) fn forget(&self, key: &str) {
        self.current().known.lock().by_key.remove(key);
    }

    /// Reads the hash at `key` and remembers what `understand` makes of its fields; nothing is remembered of one that is
    /// not there. `None` when the server makes no promise, or cannot be asked on this way: to be asked on another.
    pub(crate) async fn ask(
        &self,
        key: &str,
        node: &Node,
        runtime: &LastingRuntime,
        understand: impl FnOnce(&Fields) -> Result<T, Error>,
    ) -> Option<Result<Option<Arc<T>>, Error>> {
        if self.rests().is_some_and(|until| Instant::now() < until) {
            return None;
        }
        let promise = self.current();
        let mut connection = match promise.connection(node, runtime).await {
            Ok(connection) => connection,
            Err(error) => {
                self.rest(&error);
                return None;
            }
        };
        let number = promise.known.expect(key);
        let asked_ms = promise.now_ms();
        let fields: Fields = match cmd("HGETALL").arg(key).query_async(&mut connection).await {
            Ok(fields) => fields,
            Err(error) => {
                tracing::debug!(%error, "a question was not answered on the connection that tells of changes");
                promise.known.breaks();
                return None;
            }
        };
        promise.heard(asked_ms);
        let found = if fields.is_empty() { Ok(None) } else { understand(&fields).map(|found| Some(Arc::new(found))) };
        promise.known.learn(key, number, found.as_ref().ok().and_then(Option::as_ref));
        Some(found)
    }

    fn rests(&self) -> MutexGuard<'_, Option<Instant>> {
        self.rests_until.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn rest(&self, why: &Error) {
        let rest = if matches!(why, Error::Unavailable(_)) { REST } else { LONG_REST };
        if rest == LONG_REST {
            tracing::warn!(error = %why, "Redis does not tell of changes; every event asks whether its key counts");
        }
        *self.rests() = Some(Instant::now() + rest);
    }

    /// The connection that counts, or the place for another when that one broke.
    fn current(&self) -> Arc<Promise<T>> {
        let promise = self.promise.read().unwrap_or_else(PoisonError::into_inner).clone();
        if !promise.known.is_broken.load(Ordering::Relaxed) {
            return promise;
        }
        let mut current = self.promise.write().unwrap_or_else(PoisonError::into_inner);
        if current.known.is_broken.load(Ordering::Relaxed) {
            *current = Promise::new();
        }
        current.clone()
    }
}
