//! Who logs in, as it is now: passwords rotate and tokens expire while a backend lives.
//!
//! Invariant: every login asks anew, and no secret is shown.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use athena_cache_core::backend::Excerpt;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::watch;

use super::Secret;
use crate::lock::Lock;

/// A user and a password, or a token in its place, to log in with.
///
/// Shows no secret in `Debug`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    username: Option<String>,
    password: Secret,
}

/// Why there are no credentials.
type ProviderError = Box<dyn StdError + Send + Sync>;
type Provided = BoxFuture<'static, Result<Credentials, ProviderError>>;

/// Who is asked for credentials at each login.
#[derive(Clone)]
pub(super) struct Provider(Arc<dyn Fn() -> Provided + Send + Sync>);

/// What all logins at data nodes use.
#[derive(Debug)]
pub(crate) struct Login {
    /// Those of the latest login, or given since.
    current: watch::Sender<Option<Credentials>>,
    provider: Lock<Option<Provider>>,
}

impl Credentials {
    /// The password of the user that a server has by default.
    pub fn password(password: impl Into<String>) -> Self {
        Self { username: None, password: Secret::new(password) }
    }

    /// A user by name, and its password.
    pub fn user(username: impl Into<String>, password: impl Into<String>) -> Self {
        Self { username: Some(username.into()), password: Secret::new(password) }
    }

    pub(super) fn of(username: Option<String>, password: Secret) -> Self {
        Self { username, password }
    }

    pub(crate) fn username(&self) -> Option<&str> {
        self.username.as_deref()
    }

    pub(crate) fn secret(&self) -> &str {
        self.password.expose()
    }

    /// A text, as it may be shown, without the password.
    pub(crate) fn hide_in<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.password.hide_in(text)
    }
}

impl Provider {
    pub(super) fn new<F, E>(provide: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Credentials, E>> + Send + 'static,
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        Self(Arc::new(move || {
            let provided = provide();
            async move { provided.await.map_err(Into::into) }.boxed()
        }))
    }

    /// What it says; that it panics is a reason to have none.
    async fn ask(&self) -> Result<Credentials, Excerpt> {
        let asked = async { (self.0)().await.map_err(Excerpt::of) };
        match AssertUnwindSafe(asked).catch_unwind().await {
            Ok(provided) => provided,
            Err(_) => Err(Excerpt::of("it panicked")),
        }
    }
}

/// The same provider, not one that does the same.
impl PartialEq for Provider {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Provider {}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Provider")
    }
}

impl Login {
    pub(super) fn new(credentials: Option<Credentials>, provider: Option<Provider>) -> Self {
        let (current, _) = watch::channel(credentials);
        Self { current, provider: Lock::new(provider) }
    }

    /// The credentials for a login; none where the server asks for none.
    pub(crate) async fn credentials(&self) -> Result<Option<Credentials>, Excerpt> {
        let provider = self.provider.lock().clone();
        if let Some(provider) = provider {
            let fresh = provider.ask().await?;
            // Nobody who waits for other ones need hear of it: these are asked for at each login.
            self.current.send_if_modified(|current| {
                *current = Some(fresh.clone());
                false
            });
            return Ok(Some(fresh));
        }
        Ok(self.latest())
    }

    /// Takes others from now on, in place of whatever there was.
    pub(crate) fn replace(&self, credentials: Credentials) {
        *self.provider.lock() = None;
        self.current.send_replace(Some(credentials));
    }

    /// Those that were used or given last.
    pub(crate) fn latest(&self) -> Option<Credentials> {
        self.current.borrow().clone()
    }

    /// A text, as it may be shown, without the password.
    pub(crate) fn hide_in<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match &*self.current.borrow() {
            Some(credentials) => credentials.hide_in(text),
            None => Cow::Borrowed(text),
        }
    }

    /// Hears of others that are given.
    pub(crate) fn news(&self) -> watch::Receiver<Option<Credentials>> {
        self.current.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::io;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test]
    async fn each_login_asks_the_provider_until_credentials_are_given_by_hand() {
        let count = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&count);
        let provide = move || {
            let number = counted.fetch_add(1, Ordering::SeqCst);
            async move { Ok::<_, Infallible>(Credentials::user("app", format!("token-{number}"))) }
        };
        let login = Login::new(None, Some(Provider::new(provide)));
        let mut news = login.news();
        for expected in ["token-0", "token-1"] {
            let credentials = login.credentials().await.unwrap().unwrap();
            assert_eq!((credentials.username(), credentials.secret()), (Some("app"), expected));
        }
        assert!(!news.has_changed().unwrap(), "what is asked for each time is no news");
        login.replace(Credentials::password("by hand"));
        assert!(news.has_changed().unwrap());
        news.mark_unchanged();
        assert_eq!(login.credentials().await.unwrap().unwrap().secret(), "by hand");
        assert_eq!(count.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn a_provider_that_fails_or_panics_is_a_reason_and_no_more() {
        let fails = || async { Err::<Credentials, _>(io::Error::other("the vault is sealed")) };
        let login = Login::new(None, Some(Provider::new(fails)));
        let told = login.credentials().await.unwrap_err();
        assert_eq!(told.as_str(), "the vault is sealed");
        for at_once in [true, false] {
            let panics = move || {
                assert!(!at_once, "at once");
                async move { if at_once { Ok(Credentials::password("")) } else { panic!("later") } }
            };
            let panics = move || panics();
            let login = Login::new(None, Some(Provider::new::<_, io::Error>(panics)));
            assert_eq!(login.credentials().await.unwrap_err().as_str(), "it panicked");
        }
    }

    #[test]
    fn no_secret_is_shown() {
        let credentials = Credentials::user("app", "s3cret");
        let shown = format!("{credentials:?} {:?}", Login::new(Some(credentials.clone()), None));
        assert!(shown.contains("app") && !shown.contains("s3cret"), "{shown}");
    }
}
