//! One direction of one connection.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::{Mode, Names};

/// How many delayed chunks wait before the sender feels it.
const WAITING: usize = 256;
/// Between two slices, so that the receiver reads them one by one.
const SLICE_PAUSE: Duration = Duration::from_micros(100);

#[derive(Debug)]
pub(super) struct Lane {
    state: Mutex<State>,
    names: Arc<Names>,
}

#[derive(Debug)]
struct State {
    mode: Mode,
    /// Whether bytes disappeared.
    lost: bool,
    ended: bool,
}

/// What is to be written, and not before when.
struct Parcel {
    due: Instant,
    bytes: Vec<u8>,
    slice: usize,
}

impl Lane {
    pub(super) fn new(mode: Mode, names: Arc<Names>) -> Self {
        Self { state: Mutex::new(State { mode, lost: false, ended: false }), names }
    }

    /// Changes the mode; tells whether bytes were lost before.
    pub(super) fn set(&self, mode: Mode) -> bool {
        let mut state = self.state();
        state.mode = mode;
        state.lost
    }

    /// Takes what a peer would send for lost if bytes disappear now.
    pub(super) fn is_lost(&self) -> bool {
        let mut state = self.state();
        state.lost |= state.mode == Mode::Swallow;
        state.lost
    }

    pub(super) fn has_ended(&self) -> bool {
        self.state().ended
    }

    /// Carries bytes until either side ends.
    pub(super) fn forward(&self, mut from: TcpStream, to: TcpStream) {
        let mut exit = Exit::Direct(to);
        let mut buffer = vec![0; 16 * 1024];
        loop {
            let count = from.read(&mut buffer).unwrap_or(0);
            let now = Instant::now();
            self.names.translate(&mut buffer[..count]);
            let (delay, slice) = match self.arrived() {
                // The end of the connection is lost as well.
                Mode::Swallow if count == 0 => return,
                Mode::Swallow => continue,
                Mode::Reset => break,
                Mode::Pass => (Duration::ZERO, usize::MAX),
                Mode::Slice(size) => (Duration::ZERO, size.max(1)),
                Mode::Delay(delay) => (delay, usize::MAX),
                Mode::Rate(rate) => {
                    let count = u32::try_from(count).unwrap_or(u32::MAX);
                    sleep(Duration::from_secs(1) * count / rate.max(1));
                    (Duration::ZERO, usize::MAX)
                }
            };
            if !delay.is_zero() {
                exit = exit.delayed();
            }
            let parcel = Parcel { due: now + delay, bytes: buffer[..count].to_vec(), slice };
            if exit.send(parcel).is_err() || count == 0 {
                break;
            }
        }
        self.state().ended = true;
        exit.close();
        drop(from.shutdown(Shutdown::Both));
    }

    /// The mode at this moment; what arrives while it swallows is noted as lost.
    fn arrived(&self) -> Mode {
        self.is_lost();
        self.state().mode
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where bytes leave: at once, or, from the first delay on, through a thread that waits.
enum Exit {
    Direct(TcpStream),
    Delayed(SyncSender<Parcel>),
}

impl Exit {
    fn delayed(self) -> Self {
        let Self::Direct(mut to) = self else {
            return self;
        };
        let (sender, parcels) = sync_channel::<Parcel>(WAITING);
        std::thread::spawn(move || {
            for parcel in parcels {
                sleep(parcel.due.saturating_duration_since(Instant::now()));
                // An empty one is the end.
                if parcel.bytes.is_empty() || parcel.write(&mut to).is_err() {
                    break;
                }
            }
            drop(to.shutdown(Shutdown::Both));
        });
        Self::Delayed(sender)
    }

    fn send(&mut self, parcel: Parcel) -> io::Result<()> {
        match self {
            Self::Direct(to) => parcel.write(to),
            Self::Delayed(sender) => sender.send(parcel).map_err(io::Error::other),
        }
    }

    /// Closes what is written to, at once or after what still waits.
    fn close(self) {
        if let Self::Direct(to) = self {
            drop(to.shutdown(Shutdown::Both));
        }
    }
}

impl Parcel {
    fn write(&self, to: &mut TcpStream) -> io::Result<()> {
        let mut slices = self.bytes.chunks(self.slice).peekable();
        while let Some(slice) = slices.next() {
            to.write_all(slice)?;
            if slices.peek().is_some() {
                sleep(SLICE_PAUSE);
            }
        }
        Ok(())
    }
}
