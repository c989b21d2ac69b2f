//! Whom is asked for what.

use std::time::Duration;

use athena_cache_core::backend::operate::Operator;
use futures_util::future::join;

use super::facts::{Facts, NameFacts};

impl Facts {
    /// Asks all that is known of, and looks at some of the names, in about twice `limit`.
    ///
    /// It is for people who ask once in a while: each server answers some twenty questions, a primary lists names, and
    /// one of them is given a name for a moment, which is removed.
    pub async fn ask(operator: &dyn Operator, namespace: &str, limit: Duration) -> Self {
        let prefix = format!("{namespace}:");
        let survey = operator.survey(limit).await.as_ref().clone();
        let asked = join(operator.examine(&prefix, limit), operator.sentinels(limit));
        let (asked, names) = join(asked, NameFacts::look(operator, namespace, limit)).await;
        let (examination, sentinels) = asked;
        Self { survey, examination, sentinels, names }
    }
}
