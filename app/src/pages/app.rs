//! The document around every page, and which page a path shows.

use super::{control, follow, lines, login, not_found, rooms, setup};
use crate::i18n::{Locale, td_string};
use crate::server::Site;
use crate::server::headers::{PERMISSIONS_POLICY, Page};
use crate::server::render::{Visitor, redirect};
use axum::http::HeaderValue;
use axum::http::header::CONTENT_SECURITY_POLICY;
use leptos::config::LeptosOptions;
use leptos::nonce::use_nonce;
use leptos::prelude::*;
use leptos_axum::ResponseOptions;
use leptos_meta::{MetaTags, Title, provide_meta_context};
use leptos_router::components::{FlatRoutes, Route, Router};
use leptos_router::{SsrMode, path};

/// Who asks for this page. The renderer provides it to every page.
pub(crate) fn visitor() -> Visitor {
    expect_context()
}

pub(crate) fn locale() -> Locale {
    visitor().locale()
}

/// The whole document.
#[component]
pub(crate) fn Shell(site: Site) -> impl IntoView {
    provide_meta_context();
    let language = visitor().language;
    announce_policy(Page::Plain);
    // Names that hold a hash come from the build; nothing is read from the environment.
    let options = LeptosOptions::builder().output_name(site.output_name).site_pkg_dir("pkg").build();
    view! {
        <!DOCTYPE html>
        <html lang=language.code()>
            <head>
                <meta charset="utf-8" />
                <meta name="viewport" content="width=device-width, initial-scale=1" />
                <meta name="color-scheme" content="light dark" />
                <meta name="referrer" content="no-referrer" />
                <meta name="robots" content="noindex, nofollow" />
                <link rel="stylesheet" href=site.style_path />
                <link rel="icon" href="/favicon.svg" type="image/svg+xml" />
                <link rel="manifest" href="/manifest.webmanifest" />
                <HydrationScripts options islands=true />
                <MetaTags />
            </head>
            <body>
                <App />
            </body>
        </html>
    }
}

#[component]
fn App() -> impl IntoView {
    let name = td_string!(locale(), brand);
    let title =
        move |page: String| if page.is_empty() { name.to_owned() } else { format!("{page} · {name}") };
    view! {
        <Title formatter=title />
        <Router>
            <FlatRoutes fallback=not_found::NotFound>
                <Route path=path!("/") view=Home ssr=SsrMode::Async />
                <Route path=path!("/login") view=login::Login ssr=SsrMode::Async />
                <Route path=path!("/setup") view=setup::Setup ssr=SsrMode::Async />
                <Route path=path!("/setup/:token") view=setup::Setup ssr=SsrMode::Async />
                <Route path=path!("/rooms") view=rooms::Rooms ssr=SsrMode::Async />
                <Route path=path!("/rooms/:number") view=rooms::Room ssr=SsrMode::Async />
                <Route path=path!("/rooms/:number/general") view=rooms::general::General ssr=SsrMode::Async />
                <Route
                    path=path!("/rooms/:number/announcement")
                    view=rooms::announcement::Announcement
                    ssr=SsrMode::Async
                />
                <Route path=path!("/rooms/:number/history") view=rooms::history::History ssr=SsrMode::Async />
                <Route path=path!("/rooms/:number/live") view=rooms::live::OwnerLive ssr=SsrMode::Async />
                <Route path=path!("/trunks") view=lines::TrunkLines ssr=SsrMode::Async />
                <Route path=path!("/follow/:token") view=follow::Follow ssr=SsrMode::Async />
                <Route path=path!("/control/:token") view=control::Control ssr=SsrMode::Async />
            </FlatRoutes>
        </Router>
    }
}

/// The start leads on: there is nothing to see there.
#[component]
fn Home() -> impl IntoView {
    redirect(if visitor().account.is_some() { "/rooms" } else { "/login" });
}

/// The page's own script carries the nonce of this answer; no other inline script runs.
pub(crate) fn announce_policy(page: Page) {
    let (Some(nonce), Some(options)) = (use_nonce(), use_context::<ResponseOptions>()) else { return };
    if let Ok(policy) = HeaderValue::from_str(&page.policy(&nonce)) {
        options.insert_header(CONTENT_SECURITY_POLICY, policy);
    }
    options.insert_header(PERMISSIONS_POLICY, page.permissions());
}
