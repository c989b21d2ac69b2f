//! Values: what is stored is found, as long as it lives.

use super::{Checked, Duration, EntryNames, LONG, SHORT, Stored, generation};

/// How much of a long life may be gone when it is looked at.
const SLACK: Duration = Duration::from_secs(30);

pub(super) async fn a_backend_answers_and_tells_where_it_is(probe: &Checked) {
    let nodes = probe.backend.nodes();
    for node in &nodes {
        probe.done(probe.backend.prove(*node).await);
        let ready = probe.backend.is_ready(*node);
        probe.promise(ready, "a node that has just answered is ready", ready);
    }
    let own = probe.node();
    probe.promise(nodes.contains(&own), "the node of a name is among the nodes", own);
    let endpoint = probe.endpoint();
    probe.promise(!endpoint.is_empty(), "the endpoint has a name", &endpoint);
    probe.promise(!endpoint.contains('@'), "the endpoint shows no credentials", &endpoint);
}

pub(super) async fn a_read_of_nothing_finds_nothing(probe: &Checked) {
    probe.read(&[], &[]).await;
}

pub(super) async fn an_absent_value_reads_as_absent(probe: &Checked) {
    let tags = [probe.tag("a"), probe.tag("b")];
    let found = probe.read(&[&probe.entry("foo").value], &[&tags[0], &tags[1]]).await;
    probe.promise(found.values == [None], "what was never stored is absent", &found);
    probe.promise(found.generations == [None, None], "so are its generations", &found);
}

pub(super) async fn an_inserted_value_is_read_back_with_its_remaining_life(probe: &Checked) {
    let entry = probe.entry("foo");
    probe.insert(&entry, b"bar", LONG).await;
    expect(probe, &entry, b"bar", LONG).await;
}

pub(super) async fn an_insert_replaces_value_and_life(probe: &Checked) {
    let entry = probe.entry("foo");
    for (bytes, life) in [(b"one", LONG), (b"two", LONG / 4), (b"six", LONG / 2)] {
        probe.insert(&entry, bytes, life).await;
        expect(probe, &entry, bytes, life).await;
    }
}

pub(super) async fn a_value_ends_with_its_life(probe: &Checked) {
    let (short, long) = (probe.entry("short"), probe.entry("long"));
    probe.insert(&short, b"bar", SHORT).await;
    probe.insert(&long, b"bar", LONG).await;
    probe
        .until("a value is absent after its life", async || {
            let stored = probe.value(&short).await;
            let within = stored.as_ref().is_none_or(|stored| stored.remaining <= SHORT);
            probe.promise(within, "the remaining life is within the life", &stored);
            stored.is_none()
        })
        .await;
    expect(probe, &long, b"bar", LONG).await;
}

pub(super) async fn a_life_of_one_millisecond_is_a_life(probe: &Checked) {
    let entry = probe.entry("foo");
    probe.insert(&entry, b"bar", Duration::from_millis(1)).await;
    probe.until("it ends", async || probe.value(&entry).await.is_none()).await;
}

pub(super) async fn any_bytes_are_kept(probe: &Checked) {
    let every_byte: Vec<u8> = (0..=u8::MAX).collect();
    let large = every_byte.repeat(4096);
    let kinds: [(&str, &[u8]); 5] = [
        ("empty", b""),
        ("line", b"$5\r\nhello\r\n"),
        ("null", b"\0"),
        ("every", &every_byte),
        ("large", &large),
    ];
    for (key, bytes) in kinds {
        let (inserted, filled) = (probe.entry(key), probe.entry(&format!("{key}-filled")));
        probe.insert(&inserted, bytes, LONG).await;
        let token = probe.hold(&filled, LONG).await;
        probe.fill(&filled, token, bytes, LONG).await;
        for entry in [inserted, filled] {
            let found = probe.bytes(&entry).await.unwrap_or_default();
            probe.promise(found == bytes, "the same bytes come back", (key, found.len()));
        }
    }
}

pub(super) async fn any_legal_name_is_kept_apart(probe: &Checked) {
    let keys = [
        "a", "A", "a ", " a", "a:b", "a{b", "{a}", "a*", "a?", "[a]", "a\\", "\"a\"", "'a'", "%20",
        "$1", "-", "nil", "0", "#a", "~",
    ];
    let longest = "x".repeat(360);
    let keys: Vec<_> = keys.into_iter().chain([longest.as_str()]).collect();
    for key in &keys {
        probe.insert(&probe.entry(key), key.as_bytes(), LONG).await;
    }
    for key in &keys {
        let found = probe.bytes(&probe.entry(key)).await;
        let same = found.as_deref() == Some(key.as_bytes());
        probe.promise(same, "every name has its own value", (key, &found));
    }
    let first = probe.entry(keys[0]);
    probe.remove(&[&first.value]).await;
    for key in &keys[1..] {
        let found = probe.bytes(&probe.entry(key)).await;
        probe.promise(found.is_some(), "removing a name removes no other", (key, &found));
    }
}

