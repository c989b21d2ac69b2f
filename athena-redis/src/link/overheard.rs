//! A stream that is overheard: how it begins, what passes over it, and where too much would come.
//!
//! Invariant: what is handed on is what has arrived, but for values that there is no room for.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::client::Client;
use super::flow::{BEGINNING, Greeting};
use super::meter::{OversizedReply, Sifted};
use super::tap::Tap;

/// A stream whose first bytes are noted, and what passes it followed.
#[derive(Debug)]
pub(super) struct Overheard<S> {
    stream: S,
    greeting: Greeting,
    tap: Tap,
    /// How many bytes are to be noted still.
    left: usize,
    /// Whether what is written next was refused before, for want of room.
    is_full: bool,
    /// What has arrived and waits for more.
    waiting: Vec<u8>,
    /// What is to be handed on next, and how much of it was.
    sifted: Vec<u8>,
    handed: usize,
}

impl<S> Overheard<S> {
    /// Notes how what comes over a stream begins, and ends it where one reply takes too much.
    pub(super) fn new(stream: S, max_reply: u64, client: Arc<Client>) -> (Self, Greeting) {
        let greeting = Greeting::default();
        let overheard = Self {
            stream,
            greeting: greeting.clone(),
            tap: Tap::new(max_reply, greeting.clone(), client),
            left: BEGINNING,
            is_full: false,
            waiting: Vec::new(),
            sifted: Vec::new(),
            handed: 0,
        };
        (overheard, greeting)
    }

    /// Hands on what is left from before; tells whether that was anything.
    fn hand_on(&mut self, into: &mut ReadBuf<'_>) -> bool {
        let left = &self.sifted[self.handed..];
        let here = &left[..left.len().min(into.remaining())];
        into.put_slice(here);
        self.handed += here.len();
        let is_any = !here.is_empty();
        if self.handed == self.sifted.len() {
            self.sifted.clear();
            self.handed = 0;
        }
        is_any
    }

    /// Takes in what was read behind a position; leaves there what can be handed on at once.
    ///
    /// Mostly that is all of it.
    fn take_in(&mut self, into: &mut ReadBuf<'_>, before: usize) -> Result<(), OversizedReply> {
        let read = &into.filled()[before..];
        if self.left > 0 {
            self.greeting.note_beginning(read);
            self.left = self.left.saturating_sub(read.len());
        }
        if self.waiting.is_empty() {
            let sifted = self.tap.arrived(read)?;
            let (at, behind, instead) = sifted.split(read.len());
            self.sifted.extend(instead);
            self.waiting.extend(&read[behind..]);
            into.set_filled(before + at);
            if sifted == Sifted::All || self.waiting.is_empty() || sifted.waits() {
                return Ok(());
            }
        } else {
            self.waiting.extend(read);
            into.set_filled(before);
        }
        self.sift()
    }

    /// Brings on what waits, as far as that goes.
    fn sift(&mut self) -> Result<(), OversizedReply> {
        let waiting = std::mem::take(&mut self.waiting);
        let mut rest = waiting.as_slice();
        while !rest.is_empty() {
            let sifted = self.tap.arrived(rest)?;
            let (at, behind, instead) = sifted.split(rest.len());
            self.sifted.extend(&rest[..at]);
            self.sifted.extend(instead);
            rest = &rest[behind..];
            if sifted.waits() {
                break;
            }
        }
        self.waiting.extend(rest);
        Ok(())
    }

