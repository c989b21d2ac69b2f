//! What a server is told beside where it listens.

use std::fs;

use super::super::resp::Reply;
use super::super::wait_for;
use super::{CONFIG, Make, Program, RedisServer};

impl RedisServer {
    /// Asks clients and replicas for a password, from the next start on.
    pub(crate) fn ask_for(&mut self, password: &str) {
        self.settings.extend(["--requirepass", password].map(str::to_owned));
        if self.program == Program::Data {
            self.settings.extend(["--masterauth", password].map(str::to_owned));
        }
        self.password = Some(password.to_owned());
    }

    /// Has it run another program, from the next start on.
    pub(crate) fn run(&mut self, make: Make) {
        self.make = make;
    }

    /// Changes a setting of a server that runs, for its later starts as well.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        assert_eq!(self.cli(&["CONFIG", "SET", name, value]), Reply::Status("OK".into()));
        self.settings.extend([format!("--{name}"), value.to_owned()]);
    }

    /// Gives it a configuration file, which it may rewrite and finds again after a restart.
    ///
    /// The settings that it was prepared with come on top.
    pub(crate) fn configure(&self, text: &str) {
        fs::write(self.folder.join(CONFIG), text).expect("write the configuration");
    }

    /// Has it fail to save, and with that refuse writes and signs of life (MISCONF), until
    /// [`let_save`](Self::let_save).
    pub(crate) fn fail_to_save(&self) {
        // A replica has a file there once it was given everything.
        drop(fs::remove_file(self.folder.join("dump.rdb")));
        fs::create_dir_all(self.folder.join("dump.rdb/in-the-way")).expect("create a folder");
        self.cli(&["CONFIG", "SET", "save", "3600 1"]);
        wait_for("a save fails", || {
            drop(self.cli(&["BGSAVE"]));
            let pong = self.cli(&["PING"]);
            matches!(pong, Reply::Error(text) if text.starts_with("MISCONF")).then_some(())
        });
    }

    /// Has it save again.
    pub(crate) fn let_save(&self) {
        fs::remove_dir_all(self.folder.join("dump.rdb")).expect("remove the folder");
        self.cli(&["CONFIG", "SET", "save", ""]);
    }
}
