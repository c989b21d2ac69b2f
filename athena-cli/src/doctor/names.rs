//! What the names of the cache show.

use super::facts::{Facts, NameFacts};
use super::finding::{Finding, SYNC};

/// Whether what is stored ends, and can be read by people.
pub(super) fn written(facts: &Facts, found: &mut Vec<Finding>) {
    let Some(NameFacts { looked_at, without_life, digests, digested, foreign }) = &facts.names
    else {
        return;
    };
    if *without_life > 0 {
        found.push(
            Finding::warning("lives", format!("{without_life} values never end, of {looked_at} names that were looked at"))
                .why("no cache writes such: they are served by nobody, and stay until they are evicted")
                .fix("athena invalidate KEY    (for those that `athena keys` lists without a life; and find out who wrote them)")
                .see(SYNC),
        );
    }
    if *foreign > 0 {
        found.push(
            Finding::warning(
                "foreign",
                format!("{foreign} names are none of a cache, of {looked_at} that were looked at"),
            )
            .why("somebody else uses the namespace: what they change or remove may be an entry")
            .fix("a namespace of its own for each    (`Cache::builder(\"…\")`)")
            .see(SYNC),
        );
    }
    if *digests > 0 {
        let of = if digested.is_empty() {
            String::new()
        } else {
            format!(", of {}", digested.join(", "))
        };
        found.push(
            Finding::warning("digests", format!("{digests} entries are named by a digest, of {looked_at} names that were looked at{of}"))
                .why("their keys are longer than 160 bytes, so that nobody can tell from a name whose entry it is")
                .fix("key = \"…{id}\"    (in the attribute of the function: of its arguments those that tell results apart)")
                .see("docs/options.md"),
        );
    }
}
