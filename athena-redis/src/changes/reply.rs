//! What replies about a log mean.
//!
//! Invariant: numbers that cannot be read are a malformed reply where we wrote them in the same step, and mean that
//! nothing is known where anybody may have.

use athena_cache_core::backend::{
    LogPage, LogPosition, LogPulse, LogRecord, LogTurn, Parked, Proof,
};

use crate::link::{Malformed, Replies};

/// As scripts keep what they only compare.
pub(super) fn hexadecimal(number: u64) -> String {
    format!("{number:016x}")
}

/// Reads `[nonce, last number]`.
pub(super) fn appended(replies: &mut Replies, proof: &Proof) -> Result<LogPosition, Malformed> {
    let mut list = replies.list()?;
    let (nonce, number) = (count(&mut list)?, count(&mut list)?);
    Ok(LogPosition { history: proof.history, nonce, number })
}

/// Reads `[nonce, last number, settled number, number, record, …]`.
pub(super) fn page(replies: &mut Replies, proof: &Proof) -> Result<LogPage, Malformed> {
    let mut items = replies.list()?;
    let (nonce, number) = (decimal(&mut items)?, decimal(&mut items)?);
    let settled = decimal(&mut items)?.unwrap_or_default();
    let last = LogPosition {
        history: proof.history,
        nonce: nonce.unwrap_or_default(),
        number: number.unwrap_or_default(),
    };
    let mut records = Vec::new();
    while !items.is_empty() {
        let number =
            decimal(&mut items)?.ok_or(Malformed::new("expected the number of a record"))?;
        let record = items.bytes()?.unwrap_or_default();
        records.push((number, LogRecord::read(&record)));
    }
    Ok(LogPage { last, settled, records })
}

/// Reads `[question, history, nonce, number]`, or an empty list.
pub(super) fn turn(replies: &mut Replies, proof: &Proof) -> Result<Option<LogTurn>, Malformed> {
    let mut list = replies.list()?;
    if list.is_empty() {
        return Ok(None);
    }
    let asked = decimal(&mut list)?.ok_or(Malformed::new("expected the number of a question"))?;
    let (epoch, history) = (proof.epoch, proof.history);
    Ok(Some(LogTurn { epoch, history, asked, position: position(&mut list)? }))
}

/// Reads `[asked, answered, history, nonce, number]`.
pub(super) fn pulse(replies: &mut Replies, proof: &Proof) -> Result<LogPulse, Malformed> {
    let mut list = replies.list()?;
    let (asked, answered) = (decimal(&mut list)?, decimal(&mut list)?);
    Ok(LogPulse {
        epoch: proof.epoch,
        history: proof.history,
        asked: asked.unwrap_or_default(),
        answered: answered.unwrap_or_default(),
        position: position(&mut list)?,
    })
}

/// Reads whether a store has advanced; one that was not asked has not.
pub(super) fn advanced(replies: &mut Replies) -> Result<bool, Malformed> {
    if replies.is_superseded() {
        return Ok(false);
    }
    match replies.integer()? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Malformed::new("expected 0 or 1")),
    }
}

/// Reads a number that is not negative.
pub(super) fn count(replies: &mut Replies) -> Result<u64, Malformed> {
    u64::try_from(replies.integer()?).map_err(|_| Malformed::new("expected a count"))
}

/// Reads `[[id, [number, …, record, …, reason, …]], …]`; what has another shape is passed over.
pub(super) fn parked(replies: &mut Replies) -> Result<Vec<Parked>, Malformed> {
    let mut entries = replies.list()?;
    let mut parked = Vec::new();
    while !entries.is_empty() {
        let mut entry = entries.list()?;
        entry.skip(1);
        let mut fields = entry.list()?;
        let (mut number, mut record, mut reason) = (None, None, None);
        while !fields.is_empty() {
            let (field, value) = (fields.bytes()?, fields.bytes()?.unwrap_or_default());
            match field.as_deref() {
                Some(b"number") => number = parse(&value, 10),
                Some(b"record") => record = Some(LogRecord::read(&value)),
                Some(b"reason") => reason = Some(String::from_utf8_lossy(&value).into_owned()),
                _ => {}
            }
        }
        if let (Some(number), Some(record), Some(reason)) = (number, record, reason) {
            parked.push(Parked { number, record, reason });
        }
    }
    Ok(parked)
}

/// Reads history, nonce and number of a record; nothing is known unless all of them can be read.
fn position(list: &mut Replies) -> Result<Option<LogPosition>, Malformed> {
    let [history, nonce] = [list.bytes()?, list.bytes()?].map(|text| parse(&text?, 16));
    let number = decimal(list)?;
    let all = history.zip(nonce).zip(number);
    Ok(all.map(|((history, nonce), number)| LogPosition { history, nonce, number }))
}

fn decimal(list: &mut Replies) -> Result<Option<u64>, Malformed> {
    Ok(list.bytes()?.and_then(|text| parse(&text, 10)))
}

fn parse(text: &[u8], radix: u32) -> Option<u64> {
    u64::from_str_radix(str::from_utf8(text).ok()?, radix).ok()
}
