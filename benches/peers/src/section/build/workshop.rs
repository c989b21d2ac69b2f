//! A folder with packages in it, which is removed again.
//!
//! Invariant: they are built with the versions that this program was built with, and nothing is downloaded.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use super::package::Package;

const LOCK: &str = include_str!("../../../Cargo.lock");

#[derive(Debug)]
pub(crate) struct Workshop(PathBuf);

impl Workshop {
    pub(crate) fn open(packages: &[Package]) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("athena-peers-{}-{count}", std::process::id());
        let workshop = Self(std::env::temp_dir().join(name));
        let names: Vec<_> = packages.iter().map(|package| &package.name).collect();
        let workspace = format!("[workspace]\nresolver = \"3\"\nmembers = {names:?}\n");
        workshop.write("Cargo.toml", &workspace);
        workshop.write("Cargo.lock", LOCK);
        for Package { name, dependencies, source, .. } in packages {
            let head =
                format!("[package]\nname = {name:?}\nversion = \"0.0.0\"\nedition = \"2024\"");
            let manifest = format!("{head}\n\n[dependencies]\n{}\n", dependencies.join("\n"));
            workshop.write(&format!("{name}/Cargo.toml"), &manifest);
            workshop.write(&format!("{name}/src/main.rs"), source);
        }
        workshop
    }

    /// Builds what is not built yet; the program that comes of it.
    pub(crate) fn build(&self, package: &Package) -> PathBuf {
        self.cargo(&["build", "--offline", "--package", &package.name]);
        self.0.join("target/debug").join(&package.name)
    }

    /// Lets a package be built as for the first time, with what it depends on as it is.
    pub(crate) fn forget(&self, package: &Package) {
        self.cargo(&["clean", "--offline", "--package", &package.name]);
    }

    /// Lets everything be built as for the first time.
    pub(crate) fn forget_all(&self) {
        self.cargo(&["clean", "--offline"]);
    }

    fn cargo(&self, arguments: &[&str]) {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(arguments).current_dir(&self.0).env("CARGO_TARGET_DIR", self.0.join("target"));
        // As in the checkout of a user who has set nothing.
        for variable in ["CARGO_INCREMENTAL", "RUSTFLAGS"] {
            cargo.env_remove(variable);
        }
        // Some packages of the registry hold a `rust-toolchain.toml`, which is not meant for their users.
        if let Some(toolchain) = option_env!("RUSTUP_TOOLCHAIN") {
            cargo.env("RUSTUP_TOOLCHAIN", toolchain);
        }
        let output = cargo.output().expect("cargo can be run");
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "cargo {arguments:?}: {error}");
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("make the folder");
        fs::write(path, text).expect("write the file");
    }
}

impl Drop for Workshop {
    fn drop(&mut self) {
        // A folder left behind in the temporary directory spoils no figure.
        drop(fs::remove_dir_all(&self.0));
    }
}
