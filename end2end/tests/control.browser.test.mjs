// The control page: what is clicked is heard, and every page shows it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { member, openLive, PHONE, untilCount, untilState } from '../lib/browser.mjs';
import { Fixture } from '../lib/fixture.mjs';
import { NOT_HEARD, strongest } from '../lib/recording.mjs';
import { freePorts } from '../lib/ports.mjs';
import { NUMBER } from '../lib/server.mjs';
import { sipp } from '../lib/sipp.mjs';

const RATE_HZ = 8000;

/** Three talking callers, a control page, and a follow page on a phone's screen beside it. */
async function conference(t) {
  const fixture = new Fixture(t);
  const server = await fixture.server();
  const addresses = await server.addresses();
  const browser = await fixture.browser();
  const phones = await fixture.phones({ 4001: 450, 4002: 650, 4003: 850 });
  for (const phone of phones) await phone.call(server, NUMBER);
  const control = await openLive(browser, addresses.control);
  const follow = await openLive(browser, addresses.follow, { viewport: PHONE });
  for (const page of [control, follow]) await untilCount(page, 3);
  return { server, browser, phones, control, follow };
}

const press = (page, phone, action) => member(page, phone.number).locator(`[data-action=${action}]`).click();

test('mute: the others no longer hear the member, and still hear the third', async (t) => {
  const { browser, phones, control, follow } = await conference(t);
  const [muted, other, third] = phones;
  await other.recording.hears({ heard: [muted.hz, third.hz], notHeard: [other.hz] });

  await press(control, muted, 'mute');
  for (const page of [control, follow]) {
    await untilState(page, muted.number, 'muted', true);
    await untilState(page, muted.number, 'talking', false);
  }
  await other.recording.hears({ heard: [third.hz], notHeard: [muted.hz] });
  await third.recording.hears({ heard: [other.hz], notHeard: [muted.hz] });
  const [heard, heardByThird] = await Promise.all([other.recording.next(1000), third.recording.next(1000)]);
  for (const samples of [heard, heardByThird]) {
    assert.ok(strongest(samples, muted.hz, RATE_HZ) < NOT_HEARD, 'the muted member is heard');
  }
  await muted.recording.hears({ heard: [other.hz, third.hz], notHeard: [muted.hz] });

  await press(control, muted, 'unmute');
  for (const page of [control, follow]) await untilState(page, muted.number, 'muted', false);
  await other.recording.hears({ heard: [muted.hz, third.hz], notHeard: [other.hz] });
  assert.deepEqual(browser.complaints, []);
});

test('deafen: the member hears nobody, and is still heard', async (t) => {
  const { browser, phones, control, follow } = await conference(t);
  const [deaf, other, third] = phones;
  await press(control, deaf, 'deafen');
  for (const page of [control, follow]) await untilState(page, deaf.number, 'deaf', true);
  await deaf.recording.hears({ notHeard: [deaf.hz, other.hz, third.hz] });
  await other.recording.hears({ heard: [deaf.hz, third.hz] });

  await press(control, deaf, 'undeafen');
  for (const page of [control, follow]) await untilState(page, deaf.number, 'deaf', false);
  await deaf.recording.hears({ heard: [other.hz, third.hz], notHeard: [deaf.hz] });
  assert.deepEqual(browser.complaints, []);
});

test('lock: the next caller is told so and refused with 480, and unlock lets it in', async (t) => {
  const { server, browser, control, follow } = await conference(t);
  await control.locator('[data-action=lock]').click();
  await control.locator('[data-action=unlock]').waitFor();
  for (const page of [control, follow]) await page.getByText('Locked', { exact: true }).waitFor();
  await sipp(server, 'declined', { keys: { first_port: await freePorts() }, replace: { STATUS: '480' } });
  await untilCount(follow, 3);

  await control.locator('[data-action=unlock]').click();
  await control.locator('[data-action=lock]').waitFor();
  for (const page of [control, follow]) await page.getByText('Locked', { exact: true }).waitFor({ state: 'hidden' });
  await sipp(server, 'call');
  assert.deepEqual(browser.complaints, []);
});

test('expel: the call is ended and the row goes', async (t) => {
  const { browser, phones, control, follow } = await conference(t);
  const [expelled, other, third] = phones;
  await press(control, expelled, 'expel');
  // The first press asks whether it is meant.
  await member(control, expelled.number).getByRole('button', { name: 'Yes, remove' }).waitFor();
  await press(control, expelled, 'expel');
  assert.match(await expelled.closed(), /reset by peer/);
  for (const page of [control, follow]) {
    await untilCount(page, 2);
    await member(page, expelled.number).waitFor({ state: 'detached' });
  }
  await other.recording.hears({ heard: [third.hz], notHeard: [expelled.hz, other.hz] });
  assert.deepEqual(browser.complaints, []);
});

test('without JavaScript the buttons work, and the page shows what came of them', async (t) => {
  const { server, browser, phones, follow } = await conference(t);
  const { control: address } = await server.addresses();
  const page = await browser.page({ javaScriptEnabled: false });
  await page.goto(address);
  assert.equal(await page.locator('[data-members] [data-member]').count(), 3);
  await press(page, phones[0], 'mute');
  await untilState(follow, phones[0].number, 'muted', true);
  await page.goto(address);
  await untilState(page, phones[0].number, 'muted', true);
  assert.deepEqual(browser.complaints, []);
});
