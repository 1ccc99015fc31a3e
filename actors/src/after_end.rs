//! What is made of a session that has ended, once the log holds all of it.

use domain::SessionRef;

use crate::{Analyst, Deriver};

/// Who makes something of it, each in its own time.
pub(crate) struct AfterEnd {
    pub(crate) deriver: Deriver,
    pub(crate) analyst: Option<Analyst>,
}

impl AfterEnd {
    /// Has it made, and does not wait.
    pub(crate) fn want(&self, name: &SessionRef) {
        self.deriver.want(name.clone());
        if let Some(analyst) = &self.analyst {
            analyst.want(name);
        }
    }
}
