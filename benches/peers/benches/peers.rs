//! The table: `cargo bench --manifest-path benches/peers/Cargo.toml`.

fn main() {
    athena_peers::print(std::env::args().skip(1), env!("CARGO_BIN_EXE_counted"));
}
