//! A service with memory and Redis, against the same written by hand.

use std::sync::Arc;

use super::{Subjects, labels};
use crate::effort;
use crate::names::Names;
use crate::peer::{Subject, loads, service};
use crate::rounds::ratios;
use crate::stage::Stage;
use crate::table::Table;

const TASKS: u64 = 16;
/// Calls of one task in a round.
const CALLS: u64 = 100;
const ROUNDS: usize = 11;
/// Names that memory has.
const HOT: u64 = 100;

/// What answers so many of a hundred calls; the rest is loaded.
#[derive(Clone, Copy)]
struct Mix {
    by_memory: u64,
    by_redis: u64,
}

const MIXES: [(&str, Mix); 3] = [
    ("90 % memory, 9 % Redis, 1 % loads", Mix { by_memory: 90, by_redis: 9 }),
    ("Redis", Mix { by_memory: 0, by_redis: 100 }),
    ("loads", Mix { by_memory: 0, by_redis: 0 }),
];

async fn peers(url: &str) -> Subjects {
    let by_hand = service::ByHand::connect(url).await;
    vec![Arc::new(by_hand), Arc::new(service::Athena::connect(url))]
}

pub(crate) fn print(stage: &Stage) {
    let url = stage.server().url();
    let connect = || stage.runtime().block_on(peers(&url));
    // Others have stored what these find in Redis.
    let (subjects, others) = (connect(), connect());
    let hot = Names::from(0, HOT);
    for subject in &subjects {
        stage.runtime().block_on(Arc::clone(subject).walk(hot.clone(), 0, hot.count()));
        stage.runtime().block_on(Arc::clone(subject).settled());
    }
    let mut table = Table::new(
        "A service with memory and Redis: processor time of client and server, against one by hand",
        labels(&subjects),
    );
    let mut next = HOT;
    for (head, mix) in MIXES {
        let measure = |_, place: usize| {
            let stored = Names::from(next, TASKS * mix.by_redis);
            let new = Names::from(next + TASKS * mix.by_redis, TASKS * CALLS);
            next += TASKS * (mix.by_redis + CALLS);
            run(stage, &others[place], vec![stored.clone()]);
            let calls = (0..TASKS).map(|task| mix.calls(task, &hot, &stored, &new)).collect();
            let ran = loads();
            let (server, client) = (effort::of_server(stage.server()), effort::of_process());
            run(stage, &subjects[place], calls);
            let used = effort::of_process() - client + effort::of_server(stage.server()) - server;
            let expected = TASKS * (CALLS - mix.by_memory - mix.by_redis);
            assert_eq!(loads() - ran, expected, "{}", subjects[place].label());
            [used]
        };
        table.ratios(head, &ratios(ROUNDS, subjects.len(), measure)[0]);
    }
    table.print();
}

impl Mix {
    /// What a task calls in a round: stored and new names are its own.
    fn calls(self, task: u64, hot: &Names, stored: &Names, new: &Names) -> Names {
        let place = |number: u64| usize::try_from(number).expect("few");
        // 37 is coprime to a hundred: the kinds alternate.
        let call = |turn: u64| match turn * 37 % CALLS {
            kind if kind < self.by_redis => stored.at(place(task * self.by_redis + kind)),
            kind if kind < self.by_redis + self.by_memory => hot.at(place(kind)),
            kind => new.at(place(task * CALLS + kind)),
        };
        (0..CALLS).map(call).collect()
    }
}

/// Lets a task call each list, and waits for what that leaves behind.
fn run(stage: &Stage, subject: &Arc<dyn Subject>, calls: Vec<Names>) {
    stage.runtime().block_on(async {
        let start = |names: Names| {
            let times = names.count();
            tokio::spawn(Arc::clone(subject).walk(names, 0, times))
        };
        let tasks: Vec<_> = calls.into_iter().map(start).collect();
        for task in tasks {
            task.await.expect("it does not panic");
        }
        Arc::clone(subject).settled().await;
    });
}
