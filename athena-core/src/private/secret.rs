//! Arguments that are in a key by their digest.

use std::fmt::{Display, Write};

use super::Call;
use super::fit::KeyArgument;
use crate::contained::contained;
use crate::context;
use crate::key::encode::{self, Sink};
use crate::key::secret::{SecretDigest, SecretKey};

impl Call<'_> {
    /// Adds the digest of an argument to the key.
    pub fn secret<T: KeyArgument + ?Sized>(&mut self, argument: &T) {
        let mut digest = self.digest();
        match contained(|| encode::encode(argument, &mut digest)) {
            Ok(Ok(())) => self.key.put(&digest.end()),
            // Its own words may be a part of it.
            Ok(Err(_)) | Err(_) => self.is_keyless(&"a `secret` argument cannot be encoded"),
        }
    }

    /// Adds the digest of an interpolated value to a key that is named by a template.
    pub fn key_secret<T: Display + ?Sized>(&mut self, value: &T) {
        let mut digest = self.digest();
        if !matches!(contained(|| write!(digest, "{value}")), Ok(Ok(()))) {
            return self.is_keyless(&"a `secret` value in `key` cannot be displayed");
        }
        for byte in digest.end() {
            // Writing to a key does not fail.
            let _ = write!(self.key, "{byte:02x}");
        }
    }

    /// A digest by the cache that the call is on.
    fn digest(&self) -> SecretDigest {
        match self.cache {
            Some(cache) => cache.runtime().secret_key.begin(),
            None => context::with_current(|runtime| match runtime {
                Some(runtime) => runtime.secret_key.begin(),
                None => SecretKey::default().begin(),
            }),
        }
    }
}
