//! ClickHouse's own compressed framing: blocks of checksum, method, two sizes and data.

use crate::error::{Exception, code};

const LZ4: u8 = 0x82;
const UNCOMPRESSED: u8 = 0x02;
/// Method and both sizes; the compressed size counts them too.
const HEADER_LENGTH: usize = 9;
/// As large as the blocks that a ClickHouse server writes.
const BLOCK_LENGTH: usize = 1 << 20;

/// Undoes the framing of a whole body, which may not unpack to more than `limit` bytes.
pub fn decompress(mut input: &[u8], limit: usize) -> Result<Vec<u8>, Exception> {
    let mut output = Vec::new();
    while !input.is_empty() {
        let (checksum, rest) = input.split_first_chunk::<16>().ok_or_else(truncated)?;
        let (header, _) = rest.split_first_chunk::<HEADER_LENGTH>().ok_or_else(truncated)?;
        let [method, c0, c1, c2, c3, u0, u1, u2, u3] = *header;
        let block_length = length([c0, c1, c2, c3])?;
        let unpacked_length = length([u0, u1, u2, u3])?;
        let (block, following) = rest.split_at_checked(block_length).ok_or_else(truncated)?;
        let data = block.get(HEADER_LENGTH..).ok_or_else(truncated)?;
        if checksum_of(block) != *checksum {
            return Err(Exception::new(
                code::CHECKSUM_DOESNT_MATCH,
                "Checksum doesn't match: corrupted data. (CHECKSUM_DOESNT_MATCH)",
            ));
        }
        let start = output.len();
        if start.saturating_add(unpacked_length) > limit {
            return Err(Exception::new(
                code::TOO_MANY_BYTES,
                format_args!("Request body unpacks to more than {limit} bytes. (TOO_MANY_BYTES)"),
            ));
        }
        match method {
            LZ4 => {
                output.resize(start + unpacked_length, 0);
                let target = output.get_mut(start..).unwrap_or_default();
                let written = lz4_flex::block::decompress_into(data, target).map_err(cannot_decompress)?;
                if written != unpacked_length {
                    return Err(cannot_decompress("block is shorter than announced"));
                }
            }
            UNCOMPRESSED => output.extend_from_slice(data),
            other => {
                return Err(Exception::new(
                    code::UNKNOWN_COMPRESSION_METHOD,
                    format_args!("Unknown compression method {other:#x}. (UNKNOWN_COMPRESSION_METHOD)"),
                ));
            }
        }
        input = following;
    }
    Ok(output)
}

/// Frames a reply for a client that asked with `compress=1`.
pub fn compress(data: &[u8]) -> Result<Vec<u8>, Exception> {
    let mut output = Vec::with_capacity(data.len() / 2);
    for part in data.chunks(BLOCK_LENGTH) {
        let packed = lz4_flex::block::compress(part);
        let mut block = Vec::with_capacity(HEADER_LENGTH + packed.len());
        block.push(LZ4);
        block.extend_from_slice(&size(HEADER_LENGTH + packed.len())?);
        block.extend_from_slice(&size(part.len())?);
        block.extend_from_slice(&packed);
        output.extend_from_slice(&checksum_of(&block));
        output.extend_from_slice(&block);
    }
    Ok(output)
}

/// CityHash 1.0.2 with its halves in ClickHouse's order.
fn checksum_of(block: &[u8]) -> [u8; 16] {
    cityhash_rs::cityhash_102_128(block).rotate_right(64).to_le_bytes()
}

fn length(bytes: [u8; 4]) -> Result<usize, Exception> {
    usize::try_from(u32::from_le_bytes(bytes)).map_err(cannot_decompress)
}

fn size(length: usize) -> Result<[u8; 4], Exception> {
    let length = u32::try_from(length).map_err(|error| Exception::new(code::STD_EXCEPTION, error))?;
    Ok(length.to_le_bytes())
}

fn truncated() -> Exception {
    Exception::new(code::CANNOT_READ_ALL_DATA, "Compressed block is truncated. (CANNOT_READ_ALL_DATA)")
}

fn cannot_decompress(reason: impl std::fmt::Display) -> Exception {
    Exception::new(code::CANNOT_DECOMPRESS, format_args!("Cannot decompress: {reason}. (CANNOT_DECOMPRESS)"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: usize = 8 << 20;

    #[test]
    fn what_was_compressed_comes_back() {
        for length in [0, 1, 100, BLOCK_LENGTH, BLOCK_LENGTH + 1, 3 * BLOCK_LENGTH] {
            let data: Vec<u8> = b"row ".iter().copied().cycle().take(length).collect();
            assert_eq!(decompress(&compress(&data).unwrap(), LIMIT).unwrap(), data);
        }
    }

    #[test]
    fn a_block_of_a_real_server_is_understood() {
        // `SELECT 1 FORMAT TSV` with `compress=1`: method 0x02, stored as it is.
        let mut block = vec![UNCOMPRESSED, 11, 0, 0, 0, 2, 0, 0, 0, b'1', b'\n'];
        let mut body = checksum_of(&block).to_vec();
        body.append(&mut block);
        assert_eq!(decompress(&body, LIMIT).unwrap(), b"1\n");
    }

    #[test]
    fn damage_is_refused_by_name() {
        let good = compress(b"some rows, some rows, some rows, some rows").unwrap();
        let code_of = |body: &[u8]| decompress(body, LIMIT).unwrap_err().code();
        assert_eq!(code_of(good.get(..10).unwrap()), code::CANNOT_READ_ALL_DATA);
        assert_eq!(code_of(good.get(..good.len() - 1).unwrap()), code::CANNOT_READ_ALL_DATA);
        let mut flipped = good.clone();
        *flipped.last_mut().unwrap() ^= 1;
        assert_eq!(code_of(&flipped), code::CHECKSUM_DOESNT_MATCH);
        assert_eq!(decompress(&good, 10).unwrap_err().code(), code::TOO_MANY_BYTES);
    }

    #[test]
    fn random_bytes_never_panic() {
        let mut state = 1_u64;
        for length in 0..500 {
            let bytes: Vec<u8> = (0..length)
                .map(|_| {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    state.to_be_bytes()[0]
                })
                .collect();
            assert!(length == 0 || decompress(&bytes, LIMIT).is_err());
        }
    }
}
