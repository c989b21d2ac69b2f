//! What stands in a key for an argument that nobody may read.
//!
//! Invariant: nothing of such an argument is kept but its digest, HMAC-SHA256 under the key of the cache.

use std::fmt;

use sha2::{Digest, Sha256};

use super::DIGEST;
use super::encode::Sink;

/// Bytes of a block of SHA-256.
const BLOCK: usize = 64;
/// Fewer bytes could be guessed.
const SHORTEST: usize = 16;
/// For caches without a key: the digests of all of them are alike.
const PUBLIC: &[u8] = b"athena-cache without a secret key";

/// The key of digests; shows nothing.
#[derive(Clone)]
pub(crate) struct SecretKey {
    block: [u8; BLOCK],
    length: usize,
}

/// A digest under construction.
pub(crate) struct SecretDigest {
    inner: Sha256,
    outer: Sha256,
}

impl SecretKey {
    pub(crate) fn new(key: &[u8]) -> Self {
        let mut block = [0; BLOCK];
        match block.get_mut(..key.len()) {
            Some(room) => room.copy_from_slice(key),
            None => block[..32].copy_from_slice(&Sha256::digest(key)),
        }
        Self { block, length: key.len() }
    }

    /// What is wrong with it, if anything.
    pub(crate) fn fault(&self) -> Option<String> {
        let length = self.length;
        let is_short = length < SHORTEST;
        is_short.then(|| {
            format!(
                "`secret_key` has {length} bytes, expected at least {SHORTEST}: a shorter one could be guessed; take \
                 random bytes, the same in all processes of the cache"
            )
        })
    }

    pub(crate) fn begin(&self) -> SecretDigest {
        let begin = |pad: u8| Sha256::new_with_prefix(self.block.map(|byte| byte ^ pad));
        SecretDigest { inner: begin(0x36), outer: begin(0x5c) }
    }
}

impl Default for SecretKey {
    fn default() -> Self {
        Self::new(PUBLIC)
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl SecretDigest {
    pub(crate) fn end(mut self) -> [u8; DIGEST] {
        self.outer.update(self.inner.finalize());
        let mut digest = [0; DIGEST];
        digest.copy_from_slice(&self.outer.finalize()[..DIGEST]);
        digest
    }
}

impl Sink for SecretDigest {
    fn put(&mut self, bytes: &[u8]) {
        self.inner.update(bytes);
    }

    fn push(&mut self, byte: u8) {
        self.inner.update([byte]);
    }
}

impl fmt::Write for SecretDigest {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.put(text.as_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;

    fn hex(key: &[u8], text: &[u8]) -> String {
        let mut digest = SecretKey::new(key).begin();
        digest.put(text);
        digest.end().iter().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }

    /// RFC 4231, cases 1, 2 and 6.
    #[test]
    fn it_is_hmac_with_sha_256() {
        assert_eq!(hex(&[0x0b; 20], b"Hi There"), "b0344c61d8db38535ca8afceaf0bf12b881dc200");
        let jefe = hex(b"Jefe", b"what do ya want for nothing?");
        assert_eq!(jefe, "5bdcc146bf60754e6a042426089575c75a003f08");
        let long = b"Test Using Larger Than Block-Size Key - Hash Key First";
        assert_eq!(hex(&[0xaa; 131], long), "60e431591ee0b67f0d8a26aacbf5b77f8e0bc621");
    }

    #[test]
    fn a_key_shows_nothing_and_is_not_short() {
        assert_eq!(format!("{:?}", SecretKey::new(b"k")), "***");
        assert!(SecretKey::new(&[7; SHORTEST]).fault().is_none());
        assert!(SecretKey::default().fault().is_none());
        let fault = SecretKey::new(&[7; SHORTEST - 1]).fault().unwrap_or_default();
        assert!(fault.contains("has 15 bytes, expected at least 16"), "{fault}");
    }
}
