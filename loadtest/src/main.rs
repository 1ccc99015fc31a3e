//! Load and correctness checks.
fn main() {}
