//! Generations: random numbers that hold until somebody changes them.

use super::{Absent, Checked, Generation, LONG, SHORT, bumps, generation, numbers, without_end};

pub(super) async fn a_missing_generation_is_created_with_the_proposal(probe: &Checked) {
    let (entry, tag, proposal) = (probe.entry("foo"), probe.tag("a"), generation());
    let leased = probe.complete(&entry, &[(tag.clone(), proposal)]).await;
    probe.promise(leased.granted, "the lease is granted along with them", &leased);
    probe.promise(numbers(&leased.generations) == [proposal], "the proposal holds", &leased);
    expect(probe, &tag, Some(proposal)).await;
}

pub(super) async fn a_generation_that_holds_is_kept_by_ensure(probe: &Checked) {
    let (tag, first) = (probe.tag("a"), generation());
    for number in 0..3 {
        let proposal = if number == 0 { first } else { generation() };
        let entry = probe.entry(&number.to_string());
        let leased = probe.complete(&entry, &[(tag.clone(), proposal)]).await;
        probe.promise(numbers(&leased.generations) == [first], "the first proposal holds", &leased);
    }
    expect(probe, &tag, Some(first)).await;
}

pub(super) async fn generations_are_answered_in_the_order_of_the_request(probe: &Checked) {
    let tags: Vec<_> = (0..8).map(|number| probe.tag(&number.to_string())).collect();
    let holding: Vec<_> = (0..8).map(|_| generation()).collect();
    for (tag, holds) in tags.iter().zip(&holding).skip(1).step_by(2) {
        probe.hold_generation(tag, *holds).await;
    }
    let request: Vec<(String, Generation)> = tags
        .iter()
        .zip(&holding)
        .enumerate()
        .map(|(at, (tag, holds))| (tag.clone(), if at % 2 == 0 { *holds } else { generation() }))
        .collect();
    let leased = probe.complete(&probe.entry("foo"), &request).await;
    probe.promise(
        numbers(&leased.generations) == holding,
        "each stands in its place",
        (&leased, &holding),
    );
}

pub(super) async fn ensuring_creates_what_is_missing_and_takes_no_lease(probe: &Checked) {
    let none = probe.done(probe.backend.ensure(&[]).await);
    probe.promise(none.generations.is_empty(), "no proposal has no answer", &none);
    let (holds, missing) = (probe.tag("holds"), probe.tag("missing"));
    let (current, proposal) = (generation(), generation());
    probe.hold_generation(&holds, current).await;
    for offer in [proposal, generation()] {
        let request = [(missing.clone(), offer), (holds.clone(), generation())];
        let ensured = probe.backend.ensure(&without_end(&request)).await;
        let ensured = numbers(&probe.done(ensured).generations);
        probe.promise(ensured == [proposal, current], "the first to come hold", &ensured);
    }
    expect(probe, &missing, Some(proposal)).await;
    expect(probe, &holds, Some(current)).await;
    probe.hold(&probe.entry("foo"), LONG).await;
}

pub(super) async fn generations_are_completed_even_if_the_lease_is_not_granted(probe: &Checked) {
    let (entry, tag, proposal) = (probe.entry("foo"), probe.tag("a"), generation());
    probe.hold(&entry, LONG).await;
    let leased = probe.complete(&entry, &[(tag.clone(), proposal)]).await;
    probe.promise(!leased.granted, "a lease that is held is not granted", &leased);
    probe.promise(numbers(&leased.generations) == [proposal], "the proposal holds", &leased);
    expect(probe, &tag, Some(proposal)).await;
}

pub(super) async fn bumping_overwrites_what_is_there(probe: &Checked) {
    probe.bump(&[]).await;
    let tags = [probe.tag("a"), probe.tag("b"), format!("{}:*", probe.namespace)];
    for tag in &tags {
        probe.hold_generation(tag, generation()).await;
    }
    let twice = [(tags[0].clone(), generation()), (tags[0].clone(), generation())];
    probe.bump(&twice).await;
    expect(probe, &tags[0], Some(twice[1].1)).await;
    for _ in 0..2 {
        let bumped: Vec<_> = tags.iter().map(|tag| (tag.clone(), generation())).collect();
        probe.bump(&bumped).await;
        for (tag, current) in &bumped {
            expect(probe, tag, Some(*current)).await;
        }
    }
}

pub(super) async fn bumping_what_is_absent_makes_no_name_unless_it_is_to_be_created(
    probe: &Checked,
) {
    let (there, absent, current) = (probe.tag("there"), probe.tag("absent"), generation());
    probe.hold_generation(&there, generation()).await;
    for _ in 0..2 {
        let bumped = [(absent.clone(), generation()), (there.clone(), current)];
        probe.bump(&bumped).await;
        expect(probe, &absent, None).await;
        expect(probe, &there, Some(current)).await;
    }
    for name in [absent, there] {
        let created = [(name.clone(), generation())];
        probe.done(probe.backend.bump(&bumps(&created, Absent::IsCreated)).await);
        expect(probe, &name, Some(created[0].1)).await;
    }
}

pub(super) async fn a_removed_generation_is_missing(probe: &Checked) {
    let (tag, proposal) = (probe.tag("a"), generation());
    probe.hold_generation(&tag, generation()).await;
    probe.remove(&[&tag]).await;
    expect(probe, &tag, None).await;
    let leased = probe.complete(&probe.entry("foo"), &[(tag, proposal)]).await;
    probe.promise(numbers(&leased.generations) == [proposal], "it is created again", &leased);
}

