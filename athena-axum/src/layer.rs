//! What the calls of a request came to, in the headers of its response.
//!
//! Invariant: the response is the service's own but for headers that were asked for and that it did not set itself.

mod headers;

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use athena_cache_core::Collector;
use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use headers::ShownHeaders;

/// Finds out for each response what the cached functions came to that its request called.
///
/// The response has [`CacheOutcomes`](athena_cache_core::CacheOutcomes) among its extensions, for layers around this
/// one. Its headers are the service's: each that is to be added is asked for.
///
/// | header | is |
/// |---|---|
/// | [`x-athena-cache`](Self::worst_outcome) | the worst of the calls: `ERROR`, `BYPASS`, `MISS`, `STALE` or `HIT`; none if none was made |
/// | [`age`](Self::age) | how old the oldest value is, in seconds, if a tier answered every call |
/// | [`cache-status`](Self::cache_status) | the same as in RFC 9211 |
/// | [`server-timing`](Self::server_timing) | what the cache and the functions took |
///
/// They are known when the response begins: what its body calls while it is sent is not in them, nor are the calls of
/// tasks that the handler spawns. A header that the handler sets itself stays.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use athena_cache_axum::CacheLayer;
/// use athena_cache_core::Cache;
/// use http::{Request, Response};
/// use tower::{ServiceBuilder, ServiceExt, service_fn};
///
/// let cache = Cache::in_memory("shop");
/// let handler = service_fn(async |_: Request<()>| {
///     let price = cache.entry("price:7").get_or_load(async || Ok::<_, std::io::Error>(10_u8)).await?;
///     Ok::<_, std::io::Error>(Response::new(price))
/// });
/// let layer = CacheLayer::new().worst_outcome();
/// let service = ServiceBuilder::new().layer(layer).service(handler);
/// let response = service.oneshot(Request::new(())).await?;
/// assert_eq!(response.headers()["x-athena-cache"], "MISS");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct CacheLayer {
    shown: ShownHeaders,
}

impl CacheLayer {
    /// Without any header.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds `x-athena-cache`: the worst that a call came to.
    #[must_use]
    pub fn worst_outcome(mut self) -> Self {
        self.shown.worst_outcome = true;
        self
    }

    /// Adds `age`, in seconds: of the oldest value, if a tier answered every call.
    ///
    /// To caches on the way it says that the response is so old (RFC 9111): they keep it for so much less, or not at
    /// all. Only where that is meant.
    #[must_use]
    pub fn age(mut self) -> Self {
        self.shown.age = true;
        self
    }

    /// Adds `cache-status` (RFC 9211): `athena; hit`, or why the functions ran: `athena; fwd=miss; collapsed`.
    #[must_use]
    pub fn cache_status(mut self) -> Self {
        self.shown.cache_status = true;
        self
    }

    /// Adds `server-timing`: `athena;desc="3 calls, 2 hits";dur=1.2, load;dur=40.1`, in milliseconds: what the
    /// cache took of those calls that memory did not answer at once, and what their functions took.
    ///
    /// Timings tell strangers what is cached and what is not, so only a service that all may know this of should.
    #[must_use]
    pub fn server_timing(mut self) -> Self {
        self.shown.server_timing = true;
        self
    }
}

impl<S> Layer<S> for CacheLayer {
    type Service = CacheService<S>;

    fn layer(&self, inner: S) -> CacheService<S> {
        CacheService { inner, shown: self.shown }
    }
}

/// A service whose responses tell what their calls came to; from [`CacheLayer`].
#[derive(Debug, Clone)]
pub struct CacheService<S> {
    inner: S,
    shown: ShownHeaders,
}

impl<S, Body, ResponseBody> Service<Request<Body>> for CacheService<S>
where
    S: Service<Request<Body>, Response = Response<ResponseBody>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = CacheResponse<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let collector = Collector::new();
        let response = collector.sync_scope(|| self.inner.call(request));
        CacheResponse { response, collector, shown: self.shown }
    }
}

pin_project! {
    /// A response that is being made; from [`CacheService`].
    #[derive(Debug)]
    pub struct CacheResponse<F> {
        #[pin]
        response: F,
        collector: Collector,
        shown: ShownHeaders,
    }
}

impl<F, Body, E> Future for CacheResponse<F>
where
    F: Future<Output = Result<Response<Body>, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let it = self.project();
        let polled = it.collector.sync_scope(|| it.response.poll(context));
        let mut response = ready!(polled)?;
        let outcomes = it.collector.outcomes();
        it.shown.add(&outcomes, response.headers_mut());
        response.extensions_mut().insert(outcomes);
        Poll::Ready(Ok(response))
    }
}
