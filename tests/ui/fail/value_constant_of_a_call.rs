// A time that only a call knows, and what to write instead.

use std::time::Duration;

use athena_cache::athena_cache;

#[athena_cache(ttl = Duration::from_secs(seconds))]
async fn of_argument(seconds: u64) -> u64 {
    seconds
}

struct Shop {
    ttl: Duration,
}

impl Shop {
    const TTL: Duration = Duration::from_secs(60);

    #[athena_cache(grace = self.ttl, skip(self))]
    async fn of_field(&self) -> u64 {
        u64::from(self.ttl.subsec_nanos())
    }

    #[athena_cache(ttl = Self::TTL, skip(self))]
    async fn of_type(&self) -> u64 {
        1
    }
}

fn settings() -> Duration {
    Shop::TTL
}

#[athena_cache(ttl = settings())]
async fn of_settings() -> u64 {
    1
}

fn main() {}
