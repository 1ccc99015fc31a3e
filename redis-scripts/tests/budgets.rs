//! Budgets that nodes share, on a real Redis.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    num::NonZeroU32,
    time::{Duration, Instant},
};

use redis_scripts::{Config, Draw, Drawn, HELD_FOR, Pace, Redis, keys::BudgetKey};
use uuid::Uuid;

struct World {
    _server: test_support::Redis,
    redis: Redis,
    key: BudgetKey,
}

impl World {
    async fn new() -> Self {
        let server = test_support::Redis::start();
        let redis = Redis::new(&Config::new(server.url())).unwrap();
        redis.load_scripts().await.unwrap();
        Self { _server: server, redis, key: BudgetKey::of_id("test", Uuid::new_v4()) }
    }

    async fn draw(&self, node: Uuid, pace: Pace, draw: Draw) -> Drawn {
        self.redis.draw_budget(&self.key, node, pace, draw).await.unwrap()
    }

    async fn ask(&self, command: &[&str]) -> redis::Value {
        let mut connection = self.redis.connection(self.key.partition()).await.unwrap();
        let mut asked = redis::Cmd::new();
        for word in command {
            asked.arg(word);
        }
        asked.query_async(&mut connection).await.unwrap()
    }

    async fn field(&self, field: &str) -> Option<String> {
        redis::from_redis_value(self.ask(&["HGET", self.key.as_str(), field]).await).unwrap()
    }

    /// Microseconds.
    async fn number(&self, field: &str) -> i64 {
        self.field(field).await.unwrap().parse().unwrap()
    }

    /// Makes it look as if all of it had happened on a clock that was `ahead` of the one of now.
    async fn happened_later(&self, ahead: Duration) {
        let ahead = i64::try_from(ahead.as_micros()).unwrap();
        for field in ["tat", "at"] {
            let moved = (self.number(field).await + ahead).to_string();
            self.ask(&["HSET", self.key.as_str(), field, &moved]).await;
        }
    }
}

fn pace(each: Duration, burst: u32) -> Pace {
    Pace { each, burst: NonZeroU32::new(burst).unwrap() }
}

fn asked(asked: u32) -> Draw {
    Draw { asked, ..Draw::default() }
}

const SLOW: Duration = Duration::from_secs(60);

#[tokio::test]
async fn all_nodes_together_get_the_burst_and_then_what_flows_in() {
    let world = World::new().await;
    let (pace, nodes) = (pace(Duration::from_millis(200), 7), [Uuid::new_v4(), Uuid::new_v4(), Uuid::new_v4()]);
    let began = Instant::now();
    let mut granted = 0;
    for n in 0..30 {
        granted += world.draw(nodes[n % 3], pace, asked(1)).await.granted;
    }
    let flowed_in = u32::try_from(began.elapsed().as_millis() / 200).unwrap();
    assert!((7..=7 + flowed_in).contains(&granted), "{granted} with {flowed_in}");

    let empty = world.draw(nodes[0], pace, asked(1)).await;
    assert!(empty.granted == 1 || (empty.left == 0 && empty.wait <= Duration::from_millis(200)), "{empty:?}");
    tokio::time::sleep(empty.wait.max(Duration::from_millis(1)) + Duration::from_millis(2)).await;
    assert_eq!(world.draw(nodes[1], pace, asked(1)).await.granted, 1, "as soon as was said");
}

#[tokio::test]
async fn a_batch_gets_what_is_left_and_is_told_how_much_that_is() {
    let world = World::new().await;
    let (node, pace) = (Uuid::new_v4(), pace(SLOW, 10));
    let first = world.draw(node, pace, asked(4)).await;
    assert_eq!((first.granted, first.held, first.left), (4, 0, 6));
    let second = world.draw(Uuid::new_v4(), pace, asked(9)).await;
    assert_eq!((second.granted, second.left), (6, 0));
    assert!(second.wait > SLOW - Duration::from_secs(5) && second.wait <= SLOW, "{:?}", second.wait);
    // To look costs nothing, and does not push the time at which there is more.
    let before = world.number("tat").await;
    for _ in 0..3 {
        assert_eq!(world.draw(node, pace, asked(5)).await.granted, 0);
        assert_eq!(world.draw(node, pace, asked(0)).await.left, 0);
    }
    assert_eq!(world.number("tat").await, before);
}