    /// Notes how much was written, and whether there was room for all.
    fn note_written(&mut self, written: &Poll<io::Result<usize>>, slices: &[IoSlice<'_>]) {
        match written {
            Poll::Pending => self.is_full = true,
            Poll::Ready(Ok(count)) => {
                let mut left = *count;
                for slice in slices {
                    let here = &slice[..left.min(slice.len())];
                    self.tap.wrote(here, self.is_full);
                    left -= here.len();
                }
                self.is_full &= *count < slices.iter().map(|slice| slice.len()).sum();
            }
            Poll::Ready(Err(_)) => {}
        }
    }
}

impl<S: AsyncRead + Unpin> Overheard<S> {
    /// Notes what the other side said before it closed the connection: who finds that by writing reads no more.
    fn hear_out(&mut self, cx: &mut Context<'_>) {
        let mut room = [0; BEGINNING];
        let mut into = ReadBuf::new(&mut room);
        let is_silent = self.left == BEGINNING;
        if is_silent && Pin::new(&mut self.stream).poll_read(cx, &mut into).is_ready() {
            self.greeting.note_beginning(into.filled());
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Overheard<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = into.filled().len();
        loop {
            if this.hand_on(into) {
                return Poll::Ready(Ok(()));
            }
            ready!(Pin::new(&mut this.stream).poll_read(cx, into))?;
            if into.filled().len() == before {
                return Poll::Ready(Ok(()));
            }
            if let Err(oversized) = this.take_in(into, before) {
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, oversized)));
            }
            if into.filled().len() > before {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Overheard<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.note_written(&written, &[IoSlice::new(bytes)]);
        if matches!(written, Poll::Ready(Err(_))) {
            self.hear_out(cx);
        }
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
        self.note_written(&written, slices);
        if matches!(written, Poll::Ready(Err(_))) {
            self.hear_out(cx);
        }
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::time::Duration;

    use futures_util::task::noop_waker;

    use super::*;

    /// Bytes that arrive in pieces.
    struct Pieces(VecDeque<Vec<u8>>);

    impl AsyncRead for Pieces {
        fn poll_read(
            mut self: Pin<&mut Self>,
            _cx: &mut Context<'_>,
            into: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            if let Some(mut piece) = self.0.pop_front() {
                let rest = piece.split_off(piece.len().min(into.remaining()));
                into.put_slice(&piece);
                if !rest.is_empty() {
                    self.0.push_front(rest);
                }
            }
            Poll::Ready(Ok(()))
        }
    }

    /// Everything that is handed on, read into rooms of a size.
    fn handed(overheard: &mut Overheard<Pieces>, room: usize) -> Vec<u8> {
        let (waker, mut all) = (noop_waker(), Vec::new());
        let mut cx = Context::from_waker(&waker);
        loop {
            let mut room = vec![0; room];
            let mut into = ReadBuf::new(&mut room);
            let read = Pin::new(&mut *overheard).poll_read(&mut cx, &mut into);
            assert!(matches!(read, Poll::Ready(Ok(()))), "{read:?}");
            if into.filled().is_empty() {
                return all;
            }
            all.extend(into.filled());
        }
    }

    #[test]
    fn what_there_is_room_for_is_handed_on_in_whatever_pieces_it_comes() {
        let large = "x".repeat(600 << 10);
        let reply =
            format!("*3\r\n${0}\r\n{large}\r\n${0}\r\n{large}\r\n$2\r\nab\r\n", large.len());
        let expected = format!("*3\r\n${}\r\n{large}\r\n$-1\r\n$2\r\nab\r\n", large.len());
        let question = redis::cmd("MGET").arg("a").arg("b").arg("c").get_packed_command();
        for (piece, room) in
            [(3, 5), (7, 4_096), (4_096, 3), (reply.len(), 8_192), (614_415, 1 << 20)]
        {
            let pieces = reply.as_bytes().chunks(piece).map(<[u8]>::to_vec).collect();
            let client = Arc::new(Client::new(Duration::from_secs(9)));
            let (mut overheard, greeting) = Overheard::new(Pieces(pieces), 1 << 20, client);
            overheard.note_written(&Poll::Ready(Ok(question.len())), &[IoSlice::new(&question)]);
            assert!(handed(&mut overheard, room) == expected.as_bytes(), "{piece} into {room}");
            assert!(reply.as_bytes().starts_with(greeting.beginning().as_bytes()));
        }
    }
}
