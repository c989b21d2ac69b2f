//! What a service author reads once, page by page.
//!
//! | in this order | says |
//! |---|---|
//! | [`uses`] | what people write most: an attribute for each |
//! | [`set_up`] | one node, Sentinel, Cluster, TLS, containers, settings of the servers, what survives what |
//! | [`in_sync`] | how old a value may be, and which setting moves that |
//! | [`cookbook`] | twenty recipes for after the first week |
//! | [`migrating`] | from `cached`, moka by hand, Spring's annotations, `FusionCache` |
//! | [`options`] | each option of these libraries, and how it is said here |
//! | [`values`] | what has to be true of a type that goes to Redis |
//! | [`high_availability`] | what callers notice when Redis fails, and what the servers need for it |
//! | [`limits`] | how long a call waits, breakers, retries |
//! | [`regions`] | one namespace in several stores that know nothing of each other |
//! | [`monitoring`] | figures, health, alerts and what to do about each, the page |
//! | [`troubleshooting`] | by symptom: every call is a miss, an old value, slow calls |
//! | [`large_values`] | values that hold up everything on their connection |
//! | [`figures`] | what was measured, and by which command |
//! | [`security`] | what is trusted with what |
//!
//! For whoever changes the cache: [`coherence`], what is promised in full; [`protocol`], [`protocol_entries`]
//! and [`protocol_regions`], the rules that keep it; [`behaviours`], the cases; [`words`].
//
// Links between the pages have names, which lead to files where files are read, and to modules here: of two
// definitions of a link the first counts, and `guide/links.md` comes first. tests/house compares them.

/// A module for each page, so that its samples compile and its links are checked.
macro_rules! pages {
    ($($page:ident: $file:literal,)*) => {$(
        #[doc = include_str!("guide/links.md")]
        #[doc = include_str!(concat!("../", $file))]
        pub mod $page {}
    )*};
}

pages! {
    behaviours: "docs/behaviours.md",
    coherence: "docs/coherence.md",
    cookbook: "docs/cookbook.md",
    figures: "docs/figures.md",
    high_availability: "docs/high-availability.md",
    in_sync: "docs/in-sync.md",
    large_values: "docs/large-values.md",
    limits: "docs/limits.md",
    migrating: "docs/migrating.md",
    monitoring: "docs/monitoring.md",
    options: "docs/options.md",
    protocol: "docs/protocol.md",
    protocol_entries: "docs/protocol-entries.md",
    protocol_regions: "docs/protocol-regions.md",
    regions: "docs/regions.md",
    security: "SECURITY.md",
    set_up: "docs/set-up.md",
    troubleshooting: "docs/troubleshooting.md",
    uses: "docs/uses.md",
    values: "docs/values.md",
    words: "docs/words.md",
}

/// The samples of the front page compile as well.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
