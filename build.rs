//! Has the server built again when the dashboard was: its files are part of the program.

fn main() {
    // The folder is always there, if only with the file that keeps it.
    println!("cargo:rerun-if-changed=dashboard/dist");
}
