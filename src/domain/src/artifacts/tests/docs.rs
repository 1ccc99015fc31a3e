//! One session as real clients record it, and the examples of `docs/artifacts.md`, which it has to give.

use super::*;
