//! The bar above and the line below every page.

use crate::i18n::td_string;
use crate::pages::app::visitor;
use leptos::prelude::*;
use leptos_meta::Title;

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
        <footer class="foot">{td_string!(locale, footer)}</footer>
    }
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
