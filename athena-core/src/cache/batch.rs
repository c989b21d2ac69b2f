//! wip
use std::sync::Arc;
use crate::runtime::Runtime;
/// Several entries.
#[derive(Debug)]
pub struct Batch<'c> { runtime: &'c Arc<Runtime>, names: Vec<String> }
impl<'c> Batch<'c> {
    pub(super) fn new(runtime: &'c Arc<Runtime>, names: Vec<String>) -> Self { Self { runtime, names } }
}