pub(super) async fn what_is_no_generation_reads_as_missing_and_is_overwritten(probe: &Checked) {
    let garbage: [&[u8]; 6] =
        [b"", b"x", b"0000000000000000", b"123456789abcdef", b"123456789abcdefg", b"\xff"];
    for (number, bytes) in garbage.into_iter().enumerate() {
        let (tag, good) = (probe.tag(&number.to_string()), probe.tag("good"));
        let foreign = crate::testing::conformance::EntryNames {
            value: tag.clone(),
            lease: format!("{{{tag}}}:l"),
        };
        probe.insert(&foreign, bytes, LONG).await;
        expect(probe, &tag, None).await;
        let request = [(good, generation()), (tag.clone(), generation())];
        let leased = probe.complete(&probe.entry(&number.to_string()), &request).await;
        probe.promise(leased.granted, "the lease is granted all the same", (bytes, &leased));
        let now = numbers(&leased.generations).get(1).copied();
        probe.promise(now.is_some(), "a number holds instead", (bytes, &leased));
        expect(probe, &tag, now).await;
    }
}

pub(super) async fn a_generation_does_not_end_with_its_entry(probe: &Checked) {
    let (entry, tag, current) = (probe.entry("foo"), probe.tag("a"), generation());
    let foreign = crate::testing::conformance::EntryNames {
        value: tag.clone(),
        lease: format!("{{{tag}}}:l"),
    };
    probe.insert(&foreign, b"with a short life", SHORT).await;
    probe.hold_generation(&tag, current).await;
    probe.insert(&entry, b"bar", SHORT).await;
    probe.until("the entry ends", async || probe.value(&entry).await.is_none()).await;
    expect(probe, &tag, Some(current)).await;
}

pub(super) async fn a_generation_ends_by_itself_but_not_before_its_life(probe: &Checked) {
    let (tag, proposal) = (probe.tag("a"), generation());
    let lasting = probe.last(&tag, proposal, SHORT).await;
    probe.promise(lasting.generation == proposal, "the proposal holds", lasting);
    let has_its_life = lasting.remaining.is_some_and(|remaining| remaining >= SHORT);
    probe.promise(has_its_life, "it has its life before it", lasting);
    let ends = async || probe.generations(std::slice::from_ref(&tag)).await == [None];
    probe.until("it ends", ends).await;
    let again = probe.last(&tag, generation(), SHORT).await;
    probe.promise(again.generation != proposal, "no number holds twice", again);
}

pub(super) async fn a_generation_that_would_end_too_soon_lives_on(probe: &Checked) {
    let (tag, proposal) = (probe.tag("a"), generation());
    probe.last(&tag, proposal, LONG).await;
    let lasting = probe.last(&tag, generation(), 4 * LONG).await;
    probe.promise(lasting.generation == proposal, "it holds", lasting);
    let lives_on = lasting.remaining.is_some_and(|remaining| remaining >= 4 * LONG);
    probe.promise(lives_on, "it has the longer life before it", lasting);
    expect(probe, &tag, Some(proposal)).await;
}

pub(super) async fn a_generation_that_has_its_life_before_it_is_given_no_more(probe: &Checked) {
    let tag = probe.tag("a");
    let first = probe.last(&tag, generation(), 4 * LONG).await;
    let twice = first.remaining.is_some_and(|remaining| remaining > 4 * LONG + LONG);
    probe.promise(twice, "it is given twice its life, so that it is given more seldom", first);
    for life in [SHORT, LONG, 4 * LONG] {
        let lasting = probe.last(&tag, generation(), life).await;
        let is_as_before = lasting.remaining <= first.remaining;
        probe.promise(is_as_before, "it lives as long as it would have", (life, lasting, first));
        let is_shorter =
            lasting.remaining < first.remaining.map(|remaining| remaining.saturating_sub(LONG));
        probe.promise(!is_shorter, "nobody shortens it", (life, lasting, first));
    }
}

pub(super) async fn a_generation_without_an_end_is_given_one_where_it_needs_none(probe: &Checked) {
    let (tag, current) = (probe.tag("a"), generation());
    probe.hold_generation(&tag, current).await;
    let lasting = probe.last(&tag, generation(), SHORT).await;
    probe.promise(lasting.generation == current, "it holds", lasting);
    probe.promise(lasting.remaining.is_some(), "it has an end", lasting);
    let ends = async || probe.generations(std::slice::from_ref(&tag)).await == [None];
    probe.until("it ends", ends).await;
}

pub(super) async fn bumping_leaves_the_life_of_a_generation(probe: &Checked) {
    let (tag, current) = (probe.tag("a"), generation());
    probe.last(&tag, generation(), SHORT).await;
    probe.bump(&[(tag.clone(), current)]).await;
    let ends = async || probe.generations(std::slice::from_ref(&tag)).await == [None];
    probe.until("it ends", ends).await;
}

async fn expect(probe: &Checked, tag: &str, generation: Option<Generation>) {
    let found = probe.generations(&[tag.to_owned()]).await;
    probe.promise(found == [generation], "it is read as it holds", &found);
}
