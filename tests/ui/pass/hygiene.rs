//! Our names and the user's never meet.
#![deny(warnings, unused_qualifications, clippy::all, clippy::pedantic)]
#![allow(clippy::too_many_arguments, clippy::missing_errors_doc)]

use athena_cache::{athena_cache, athena_invalidate};

#[athena_cache(ttl = "5m", tags = ["{key}", "all"], when = ask > 0, unless = move |value| *value == call)]
async fn names(
    key: u8,
    cache: u8,
    value: u8,
    result: u8,
    entry: u8,
    call: u8,
    ask: u8,
    text: u8,
    shape: u8,
    site: u8,
    probe: u8,
    never: u8,
) -> u8 {
    key + cache + value + result + entry + call + ask + text + shape + site + probe + never
}

#[athena_cache(key = "names:{text}:{call}", negative_ttl = "1s", negative = err)]
async fn templates(text: String, call: u8) -> Result<String, String> {
    Ok(format!("{text}{call}"))
}

#[athena_invalidate(tags = ["{sweep}"], keys = ["names:{text}:{shape}"])]
async fn sweeps(sweep: &str, text: u8, shape: u8, probe: u8) -> usize {
    sweep.len() + usize::from(text + shape + probe)
}

#[athena_cache(ttl = "5m", refresh = "80%")]
async fn background(this: u8, load: u8, args: &str) -> usize {
    std::future::ready(usize::from(this + load) + args.len()).await
}

#[athena_invalidate(on = always, tags = ["all"], tags_from = |shape| vec![shape.to_string()])]
async fn told_by_the_value(shape: u8) -> u8 {
    shape
}

#[athena_invalidate(tags_from = |value| [value.clone()])]
async fn told_by_nothing_else() -> String {
    "all".to_owned()
}

macro_rules! cached {
    ($name:ident($argument:ident: $ty:ty) -> $output:ty, $ttl:literal, $body:block) => {
        #[athena_cache(ttl = $ttl, refresh = "50%", tags = ["text:{text}"])]
        async fn $name(text: &str, $argument: $ty) -> $output {
            let shown = text.to_owned() + &$argument.to_string();
            let more: $output = std::future::ready($body).await;
            more + &shown
        }
    };
}

cached!(written_by_a_macro(number: &u8) -> String, "1m", { number.to_string() });

mod items {
    use athena_cache::athena_cache;

    #[allow(non_upper_case_globals)]
    pub const SITE: u8 = 1;

    pub fn here() -> u8 {
        2
    }

    pub fn load() -> u8 {
        3
    }

    /// The body means the items around the function, not ours inside it.
    #[athena_cache(when = SITE + here() + load() == 6, soft_timeout = "1s")]
    pub async fn uses_items() -> u8 {
        std::future::ready(SITE + here() + load()).await
    }
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    runtime.block_on(async {
        assert_eq!(names(1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1).await, 12);
        assert_eq!(templates("a".to_owned(), 1).await.unwrap(), "a1");
        assert_eq!(sweeps("abc", 1, 1, 1).await, 6);
        assert_eq!(background(1, 2, "abc").await, 6);
        assert_eq!(told_by_the_value(7).await, 7);
        assert_eq!(told_by_nothing_else().await, "all");
        assert_eq!(written_by_a_macro("a", &1).await, "1a1");
        assert_eq!(items::uses_items().await, 6);
    });
}
