//! `/rooms/{number}/live`: the live view for the owner, who may moderate.

use super::for_owner;
use crate::components::frame::Frame;
use crate::components::pin_alert::PinAlert;
use crate::components::recording_alert::RecordingAlert;
use crate::components::room_head::{Tab, Tabs};
use crate::live::door::Door;
use crate::pages::live::LiveView;
use leptos::prelude::*;

#[component]
pub(crate) fn OwnerLive() -> impl IntoView {
    for_owner(|owner| {
        let room = owner.room().clone();
        let (id, number, recorded) = (room.id, room.number.to_string(), room.settings.recording);
        view! {
            <Frame title=room.number.grouped()>
                <LiveView room door=Door::Owner(number.clone())>
                    <Tabs number here=Tab::Live />
                    <PinAlert room=id />
                    <RecordingAlert wanted=recorded />
                </LiveView>
            </Frame>
        }
    })
}
