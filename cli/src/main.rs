//! The candidate's tool.
fn main() {}
