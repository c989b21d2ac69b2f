//! Reads `name = value`, `name(list)` and `name` options by a table.
//!
//! The table is the one place that knows the options of an attribute: it
//! parses them, finds duplicates, lists them when a name is unknown, and knows
//! what stands here for the options that other libraries have.

use proc_macro2::{Ident, TokenStream, TokenTree};
use syn::Token;
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};

use crate::choice;
use crate::fault::Faults;
use crate::foreign::Foreign;
use crate::literal;

/// The options of an attribute, and the words that are none.
pub(crate) struct Table<T: 'static> {
    pub(crate) rules: &'static [Rule<T>],
    pub(crate) foreign: &'static [Foreign],
    /// What to write instead of a value without a name, which stands for `{}`.
    pub(crate) nameless: &'static str,
}

/// One option of an attribute whose options end up in a `T`.
pub(crate) struct Rule<T> {
    pub(crate) name: &'static str,
    pub(crate) form: Form,
    pub(crate) parse: Parse<T>,
}

/// Parses what follows a name, and puts it where it belongs.
pub(crate) type Parse<T> = fn(&mut T, Ident, ParseStream<'_>) -> syn::Result<()>;

/// How an option is written.
#[derive(Clone, Copy)]
pub(crate) enum Form {
    /// `name = value`
    Value,
    /// `name(item, item)`
    List,
    /// `name`
    Word,
}

/// An option's value, and the name it was written with.
pub(crate) struct Written<T> {
    pub(crate) name: Ident,
    pub(crate) value: T,
}

impl<T> Rule<T> {
    /// The option `name = value`.
    pub(crate) const fn value(name: &'static str, parse: Parse<T>) -> Self {
        let form = Form::Value;
        Self { name, form, parse }
    }

    /// The option `name(item, item)`.
    pub(crate) const fn list(name: &'static str, parse: Parse<T>) -> Self {
        let form = Form::List;
        Self { name, form, parse }
    }

    /// The option `name`, which says everything by standing there.
    pub(crate) const fn word(name: &'static str, parse: Parse<T>) -> Self {
        let form = Form::Word;
        Self { name, form, parse }
    }
}

/// Puts what was parsed, and where, into an option's `slot`.
pub(crate) fn put<T>(
    slot: &mut Option<Written<T>>,
    name: Ident,
    value: syn::Result<T>,
) -> syn::Result<()> {
    let value = value?;
    *slot = Some(Written { name, value });
    Ok(())
}

/// Reads all options; what cannot be read becomes a fault and is left out.
pub(crate) fn read<T: Default>(
    table: &'static Table<T>,
    options: TokenStream,
    faults: &mut Faults,
) -> T {
    let mut reader = Reader { table, seen: Vec::new(), options: T::default(), faults };
    let read = |input: ParseStream<'_>| {
        while !input.is_empty() {
            reader.entry(input)?;
        }
        Ok(())
    };
    let result = read.parse2(options);
    let Reader { options, faults, .. } = reader;
    faults.keep(result);
    options
}

struct Reader<'a, T: 'static> {
    table: &'static Table<T>,
    seen: Vec<&'static str>,
    options: T,
    faults: &'a mut Faults,
}

impl<T: Default> Reader<'_, T> {
    /// Reads one option and the comma after it.
    fn entry(&mut self, input: ParseStream<'_>) -> syn::Result<()> {
        if let Err(fault) = self.option(input) {
            self.faults.add(fault);
            return self.skip(input);
        }
        if input.is_empty() || input.parse::<Option<Token![,]>>()?.is_some() {
            return Ok(());
        }
        self.faults.add(input.error("expected `,` between two options"));
        self.skip(input)
    }

    /// Goes on behind the next comma that looks to have an option after it.
    fn skip(&self, input: ParseStream<'_>) -> syn::Result<()> {
        while !input.is_empty() {
            let token: TokenTree = input.parse()?;
            let comma = matches!(token, TokenTree::Punct(punct) if punct.as_char() == ',');
            if comma && self.at_option(input) {
                break;
            }
        }
        Ok(())
    }

    fn at_option(&self, input: ParseStream<'_>) -> bool {
        input.fork().call(Ident::parse_any).is_ok_and(|name| {
            let known = self.table.rules.iter().any(|rule| name == rule.name);
            known || input.peek2(Token![=]) || input.peek2(syn::token::Paren)
        })
    }

    fn option(&mut self, input: ParseStream<'_>) -> syn::Result<()> {
        if !input.peek(Ident::peek_any) {
            let found = literal::upcoming(input)?;
            let instead = self.table.nameless.replace("{}", &found.to_string());
            let message = format!("expected an option by its name, found `{found}`; {instead}");
            return Err(syn::Error::new_spanned(found, message));
        }
        let name = input.call(Ident::parse_any)?;
        let written = name.to_string();
        let Some(rule) = self.table.rules.iter().find(|rule| rule.name == written) else {
            let message = format!("unknown option `{written}`, {}", self.expected(&written, input));
            return Err(syn::Error::new(name.span(), message));
        };
        if self.seen.contains(&rule.name) {
            self.faults.at(&name, format!("`{written}` is set twice"));
            return rule.read(&mut T::default(), name, input);
        }
        self.seen.push(rule.name);
        rule.read(&mut self.options, name, input)
    }
}

impl<T> Reader<'_, T> {
    /// The options there are, and which one does what another library calls `written`.
    fn expected(&self, written: &str, input: ParseStream<'_>) -> String {
        let names: Vec<_> = self.table.rules.iter().map(|rule| rule.name).collect();
        let mut foreign = self.table.foreign.iter();
        match foreign.find_map(|foreign| foreign.instead_of(written, input)) {
            Some(instead) => format!("{}; {instead}", choice::listed(&names)),
            None => choice::expected(written, &names),
        }
    }
}

impl<T> Rule<T> {
    fn read(&self, options: &mut T, name: Ident, input: ParseStream<'_>) -> syn::Result<()> {
        let misspelt = |example: &str| {
            let message = format!("`{}` is written `{example}`", self.name);
            Err(syn::Error::new(name.span(), message))
        };
        match self.form {
            Form::Value if !input.peek(Token![=]) => misspelt(&format!("{} = …", self.name)),
            Form::Value => {
                input.parse::<Token![=]>()?;
                if input.is_empty() || input.peek(Token![,]) {
                    let message = format!("`{}` has no value", self.name);
                    return Err(syn::Error::new(name.span(), message));
                }
                (self.parse)(options, name, input)
            }
            Form::List if !input.peek(syn::token::Paren) => {
                misspelt(&format!("{}(…, …)", self.name))
            }
            Form::Word if !input.is_empty() && !input.peek(Token![,]) => {
                let message = format!("`{}` stands alone, with nothing behind it", self.name);
                Err(syn::Error::new(name.span(), message))
            }
            Form::List | Form::Word => (self.parse)(options, name, input),
        }
    }
}
