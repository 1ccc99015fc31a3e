//! What stands in the files of a directory: the bytes as they are, and where ClickHouse packed them, unpacked. A packed
//! file is a row of blocks: 16 bytes of checksum, the method, the packed size with these nine bytes, the size, the data.

use std::path::{Path, PathBuf};

use ruzstd::decoding::StreamingDecoder;

const CHECKSUM: usize = 16;
const HEAD: usize = 9;

/// The files below `directory` that hold `needle`, whether packed or not.
///
/// # Panics
/// When a file of columns cannot be unpacked: then nothing could be said of it.
pub fn files_with(directory: &Path, needle: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files_with(&path, needle));
            continue;
        }
        // A store may remove it meanwhile.
        let Ok(bytes) = std::fs::read(&path) else { continue };
        if holds(&bytes, needle) || unpacked(&path, &bytes).is_some_and(|bytes| holds(&bytes, needle)) {
            found.push(path);
        }
    }
    found
}

fn holds(bytes: &[u8], needle: &str) -> bool {
    // Unlike a loop over bytes, this is fast without optimisation too; what is ASCII stays as it is.
    String::from_utf8_lossy(bytes).contains(needle)
}

fn unpacked(path: &Path, bytes: &[u8]) -> Option<Vec<u8>> {
    if path.extension()? != "bin" {
        return None;
    }
    let unpacked = unpack(bytes);
    // One that is being written is read in parts; one that stands is whole.
    assert!(unpacked.is_some() || !path.exists() || is_being_written(path), "cannot unpack {}", path.display());
    unpacked
}

fn is_being_written(path: &Path) -> bool {
    path.parent().unwrap().file_name().unwrap().to_string_lossy().starts_with("tmp_")
}

/// All blocks, one after the other; `None` when these are no blocks.
fn unpack(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut all = Vec::new();
    while !rest.is_empty() {
        let head = rest.get(CHECKSUM..CHECKSUM + HEAD)?;
        let size = |at: usize| usize::try_from(u32::from_le_bytes(head[at..at + 4].try_into().unwrap())).unwrap();
        let (packed, size) = (size(1), size(5));
        let data = rest.get(CHECKSUM + HEAD..CHECKSUM + packed)?;
        unpack_block(head[0], data, size, &mut all)?;
        rest = rest.get(CHECKSUM + packed..)?;
    }
    Some(all)
}

fn unpack_block(method: u8, data: &[u8], size: usize, all: &mut Vec<u8>) -> Option<()> {
    match method {
        0x02 => all.extend(data),
        0x82 => all.extend(lz4_flex::block::decompress(data, size).ok()?),
        0x90 => {
            let mut decoder = StreamingDecoder::new(data).ok()?;
            let before = all.len();
            std::io::Read::read_to_end(&mut decoder, all).ok()?;
            (all.len() == before + size).then_some(())?;
        }
        // Several codecs, one after the other: columns of numbers alone have those.
        0x91 => {}
        other => panic!("method {other:#x} is not known"),
    }
    Some(())
}
