//! Processor time, which others on the machine do not lengthen as they lengthen time.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::support::server::RedisServer;

/// That of this thread so far, in seconds.
pub(crate) fn of_thread() -> f64 {
    used(ClockId::ThreadCPUTime)
}

/// That of this process so far, in seconds.
pub(crate) fn of_process() -> f64 {
    used(ClockId::ProcessCPUTime)
}

/// That of the server so far, in seconds.
pub(crate) fn of_server(server: &RedisServer) -> f64 {
    server.info::<f64>("used_cpu_user") + server.info::<f64>("used_cpu_sys")
}

/// That of the programs that this process has run to their end so far, in seconds.
pub(crate) fn of_children() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("a system with /proc");
    // What stands before may contain blanks; cutime and cstime are the 16th and 17th of all.
    let fields = stat.rsplit_once(')').expect("the name of the program").1.split_whitespace();
    let ticks = fields.skip(13).take(2).map(|ticks| ticks.parse::<f64>().expect("a number"));
    // Linux tells programs of hundredths, whatever it counts by.
    ticks.sum::<f64>() / 100.0
}

fn used(clock: ClockId) -> f64 {
    let time = clock_gettime(clock);
    let time = Duration::try_from(time).expect("it has begun with the process");
    time.as_secs_f64()
}
