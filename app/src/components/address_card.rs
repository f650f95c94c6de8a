//! A room's public addresses: to copy, to open, to replace, to take away.

use super::copy_field::CopyField;
use crate::i18n::td_string;
use crate::pages::app::visitor;
use leptos::prelude::*;
use store::{AddressKind, Addresses};

#[component]
pub fn AddressCard(number: String, addresses: Addresses) -> impl IntoView {
    let locale = visitor().locale();
    let address = |kind: AddressKind| {
        let token = addresses.token(kind).map(str::to_owned);
        view! { <Address number=number.clone() kind token /> }
    };
    view! {
        <section class="card" id="addresses" aria-labelledby="addresses-title">
            <header class="card-head">
                <h2 id="addresses-title">{td_string!(locale, addresses.title)}</h2>
                <span class="soft">{td_string!(locale, addresses.lead)}</span>
            </header>
            {address(AddressKind::Follow)}
            {address(AddressKind::Control)}
        </section>
    }
}

#[component]
fn Address(number: String, kind: AddressKind, token: Option<String>) -> impl IntoView {
    let visitor = visitor();
    let (language, locale) = (visitor.language, visitor.locale());
    let (label, help) = match kind {
        AddressKind::Follow => {
            (td_string!(locale, addresses.follow), td_string!(locale, addresses.follow_help))
        }
        AddressKind::Control => {
            (td_string!(locale, addresses.control), td_string!(locale, addresses.control_help))
        }
    };
    let body = match token {
        Some(token) => {
            let path = format!("/{}/{token}", kind.name());
            let url = format!("{}{path}", visitor.base_url);
            view! {
                <div class="beside">
                    <CopyField language label=label.to_owned() text=url />
                    <a class="button" href=path target="_blank" rel="noopener">
                        {td_string!(locale, addresses.open)}
                    </a>
                </div>
                <p class="help">{help}</p>
                <Change number kind />
            }
            .into_any()
        }
        None => view! {
            <div class="beside">
                <span class="soft">{td_string!(locale, addresses.none)}</span>
                <ChangeForm number kind change="renew">
                    <button class="button">{td_string!(locale, addresses.create)}</button>
                </ChangeForm>
            </div>
            <p class="help">{help}</p>
        }
        .into_any(),
    };
    view! {
        <div class="field" data-address=kind.name()>
            <span class="label">{label}</span>
            <div class="control">{body}</div>
        </div>
    }
}

/// What takes an address out of others' hands stands behind a warning, which needs no script to open.
#[component]
fn Change(number: String, kind: AddressKind) -> impl IntoView {
    let locale = visitor().locale();
    view! {
        <details class="more">
            <summary>{td_string!(locale, addresses.change)}</summary>
            <p class="notice warn">{td_string!(locale, addresses.warning)}</p>
            <div class="beside">
                <ChangeForm number=number.clone() kind change="renew">
                    <button class="button">{td_string!(locale, addresses.renew)}</button>
                </ChangeForm>
                <ChangeForm number kind change="delete">
                    <button class="button danger">{td_string!(locale, addresses.delete)}</button>
                </ChangeForm>
            </div>
        </details>
    }
}

#[component]
fn ChangeForm(number: String, kind: AddressKind, change: &'static str, children: Children) -> impl IntoView {
    view! {
        <form method="post" action=format!("/rooms/{number}/addresses")>
            <input type="hidden" name="kind" value=kind.name() />
            <input type="hidden" name="change" value=change />
            {children()}
        </form>
    }
}
