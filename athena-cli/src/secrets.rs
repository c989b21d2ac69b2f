//! What must not be printed, whoever says it.
//!
//! Invariant: a password that this process was given, from wherever, is known here before anything is printed.

use std::collections::BTreeSet;

use percent_encoding::percent_decode_str;

/// What is put in place of a secret.
const BLANK: &str = "***";
/// Of what is shorter a coincidence cannot be told from a secret, and nobody is kept out by it.
const SHORTEST: usize = 4;
/// Where passwords are in the environment.
const VARIABLES: [&str; 2] = ["ATHENA_PASSWORD", "ATHENA_SENTINEL_PASSWORD"];

/// Texts that are blanked, the longest first.
#[derive(Clone, Default)]
pub(crate) struct Secrets(BTreeSet<(std::cmp::Reverse<usize>, String)>);

impl Secrets {
    /// Those on a command line and in the environment, whether it is well-formed or not.
    pub(crate) fn of_process(words: &[String]) -> Self {
        let mut secrets = Self::default();
        for word in words {
            secrets.add_url(word);
        }
        if let Ok(url) = std::env::var("ATHENA_URL") {
            secrets.add_url(&url);
        }
        for variable in VARIABLES {
            if let Ok(password) = std::env::var(variable) {
                secrets.add(&password);
            }
        }
        secrets
    }

    /// Those in a file of settings, whether it is well-formed or not: what stands behind names like these.
    pub(crate) fn add_file(&mut self, text: &str) {
        for line in text.lines() {
            let Some((name, value)) = line.split_once('=') else { continue };
            let value = value.trim();
            let bare = value.split(['#']).next().unwrap_or_default().trim();
            for value in [value, bare] {
                let value = value.trim_matches(|it| matches!(it, '"' | '\''));
                if name.contains("password") {
                    self.add(value);
                }
                self.add_url(value);
            }
        }
    }

    /// The password in a URL, as it is written and as it is meant; and all of what it may be where an `@` or a `/`
    /// in it makes that unclear.
    pub(crate) fn add_url(&mut self, text: &str) {
        let Some((_, rest)) = text.split_once("://") else { return };
        let (first, last) = (rest.find('@'), rest.rfind('@'));
        for end in [first, last].into_iter().flatten() {
            let user = &rest[..end];
            let password = user.split_once(':').map_or(user, |(_, password)| password);
            self.add(password);
            self.add(&percent_decode_str(password).decode_utf8_lossy());
        }
        // What follows a `?` may be one, as in the URLs of other clients.
        if let Some((_, query)) = rest.split_once('?') {
            let query = query.split('#').next().unwrap_or_default();
            for pair in query.split('&') {
                self.add(pair.split_once('=').map_or(pair, |(_, value)| value));
            }
        }
    }

    /// One, in every form that a message may have it.
    pub(crate) fn add(&mut self, secret: &str) {
        let escaped = secret.escape_debug().to_string();
        let ascii = secret.escape_default().to_string();
        for form in [secret.to_owned(), escaped, ascii] {
            if form.chars().count() >= SHORTEST {
                self.0.insert((std::cmp::Reverse(form.len()), form));
            }
        }
    }

    /// A text without them.
    pub(crate) fn blank(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (_, secret) in &self.0 {
            if text.contains(secret.as_str()) {
                text = text.replace(secret.as_str(), BLANK);
            }
        }
        text
    }

    /// The same of every text in a document: of its values, while the names of fields are ours, and stay.
    pub(crate) fn blank_in(&self, value: &mut serde_json::Value) {
        use serde_json::Value;
        match value {
            Value::String(text) => *text = self.blank(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.blank_in(item)),
            Value::Object(fields) => fields.values_mut().for_each(|field| self.blank_in(field)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_password_is_found_wherever_it_stands() {
        for (text, secret) in [
            ("redis://:hunter2@host", "hunter2"),
            ("redis://user:p%40ss%2Fword@host", "p@ss/word"),
            ("redis://user:p@ss@host", "p@ss"),
            ("rediss://hunter2@host:1", "hunter2"),
            ("redis://host?password=hunter2", "hunter2"),
        ] {
            let mut secrets = Secrets::default();
            secrets.add_url(text);
            assert_eq!(secrets.blank(&format!("<{secret}>")), "<***>", "{text}");
            assert!(!secrets.blank(text).contains(secret), "{text}");
        }
        let mut secrets = Secrets::default();
        secrets.add_file("[redis]\npassword = 'hunter2' # ours\nsentinel_password=\"tilt7\nurl = \"redis://:third@h\"");
        assert_eq!(secrets.blank("hunter2 tilt7 third shop"), "*** *** *** shop");
    }

    proptest! {
        #[test]
        fn whatever_a_password_is_it_is_blanked(
            secret in "\\PC{4,40}", before in "\\PC{0,10}", after in "\\PC{0,10}",
        ) {
            let mut secrets = Secrets::default();
            secrets.add(&secret);
            let text = secrets.blank(&format!("{before}{secret}{after}"));
            prop_assert!(text == BLANK || !text.contains(&secret) || BLANK.contains(&secret));
            let mut value = serde_json::json!({ &secret: [&text, 1234, null], "in": { "it": &secret } });
            secrets.blank_in(&mut value);
            // The names of fields are ours: a password that is one of them changes no document.
            prop_assert_eq!(&value[&secret], &serde_json::json!([text, 1234, null]));
            prop_assert_eq!(&value["in"]["it"], &secrets.blank(&secret));
        }
    }
}
