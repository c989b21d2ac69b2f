//! The attributes of `athena-cache`; use them through that crate.
//!
//! An attribute is read by a table of rules (`attribute`), checked against its
//! function and its other options (`check`), and rendered as a few calls into
//! the runtime (`render`). After the check nothing can go wrong.
#![forbid(unsafe_code)]

mod attribute;
mod bound;
mod cache;
mod choice;
mod duration;
mod fault;
mod foreign;
mod function;
mod invalidate;
mod list;
mod literal;
mod origin;
mod runtime;
mod template;
mod tokens;

use proc_macro::TokenStream;

/// Caches what a function returns.
///
/// The function keeps its signature, its errors and its body, which runs at
/// most once per call. It stands wherever a function with a body may stand:
/// free, as a method, in a trait impl, under `#[async_trait]`. Most are `async`;
/// what holds for others is said [below](#functions-that-are-not-async).
///
/// ```ignore
/// use athena_cache::athena_cache;
///
/// #[athena_cache(ttl = "5m", grace = "1h", tags = ["products", "category:{category}"])]
/// async fn products(category: &str) -> Result<Vec<Product>, StoreError> {
///     store().products_of(category).await
/// }
/// ```
///
/// # What names an entry
///
/// The site (module path and function), the types that a generic function is
/// called with, and all arguments, which are `Serialize` for this. `skip(…)`
/// leaves arguments out, `key = "…"` names the entry by hand:
///
/// ```ignore
/// #[athena_cache(key = "order:{self.tenant}:{id}", skip(trace))]
/// async fn order(&self, id: OrderId, trace: Trace) -> Option<Order> { /* … */ }
/// ```
///
/// Whatever the result depends on has to be in it, or one call gets the value
/// of another. So nothing is left out without a word:
///
/// * A method says what `self` is: fields of it in `key`, or `skip(self)` if
///   the result depends on none. `self` as a whole is no part of a key that
///   is made of all arguments.
/// * With `key`, every argument is in it or in `skip`. Two need no word: `_`,
///   which the body cannot see, and a `Cache` that `cache = …` names, which
///   says where an entry is and not which one. An argument that is a pattern
///   is left out by all names that it binds.
///
/// Holes of a template are arguments or fields of them, written by `Display`
/// and escaped, so that no value can imitate another; `{{` and `}}` are braces.
///
/// ## Keys that several functions have in common
///
/// Without `key`, each function has entries of its own, and so has each
/// instance of a generic function (types are told apart by their paths). With
/// `key`, the text alone names the entry: `shared` says that functions, or
/// the instances of one, mean the same entries. Without it on all of them, the
/// first that is called on a cache has the key; any other whose key may read
/// the same runs uncached and says so in one `ERROR` record. Of a hole only the
/// built-in integers are known to hold digits, so `user:{id}` and `user:me` may
/// read the same unless `id` is one. Other processes and
/// `cache.entry("…")` are not asked: there, one text is one entry.
///
/// ## Secrets, and what the log shows
///
/// Records, events in `Debug`, and errors show the function, and no argument: `shop::session`. With
/// `Settings::show_keys` they show the key as it is named in the backend, `f:shop::session#$11$05books`; where that
/// does not tell the function, since it is written by hand, the function stands behind it: ``k:session:7 of
/// shop::session``. What is longer than 160 bytes is a digest, `f:shop::session~9c1…`, of which only the function is
/// readable. Names in the backend, and programs by `Topic::key`, have the key in any case.
///
/// `secret(token)` has an argument named by a digest everywhere: `HMAC-SHA-256`, 160 bits of it, under
/// `Builder::secret_key`. Tags cannot name it. In a `key` written by hand a digest stands in its place, so such an
/// entry is reached by `of(call)` and its tags, not by `keys = […]` or `Cache::entry`. Without a `secret_key` the
/// digest keeps long random secrets (tokens, session numbers) from being read, and not short ones (PINs, mail
/// addresses) from being guessed: whoever reads names in the backend can try them all.
///
/// ## What a key does not show
///
/// An argument is in a key as its `Serialize` or `Display` writes it. Two values
/// that are written alike share an entry:
///
/// ```ignore
/// #[derive(Serialize)]
/// struct Ctx {
///     id: u64,
///     #[serde(skip)]          // serde does not tell anybody
///     tenant: String,
/// }
///
/// #[athena_cache]             // wrong: all tenants share the entries of an `id`
/// async fn orders(ctx: &Ctx) -> Vec<Order> { /* … */ }
///
/// #[athena_cache(key = "orders:{ctx.tenant}:{ctx.id}")]
/// async fn orders(ctx: &Ctx) -> Vec<Order> { /* … */ }
/// ```
///
/// The same holds for `serialize_with` and impls by hand that drop something,
/// for variants renamed to one name, for `untagged` variants that hold the
/// same, and for a `Display` that rounds or shortens. A field that
/// `skip_serializing_if` leaves out is seen in structs with named fields (not
/// beside a `flatten`ed one, nor in tuple structs): such a call
/// runs uncached, and the first of a function says so in an `ERROR` record with
/// the names of type and field.
///
/// # Options
///
/// | option | meaning | without it |
/// |---|---|---|
/// | `ttl = "5m"` | how long a value is fresh; `"0s"` keeps nothing | the builder's |
/// | `ttl_from = \|value\| …` | how long this value is fresh, as a `Duration`; zero does not keep it | `ttl` |
/// | `grace = "1h"` | how long past `ttl` it may answer when the load fails or is slow | the builder's |
/// | `jitter = "10%"` | shortens each `ttl` by a random share up to this one (0–100) | the builder's |
/// | `refresh = "80%"` | reloads in the background once this share of `ttl` has passed (1–99) | never |
/// | `soft_timeout = "100ms"` | waits this long for the load when a stale value exists | no limit |
/// | `hard_timeout = "2s"` | waits this long for the function, whatever there is to fall back on, then gives an error | no limit |
/// | `each = ids` | the elements of this list have an entry each; the function gets those that are missing | one entry for the list |
/// | `negative_ttl = "10s"` | remembers `None` for this long | `None` is a value like others |
/// | `negative = err` | remembers `Err` too, for `negative_ttl` | `Err` is never kept |
/// | `key = "product:{id}"` | names the entry | site, types and all arguments |
/// | `shared` | other functions or types may have entries of this `key`, too | they run uncached |
/// | `secret(token)` | arguments that are in the key by a digest, and readable nowhere | none |
/// | `skip(db, trace)` | arguments, or `self`, that the result does not depend on | none |
/// | `name = "shop::products"` | names the site | module path and function |
/// | `version = 2` | makes entries of other versions unreadable | 0 |
/// | `tags = ["user:{id}"]` | labels to invalidate by | none |
/// | `tags_from = \|value\| …` | labels that only the value knows | none |
/// | `grouped` | all entries can be invalidated together, by `functions = [products]` | by keys and tags |
/// | `tier = memory` | keeps the value in this process; it need not be `Serialize` | all tiers |
/// | `codec = Json` | how a value becomes bytes, `Json` or `Postcard` | `Postcard` |
/// | `fallback = ServeStale` | what answers while the backend cannot: `GracefulDegradation`, `ServeStale`, `FailFast`, `OriginOnly` | the builder's |
/// | `when = id > 0` | looks up and stores only if this holds | always |
/// | `unless = \|value\| value.is_empty()` | does not store such values | stores all |
/// | `grace_unless = \|error\| …` | errors that no stale value may stand in for | none |
/// | `cache = self.cache` | the cache to use | the innermost scope's, else the installed one |
/// | `crate = my::athena_cache` | where this crate is found | `::athena_cache` |
///
/// Times are whole milliseconds: `"250ms"`, `"5m"`, `"1h 30m"` or `"unlimited"`, or a constant of type
/// `std::time::Duration`, such as `TTL`, `Shop::TTL` or `Duration::from_secs(60)`. That is evaluated, and held
/// against the same limits, when the function is compiled: it can name neither arguments, nor `Self`, nor generic
/// parameters. `Duration::MAX` is `"unlimited"`.
///
/// `ttl_from` is asked once for each value that was loaded or inserted: what is in the `Ok` or `Some`. What it says
/// is the ttl of that entry in every tier, which `jitter`, `refresh` and `grace` count from; the longest is a
/// century. That there is no value, or an error, is remembered for `negative_ttl`, or without it as long as `ttl`
/// says. If it panics, the value is not kept.
///
/// `tags_from`, `ttl_from`, `unless` and `grace_unless` may outlive the call, so they see
/// what they are given and cannot borrow the arguments.
///
/// # What arguments, values and errors have to be
///
/// | | has to be |
/// |---|---|
/// | an argument of a key made of all | `Serialize`, in an order of its own: a `HashMap` is sorted, a `HashSet` is refused (`BTreeSet`, `skip`) |
/// | an argument in `key` or `tags` | `Display` |
/// | an argument in `skip` | anything |
/// | a value | owned, `Clone + Send + Sync + 'static`; `Serialize` and `Deserialize` without `tier = memory` |
/// | a value in an `Arc` | the same, with the feature `rc` of serde; or in `tier = memory`, where a hit shares it |
/// | an error | `Send + 'static` in the background, else anything; each caller of one load gets it if it is `Clone + Send + Sync + 'static`, the others load themselves |
/// | with `negative = err` | as a value, too |
/// | with `hard_timeout`, `fallback = FailFast` | `From<athena_cache::Error>` |
///
/// A `HashSet` that a type hides is found when it is called: such a call runs uncached, and the first of a function
/// says so in an `ERROR` record.
///
/// ## Where options cannot stand
///
/// `refresh` and `soft_timeout` load in the background, which needs a function that can be called again without its
/// caller:
///
/// * Arguments are owned, or copied: `&T` by `ToOwned`, `&self` by `Clone`. What borrows otherwise is refused, and so
///   is `&dyn Trait`; take `&Arc<dyn Trait>`. What the body holds across an `.await` is `Send`.
/// * The function is free, or an inherent method that takes no `&mut self`; methods of traits have no room for the
///   second function. A free one does not name `Self`.
/// * `refresh` stands beside no `ttl = "0s"`, and `soft_timeout` is shorter than `hard_timeout`.
///
/// `negative_ttl` needs an `Option` to remember the `None` of, or `negative = err`. `negative = err`, `grace_unless`,
/// `hard_timeout` and `fallback = FailFast` need a `Result`; aliases of either are seen through. `codec` stands beside
/// no `tier = memory`, and `shared` needs a `key`.
///
/// What other caches call otherwise (`time`, `condition`, `size`, `sync`, …) is refused with what is written here
/// instead.
///
/// # Settings without a new build
///
/// `[sites."shop::products"]` in the settings of a cache sets `ttl`, `grace`, `jitter`, `negative_ttl`, `refresh`,
/// `soft_timeout`, `hard_timeout` and `fallback` in place of what the attribute says, or switches the function off;
/// `Cache::set_sites` changes them while the process runs. See `SiteSettings`. What they cannot do, since
/// the attribute leaves no way for it, is told with one WARN.
///
/// # All entries of a function
///
/// A function that says `grouped` has a tag of its own, which costs what any tag costs and is in all of its
/// entries, those of all instances of a generic function as well. `#[athena_invalidate(functions = [products])]` and
/// `Cache::invalidate_function("shop::products")` drop all of them by one small write.
///
/// So that a path leads to it, `grouped` makes a type beside a free function, which has its name and is imported with it:
/// no other type or module in the same place may have that name. A method with `self` has no such type and goes by its
/// name, in quotes. An associated function without `self` cannot be `grouped`; give it a tag.
///
/// Entries that a build stored in which the function was not `grouped` are not read by one in which it is.
///
/// # Many entries in one call
///
/// ```ignore
/// #[athena_cache(ttl = "5m", each = ids, key = "product:{ids}", tags = ["product:{ids}"], skip(db))]
/// async fn products(db: &Db, ids: &[u64]) -> Result<HashMap<u64, Product>, DbError> {
///     db.products(ids).await // of those that are not cached
/// }
/// ```
///
/// `each` names an argument that is a `&[T]` or a `Vec<T>`, of an `async` function that returns a `HashMap<K, V>`, a
/// `BTreeMap<K, V>`, or a `Result` of one. `T` is `K`, `&K`, or `&str` for a `String`. Each element has an entry of its
/// own: in `key`, `tags` and `secret` the name of the list means one element, and other arguments are part of every key
/// as usual. So the entry above is the one that `cache.invalidate("product:7")` and
/// `#[athena_invalidate(keys = ["product:{id}"])]` remove, and with `shared` that of a function which loads one product.
///
/// All elements are looked for together, in one round trip, and the body runs for those that are missing, each once,
/// in the order of the list, which stands under its name as before. It does not run if none is missing, nor for an empty
/// list. In front of a backend it gets no more than a thousand at a time; it runs once more for the next ones, and for
/// those that another call was loading and could not hand on. So it takes `&self`, and arguments that are `Clone`, as
/// references are.
///
/// * What the map does not have is not there, and asked for again by the next call; `negative_ttl` remembers it.
/// * An element that stands in the list twice is loaded once. Elements that the body was not given are left out of what
///   it returns, with one WARN per function.
/// * An `Err` is the caller's. Nothing of that run is kept, and what was found is not returned, unless all that was
///   missing is within `grace`: then the call is answered with that.
/// * `unless`, `ttl_from` and `tags_from` see each value. Without the cache, as where `when` does not hold, the body gets
///   the list as it is.
/// * `refresh`, `soft_timeout`, `hard_timeout`, `negative = err`, `grace_unless` and `fallback = FailFast` are about one
///   entry, and refused.
/// * `of(call)` is about one entry, too: all that it does is an error that says so, but `observe`, which has an outcome
///   without a tier. One entry is reached by its name, as in `cache.entry("product:7")`.
///
/// # Values as bytes
///
/// A value goes to the backend only if other processes would read it as the
/// same value. What its `Serialize` writes is held against what its
/// `Deserialize` reads; where they disagree, the value answers here as one
/// does that a backend did not take: for the trust window, and afterwards only
/// while the backend is away. The log says once which field or variant of
/// which type is to blame and what to do; `Stats::unwritable` counts all.
///
/// `Postcard` has no names: a field that `skip_serializing_if` leaves out, or
/// a variant behind one that is skipped, needs `Json`, which in turn cannot
/// tell `Some(None)` from `None` and has no NaN. What both sides of a type
/// agree on cannot be seen: `#[serde(skip)]` loses its field, and a `with` or
/// `from` that changes its meaning but not its shape (5 s become 5 ms) needs
/// another `version`. The whole of it stands in `docs/values.md`.
///
/// # Functions that are not `async`
///
/// ```ignore
/// #[athena_cache(ttl = "5m", skip(db))]
/// fn rate(db: &Database, currency: &str) -> Result<Rate, DbError> { /* … */ }
/// ```
///
/// The thread stands still while the cache or another load is waited for, for
/// `blocking_deadline` of the settings at most where that is the backend. So
/// call it where a thread may wait: outside of any runtime, in `spawn_blocking`,
/// in `block_in_place`. A thread without a runtime uses the multi-threaded one that
/// the cache was built or used in last, for what it asks the backend; without one
/// that is alive it does without the backend. The function itself runs outside.
///
/// In a task of tokio, whose thread must not wait, memory answers as always; what
/// would take another process or another call runs uncached, with one warning per
/// function. Tasks of other executors, and `tokio::task::unconstrained`, cannot be
/// told from threads, so they wait.
///
/// All options are there but `hard_timeout`, since what blocks cannot be given up.
/// What `refresh` and `soft_timeout` load goes on in a thread of `spawn_blocking`,
/// which takes one that is free; called from a thread without a runtime they load
/// where they are called.
/// `of` modifies calls that are futures, so none of these; name the entry by `key`
/// to reach it otherwise. `Cache::sync_scope` is to them what `scope` is to others.
#[proc_macro_attribute]
pub fn athena_cache(options: TokenStream, item: TokenStream) -> TokenStream {
    cache::expand(options.into(), item.into()).into()
}

