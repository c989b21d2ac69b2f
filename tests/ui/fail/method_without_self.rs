use athena_cache::athena_cache;

struct Tenant {
    name: String,
}

impl Tenant {
    #[athena_cache]
    async fn settings(&self, id: u64) -> String {
        format!("{} {id}", self.name)
    }

    #[athena_cache(key = "orders:{id}", skip(page))]
    async fn orders(&self, id: u64, page: u32) -> String {
        format!("{} {id} {page}", self.name)
    }
}

fn main() {}
