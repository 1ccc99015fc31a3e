//! A Redis Cluster of three masters with a replica each, as durable as in production.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::redis::{free_port, launch};
use crate::{Process, START_TIMEOUT, directory};

const MASTERS: usize = 3;
const SERVERS: usize = 2 * MASTERS;
const SLOTS: usize = 16_384;

/// Six servers; stopped and removed on drop. They are called by number: 0 to 2 begin as masters, 3 to 5 as the replicas of
/// these, in the same order.
pub struct RedisCluster(Vec<Server>);

struct Server {
    port: u16,
    bus_port: u16,
    process: Option<Process>,
    directory: TempDir,
}

impl RedisCluster {
    /// Starts the servers, forms the cluster, and waits until every master has its replica.
    ///
    /// # Panics
    /// When `redis-server` is not installed or the cluster does not form.
    #[must_use]
    pub fn start() -> Self {
        let cluster = Self((0..SERVERS).map(|_| Server::start()).collect());
        for number in 0..SERVERS {
            cluster.expect_ok(number, &format!("CLUSTER SET-CONFIG-EPOCH {}", number + 1));
        }
        for number in 0..MASTERS {
            let (first, last) = (number * SLOTS / MASTERS, (number + 1) * SLOTS / MASTERS - 1);
            cluster.expect_ok(number, &format!("CLUSTER ADDSLOTSRANGE {first} {last}"));
        }
        for Server { port, bus_port, .. } in cluster.0.iter().skip(1) {
            cluster.expect_ok(0, &format!("CLUSTER MEET 127.0.0.1 {port} {bus_port}"));
        }
        cluster.wait("everybody to know everybody", |cluster| {
            (0..SERVERS).all(|number| {
                let view = cluster.ask(number, "CLUSTER NODES");
                view.lines().filter(|line| line.contains(" connected")).count() == SERVERS
            })
        });
        for number in 0..MASTERS {
            let master = cluster.ask(number, "CLUSTER MYID");
            let id = master.lines().nth(1).expect("an id");
            cluster.expect_ok(number + MASTERS, &format!("CLUSTER REPLICATE {id}"));
        }
        cluster.wait_until_whole();
        cluster
    }

    /// The addresses of all, as the server takes them.
    #[must_use]
    pub fn urls(&self) -> String {
        let urls: Vec<String> = self.0.iter().map(|server| format!("redis://127.0.0.1:{}", server.port)).collect();
        urls.join(",")
    }

    /// Waits until there are three masters that each have a replica, and all servers know it.
    ///
    /// # Panics
    /// When that does not come to pass.
    pub fn wait_until_whole(&self) {
        self.wait("every master to have its replica", |cluster| {
            let is_ok = |number| cluster.ask(number, "CLUSTER INFO").contains("cluster_state:ok");
            let has_replica = |number: &usize| cluster.ask(*number, "INFO replication").contains("state=online");
            (0..SERVERS).all(is_ok) && (0..SERVERS).filter(has_replica).count() == MASTERS
        });
    }

    /// The master that has the keys with this tag, as server `asked` knows.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn master_of(&self, key: &str) -> usize {
        let told = (0..SERVERS).find(|number| {
            let answer = self.ask(*number, &format!("EXISTS {key}"));
            answer.starts_with(':')
        });
        told.expect("a master has it")
    }

    /// The replica of a master, as it knows.
    ///
    /// # Panics
    /// When it has none.
    #[must_use]
    pub fn replica_of(&self, master: usize) -> usize {
        let told = self.ask(master, "INFO replication");
        let found = self.0.iter().position(|server| told.contains(&format!("port={},", server.port)));
        found.expect("the master has a replica")
    }

    /// Whether a server is a master by its own account.
    #[must_use]
    pub fn is_master(&self, number: usize) -> bool {
        self.ask(number, "INFO replication").contains("role:master")
    }

    /// Makes a replica the master in place of its own, without any loss, as an operator would.
    pub fn promote(&self, replica: usize) {
        let asked = std::cell::Cell::new(None::<Instant>);
        self.wait("the replica to be a master", |cluster| {
            // On a busy machine Redis may give up, which it does after 5 s, and has to be asked again.
            if asked.get().is_none_or(|at| at.elapsed() > Duration::from_secs(6)) {
                cluster.ask(replica, "CLUSTER FAILOVER");
                asked.set(Some(Instant::now()));
            }
            cluster.is_master(replica)
        });
        self.wait_until_whole();
    }

    /// Takes everything away that a master and its replica hold.
    pub fn wipe(&self, master: usize) {
        self.expect_ok(master, "FLUSHALL");
    }

    /// Ends a server at once, as a crash would.
    pub fn kill(&mut self, number: usize) {
        if let Some(server) = self.0.get_mut(number) {
            server.process = None;
        }
    }

    /// Starts a killed server again, on its port and files.
    ///
    /// # Panics
    /// When it does not start.
    pub fn restart(&mut self, number: usize) {
        let server = self.0.get_mut(number).expect("a number from 0 to 5");
        server.launch();
        assert!(server.process.is_some(), "redis-server did not start again");
    }

    /// Makes a server stand still, or go on.
    ///
    /// # Panics
    /// When it does not run.
    pub fn pause(&self, number: usize, stands_still: bool) {
        let process = self.0.get(number).and_then(|server| server.process.as_ref()).expect("a server that runs");
        let signal = if stands_still { "-STOP" } else { "-CONT" };
        let status = Command::new("kill").args([signal, &process.0.id().to_string()]).status();
        assert!(status.is_ok_and(|status| status.success()), "kill {signal}");
    }

    fn expect_ok(&self, number: usize, question: &str) {
        let answer = self.ask(number, question);
        assert!(answer.starts_with("+OK"), "{question}: {answer}");
    }

    /// What a server answers; nothing when it does not.
    fn ask(&self, number: usize, question: &str) -> String {
        let ask = || -> std::io::Result<String> {
            let port = self.0.get(number).map_or(0, |server| server.port);
            let mut stream = TcpStream::connect(("127.0.0.1", port))?;
            stream.set_read_timeout(Some(Duration::from_secs(1)))?;
            stream.write_all(format!("{question}\r\nQUIT\r\n").as_bytes())?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            Ok(answer)
        };
        ask().unwrap_or_default()
    }

    fn wait(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let started = Instant::now();
        while !is_so(self) {
            assert!(started.elapsed() < START_TIMEOUT, "waited in vain for {what}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Server {
    fn start() -> Self {
        for _ in 0..20 {
            let mut server = Self { port: free_port(), bus_port: free_port(), process: None, directory: directory() };
            server.launch();
            if server.process.is_some() {
                return server;
            }
        }
        panic!("redis-server did not start");
    }

    fn launch(&mut self) {
        let bus_port = self.bus_port.to_string();
        let flags = [
            ["--cluster-enabled", "yes"],
            ["--cluster-port", &bus_port],
            ["--cluster-node-timeout", "2000"],
            // The rest goes on while one part has no master.
            ["--cluster-require-full-coverage", "no"],
            ["--min-replicas-to-write", "1"],
            // A replica that comes back is taken at once, not after five seconds.
            ["--repl-diskless-sync-delay", "0"],
        ];
        let flags: Vec<String> = flags.concat().into_iter().map(str::to_owned).collect();
        self.process = launch(self.port, &self.directory, &flags);
    }
}
