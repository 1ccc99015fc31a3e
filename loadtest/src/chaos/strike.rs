//! Does faults to the stack, and puts everything right again.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{Rng, RngCore};
use rustix::process::Signal;
use tokio::time::{Instant, sleep};

use super::fault::Fault;
use super::process::Process;
use super::proxy::{Proxy, Way, Weather};
use super::redis;
use super::stack::{Node, Stack};

/// How long a store may take until it answers again; more is an error of the run.
const STORE_BACK: Duration = Duration::from_secs(90);
/// How long a node may take to stop when it is told to.
const STOP: Duration = Duration::from_secs(40);

/// Does faults.
pub(crate) struct Striker<'a> {
    /// What to do them to.
    pub(crate) stack: &'a Stack,
    /// Every choice follows from it.
    pub(crate) rng: StdRng,
    /// How long long faults are, as a share of their usual time.
    pub(crate) scale: f64,
}

impl<'a> Striker<'a> {
    /// Why a fault cannot be done here; nothing where it can.
    pub(crate) fn obstacle(stack: &Stack, fault: Fault) -> Option<String> {
        match fault {
            Fault::RedisDisk => stack.redis_disk.as_ref().err().cloned(),
            Fault::ClickhouseDisk => stack.clickhouse_disk.as_ref().err().cloned(),
            Fault::PowerLoss | Fault::Clock => stack.shim.as_ref().err().cloned(),
            _ => None,
        }
    }

    /// Does these, one after the other; what exactly was done.
    pub(crate) async fn strike_all(&mut self, faults: &[Fault]) -> Result<Vec<String>, String> {
        let mut done = Vec::new();
        for (number, fault) in faults.iter().enumerate() {
            if number > 0 {
                let pause = self.millis(1000..3000);
                sleep(pause).await;
            }
            done.push(self.strike(*fault).await?);
        }
        Ok(done)
    }

    async fn strike(&mut self, fault: Fault) -> Result<String, String> {
        let stack = self.stack;
        Ok(match fault {
            Fault::KillNode => {
                let process = self.node();
                process.kill().await;
                process.name().to_owned()
            }
            Fault::StopNode => {
                let process = self.node();
                process.stop(STOP).await;
                process.name().to_owned()
            }
            Fault::PauseNode => {
                let process = self.node();
                self.pause(process, 500..9000).await
            }
            Fault::KillRedis => self.kill_redis().await,
            Fault::PauseRedis => self.pause(&stack.redis, 300..6000).await,
            Fault::KillClickhouse => {
                stack.clickhouse.kill().await;
                String::new()
            }
            Fault::PauseClickhouse => self.pause(&stack.clickhouse, 500..9000).await,
            Fault::DoubleKill => self.double_kill().await,
            Fault::Cut => self.cut().await,
            Fault::LoseAnswers => {
                let share = self.rng.random_range(0.05..0.6);
                let weather = Weather { lose_answers: share, ..Weather::default() };
                self.weather(weather, 2000..6000, &format!("{:.0} %", share * 100.0)).await
            }
            Fault::OneWay => {
                let is_up = self.rng.random_bool(0.5);
                let (up, down) = if is_up { (Way::Stuck, Way::Clear) } else { (Way::Clear, Way::Stuck) };
                let weather = Weather { up, down, lose_answers: 0.0 };
                self.weather(weather, 1000..8000, if is_up { "requests" } else { "answers" }).await
            }
            Fault::Slow => {
                let way = Way::Slow(Duration::from_millis(self.rng.random_range(5..150)));
                self.weather(Weather { up: way, down: way, lose_answers: 0.0 }, 2000..6000, &format!("{way:?}")).await
            }
            Fault::ClickhouseAway => self.clickhouse_away().await,
            Fault::RedisMemory => self.redis_memory().await?,
            Fault::RedisDisk => self.redis_disk().await?,
            Fault::ClickhouseDisk => self.clickhouse_disk().await?,
            Fault::SlowFsync => self.slow_fsync().await?,
            Fault::PowerLoss => self.power_loss().await?,
            Fault::Clock => self.clock().await?,
        })
    }

