//! Rules 13 to 19 of docs/protocol.md as one property: whatever the backend does, one load at a time, and
//! no answer that is older than the window without saying so.

use std::sync::Arc;
use std::time::Duration;

use athena_cache::backend::Class;
use athena_cache::testing::Fault as Chaotic;
use athena_cache::testing::Guard;
use athena_cache::{Fallback, Memory, MemoryRole, Observed};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::WINDOW;
use crate::world::{Fault, Remote};

/// What the backend does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Healthy,
    Untracked,
    NoSignOfLife,
    LeasesRefused,
    FillsRefused,
    Away,
}

const STATES: [State; 6] = [
    State::Healthy,
    State::Untracked,
    State::NoSignOfLife,
    State::LeasesRefused,
    State::FillsRefused,
    State::Away,
];

impl State {
    fn begin(self, remote: &Remote) {
        let refuse = |what| remote.chaos.on(what, Chaotic::Error(Class::WriteRefused));
        match self {
            Self::Healthy => {}
            Self::Untracked => remote.connection.stop_tracking(),
            Self::NoSignOfLife => {
                remote.chaos.on("prove", Chaotic::Error(Class::Timeout));
            }
            Self::LeasesRefused => refuse("lease"),
            Self::FillsRefused => refuse("fill"),
            Self::Away => remote.chaos.always(Chaotic::Error(Class::Unreachable)),
        }
    }

    /// Whether the backend keeps what is loaded.
    fn keeps(self) -> bool {
        matches!(self, Self::Healthy | Self::Untracked | Self::NoSignOfLife)
    }
}

/// One story: callers of one key at regular times, whose loads take equally long.
#[derive(Debug, Clone, Copy)]
struct Story {
    state: State,
    load: Duration,
    spacing: Duration,
    role: MemoryRole,
    fallback: Fallback,
}

const TICK: Duration = Duration::from_millis(50);
const LENGTH: Duration = Duration::from_secs(14);

/// A load in the story.
#[derive(Debug, Clone, Copy)]
struct Load {
    began: Duration,
    ended: Option<Duration>,
}

/// What a caller got: when it came, the beginning of the load whose result that is.
#[derive(Debug)]
struct Got {
    came: Duration,
    loaded: Duration,
    is_flagged: bool,
    /// It waited for a load that ran under a lease, of which every invalidation is announced (rule 1).
    is_announced: bool,
}

struct Stage {
    remote: Remote,
    now: watch::Sender<Duration>,
    loads: Arc<std::sync::Mutex<Vec<Load>>>,
}

impl Stage {
    fn call(&self, story: Story) -> JoinHandle<(Duration, Observed<Result<u64, Fault>>)> {
        let cache = self.remote.world.cache.clone();
        let (now, loads) = (self.now.subscribe(), Arc::clone(&self.loads));
        let came = *now.borrow();
        tokio::spawn(async move {
            let load = move || load(now, loads, story.load);
            let entry = cache.entry("k").ttl(Duration::from_secs(3_600)).fallback(story.fallback);
            (came, entry.in_background().observe(load).await)
        })
    }
}

/// Takes its time, and returns when it began.
async fn load(
    mut now: watch::Receiver<Duration>,
    loads: Arc<std::sync::Mutex<Vec<Load>>>,
    takes: Duration,
) -> Result<u64, Fault> {
    let began = *now.borrow();
    let number = {
        let mut loads = loads.lock().unwrap();
        loads.push(Load { began, ended: None });
        loads.len() - 1
    };
    // The story may end before.
    if now.wait_for(|now| *now >= began + takes).await.is_err() {
        return Err(Fault::Down);
    }
    loads.lock().unwrap()[number].ended = Some(*now.borrow());
    Ok(u64::try_from(began.as_millis()).unwrap())
}

/// Lets everybody do what can be done at this moment.
async fn rest() {
    for _ in 0..60 {
        tokio::task::yield_now().await;
    }
}

