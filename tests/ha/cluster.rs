//! Annotated functions on a Redis Cluster: what callers notice while nodes fail, come and hand over.
//!
//! `shards` starts clusters and knows which node holds what, `traffic` plays the callers, and `witness`
//! hears what the cache tells about the nodes.

mod batches;
mod connections;
mod failing;
mod invalidation;
mod planned;
mod shards;
mod traffic;
mod witness;
