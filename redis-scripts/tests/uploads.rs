//! The bundles of a session, on a real Redis.

use domain::{OrgId, SessionRef, Timestamp};
use redis_scripts::{Bundle, Config, NewSession, Redis};
use uuid::Uuid;

#[tokio::test]
async fn of_too_many_uploads_the_oldest_is_forgotten() {
    let server = test_support::Redis::start();
    let redis = Redis::new(&Config::new(server.url())).unwrap();
    let name = SessionRef::new(OrgId::sample(Uuid::new_v4()), "s".parse().unwrap());
    let now = Timestamp::from_millis(1_790_000_000_000);
    redis.create_session(&name, &NewSession::default(), now).await.unwrap();
    let objects: Vec<Uuid> = (0..257).map(|_| Uuid::new_v4()).collect();
    for (later, object) in (0..).zip(&objects) {
        let bundle = Bundle { sha256: "ab".into(), size: 3, at: now.plus_millis(later * 1000) };
        redis.note_upload(&name, *object, &bundle, 0).await.unwrap();
    }
    let mut noted: Vec<Uuid> = redis.uploads(&name).await.unwrap().into_iter().map(|(object, _)| object).collect();
    noted.sort_unstable();
    let mut expected: Vec<Uuid> = objects.into_iter().skip(1).collect();
    expected.sort_unstable();
    assert_eq!(noted, expected);
}
