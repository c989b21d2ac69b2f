//! The two processes, and what each says in the end.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

const MIB: u64 = 1 << 20;
/// What a process may take above what it takes without a cache.
const MOST_MEMORY: u64 = 64 * MIB;
/// Files, sockets and the like that a process may have open at a time.
const MOST_OPEN: usize = 150;
/// Records at level warn and above, of a process.
const MOST_RECORDS: usize = 60;
const LONGEST_RECORD: usize = 3_000;
/// How long a call may take, in milliseconds: what it waits for Redis, a load, and a machine with much to do.
const SLOWEST: u64 = 4_000;
/// What each process has done at least, or the trouble has met nobody.
const LEAST: [(&str, u64); 4] = [("calls", 500), ("changes", 50), ("hits", 100), ("settled", 10)];
/// How long they may take for it, on a machine with much to do.
const PATIENCE: Duration = Duration::from_secs(120);

/// Two processes with one source of truth.
#[derive(Debug)]
pub(super) struct Shops {
    all: [Shop; 2],
    source: PathBuf,
    most_open: usize,
}

#[derive(Debug)]
struct Shop {
    child: Child,
    told: Receiver<String>,
    figures: Figures,
    records: Option<JoinHandle<String>>,
}

/// Of one process, by name.
type Figures = HashMap<String, u64>;

/// What came of one process.
#[derive(Debug)]
pub(super) struct Report {
    figures: Figures,
    records: String,
}

impl Shops {
    /// Starts both on one Redis, and waits until they call.
    pub(super) fn open(url: &str) -> Self {
        Self::open_as(url, "steady")
    }

    /// The same, and in both others join and leave all the time, which know nothing yet.
    pub(super) fn open_with_newcomers(url: &str) -> Self {
        Self::open_as(url, "newcomers")
    }

    fn open_as(url: &str, habit: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("athena-source-{}-{count}", std::process::id());
        let source = std::env::temp_dir().join(name);
        File::create(&source).expect("create the source");
        let all =
            ["0", "1"].map(|number| Shop::open(&[url, &source.to_string_lossy(), number, habit]));
        let mut shops = Self { all, source, most_open: 0 };
        shops.all.iter_mut().for_each(Shop::wait_until_ready);
        shops
    }

    /// Does something again and again for a while, and until both processes have met enough of it; looks whether they live.
    pub(super) fn trade(&mut self, time: Duration, pause: Duration, mut step: impl FnMut(usize)) {
        let begun = Instant::now();
        for round in 0.. {
            let is_enough = self.all.iter_mut().all(Shop::has_done_enough);
            if begun.elapsed() >= time && (is_enough || begun.elapsed() >= PATIENCE) {
                break;
            }
            step(round);
            for shop in &mut self.all {
                assert!(shop.child.try_wait().expect("ask the system").is_none(), "it has ended");
                self.most_open = self.most_open.max(shop.open_files());
            }
            std::thread::sleep(pause);
        }
    }

    /// Has both end, and checks that nobody was harmed.
    pub(super) fn close(mut self) -> [Report; 2] {
        for shop in &mut self.all {
            drop(shop.child.stdin.take());
        }
        assert!(self.most_open <= MOST_OPEN, "{} files or sockets are open", self.most_open);
        let reports = self.all.map(Shop::close);
        fs::remove_file(&self.source).expect("remove the source");
        reports.iter().for_each(Report::assert_unharmed);
        reports
    }
}

impl Shop {
    fn open(words: &[&str]) -> Self {
        let here = std::env::current_exe().expect("the path of this binary");
        let profile = here.ancestors().nth(2).expect("target/profile/deps/binary");
        let path = profile.join("examples").join(format!("shop{}", std::env::consts::EXE_SUFFIX));
        let mut command = Command::new(&path);
        command.args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| {
            panic!("cannot run {} ({error}): run cargo build --examples", path.display())
        });
        let (tell, told) = mpsc::channel();
        let lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|it| tell.send(it)));
        let mut written = child.stderr.take().expect("it is piped");
        let records = std::thread::spawn(move || {
            let mut records = Vec::new();
            // What was written until then counts.
            drop(written.read_to_end(&mut records));
            String::from_utf8_lossy(&records).into_owned()
        });
        Self { child, told, figures: Figures::new(), records: Some(records) }
    }

    fn wait_until_ready(&mut self) {
        let line = self.told.recv_timeout(PATIENCE).unwrap_or_default();
        assert_eq!(line, "ready", "{}", self.end().1);
    }

    fn has_done_enough(&mut self) -> bool {
        while let Ok(line) = self.told.try_recv() {
            self.figures = figures(&line);
        }
        LEAST.iter().all(|&(name, least)| self.figures.get(name).is_some_and(|it| *it > least))
    }

    fn open_files(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.child.id())).map_or(0, Iterator::count)
    }

    fn close(mut self) -> Report {
        let (is_well, records) = self.end();
        assert!(is_well, "it ended by an error: {records}");
        let last = self.told.iter().last().expect("it tells what came of it");
        Report { figures: figures(&last), records }
    }

    /// Whether it ended with 0, and what it wrote.
    fn end(&mut self) -> (bool, String) {
        drop(self.child.stdin.take());
        let status = self.child.wait().expect("it ends");
        let records = self.records.take().map(|it| it.join().expect("it reads"));
        (status.code() == Some(0), records.unwrap_or_default())
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        // One that has ended by itself cannot be killed, which is as good.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Report {
    /// A figure by its name.
    pub(super) fn figure(&self, name: &str) -> u64 {
        *self.figures.get(name).unwrap_or_else(|| panic!("no {name} among {:?}", self.figures))
    }

    fn assert_unharmed(&self) {
        let Self { figures, records } = self;
        eprintln!("{figures:?}, {} records", records.lines().count());
        for name in ["errors", "wrong", "panics", "tasks"] {
            assert_eq!(self.figure(name), 0, "{name}: {figures:?}\n{records}");
        }
        for (name, least) in LEAST {
            assert!(self.figure(name) > least, "{name}: {figures:?}\n{records}");
        }
        assert!(self.figure("slowest") < SLOWEST, "{figures:?}\n{records}");
        assert!(self.figure("memory") < MOST_MEMORY, "{figures:?}\n{records}");
        assert!(records.lines().count() <= MOST_RECORDS, "{records}");
        assert!(records.lines().all(|line| line.len() < LONGEST_RECORD), "{records}");
        // A text from outside that was let through would begin a line of its own.
        let is_record =
            |line: &str| line.contains(" WARN athena_cache") || line.contains(" ERROR ");
        assert!(records.lines().all(is_record), "{records}");
    }
}

fn figures(line: &str) -> Figures {
    let words: Vec<_> = line.split(' ').collect();
    let pairs = words.chunks_exact(2);
    pairs.map(|pair| (pair[0].to_owned(), pair[1].parse().expect("a number"))).collect()
}
