//! `/follow/{token}`: to watch.

use super::live::LiveView;
use super::not_found::UnknownAddress;
use super::rooms::broken;
use crate::components::frame::{Entrance, Frame};
use crate::live::door::Door;
use crate::server::Panel;
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

#[component]
pub(crate) fn Follow() -> impl IntoView {
    let token = use_params_map().get_untracked().get("token").unwrap_or_default();
    let panel = expect_context::<Panel>();
    let page = async move {
        match panel.store.follow_access(&token).await {
            Ok(Some(access)) => {
                let room = access.room().clone();
                view! {
                    <Frame title=room.number.grouped() entrance=Entrance::FollowAddress>
                        <LiveView room door=Door::Follow(token) />
                    </Frame>
                }
                .into_any()
            }
            Ok(None) => view! { <UnknownAddress entrance=Entrance::FollowAddress /> }.into_any(),
            Err(error) => broken(&error),
        }
    };
    view! { <Suspense>{Suspend::new(page)}</Suspense> }
}
