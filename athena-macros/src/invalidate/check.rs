//! Checks the options of `#[athena_invalidate]` against the function.

use proc_macro2::Span;

use crate::attribute::Written;
use crate::bound::{self, Bound};
use crate::fault::Faults;
use crate::function::Function;
use crate::invalidate::options::InvalidateOptions;
use crate::origin::Origin;
use crate::template::Template;

/// A checked attribute on a checked function.
pub(crate) struct InvalidatePlan {
    pub(crate) origin: Origin,
    pub(crate) tags: Vec<Bound>,
    pub(crate) keys: Vec<Bound>,
    /// The options that need no check beyond their own.
    pub(crate) options: InvalidateOptions,
}

/// Everything that is wrong, or a plan that can be rendered.
pub(crate) fn check(
    options: InvalidateOptions,
    function: Function,
    mut faults: Faults,
) -> syn::Result<InvalidatePlan> {
    let origin = Origin::check(function, &mut faults);
    let tags = templates(options.tags.as_ref());
    let keys = templates(options.keys.as_ref());
    let by_hand = tags.is_empty() && keys.is_empty() && options.functions.is_none();
    if by_hand && options.tags_from.is_none() && faults.is_empty() {
        let message = "nothing to invalidate: add `tags = [\"products\"]`, \
                       `keys = [\"product:{id}\"]`, `functions = [products]` or `tags_from = |value| …`";
        faults.add(syn::Error::new(Span::call_site(), message));
    }
    let plan = InvalidatePlan {
        tags: tags.iter().map(|tag| bound::tag(tag, &origin, &mut faults)).collect(),
        keys: keys.iter().map(|key| bound::key(key, &origin, &[], &mut faults)).collect(),
        origin,
        options,
    };
    faults.or(plan)
}

fn templates(written: Option<&Written<Vec<Template>>>) -> &[Template] {
    written.map_or(&[], |written| &written.value)
}