pub(super) async fn one_read_finds_many_values_in_order(probe: &Checked) {
    let entries: Vec<_> = (0..64).map(|number| probe.entry(&number.to_string())).collect();
    let tags: Vec<_> = (0..3).map(|number| probe.tag(&number.to_string())).collect();
    let current = generation();
    probe.hold_generation(&tags[1], current).await;
    for (number, entry) in entries.iter().enumerate().step_by(2) {
        probe.insert(entry, number.to_string().as_bytes(), LONG).await;
    }
    let values: Vec<_> = entries.iter().map(|entry| entry.value.as_str()).collect();
    let names: Vec<_> = tags.iter().map(String::as_str).collect();
    let found = probe.read(&values, &names).await;
    for (number, found) in found.values.iter().enumerate() {
        let bytes = found.as_ref().map(|stored| stored.bytes.clone());
        let expected = (number % 2 == 0).then(|| number.to_string().into_bytes());
        probe.promise(bytes == expected, "answers stand in the order of names", (number, found));
    }
    let same = found.generations == [None, Some(current), None];
    probe.promise(same, "so do generations", &found.generations);
}

pub(super) async fn removing_takes_any_number_of_names_present_or_not(probe: &Checked) {
    probe.done(probe.backend.remove(&[]).await);
    let entries: Vec<_> = (0..1200).map(|number| probe.entry(&number.to_string())).collect();
    for entry in entries.iter().step_by(100) {
        probe.insert(entry, b"bar", LONG).await;
    }
    let names: Vec<_> = entries.iter().map(|entry| entry.value.clone()).collect();
    probe.done(probe.backend.remove(&names).await);
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let left = probe.read(&names, &[]).await.values.into_iter().flatten().count();
    probe.promise(left == 0, "what was removed is absent", left);
}

pub(super) async fn shortening_shortens(probe: &Checked) {
    let entry = probe.entry("foo");
    probe.insert(&entry, b"bar", LONG).await;
    probe.shorten(&entry, LONG / 2).await;
    expect(probe, &entry, b"bar", LONG / 2).await;
    probe.shorten(&entry, SHORT).await;
    probe.until("a shortened value ends", async || probe.value(&entry).await.is_none()).await;
}

pub(super) async fn each_of_many_values_has_its_own_life(probe: &Checked) {
    let lives = [LONG, LONG / 2, LONG, LONG / 4];
    let entries: Vec<_> = (0..4).map(|number| probe.entry(&number.to_string())).collect();
    for (entry, life) in entries.iter().zip(lives) {
        probe.insert(entry, b"bar", life).await;
    }
    probe.shorten(&entries[2], LONG / 8).await;
    let values: Vec<_> = entries.iter().map(|entry| entry.value.as_str()).collect();
    let found = probe.read(&values, &[]).await.values;
    let lives = [LONG, LONG / 2, LONG / 8, LONG / 4];
    for (found, life) in found.into_iter().zip(lives) {
        let left = found.map(|stored| stored.remaining);
        let plausible = left.is_some_and(|left| left <= life && left + SLACK >= life);
        probe.promise(plausible, "the remaining life is that of its value", (left, life));
    }
}

pub(super) async fn the_shortest_of_several_lives_holds(probe: &Checked) {
    let entry = probe.entry("foo");
    probe.insert(&entry, b"bar", LONG).await;
    for life in [LONG / 2, LONG / 4, LONG / 2, LONG] {
        probe.shorten(&entry, life).await;
    }
    expect(probe, &entry, b"bar", LONG / 4).await;
}

pub(super) async fn what_was_shortened_has_a_whole_life_once_it_is_stored_again(probe: &Checked) {
    let entry = probe.entry("foo");
    probe.insert(&entry, b"bar", LONG).await;
    probe.shorten(&entry, LONG / 2).await;
    probe.insert(&entry, b"baz", LONG).await;
    expect(probe, &entry, b"baz", LONG).await;
}

pub(super) async fn shortening_never_lengthens(probe: &Checked) {
    let entry = probe.entry("foo");
    probe.insert(&entry, b"bar", LONG / 2).await;
    probe.shorten(&entry, LONG).await;
    expect(probe, &entry, b"bar", LONG / 2).await;
}

pub(super) async fn shortening_to_nothing_ends_a_value(probe: &Checked) {
    let entry = probe.entry("foo");
    probe.insert(&entry, b"bar", LONG).await;
    probe.shorten(&entry, Duration::ZERO).await;
    probe.until("it ends", async || probe.value(&entry).await.is_none()).await;
}

pub(super) async fn shortening_skips_what_is_absent(probe: &Checked) {
    probe.done(probe.backend.shorten(&[], LONG).await);
    let (absent, present) = (probe.entry("absent"), probe.entry("present"));
    probe.insert(&present, b"bar", LONG).await;
    let names = [absent.value.clone(), present.value.clone(), absent.lease.clone()];
    probe.done(probe.backend.shorten(&names, LONG / 2).await);
    let found = probe.value(&absent).await;
    probe.promise(found.is_none(), "what was absent still is", &found);
    expect(probe, &present, b"bar", LONG / 2).await;
}

/// Expects a value with about all of a long life before it.
pub(super) async fn expect(probe: &Checked, entry: &EntryNames, bytes: &[u8], life: Duration) {
    let Some(Stored { bytes: found, remaining }) = probe.value(entry).await else {
        return probe.promise(false, "a value is present within its life", "nothing");
    };
    probe.promise(found == bytes, "the bytes are those stored last", &found);
    let plausible = remaining <= life && remaining + SLACK >= life;
    probe.promise(plausible, "the remaining life is that given last", (remaining, life));
}
