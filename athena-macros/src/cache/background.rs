//! Loads that outlive the call: which copies they own, and where the body goes.
//!
//! `refresh` and `soft_timeout` let a load go on after its caller has its
//! answer. The body then stands in a function of its own, called with the
//! caller's arguments in place, and with owned copies in the background.

use proc_macro2::Ident;
use quote::{ToTokens, format_ident};
use syn::ext::IdentExt;
use syn::{Receiver, ReceiverKind, Type, TypeReference};

use crate::fault::Faults;
use crate::function::bare;
use crate::origin::{AsyncForm, Origin};
use crate::tokens;

/// How a load is called again, after its caller is gone.
pub(crate) struct Background {
    /// The option that asked for it.
    pub(crate) option: Ident,
    pub(crate) home: Home,
    pub(crate) receiver: Option<Own>,
    /// One per argument.
    pub(crate) arguments: Vec<Own>,
}

/// The function that holds the body, by name.
pub(crate) enum Home {
    /// Inside the annotated function.
    Inner(Ident),
    /// A method beside the annotated one, for the sake of `self`.
    Sibling(Ident),
}

/// How to own a copy of an argument.
pub(crate) enum Own {
    /// It is owned already.
    Move,
    /// `&T`, by way of `T: ToOwned`
    ToOwned(Box<Type>),
    /// `&self`
    Receiver,
}

/// Whether each argument can be owned, and the body moved.
pub(crate) fn check(option: &Ident, origin: &Origin, faults: &mut Faults) -> Background {
    let receiver = origin.function.receiver();
    let arguments = origin.arguments.iter();
    Background {
        option: option.clone(),
        home: home(option, origin, faults),
        receiver: receiver.and_then(|receiver| own_receiver(option, receiver, faults)),
        arguments: arguments.map(|argument| own(option, &argument.ty, faults)).collect(),
    }
}

fn home(option: &Ident, origin: &Origin, faults: &mut Faults) -> Home {
    let function = &origin.function;
    let name = function.sig.ident.unraw();
    let place = tokens::hidden_at(&function.sig.ident);
    if function.receiver().is_none() {
        if let Some(own_type) =
            tokens::find(&function.sig, "Self").or_else(|| tokens::find(&function.body, "Self"))
        {
            let message = format!(
                "`{option}` moves the body into a function of its own, where `Self` means \
                 nothing; write the type's name"
            );
            faults.at(own_type, message);
        }
        return Home::Inner(format_ident!("__athena_load_{name}", span = place));
    }
    if origin.form == AsyncForm::Boxed {
        let message = format!(
            "`{option}` loads from a method beside this one, which a trait has no room for; put \
             body and attribute on an inherent method, and call that from here"
        );
        faults.at(option, message);
    }
    // Beside a method of a trait impl, rustc refuses the sibling by its name.
    let advice = "__athena_background_load_needs_an_inherent_method";
    Home::Sibling(format_ident!("{advice}_{name}", span = place))
}

fn own_receiver(option: &Ident, receiver: &Receiver, faults: &mut Faults) -> Option<Own> {
    match &receiver.kind {
        ReceiverKind::Reference(_, _, Some(_)) => {
            let hint = ", and `&mut self` is there to be changed; take `&self`";
            refuse(option, receiver, hint, faults);
            None
        }
        ReceiverKind::Reference(_, _, None) => Some(Own::Receiver),
        ReceiverKind::Typed(_, ty) if is_shared_self(ty) => Some(Own::Receiver),
        ReceiverKind::Typed(_, ty) => Some(own(option, ty, faults)),
        _ => Some(Own::Move),
    }
}

fn is_shared_self(ty: &Type) -> bool {
    let Type::Reference(reference) = ty else {
        return false;
    };
    let is_self = matches!(&*reference.elem, Type::Path(path) if path.path.is_ident("Self"));
    is_self && reference.mutability.is_none()
}

fn own(option: &Ident, ty: &Type, faults: &mut Faults) -> Own {
    match ty {
        Type::Reference(reference) if !is_static(reference) => {
            refuse_reference(option, ty, reference, faults);
            Own::ToOwned(reference.elem.clone())
        }
        _ => {
            if tokens::borrows(ty) {
                refuse_borrow(option, ty, faults);
            }
            Own::Move
        }
    }
}

fn is_static(reference: &TypeReference) -> bool {
    let lifetime = reference.lifetime.as_ref();
    reference.mutability.is_none() && lifetime.is_some_and(|lifetime| lifetime.ident == "static")
}

fn refuse_reference(option: &Ident, ty: &Type, reference: &TypeReference, faults: &mut Faults) {
    if reference.mutability.is_some() {
        let shown = tokens::show(ty);
        let hint = format!(", and `{shown}` belongs to its caller; take a value");
        refuse(option, ty, &hint, faults);
    } else if tokens::borrows(&reference.elem) {
        refuse_borrow(option, ty, faults);
    } else if let Type::TraitObject(object) = bare(&reference.elem) {
        let (shown, object) = (tokens::show(ty), tokens::show(object));
        let hint =
            format!(", and there is no copy of what `{shown}` leads to; take `&Arc<{object}>`");
        refuse(option, ty, &hint, faults);
    } else if let Type::ImplTrait(opaque) = &*reference.elem {
        let hint = "; make this type a generic parameter, so that it has a name";
        refuse(option, opaque, hint, faults);
    }
}

fn refuse_borrow(option: &Ident, ty: &Type, faults: &mut Faults) {
    let shown = tokens::show(ty);
    let hint = format!(", and `{shown}` borrows; take an owned type or a plain `&T`");
    refuse(option, ty, &hint, faults);
}

fn refuse(option: &Ident, tokens: impl ToTokens, hint: &str, faults: &mut Faults) {
    let message =
        format!("`{option}` loads in the background, so it needs arguments it can own{hint}");
    faults.at(tokens, message);
}
