//! The bar above and the line below every page.

use crate::i18n::td_string;
use crate::pages::app::visitor;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_location;
use model::Language;

/// By which way a page is looked at; the bar says it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Entrance {
    /// An account, or nobody.
    Account,
    FollowAddress,
    ControlAddress,
}

/// `title` is that of the browser's tab.
#[component]
pub fn Frame(
    #[prop(into)] title: String,
    #[prop(default = Entrance::Account)] entrance: Entrance,
    /// A page of one small card in the middle.
    #[prop(optional)]
    narrow: bool,
    children: Children,
) -> impl IntoView {
    let locale = visitor().locale();
    let right = match entrance {
        Entrance::Account => view! { <AccountCorner /> }.into_any(),
        Entrance::FollowAddress => {
            view! { <span class="corner">{td_string!(locale, nav.follow)}</span> }.into_any()
        }
        Entrance::ControlAddress => {
            view! { <span class="corner">{td_string!(locale, nav.control)}</span> }.into_any()
        }
    };
    // Whoever has an address only has no start page to go to.
    let home = (entrance == Entrance::Account).then_some("/");
    view! {
        <Title text=title />
        <a class="skip" href="#main">{td_string!(locale, skip)}</a>
        <header class="bar">
            <a class="logo" href=home>
                <img src="/favicon.svg" alt="" width="24" height="24" />
                {td_string!(locale, brand)}
            </a>
            <span class="spacer"></span>
            {right}
        </header>
        <main id="main" class:narrow=narrow>{children()}</main>
        <footer class="foot">
            <p>{td_string!(locale, footer)}</p>
            <LanguageChoice />
        </footer>
    }
}

/// For who has no account, which would know the language. Buttons of a form: they need no script.
#[component]
fn LanguageChoice() -> impl IntoView {
    let visitor = visitor();
    if visitor.account.is_some() {
        return ().into_any();
    }
    let place = use_location();
    let (path, query) = (place.pathname.get_untracked(), place.search.get_untracked());
    let to = if query.is_empty() { path } else { format!("{path}?{}", query.trim_start_matches('?')) };
    let buttons = Language::ALL.into_iter().map(|language| {
        let current = (language == visitor.language).then_some("true");
        let code = language.code();
        view! {
            <button name="language" value=code lang=code aria-current=current>
                {language.own_name()}
            </button>
        }
    });
    view! {
        <form
            class="languages"
            method="post"
            action="/language"
            aria-label=td_string!(visitor.locale(), setup.language)
        >
            <input type="hidden" name="to" value=to />
            {buttons.collect_view()}
        </form>
    }
    .into_any()
}

#[component]
fn AccountCorner() -> impl IntoView {
    let visitor = visitor();
    let locale = visitor.locale();
    let lines = visitor.operator.is_some();
    visitor.account.map(|account| {
        view! {
            {lines.then(|| view! { <a class="bar-link" href="/trunks">{td_string!(locale, nav.lines)}</a> })}
            <span class="corner">{account.email.to_string()}</span>
            <form method="post" action="/logout">
                <button class="button quiet small">{td_string!(locale, nav.log_out)}</button>
            </form>
        }
    })
}