/// Invalidates entries once a function has done its work.
///
/// The function keeps its signature, its errors and its body. Its result
/// comes back even if the backend cannot be told, which then is told later.
///
/// ```ignore
/// use athena_cache::athena_invalidate;
///
/// #[athena_invalidate(tags = ["products"], keys = ["product:{id}"])]
/// async fn rename(id: u64, name: &str) -> Result<(), StoreError> {
///     store().rename(id, name).await
/// }
/// ```
///
/// # Options
///
/// One of `tags`, `keys`, `functions` and `tags_from` is needed.
///
/// | option | meaning | without it |
/// |---|---|---|
/// | `tags = ["user:{id}"]` | drops all entries with one of these labels | none |
/// | `keys = ["product:{id}"]` | drops the entries that `key = "…"` named so | none |
/// | `functions = [products]` | drops all entries of these functions, which are `grouped` | none |
/// | `tags_from = \|value\| …` | labels that only the value knows | none |
/// | `on = always` | acts after `Err` too | `on = ok`: after all but `Err` |
/// | `cache = self.cache` | the cache to use | the innermost scope's, else the installed one |
/// | `crate = my::athena_cache` | where this crate is found | `::athena_cache` |
///
/// `functions` takes free functions by their paths, as in `[products, shop::orders]`, and any function by its name in
/// quotes, as in `["shop::Catalog::books"]`; one of a generic type is
/// `"shop::Catalog<_>::books"`. A path has to lead to a function with `#[athena_cache(…, grouped)]`,
/// else it does not compile; a name is looked at when it is used: that of a function which was called and lacks
/// `grouped` is told with one ERROR, one that looks like another with one WARN.
///
/// What `keys` and `tags` name need not be made by any function: other processes make entries, and so does
/// `cache.entry(…)`. So only what looks like a slip is told: if functions of this process make keys or tags that look
/// like it, and none that could be the same, one WARN names the nearest, 10 min after the first such call, since
/// functions are known once they are called.
///
/// Templates are filled in before the body runs, since it may use up its
/// arguments; they are written as for [`macro@athena_cache`].
///
/// A function that is not `async` waits for the backend in its own thread. In a
/// task of tokio it does not: the backend is told by another task, and before
/// this process reads from it again.
#[proc_macro_attribute]
pub fn athena_invalidate(options: TokenStream, item: TokenStream) -> TokenStream {
    invalidate::expand(options.into(), item.into()).into()
}
