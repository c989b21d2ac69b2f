//! Ports as one client is to see them: nodes that name each other name the proxies in their place.

/// Replaces ports in what passes, each by one of as many digits.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names(Vec<(Vec<u8>, Vec<u8>)>);

impl Names {
    /// Names by what the nodes say, and what the client is told; panics if a length would change.
    pub(crate) fn new(ports: impl IntoIterator<Item = (u16, u16)>) -> Self {
        let digits = |port: u16| port.to_string().into_bytes();
        let names: Vec<_> =
            ports.into_iter().map(|(said, told)| (digits(said), digits(told))).collect();
        assert!(names.iter().all(|(said, told)| said.len() == told.len()), "{names:?}");
        Self(names)
    }

    /// Replaces the ports in what arrived together; one that is cut in two passes as it is.
    pub(super) fn translate(&self, bytes: &mut [u8]) {
        let Some(length) = self.0.first().map(|(said, _)| said.len()) else { return };
        let mut place = 1;
        while place + length < bytes.len() {
            let stands_alone =
                b": \n".contains(&bytes[place - 1]) && b"\r@ \n,".contains(&bytes[place + length]);
            let here = place..place + length;
            let told = self.0.iter().find(|(said, _)| stands_alone && *said == bytes[here.clone()]);
            match told {
                Some((_, told)) => {
                    bytes[here].copy_from_slice(told);
                    place += length;
                }
                None => place += 1,
            }
        }
    }
}
