//! Ports of 127.0.0.1 for children.

use std::iter::repeat_with;
use std::net::TcpListener;
use std::path::Path;

use anyhow::{Context, bail};
use uuid::Uuid;

use super::files;

/// Below the ports that systems give to outgoing connections, so that a child that is started again gets its port back.
const FIRST_PORT: u16 = 20_000;
const PORTS: u128 = 12_000;
const TRIES: usize = 100;

/// The port that is wanted, or a free one.
///
/// # Errors
/// When it is taken, or none is free.
pub(super) fn one(wanted: Option<u16>) -> anyhow::Result<u16> {
    match wanted {
        Some(port) if is_free(port) => Ok(port),
        Some(port) => bail!("port {port} of 127.0.0.1 is taken"),
        None => {
            repeat_with(random_port).take(TRIES).find(|port| is_free(*port)).context("found no free port on 127.0.0.1")
        }
    }
}

/// Two ports for each of the members of a cluster: from `first` on, or those of the last start, which are kept in `file`,
/// or free ones. Members know each other by their ports; new ones they have to learn first.
///
/// # Errors
/// When a wanted one is taken, none is free, or the file cannot be used.
pub(super) fn of_members(first: Option<u16>, file: &Path, n_members: usize) -> anyhow::Result<Vec<(u16, u16)>> {
    if let Some(first) = first {
        let wanted = (first..).zip((first..).skip(n_members)).take(n_members);
        return wanted.map(|(port, bus_port)| Ok((one(Some(port))?, one(Some(bus_port))?))).collect();
    }
    let last: Option<Vec<(u16, u16)>> = files::read(file)?;
    let last = last.filter(|last| {
        last.len() == n_members && last.iter().all(|(port, bus_port)| is_free(*port) && is_free(*bus_port))
    });
    let mut ports = last.unwrap_or_default();
    let is_new = ports.is_empty();
    while ports.len() < n_members {
        let pair = (one(None)?, one(None)?);
        let is_taken = |port: u16| ports.iter().any(|(one, other)| *one == port || *other == port);
        if pair.0 != pair.1 && !is_taken(pair.0) && !is_taken(pair.1) {
            ports.push(pair);
        }
    }
    if is_new {
        files::write(file, &ports)?;
    }
    Ok(ports)
}

fn is_free(port: u16) -> bool {
    TcpListener::bind(("127.0.0.1", port)).is_ok()
}

fn random_port() -> u16 {
    let offset = u16::try_from(Uuid::new_v4().as_u128() % PORTS);
    offset.map_or(FIRST_PORT, |offset| FIRST_PORT + offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_get_their_ports_back_unless_somebody_has_taken_one() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("ports.json");
        let first = of_members(None, &file, 6).unwrap();
        assert_eq!(of_members(None, &file, 6).unwrap(), first);
        let taken = TcpListener::bind(("127.0.0.1", first[5].1)).unwrap();
        let others = of_members(None, &file, 6).unwrap();
        assert_ne!(others, first);
        drop(taken);
        assert_eq!(of_members(None, &file, 6).unwrap(), others);
    }
}
