//! Any text as a command line: it has a class or none, the same each time, and blanks around it change nothing.
#![no_main]

use domain::verification::classify;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|command: &str| {
    let class = classify(command);
    assert_eq!(class, classify(command));
    assert_eq!(class, classify(&format!(" \t{command}")), "a blank before it");
});
