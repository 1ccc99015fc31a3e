//! Where libchdb is.

use std::env;
use std::path::PathBuf;

/// The version that `dev/install-libchdb` installs.
pub const VERSION: &str = "26.7.3-stable.1";

/// There is no library.
#[derive(Debug, thiserror::Error)]
#[error("no libchdb at {0}: run dev/install-libchdb, or name the library with --lib or PROMPTSTER_LIBCHDB")]
pub struct NotFound(PathBuf);

/// The library that was asked for, or else that of `PROMPTSTER_LIBCHDB`, or else the one in the cache.
pub fn find(given: Option<PathBuf>) -> Result<PathBuf, NotFound> {
    let variable = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let path = given.or_else(|| variable("PROMPTSTER_LIBCHDB")).unwrap_or_else(|| in_cache(variable));
    if path.is_file() { Ok(path) } else { Err(NotFound(path)) }
}

/// The same rule as in `dev/install-libchdb`.
fn in_cache(variable: impl Fn(&str) -> Option<PathBuf>) -> PathBuf {
    let cache = variable("PROMPTSTER_CACHE_DIR").unwrap_or_else(|| {
        let caches = variable("XDG_CACHE_HOME").unwrap_or_else(|| variable("HOME").unwrap_or_default().join(".cache"));
        caches.join("promptster")
    });
    cache.join(format!("libchdb-{VERSION}")).join("libchdb.so")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn the_cache_is_found_by_the_nearest_variable() {
        let path = |set: &[(&str, &str)]| {
            in_cache(|name| set.iter().find(|(key, _)| *key == name).map(|(_, value)| PathBuf::from(value)))
        };
        let expected = |directory: &str| Path::new(directory).join(format!("libchdb-{VERSION}/libchdb.so"));
        assert_eq!(path(&[("HOME", "/h")]), expected("/h/.cache/promptster"));
        assert_eq!(path(&[("HOME", "/h"), ("XDG_CACHE_HOME", "/x")]), expected("/x/promptster"));
        assert_eq!(path(&[("XDG_CACHE_HOME", "/x"), ("PROMPTSTER_CACHE_DIR", "/p")]), expected("/p"));
    }

    #[test]
    fn a_missing_library_is_named() {
        let error = find(Some(PathBuf::from("/nowhere/libchdb.so"))).unwrap_err().to_string();
        assert!(error.contains("/nowhere/libchdb.so") && error.contains("dev/install-libchdb"), "{error}");
    }
}
