//! How something goes that goes through all names: how fast, and who hears how far it is.
//!
//! Invariant: each of them says so in the same words.

use crate::backup::ProgressListener;

/// How something goes that goes through all names.
#[derive(Debug, Clone)]
pub(super) struct PassCourse {
    pub(super) rate: u32,
    pub(super) listener: ProgressListener,
}

impl PassCourse {
    pub(super) fn at(rate: u32) -> Self {
        Self { rate, listener: ProgressListener::default() }
    }
}

/// What can be said of the course of each of them.
macro_rules! pass_course {
    ($pass:ident: $rate:literal) => {
        impl $pass<'_> {
            /// Has somebody told how far it is, after each piece; be quick.
            pub fn on_progress(
                mut self,
                listener: impl Fn($crate::backup::Progress) + Send + Sync + 'static,
            ) -> Self {
                self.course.listener = $crate::backup::ProgressListener::new(listener);
                self
            }

            #[doc = concat!("Takes at most so many names in a second; ", $rate, " if nothing is said, and never none.")]
            pub fn rate(mut self, names_per_second: u32) -> Self {
                self.course.rate = names_per_second;
                self
            }
        }
    };
}
pub(super) use pass_course;
