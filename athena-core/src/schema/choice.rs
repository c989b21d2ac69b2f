//! Places where a value has several forms: enums, options, sequences.

/// The forms a value can take at one place, and how far each has been explored.
#[derive(Debug)]
pub(super) struct Choice {
    branches: Vec<Branch>,
    /// The first branch that gave a value, and so needs no unfinished one.
    first: Option<usize>,
    /// The branch last revisited for the sake of something deeper in it.
    cursor: usize,
}

/// How far one branch has been explored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Branch {
    Fresh,
    /// Led back to a type that had no value yet; worth another try.
    Deferred,
    Built,
    /// No value can be made for it.
    Dead,
}

/// Why a branch gave no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Obstacle {
    /// The visitor refused the values it was given; others may do.
    Rejected,
    /// No value will do.
    Unbuildable,
    /// It needs a value of a type that is still being explored.
    Unfinished,
}

/// What became of a branch that met an obstacle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Detour {
    /// The next pass takes another branch.
    Found,
    /// The next pass takes another branch, and this one stays unknown.
    GaveUp,
    /// There is no way around it here.
    None,
}

impl Choice {
    /// A choice of which every branch is to be explored.
    pub(super) fn between(branches: usize) -> Self {
        Self { branches: vec![Branch::Fresh; branches], first: None, cursor: 0 }
    }

    /// A choice whose branch 0 is empty, branch 1 shows the content, and the rest repeats it.
    pub(super) fn of_content(branches: usize) -> Self {
        let mut branches = vec![Branch::Built; branches];
        if let Some(content) = branches.get_mut(1) {
            *content = Branch::Fresh;
        }
        Self { branches, first: Some(0), cursor: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.branches.len()
    }

    /// The branch to take where the aim is any value.
    pub(super) fn first(&self) -> Option<usize> {
        self.first
    }

    /// Whether some branch is still worth a visit.
    pub(super) fn is_open(&self) -> bool {
        self.branches.iter().any(|branch| matches!(branch, Branch::Fresh | Branch::Deferred))
    }

    pub(super) fn fresh(&self) -> Option<usize> {
        self.branches.iter().position(|&branch| branch == Branch::Fresh)
    }

    /// A branch put off, the next one at each call.
    pub(super) fn deferred(&mut self) -> Option<usize> {
        self.rotate(|branch, _| branch == Branch::Deferred)
    }

    /// A branch that `is_pending`, the next one at each call.
    pub(super) fn revisit(&mut self, is_pending: impl Fn(usize) -> bool) -> Option<usize> {
        self.rotate(|_, index| is_pending(index))
    }

    fn rotate(&mut self, wanted: impl Fn(Branch, usize) -> bool) -> Option<usize> {
        let len = self.branches.len();
        let after = (1..=len).map(|step| (self.cursor + step) % len);
        let found = after.into_iter().find(|&at| wanted(self.branches[at], at))?;
        self.cursor = found;
        Some(found)
    }

    /// Notes that `branch` gave a value; whether that is news.
    pub(super) fn built(&mut self, branch: usize) -> bool {
        let Some(state) = self.branches.get_mut(branch) else {
            return false;
        };
        let news = *state != Branch::Built;
        *state = Branch::Built;
        self.first.get_or_insert(branch);
        news
    }

    /// Looks for a way around an obstacle met in `branch`.
    ///
    /// `settled` says that no other type is waiting for its first value.
    pub(super) fn avoid(&mut self, branch: usize, obstacle: Obstacle, settled: bool) -> Detour {
        let Some(state) = self.branches.get_mut(branch) else {
            return Detour::None;
        };
        let (next, detour) = match (obstacle, *state) {
            (Obstacle::Unbuildable, Branch::Fresh | Branch::Deferred) => {
                (Branch::Dead, Detour::Found)
            }
            (Obstacle::Unfinished, Branch::Fresh) => (Branch::Deferred, Detour::Found),
            (Obstacle::Unfinished, Branch::Deferred) if settled && self.first.is_some() => {
                (Branch::Dead, Detour::GaveUp)
            }
            (_, state) => (state, Detour::None),
        };
        *state = next;
        detour
    }

    /// Closes `branch` if it gave no value so far.
    pub(super) fn close(&mut self, branch: usize) {
        if let Some(state) = self.branches.get_mut(branch)
            && *state != Branch::Built
        {
            *state = Branch::Dead;
        }
    }
}
