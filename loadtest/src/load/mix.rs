//! Which share of the candidates sends how.

use std::str::FromStr;

use super::player::Door;

/// Weights of the ways to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mix(Vec<Door>);

impl Mix {
    /// How the candidate at a place sends.
    pub(crate) fn door(&self, place: usize) -> Door {
        self.0.get(place % self.0.len().max(1)).copied().unwrap_or(Door::Single)
    }
}

/// `http=2,batch=1,ws=2`: of five candidates, two send single events, one batches, two stream.
impl FromStr for Mix {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut doors = Vec::new();
        for part in text.split(',') {
            let wrong = || format!("{part:?} is no part of a mix: it is like http=2, batch=1 or ws=2");
            let (name, weight) = part.trim().split_once('=').ok_or_else(wrong)?;
            let door = match name {
                "http" => Door::Single,
                "batch" => Door::Batch,
                "ws" => Door::Socket,
                _ => return Err(wrong()),
            };
            let weight: usize = weight.parse().ok().filter(|weight| *weight <= 100).ok_or_else(wrong)?;
            doors.extend(std::iter::repeat_n(door, weight));
        }
        if doors.is_empty() { Err("nobody would send".to_owned()) } else { Ok(Self(doors)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mix_is_read_and_handed_out_by_weight() {
        let mix: Mix = "http=2,batch=0, ws=1".parse().unwrap();
        let doors: Vec<Door> = (0..6).map(|place| mix.door(place)).collect();
        use Door::{Single, Socket};
        assert_eq!(doors, [Single, Single, Socket, Single, Single, Socket]);
        for wrong in ["", "http", "http=x", "smoke=1", "http=0"] {
            assert!(wrong.parse::<Mix>().is_err(), "{wrong}");
        }
    }
}
