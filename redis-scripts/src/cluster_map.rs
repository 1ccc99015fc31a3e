//! What the nodes of a Redis Cluster say of themselves, read from `CLUSTER NODES`.

use crate::keys::{PARTITIONS, Partition};

/// One node, as another sees it, or it itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) id: String,
    /// `host:port`
    pub(crate) address: String,
    pub(crate) is_myself: bool,
    pub(crate) is_master: bool,
    /// Whose replica it is.
    pub(crate) master: Option<String>,
    pub(crate) is_connected: bool,
    pub(crate) slots: Vec<(u16, u16)>,
    epoch: u64,
}

/// The members in what a node says, which was asked at `asked_host`, without those of whom only a name is known.
pub(crate) fn members(view: &str, asked_host: &str) -> Vec<Member> {
    view.lines().filter_map(|line| member_of(line, asked_host)).collect()
}

fn member_of(line: &str, asked_host: &str) -> Option<Member> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [id, address, flags, master, _, _, epoch, link, slots @ ..] = words.as_slice() else { return None };
    let has = |name: &str| flags.split(',').any(|flag| flag == name);
    if has("noaddr") || has("handshake") {
        return None;
    }
    Some(Member {
        id: (*id).to_owned(),
        address: address_of(address, asked_host)?,
        is_myself: has("myself"),
        is_master: has("master"),
        master: (*master != "-").then(|| (*master).to_owned()),
        is_connected: *link == "connected",
        slots: slots.iter().filter_map(|range| range_of(range)).collect(),
        epoch: epoch.parse().ok()?,
    })
}

/// `host:port` of `host:port@bus-port,hostname`. A node that does not know its own host leaves it out.
fn address_of(text: &str, asked_host: &str) -> Option<String> {
    let (address, _) = text.split_once('@')?;
    let (host, port) = address.rsplit_once(':')?;
    let host = if host.is_empty() { asked_host } else { host };
    (port != "0").then(|| format!("{host}:{port}"))
}

/// `5`, or `0-5460`; slots on their way, `[93-<-…]`, are still where they come from.
fn range_of(text: &str) -> Option<(u16, u16)> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    Some((first.parse().ok()?, last.parse().ok()?))
}

/// Which node of a cluster has which partition, as the newest claim has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ClusterMap {
    /// The address `host:port` of all nodes, replicas too.
    pub(crate) members: Vec<String>,
    claims: Vec<Option<Claim>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Claim {
    epoch: u64,
    address: String,
}

impl ClusterMap {
    /// The address of the master that has a partition.
    pub(crate) fn owner(&self, partition: Partition) -> Option<&str> {
        Some(self.claims.get(partition.index())?.as_ref()?.address.as_str())
    }

    /// Adds what one node says. Views may differ after a failover: of two claims to a slot the one with the later epoch
    /// counts, as among the nodes themselves.
    pub(crate) fn add_view(&mut self, view: &str, asked_host: &str) {
        self.claims.resize(usize::from(PARTITIONS), None);
        for Member { address, slots, epoch, .. } in members(view, asked_host) {
            for partition in Partition::all() {
                let slot = partition.slot();
                let Some(claim) = self.claims.get_mut(partition.index()) else { continue };
                let is_newer = claim.as_ref().is_none_or(|known| known.epoch < epoch);
                if is_newer && slots.iter().any(|(first, last)| (*first..=*last).contains(&slot)) {
                    *claim = Some(Claim { epoch, address: address.clone() });
                }
            }
            if !self.members.contains(&address) {
                self.members.push(address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owners(map: &ClusterMap) -> Vec<&str> {
        Partition::all().filter_map(|partition| map.owner(partition)).collect()
    }

    #[test]
    fn a_view_says_who_has_what() {
        let mut map = ClusterMap::default();
        map.add_view(
            "a1 :7001@17001 myself,master - 0 0 1 connected 0-5460\n\
             a2 10.0.0.2:7002@17002,redis-2 master - 0 17 2 connected 5461-10922 [93-<-a1]\n\
             a3 10.0.0.3:7003@17003 master - 0 17 3 connected 10923-16382 16383\n\
             b1 10.0.0.4:7004@17004 slave a1 0 17 1 connected\n\
             c :0@0 master,noaddr - 0 17 0 disconnected\n",
            "10.0.0.1",
        );
        assert_eq!(map.members, ["10.0.0.1:7001", "10.0.0.2:7002", "10.0.0.3:7003", "10.0.0.4:7004"]);
        for partition in Partition::all() {
            let expected = match partition.slot() {
                ..=5460 => "10.0.0.1:7001",
                5461..=10922 => "10.0.0.2:7002",
                _ => "10.0.0.3:7003",
            };
            assert_eq!(map.owner(partition), Some(expected));
        }
    }

    #[test]
    fn the_latest_failover_wins_whoever_is_asked_first() {
        let old = "a h:1@2 myself,master - 0 0 1 connected 0-16383\nb h:2@3 slave a 0 0 1 connected\n";
        let new = "b h:2@3 myself,master - 0 0 4 connected 0-16383\na h:1@2 master,fail - 0 0 1 connected\n";
        for views in [[old, new], [new, old]] {
            let mut map = ClusterMap::default();
            for view in views {
                map.add_view(view, "h");
            }
            assert_eq!(owners(&map), vec!["h:2"; 64]);
        }
    }
}
