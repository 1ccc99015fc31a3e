//! Packs the arguments of a script with msgpack, which Redis' Lua unpacks by itself. All text and bytes are written as
//! `str`, the one form that it reads as a Lua string.

use rmp::encode;

/// Writes one list. Writing to memory does not fail, so nothing here does.
pub(crate) struct Packer(Vec<u8>);

impl Packer {
    pub(crate) fn list(items: usize) -> Self {
        let mut packer = Self(Vec::with_capacity(256));
        packer.begin_list(items);
        packer
    }

    pub(crate) fn begin_list(&mut self, items: usize) {
        drop(encode::write_array_len(&mut self.0, u32::try_from(items).unwrap_or(u32::MAX)));
    }

    pub(crate) fn integer(&mut self, value: i64) {
        drop(encode::write_sint(&mut self.0, value));
    }

    pub(crate) fn count(&mut self, value: usize) {
        drop(encode::write_uint(&mut self.0, u64::try_from(value).unwrap_or(u64::MAX)));
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        drop(encode::write_str_len(&mut self.0, u32::try_from(bytes.len()).unwrap_or(u32::MAX)));
        self.0.extend_from_slice(bytes);
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    pub(crate) fn texts<'a>(&mut self, texts: impl Iterator<Item = &'a str>) {
        let texts: Vec<&str> = texts.collect();
        self.begin_list(texts.len());
        for text in texts {
            self.text(text);
        }
    }

    pub(crate) fn pairs<'a>(&mut self, pairs: impl ExactSizeIterator<Item = (&'a str, i64)>) {
        self.begin_list(pairs.len() * 2);
        for (field, value) in pairs {
            self.text(field);
            self.integer(value);
        }
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.0
    }
}
