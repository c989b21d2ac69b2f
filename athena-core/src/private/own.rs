//! Copies of what a call borrows, for a load that goes on without it.

/// Receivers that a background load can have a copy of.
#[diagnostic::on_unimplemented(
    message = "`refresh` and `soft_timeout` load in the background, which needs a copy of `self`",
    label = "`{Self}` is not `Clone + Send + Sync + 'static`",
    note = "derive `Clone` (cheap if the fields are shared by `Arc`), or take `self: Arc<Self>`"
)]
pub trait BackgroundSelf: Sized {
    /// A copy for the background.
    #[must_use]
    fn own(&self) -> Self;
}

impl<T: Clone + Send + Sync + 'static> BackgroundSelf for T {
    fn own(&self) -> Self {
        self.clone()
    }
}

/// A copy of a receiver for a background load.
pub fn own_receiver<T: BackgroundSelf>(receiver: &T) -> T {
    receiver.own()
}