    /// Waits until every process runs and the stores answer.
    pub(crate) async fn all_back(&self) -> Result<(), String> {
        if !self.stack.redis_back(STORE_BACK).await {
            return Err("redis does not come back; its log says why".to_owned());
        }
        if !self.stack.clickhouse_back(STORE_BACK).await {
            return Err("clickhouse does not come back; its log says why".to_owned());
        }
        for node in &self.stack.nodes {
            node.process.running().await;
        }
        Ok(())
    }

    fn millis(&mut self, range: std::ops::Range<u64>) -> Duration {
        Duration::from_millis(self.rng.random_range(range)).mul_f64(self.scale)
    }

    /// Any node; Redis where there is none.
    fn node(&mut self) -> &'a Process {
        let stack = self.stack;
        stack.nodes.choose(&mut self.rng).map_or(&stack.redis, |node| &node.process)
    }

    async fn pause(&mut self, process: &Process, millis: std::ops::Range<u64>) -> String {
        let time = self.millis(millis);
        process.signal(Signal::STOP);
        sleep(time).await;
        process.signal(Signal::CONT);
        format!("{} for {time:.1?}", process.name())
    }

    async fn kill_redis(&mut self) -> String {
        let redis = &self.stack.redis;
        let while_rewriting = self.rng.random_bool(0.4);
        if while_rewriting {
            // When it is rewriting already, that is as good.
            drop(redis::ask(self.stack.redis_port, "BGREWRITEAOF").await);
            sleep(Duration::from_millis(self.rng.random_range(0..60))).await;
        }
        redis.kill().await;
        let again = self.rng.random_bool(0.4);
        if again {
            redis.running().await;
            sleep(Duration::from_millis(self.rng.random_range(0..500))).await;
            redis.kill().await;
        }
        let words = [(while_rewriting, "while it rewrote its log"), (again, "again while it started")];
        words.iter().filter(|(is_so, _)| *is_so).map(|(_, word)| *word).collect::<Vec<_>>().join(", ")
    }

    async fn double_kill(&mut self) -> String {
        let stack = self.stack;
        let mut all: Vec<&Process> = stack.nodes.iter().map(|node| &node.process).collect();
        all.extend([&stack.redis, &stack.clickhouse]);
        all.shuffle(&mut self.rng);
        all.truncate(2);
        for process in &all {
            process.kill().await;
            sleep(Duration::from_millis(self.rng.random_range(0..120))).await;
        }
        all.iter().map(|process| process.name()).collect::<Vec<_>>().join(" and ")
    }

    /// Some links of one sort.
    fn links(&mut self) -> (&'static str, Vec<&'a Proxy>) {
        let stack = self.stack;
        let n = stack.nodes.len();
        let mut nodes: Vec<&Node> = stack.nodes.iter().collect();
        nodes.shuffle(&mut self.rng);
        nodes.truncate(self.rng.random_range(1..=n.max(1)));
        match self.rng.random_range(0..4) {
            0 => ("clients", nodes.iter().map(|node| &node.front).collect()),
            1 => ("redis", nodes.iter().map(|node| &node.to_redis).collect()),
            2 => ("clickhouse", nodes.iter().map(|node| &node.to_clickhouse).collect()),
            _ => ("all", stack.proxies().collect()),
        }
    }

    async fn cut(&mut self) -> String {
        let (name, links) = self.links();
        let n = self.rng.random_range(1..=6);
        for _ in 0..n {
            links.iter().for_each(|link| link.cut());
            let pause = self.millis(100..1200);
            sleep(pause).await;
        }
        format!("{name}, {} links, {n} times", links.len())
    }

    async fn weather(&mut self, weather: Weather, millis: std::ops::Range<u64>, how: &str) -> String {
        let (name, links) = self.links();
        let time = self.millis(millis);
        links.iter().for_each(|link| link.set(weather));
        sleep(time).await;
        links.iter().for_each(|link| link.set(Weather::default()));
        // What was held back arrives late, or never.
        let is_cut = self.rng.random_bool(0.5);
        if is_cut {
            links.iter().for_each(|link| link.cut());
        }
        let end = if is_cut { ", then cut" } else { "" };
        format!("{name}, {} links, {how}, for {time:.1?}{end}", links.len())
    }

    async fn clickhouse_away(&mut self) -> String {
        let time = self.millis(20_000..45_000);
        let clickhouse = &self.stack.clickhouse;
        clickhouse.hold(true);
        clickhouse.kill().await;
        sleep(time).await;
        clickhouse.hold(false);
        format!("for {time:.0?}")
    }

    async fn redis_memory(&mut self) -> Result<String, String> {
        let port = self.stack.redis_port;
        let used = redis::info(port, "memory", "used_memory").await?;
        // From far below what it holds to a little above, so that it fills up.
        let share = self.rng.random_range(0.3..1.1);
        let limit = Duration::from_millis(used).mul_f64(share).as_millis();
        redis::set(port, "maxmemory", &limit.to_string()).await?;
        let time = self.millis(2000..7000);
        sleep(time).await;
        redis::set(port, "maxmemory", &redis::MAX_MEMORY.to_string()).await?;
        Ok(format!("{:.0} % of what it used, for {time:.1?}", share * 100.0))
    }

    async fn redis_disk(&mut self) -> Result<String, String> {
        let disk = self.stack.redis_disk.as_ref().map_err(Clone::clone)?;
        let before = self.stack.redis.n_ended_by_itself();
        disk.fill(self.rng.random_range(0..600)).await?;
        let time = self.millis(3000..8000);
        sleep(time).await;
        disk.free().await?;
        let n = self.stack.redis.n_ended_by_itself() - before;
        Ok(format!("for {time:.1?}; redis ended {n} times"))
    }

    async fn clickhouse_disk(&mut self) -> Result<String, String> {
        let disk = self.stack.clickhouse_disk.as_ref().map_err(Clone::clone)?;
        disk.fill(self.rng.random_range(0..400)).await?;
        let time = self.millis(4000..12_000);
        sleep(time).await;
        disk.free().await?;
        Ok(format!("for {time:.1?}"))
    }

    async fn slow_fsync(&mut self) -> Result<String, String> {
        let redis = &self.stack.redis;
        let time = self.millis(4000..10_000);
        let each = self.rng.random_range(20..700);
        let kills = self.rng.random_bool(0.5);
        let ended = Instant::now() + time;
        match &self.stack.shim {
            Ok(shim) => {
                shim.slow_fsync("redis", each)?;
                sleep(time).await;
                if kills {
                    redis.kill().await;
                }
                shim.slow_fsync("redis", 0)?;
            }
            // Without a compiler: Redis stands still as long as a slow disk would keep it.
            Err(_) => {
                while Instant::now() < ended {
                    redis.signal(Signal::STOP);
                    sleep(Duration::from_millis(each)).await;
                    redis.signal(Signal::CONT);
                    sleep(Duration::from_millis(self.rng.random_range(1..20))).await;
                }
                if kills {
                    redis.kill().await;
                }
            }
        }
        let way = if self.stack.shim.is_ok() { "" } else { " (by pauses: no compiler)" };
        Ok(format!("{each} ms each{way} for {time:.1?}{}", if kills { ", then killed" } else { "" }))
    }

    async fn power_loss(&mut self) -> Result<String, String> {
        let shim = self.stack.shim.as_ref().map_err(Clone::clone)?;
        let redis = &self.stack.redis;
        // On a slow disk more is on its way when the power fails.
        let each = self.rng.random_range(0..200);
        shim.slow_fsync("redis", each)?;
        let time = self.millis(500..3000);
        sleep(time).await;
        redis.hold(true);
        redis.kill().await;
        let forgotten = shim.forget(&self.stack.redis_directory);
        shim.slow_fsync("redis", 0)?;
        redis.hold(false);
        Ok(format!("{} bytes were on no disk, {each} ms each fsync", forgotten?))
    }

    async fn clock(&mut self) -> Result<String, String> {
        let shim = self.stack.shim.as_ref().map_err(Clone::clone)?;
        let name = self.node().name().to_owned();
        let sign = if self.rng.next_u32().is_multiple_of(2) { 1 } else { -1 };
        let off_by = sign * self.rng.random_range(1000..3_600_000_i64);
        shim.set_clock(&name, off_by)?;
        let time = self.millis(3000..8000);
        sleep(time).await;
        shim.set_clock(&name, 0)?;
        Ok(format!("{name} by {} s for {time:.1?}", off_by / 1000))
    }
}
