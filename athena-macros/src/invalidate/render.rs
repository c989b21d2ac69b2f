//! Writes the expansion of a plan: texts before the body, the sweep after it.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote_spanned;
use syn::ext::IdentExt;

use crate::attribute::Written;
use crate::bound::Bound;
use crate::function::Body;
use crate::invalidate::check::InvalidatePlan;
use crate::invalidate::options::On;
use crate::origin::AsyncForm;
use crate::runtime::Runtime;
use crate::tokens::hidden_at;

/// The whole expansion.
///
/// Texts are written before the body runs, since the body may move the
/// arguments they are made of.
pub(crate) fn render(plan: &InvalidatePlan) -> TokenStream {
    let hidden = Span::mixed_site();
    let runtime = Runtime::new(plan.options.root.as_ref());
    let sweep = sweep(plan, &runtime);
    let shape = runtime.shape(&plan.origin.output);
    let load = plan.origin.load();
    let labels = plan.options.tags_from.as_ref().map(|Written { value, .. }| value);
    let run = match (labels, plan.origin.form) {
        (Some(labels), AsyncForm::Blocking) => {
            quote_spanned!(hidden_at(labels)=> sweep.block_with(shape, #labels, #load))
        }
        (Some(labels), _) => {
            quote_spanned!(hidden_at(labels)=> sweep.run_with(shape, #labels, #load).await)
        }
        (None, AsyncForm::Blocking) => quote_spanned!(hidden=> sweep.block(shape, #load)),
        (None, _) => quote_spanned!(hidden=> sweep.run(shape, #load).await),
    };
    let content = quote_spanned!(hidden=> #sweep #shape #run);
    plan.origin.emit(Body::Here, &content)
}

fn sweep(plan: &InvalidatePlan, runtime: &Runtime) -> TokenStream {
    let hidden = Span::mixed_site();
    let private = runtime.private();
    let sweep = if let Some(Written { value: cache, .. }) = &plan.options.cache {
        quote_spanned!(hidden_at(cache)=> #private::Invalidation::on(&(#cache)))
    } else {
        quote_spanned!(hidden=> #private::Invalidation::new())
    };
    let on = plan.options.on.as_ref().map(|on| on.value);
    let always = (on == Some(On::Always)).then(|| quote_spanned!(hidden=> sweep.always();));
    let named = plan.options.functions.as_ref().map(|written| &*written.value).unwrap_or_default();
    let told =
        always.is_some() || !plan.tags.is_empty() || !plan.keys.is_empty() || !named.is_empty();
    let mutable = told.then(|| quote_spanned!(hidden=> mut));
    let tags = plan.tags.iter().map(|tag| {
        let (aim, tag) = (aim(plan, "Tag", tag, &private), tag.closure());
        quote_spanned!(hidden=> #aim sweep.tag(#tag);)
    });
    let keys = plan.keys.iter().map(|key| {
        let (aim, key) = (aim(plan, "Key", key, &private), key.closure());
        quote_spanned!(hidden=> #aim sweep.key(#key);)
    });
    let functions = named.iter().map(|function| function.render(runtime));
    quote_spanned!(hidden=>
        let #mutable sweep = #sweep;
        #always
        #(#functions)*
        #(#tags)*
        #(#keys)*
    )
}

/// Has the runtime tell of a text that no function makes.
fn aim(plan: &InvalidatePlan, kind: &str, text: &Bound, private: &TokenStream) -> TokenStream {
    let hidden = Span::mixed_site();
    let (kind, parts) = (Ident::new(kind, hidden), text.parts(private));
    let function = plan.origin.function.sig.ident.unraw().to_string();
    quote_spanned!(hidden=> {
        static AIM: #private::Aim = #private::Aim::new(
            ::core::concat!(::core::module_path!(), "::", #function),
            #private::LabelKind::#kind,
            #parts,
        );
        sweep.aim(&AIM);
    })
}