#[tokio::test]
async fn what_is_held_ahead_is_nobody_elses_and_goes_back_unless_used() {
    let world = World::new().await;
    let (node, other, pace) = (Uuid::new_v4(), Uuid::new_v4(), pace(SLOW, 20));
    let ahead = world.draw(node, pace, Draw { asked: 4, ahead: 9, ..Draw::default() }).await;
    assert_eq!((ahead.granted, ahead.held, ahead.left), (4, 2, 14), "most is left to the others");
    assert!(ahead.until <= Instant::now() + HELD_FOR);
    assert_eq!(world.draw(other, pace, asked(20)).await.granted, 14);
    assert_eq!(world.draw(other, pace, asked(1)).await.granted, 0);
    // Held cells were counted when they were drawn; using them costs nothing more.
    let used = world.draw(node, pace, Draw { used: 1, kept: 1, ..Draw::default() }).await;
    assert_eq!((used.held, used.left), (1, 0));
    let given_back = world.draw(node, pace, Draw::default()).await;
    assert_eq!((given_back.held, given_back.left), (0, 1));
    assert_eq!(world.draw(other, pace, asked(20)).await.granted, 1);
    assert_eq!(world.field(&node.to_string()).await, None);
    // Nobody uses more than was held, whatever it says.
    let liar = world.draw(node, pace, Draw { used: 50, kept: 50, ..Draw::default() }).await;
    assert_eq!((liar.held, liar.left), (0, 0));
    assert_eq!(world.draw(node, pace, Draw { asked: 1, ahead: 5, ..Draw::default() }).await.granted, 0);
}

#[tokio::test]
async fn what_a_node_held_that_is_gone_counts_as_used() {
    let world = World::new().await;
    let (gone, node, pace) = (Uuid::new_v4(), Uuid::new_v4(), pace(SLOW, 64));
    let held = world.draw(gone, pace, Draw { ahead: 8, ..Draw::default() }).await;
    assert_eq!((held.held, held.left), (8, 56));
    let now = world.number("at").await;
    world.ask(&["HSET", world.key.as_str(), &gone.to_string(), &format!("8:{now}")]).await;
    assert_eq!(world.draw(node, pace, asked(64)).await.granted, 56);
    assert_eq!(world.field(&gone.to_string()).await, None);
    let back = world.draw(gone, pace, Draw { used: 3, kept: 5, ..Draw::default() }).await;
    assert_eq!((back.held, back.left), (0, 0), "and is not held any more when it comes back");
}

#[tokio::test]
async fn a_clock_that_is_set_back_neither_fills_a_budget_nor_holds_it_up() {
    let world = World::new().await;
    let (node, pace) = (Uuid::new_v4(), pace(Duration::from_millis(500), 5));
    assert_eq!(world.draw(node, pace, asked(5)).await.granted, 5);
    world.happened_later(Duration::from_secs(3_600)).await;
    let refused = world.draw(Uuid::new_v4(), pace, asked(1)).await;
    assert_eq!(refused.granted, 0, "it is as empty as it was");
    assert!(refused.wait <= Duration::from_millis(500), "{:?}", refused.wait);
    tokio::time::sleep(refused.wait + Duration::from_millis(5)).await;
    assert_eq!(world.draw(node, pace, asked(1)).await.granted, 1, "and fills up as it did");
}

#[tokio::test]
async fn memory_follows_those_who_use_their_budgets() {
    let world = World::new().await;
    let (node, pace) = (Uuid::new_v4(), pace(Duration::from_millis(100), 5));
    world.draw(node, pace, asked(3)).await;
    let left_ms: i64 = redis::from_redis_value(world.ask(&["PTTL", world.key.as_str()]).await).unwrap();
    assert!((1..=1_301).contains(&left_ms), "{left_ms}");
    let held = Draw { asked: 1, ahead: 1, ..Draw::default() };
    let other = BudgetKey::of_address("test", [192, 0, 2, 1].into());
    world.redis.draw_budget(&other, node, Pace { burst: NonZeroU32::new(99).unwrap(), ..pace }, held).await.unwrap();
    let left_ms: i64 = redis::from_redis_value(world.ask(&["PTTL", other.as_str()]).await).unwrap();
    assert!((10_000..=11_500).contains(&left_ms), "{left_ms}");
    assert!(!other.as_str().contains("192"), "{}", other.as_str());
    // One who only looks leaves nothing.
    let unseen = BudgetKey::of_all("test");
    assert_eq!(world.redis.draw_budget(&unseen, node, pace, Draw::default()).await.unwrap().left, 5);
    let exists: i64 = redis::from_redis_value(world.ask(&["EXISTS", unseen.as_str()]).await).unwrap();
    assert_eq!(exists, 0);
}
