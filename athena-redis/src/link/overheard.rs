//! What passes over a connection: how it begins, and how much it is.

use std::fmt;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

use athena_cache_core::backend::Excerpt;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::meter::{Meter, OversizedReply};
use crate::lock::Lock;

/// The first bytes that were read.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Beginning {
    bytes: [u8; BEGINNING],
    len: usize,
}

/// So many bytes tell what answers.
const BEGINNING: usize = 24;

/// What a peer said first, and how much has passed since.
#[derive(Debug, Clone, Default)]
pub(super) struct Greeting(Arc<Flow>);

#[derive(Debug, Default)]
struct Flow {
    beginning: Lock<Beginning>,
    read: AtomicU64,
    /// How much had been read when the last announcement was heard.
    at_push: AtomicU64,
    /// The same when replies were last handed over.
    at_answer: AtomicU64,
    /// What ended the connection, if a reply was too large.
    oversized: OnceLock<OversizedReply>,
    /// How much was written that had to wait for room.
    drained: AtomicU64,
}

/// How much had passed at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Passed {
    read: u64,
    drained: u64,
}

/// A stream whose first bytes are noted, and what passes it counted.
#[derive(Debug)]
pub(super) struct Overheard<S> {
    stream: S,
    greeting: Greeting,
    /// How many bytes are to be noted still.
    left: usize,
    /// Whether what is written next was refused before, for want of room.
    is_full: bool,
    meter: Meter,
}

impl Greeting {
    /// Notes how what comes over a stream begins, and ends it where one reply takes too much.
    pub(super) fn of<S>(stream: S, max_reply: u64) -> (Overheard<S>, Self) {
        let greeting = Self::default();
        let (left, is_full, meter) = (BEGINNING, false, Meter::new(max_reply));
        (Overheard { stream, greeting: greeting.clone(), left, is_full, meter }, greeting)
    }

    pub(super) fn bytes(&self) -> Beginning {
        *self.0.beginning.lock()
    }

    /// How much has passed so far.
    pub(super) fn passed(&self) -> Passed {
        let count = |bytes: &AtomicU64| bytes.load(Ordering::Relaxed);
        Passed { read: count(&self.0.read), drained: count(&self.0.drained) }
    }

    pub(super) fn note_read(&self, bytes: usize) {
        self.0.read.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Notes what was written, and whether it had to wait until there was room.
    ///
    /// Only then has the other side made that room. What fits is taken by our own machine, however dead the
    /// other side is. So is what fits into the room of a machine whose server is frozen, which has an end.
    pub(super) fn note_written(&self, bytes: usize, had_to_wait: bool) {
        if had_to_wait {
            self.0.drained.fetch_add(bytes as u64, Ordering::Relaxed);
        }
    }

    /// An announcement was heard: so far nothing of a reply is under way.
    pub(super) fn note_push(&self) {
        self.0.at_push.store(self.passed().read, Ordering::Relaxed);
    }

    /// Replies were handed over: so far nothing waits unread.
    pub(super) fn note_answer(&self) {
        self.0.at_answer.store(self.0.read.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    /// The reply that was too large, if one was.
    pub(super) fn oversized(&self) -> Option<OversizedReply> {
        self.0.oversized.get().copied()
    }

    /// How much has been read that nobody has been handed over.
    fn waiting(&self) -> u64 {
        let Flow { read, at_push, at_answer, .. } = &*self.0;
        let last = [at_push, at_answer].map(|at| at.load(Ordering::Relaxed)).into_iter().max();
        read.load(Ordering::Relaxed).saturating_sub(last.unwrap_or_default())
    }

    /// How many bytes have passed since a moment, if a part of a question or of a reply is among them.
    ///
    /// Announcements come however dead the way to the server is; they do not come in the middle of a reply.
    pub(super) fn goes_on_since(&self, before: Passed) -> Option<u64> {
        let now = self.passed();
        let is_reply = now.read > before.read.max(self.0.at_push.load(Ordering::Relaxed));
        let is_question = now.drained > before.drained;
        (is_reply || is_question).then(|| self.passed_since(before))
    }

    /// How many bytes have passed since a moment, either way.
    pub(super) fn passed_since(&self, before: Passed) -> u64 {
        let now = self.passed();
        now.read.saturating_sub(before.read) + now.drained.saturating_sub(before.drained)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Overheard<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        let this = &mut *self;
        ready!(Pin::new(&mut this.stream).poll_read(cx, into))?;
        let read = &into.filled()[before..];
        this.greeting.note_read(read.len());
        let waiting = this.greeting.waiting();
        let metered = this.meter.add(read).and_then(|()| this.meter.check_waiting(waiting));
        if let Err(oversized) = metered {
            let _ = this.greeting.0.oversized.set(oversized);
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, oversized)));
        }
        if this.left > 0 {
            this.greeting.0.beginning.lock().add(read);
            this.left = this.left.saturating_sub(read.len());
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Overheard<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.note_written(&written, bytes.len());
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.note_written(&written, slices.iter().map(|slice| slice.len()).sum());
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

impl<S> Overheard<S> {
    /// Notes how much was written of so many bytes, and whether there was room for all.
    fn note_written(&mut self, written: &Poll<io::Result<usize>>, of: usize) {
        match written {
            Poll::Pending => self.is_full = true,
            Poll::Ready(Ok(count)) => {
                self.greeting.note_written(*count, self.is_full);
                self.is_full &= *count < of;
            }
            Poll::Ready(Err(_)) => {}
        }
    }
}

impl Beginning {
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    pub(super) fn add(&mut self, bytes: &[u8]) {
        let count = bytes.len().min(BEGINNING - self.len);
        self.bytes[self.len..self.len + count].copy_from_slice(&bytes[..count]);
        self.len += count;
    }
}

impl fmt::Display for Beginning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&Excerpt::of_bytes(self.as_bytes()), f)
    }
}

/// Shows nothing: what answers may repeat a password, which is looked for in messages only.
impl fmt::Debug for Beginning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Beginning").finish_non_exhaustive()
    }
}
