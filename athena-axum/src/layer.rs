//! What the calls of a request came to, in the headers of its response.
//!
//! Invariant: the response is the service's own but for headers that it did not set itself.

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

/// Tells in each response what the cached functions came to that its request called.
///
/// | header | is |
/// |---|---|
/// | `x-athena-cache` | the worst of the calls: `BYPASS`, `MISS`, `STALE` or `HIT`; none if none was made |
/// | `age` | how old the oldest value is, in seconds, if a tier answered every call |
///
/// They are known when the response begins: what its body calls while it is sent is not in them, nor are the calls of
/// tasks that the handler spawns. A header that the handler sets itself stays. The response has
/// [`CacheOutcomes`](athena_cache_core::CacheOutcomes) among its extensions, for layers around this one.
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
/// let service = ServiceBuilder::new().layer(CacheLayer::new()).service(handler);
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
    /// With `x-athena-cache` and `age`.
    pub fn new() -> Self {
        Self::default()
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
