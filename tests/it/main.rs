//! Behaviour without a network. Names say which case of the behaviour list or row of the
//! requirements they show.

mod attribute;
