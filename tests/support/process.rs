//! One child process: hung, killed and waited for by its own id.

use std::io;
use std::process::{Child, Command};

use super::wait_for;

/// A process that ends when this is dropped, frozen or not.
#[derive(Debug)]
pub(crate) struct Process(Child);

impl Process {
    /// Starts it.
    pub(crate) fn spawn(command: &mut Command) -> io::Result<Self> {
        command.spawn().map(Self)
    }

    /// Its id for the system.
    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    /// Whether it is gone, for whatever reason.
    pub(crate) fn has_ended(&mut self) -> bool {
        !matches!(self.0.try_wait(), Ok(None))
    }

    /// Hangs it (SIGSTOP) and waits until it stands still.
    pub(crate) fn freeze(&self) {
        self.signal("-STOP");
        #[cfg(target_os = "linux")]
        wait_for("the process stands still", || {
            let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.id())).ok()?;
            stat.rsplit(") ").next()?.starts_with('T').then_some(())
        });
    }

    /// Lets it go on after [`freeze`](Self::freeze).
    pub(crate) fn thaw(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([signal, &self.id().to_string()]).status();
        assert!(status.is_ok_and(|status| status.success()), "kill {signal} failed");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // One that has ended by itself cannot be killed, which is as good.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}
