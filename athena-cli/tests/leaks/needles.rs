//! What must not be found, and how it is looked for.

/// Letters and digits that make a needle: it is written in the same way whoever escapes it.
const CORE: usize = 16;
/// So many of them, from the beginning or from the end, give it away.
const PART: usize = 8;
/// What stands around them, to lead escaping astray.
const AROUND: [&str; 8] = ["", " ", "ß", "\"", "\n", "%41", "<b>", "\u{202e}"];

/// Who reads something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reader {
    /// Whoever reaches it: without details.
    Anyone,
    /// An operator: with details, and logs.
    Operator,
    /// Who may read keys and values in Redis itself.
    Keyholder,
}

/// What is planted.
#[derive(Debug, Clone)]
pub struct Needles {
    pub key: String,
    pub argument: String,
    pub tag: String,
    pub value: String,
    /// An argument that is declared to be secret.
    pub secret: String,
    pub password: String,
    pub sentinel_password: String,
    pub user: String,
    /// Where nobody answers.
    pub host: String,
    /// An address of this machine that nothing else uses.
    pub address: String,
    /// What a stranger asks pages for.
    pub asked: String,
}

impl Needles {
    /// Those of a seed.
    pub fn of(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let core = |random: &mut fastrand::Rng| -> String {
            std::iter::repeat_with(|| random.alphanumeric()).take(CORE).collect()
        };
        let odd = |random: &mut fastrand::Rng| {
            let mut around = || AROUND[random.usize(..AROUND.len())];
            let (before, behind) = (around(), around());
            format!("{before}{}{behind}", core(random))
        };
        let plain = |random: &mut fastrand::Rng, beginning: &str| {
            format!("{beginning}{}", core(random).to_lowercase())
        };
        let byte = |random: &mut fastrand::Rng| random.u8(20..250);
        Self {
            key: odd(&mut random),
            argument: odd(&mut random),
            tag: odd(&mut random),
            value: odd(&mut random),
            secret: odd(&mut random),
            password: plain(&mut random, ""),
            sentinel_password: plain(&mut random, ""),
            user: plain(&mut random, "u"),
            host: format!("{}.invalid", plain(&mut random, "h")),
            address: format!(
                "127.{}.{}.{}",
                byte(&mut random),
                byte(&mut random),
                byte(&mut random)
            ),
            asked: odd(&mut random),
        }
    }

    /// The name of one that a text holds although its reader may not know it.
    pub fn found_in(&self, text: &str, reader: Reader) -> Option<&'static str> {
        let text = text.to_ascii_lowercase();
        self.hidden_from(reader).find(|(_, needle)| is_in(needle, &text)).map(|(name, _)| name)
    }

    fn hidden_from(&self, reader: Reader) -> impl Iterator<Item = (&'static str, &str)> {
        let all: [(_, &str, _); 11] = [
            ("the password", &self.password, Reader::Keyholder),
            ("the password of the sentinels", &self.sentinel_password, Reader::Keyholder),
            ("the secret argument", &self.secret, Reader::Keyholder),
            ("a key", &self.key, Reader::Operator),
            ("an argument", &self.argument, Reader::Operator),
            ("a tag", &self.tag, Reader::Operator),
            ("a value", &self.value, Reader::Operator),
            ("what was asked for", &self.asked, Reader::Operator),
            ("a user", &self.user, Reader::Anyone),
            ("a host", &self.host, Reader::Anyone),
            ("an address", &self.address, Reader::Anyone),
        ];
        let hidden = all.into_iter().filter(move |(_, _, last)| reader <= *last);
        hidden.map(|(name, needle, _)| (name, needle))
    }
}

/// Whether it is there, in a text in lower case: as it is, in part, or written in another way.
fn is_in(needle: &str, text: &str) -> bool {
    let mut parts = needle.split(|c: char| !c.is_ascii_alphanumeric());
    let Some(core) = parts.find(|part| part.len() >= CORE) else {
        return text.contains(needle); // an address
    };
    // Without what is escaped in front of it.
    let core = &core[core.len() - CORE..];
    let [first, last] = [&core[..PART], &core[CORE - PART..]].map(str::to_ascii_lowercase);
    let [percent, hexadecimal, numbers] = written_otherwise(&core[..PART]);
    [first, last, percent, hexadecimal, numbers].iter().any(|way| text.contains(way))
}

/// Percent-encoded, in hexadecimal and as numbers.
fn written_otherwise(core: &str) -> [String; 3] {
    let each = |write: fn(u8) -> String| core.bytes().map(write).collect::<Vec<_>>();
    [
        each(|byte| format!("%{byte:02x}")).concat(),
        each(|byte| format!("{byte:02x}")).concat(),
        each(|byte| byte.to_string()).join(", "),
    ]
}

#[test]
fn a_needle_is_found_however_it_is_written() {
    let needles = Needles { argument: "ß\"%41AbCdEfGh01234567\n".into(), ..Needles::of(7) };
    let all = &needles.argument;
    let core = "AbCdEfGh01234567";
    let hexadecimal = each_byte(core, "");
    let percent = each_byte(core, "%");
    let texts = [
        all.clone(),
        format!("{all:?}"),
        serde_json::to_string(all).unwrap(),
        "abcdefgh…".to_owned(),
        "…01234567".to_owned(),
        hexadecimal,
        percent,
        format!("{:?}", core.as_bytes()),
    ];
    for text in texts {
        assert_eq!(needles.found_in(&text, Reader::Anyone), Some("an argument"), "{text}");
        assert_eq!(needles.found_in(&text, Reader::Keyholder), None, "{text}");
    }
    assert_eq!(needles.found_in("AbCdEfG and h0123456", Reader::Anyone), None);
    assert_eq!(needles.found_in(&needles.address, Reader::Anyone), Some("an address"));
    assert_eq!(needles.found_in(&needles.address, Reader::Operator), None);
    assert_eq!(needles.found_in(&needles.password, Reader::Keyholder), Some("the password"));
}

/// Every byte in hexadecimal, with a text in front of it.
pub fn each_byte(text: &str, front: &str) -> String {
    let hexadecimal = |byte: u8| format!("{front}{byte:02X}");
    text.bytes().map(hexadecimal).collect::<Vec<_>>().concat()
}
