//! A router on a port of its own, and the runtime that it runs on.

use std::future::Future;
use std::net::SocketAddr;

use axum::Router;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

/// What tests run beside a browser, which is asked from outside of any task.
pub struct Served {
    pub runtime: Runtime,
    pub address: SocketAddr,
}

impl Served {
    pub fn new(app: impl FnOnce() -> Router) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let address = runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let app = app();
            tokio::spawn(async move { axum::serve(listener, app).await });
            address
        });
        Self { runtime, address }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn run<F: Future>(&self, work: F) -> F::Output {
        self.runtime.block_on(work)
    }
}
