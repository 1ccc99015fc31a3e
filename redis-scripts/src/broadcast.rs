//! The events of a watched session travel with the wake-up of their commit, so that who watches need not read them back.
//! A broadcast that is lost, or comes before what precedes it, loses nothing: the log has it all.

use bytes::Bytes;
use domain::SessionRef;

use crate::{
    Error,
    commit::{self, LoggedEvents},
};

/// The events of one session in one commit, as `record_events.lua` publishes them: the name of the stream entry's field,
/// a line feed, its value.
#[derive(Debug, Clone)]
pub struct Broadcast {
    session: SessionRef,
    payload: Bytes,
    end_of_name: usize,
}

impl Broadcast {
    /// Finds out whose events a payload holds; `None` when it is no broadcast.
    #[must_use]
    pub fn of(payload: Bytes) -> Option<Self> {
        let end_of_name = payload.iter().position(|byte| *byte == b'\n')?;
        let session = commit::session_of(std::str::from_utf8(payload.get(..end_of_name)?).ok()?)?;
        Some(Self { session, payload, end_of_name })
    }

    /// Whose events they are.
    #[must_use]
    pub fn session(&self) -> &SessionRef {
        &self.session
    }

    /// The events.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when they are not what a commit writes.
    pub fn events(&self) -> Result<LoggedEvents, Error> {
        let name = self.payload.slice(..self.end_of_name);
        commit::decode(&String::from_utf8_lossy(&name), self.payload.slice(self.end_of_name + 1..))
    }
}

#[cfg(test)]
mod tests {
    use domain::Timestamp;

    use super::*;

    #[test]
    fn a_broadcast_says_whose_it_is_and_holds_what_the_log_does() {
        let name = "41 7 00000000-0000-0000-0000-000000000001:s";
        let payload = [name.as_bytes(), b"\n", &commit::encode(Timestamp::from_millis(9), &[])].concat();
        let broadcast = Broadcast::of(payload.into()).unwrap();
        assert_eq!(broadcast.session().to_string(), "00000000-0000-0000-0000-000000000001:s");
        let logged = broadcast.events().unwrap();
        assert_eq!((logged.base, logged.events.len()), (41, 0));
        for payload in ["", "\n", "41 7 x:s\n", name] {
            assert!(Broadcast::of(payload.into()).is_none(), "{payload:?}");
        }
        assert!(Broadcast::of(format!("{name}\nrest").into()).unwrap().events().is_err());
    }
}