async fn play(story: Story, without: Option<Guard>) -> (Vec<Load>, Vec<Got>) {
    let remote = Remote::with(|builder| {
        let mut memory = Memory::default();
        memory.role = story.role;
        let builder = builder.memory(memory);
        without.into_iter().fold(builder, athena_cache::Builder::without)
    });
    let stage = Stage { remote, now: watch::Sender::new(Duration::ZERO), loads: Arc::default() };
    story.state.begin(&stage.remote);
    let (mut callers, mut next) = (Vec::new(), Duration::ZERO);
    let mut now = Duration::ZERO;
    while now < LENGTH {
        if now >= next {
            callers.push(stage.call(story));
            next += story.spacing;
        }
        rest().await;
        now += TICK;
        stage.remote.world.advance(TICK);
        stage.now.send_replace(now);
        rest().await;
    }
    let loads = stage.loads.lock().unwrap().clone();
    let mut got = Vec::new();
    for caller in callers.into_iter().filter(JoinHandle::is_finished) {
        let (came, answer) = caller.await.unwrap();
        let loaded = Duration::from_millis(answer.value.unwrap());
        let is_flagged = answer.outcome.degraded || answer.outcome.stale;
        let is_announced = answer.outcome.joined && story.state == State::FillsRefused;
        got.push(Got { came, loaded, is_flagged, is_announced });
    }
    (loads, got)
}

/// What is wrong with a story that has been played.
fn faults(story: Story, loads: &[Load], got: &[Got]) -> Vec<String> {
    let mut faults = Vec::new();
    let ended = |load: &Load| load.ended.unwrap_or(Duration::MAX);
    for (former, later) in loads.iter().zip(&loads[1..]) {
        // Who takes no copies may begin another, once in a window, where nothing is kept.
        let least = if story.fallback == Fallback::OriginOnly && !story.state.keeps() {
            ended(former).min(former.began + WINDOW)
        } else {
            ended(former)
        };
        if later.began < least {
            faults.push(format!("two loads at a time: {former:?} {later:?}"));
        }
    }
    if story.state.keeps() && story.role != MemoryRole::Off && loads.len() > 1 {
        faults.push(format!("{} loads of what the backend has", loads.len()));
    }
    if story.role == MemoryRole::Tier && !story.state.keeps() {
        // Who takes no copies loads once in a window, whatever runs.
        let takes_copies = story.fallback != Fallback::OriginOnly;
        let longest = if takes_copies { story.load.max(WINDOW) } else { WINDOW };
        let most = LENGTH.as_millis() / longest.as_millis() + 2;
        if loads.len() as u128 > most {
            faults.push(format!("{} loads, expected {most} at most", loads.len()));
        }
    }
    let is_bounded = |got: &&Got| !got.is_flagged && !got.is_announced && !story.state.keeps();
    for got in got.iter().filter(is_bounded) {
        if got.loaded + WINDOW < got.came {
            faults.push(format!("older than the window, and does not say so: {got:?}"));
        }
    }
    faults
}

fn stories() -> impl Iterator<Item = Story> {
    let shares = |share: u32| WINDOW * share / 10;
    let loads = [1, 10, 30].map(shares);
    let roles = [MemoryRole::Tier, MemoryRole::Fallback, MemoryRole::Off];
    let fallbacks = [Fallback::GracefulDegradation, Fallback::OriginOnly];
    let spacings = [2, 7].map(shares);
    let all = STATES.into_iter().flat_map(move |state| loads.map(|load| (state, load)));
    let all = all.flat_map(move |(state, load)| spacings.map(|spacing| (state, load, spacing)));
    let all = all.flat_map(move |it| roles.map(|role| (it, role)));
    all.flat_map(move |((state, load, spacing), role)| {
        fallbacks.map(|fallback| Story { state, load, spacing, role, fallback })
    })
}

#[tokio::test]
async fn whatever_the_backend_does_one_load_at_a_time_serves_all_callers() {
    for story in stories() {
        let (loads, got) = play(story, None).await;
        let faults = faults(story, &loads, &got);
        assert!(faults.is_empty(), "{story:?}: {faults:#?}");
        assert!(!got.is_empty(), "{story:?}: nobody was answered");
    }
}

#[tokio::test]
async fn without_its_guards_the_property_fails() {
    for guard in [Guard::LateJoining, Guard::Keeping] {
        let mut is_found = false;
        for story in stories().filter(|story| !story.state.keeps()) {
            let (loads, got) = play(story, Some(guard)).await;
            if !faults(story, &loads, &got).is_empty() {
                is_found = true;
                break;
            }
        }
        assert!(is_found, "{guard:?} is not missed");
    }
}
