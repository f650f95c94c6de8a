// A room's recordings in the browser: the badge while it runs, the list after, played, downloaded, deleted.

import assert from 'node:assert/strict';
import { existsSync, statSync } from 'node:fs';
import { test } from 'node:test';
import { DESKTOP, PHONE, axeFindings, logIn, openLive, overflowPx, screenshot } from '../lib/browser.mjs';
import { Fixture } from '../lib/fixture.mjs';
import { recordingFiles } from '../lib/recordings.mjs';
import { NUMBER } from '../lib/server.mjs';

async function toRooms(page, server) {
  await logIn(page, server);
  await page.waitForURL('**/rooms');
}

/** Two callers talk for some seconds, and hang up. */
async function conference(fixture, phones) {
  for (const phone of phones) await phone.call(fixture.theServer, NUMBER);
  await phones[0].recording.next(3000);
}

test('the switch, the badge, and the recording: played, downloaded, deleted', async (t) => {
  const fixture = new Fixture(t);
  const server = await fixture.server();
  const { follow } = await server.addresses();
  const browser = await fixture.browser();
  const page = await browser.page({ acceptDownloads: true });
  await toRooms(page, server);
  await page.goto(`${server.http}/rooms/${NUMBER}/history`);
  await page.getByText('The option “Record conferences” is off').waitFor();
  await page.goto(`${server.http}/rooms/${NUMBER}/general`);
  const option = page.getByRole('switch', { name: 'Record conferences' });
  await option.check();
  await page.getByText('From two people on the line, and for seven hours at most.').waitFor();
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await page.getByText('Saved.').waitFor();
  assert.ok(await option.isChecked());

  const watching = await openLive(browser, follow);
  const badge = watching.locator('[data-recording]');
  const phones = await fixture.phones({ 4001: 450, 4002: 650 });
  await phones[0].call(server, NUMBER);
  await server.untilMembers(follow, 1);
  assert.ok(await badge.isHidden());
  await phones[1].call(server, NUMBER);
  await badge.getByText('Recorded').waitFor();
  await phones[0].recording.next(3000);
  await screenshot(watching, 'live-recorded');
  await page.goto(`${server.http}/rooms/${NUMBER}/history`);
  await page.getByText('Being recorded').waitFor();
  for (const phone of phones) await phone.hangUp();
  await badge.waitFor({ state: 'hidden' });

  const player = page.locator('[data-recording] audio');
  await page.waitForFunction(async () => {
    const html = await (await fetch(location.href)).text();
    return html.includes('<audio');
  });
  await page.reload();
  const seconds = await player.evaluate(async (audio) => {
    audio.muted = true;
    await audio.play();
    const known = audio.duration;
    // Into its middle: the part is asked for by its bytes.
    audio.currentTime = known / 2;
    await new Promise((resolve) => audio.addEventListener('seeked', resolve, { once: true }));
    return known;
  });
  assert.ok(seconds > 3 && seconds < 60, `${seconds} s`);
  const [file] = recordingFiles(server);
  const download = page.waitForEvent('download');
  await page.getByRole('link', { name: 'Download' }).click();
  const downloaded = await download;
  assert.match(downloaded.suggestedFilename(), /^3000-20\d\d-\d\d-\d\d-\d{4}\.ogg$/);
  assert.equal(statSync(await downloaded.path()).size, statSync(file).size);

  await page.getByText('Delete', { exact: true }).click();
  assert.ok(existsSync(file), 'it is deleted without a second step');
  await page.getByRole('button', { name: 'Yes, delete' }).click();
  await page.getByText('The recording is deleted.').waitFor();
  assert.equal(await page.locator('[data-recording]').count(), 0);
  assert.ok(!existsSync(file), 'the file is still there');
  assert.deepEqual(browser.complaints, []);
});

test('in both themes and widths axe has no objection, and it works without script', async (t) => {
  const fixture = new Fixture(t);
  const server = await fixture.server({ settings: ['recordStatus=true'] });
  const { follow } = await server.addresses();
  const phones = await fixture.phones({ 4001: 450, 4002: 650 });
  for (let n = 0; n < 2; n += 1) {
    await conference(fixture, phones);
    for (const phone of phones) await phone.hangUp();
    await server.untilMembers(follow, 0);
  }
  const browser = await fixture.browser();
  for (const [colorScheme, width, viewport] of [
    ['light', 'desktop', DESKTOP],
    ['dark', 'desktop', DESKTOP],
    ['light', 'phone', PHONE],
    ['dark', 'phone', PHONE],
  ]) {
    const page = await browser.page({ colorScheme, viewport });
    await toRooms(page, server);
    await page.goto(`${server.http}/rooms/${NUMBER}/history`);
    await page.locator('[data-recording] audio').nth(1).waitFor();
    await page.getByText('Delete', { exact: true }).first().click();
    assert.deepEqual(await axeFindings(page), []);
    assert.ok((await overflowPx(page)) <= 0, `${width} is too narrow`);
    await screenshot(page, `history-${colorScheme}-${width}`);
  }
  const plain = await browser.page({ javaScriptEnabled: false });
  await toRooms(plain, server);
  await plain.goto(`${server.http}/rooms/${NUMBER}/history`);
  await plain.getByText('Delete', { exact: true }).first().click();
  await plain.getByRole('button', { name: 'Yes, delete' }).first().click();
  await plain.getByText('The recording is deleted.').waitFor();
  assert.equal(await plain.locator('[data-recording]').count(), 1);
  assert.equal(recordingFiles(server).length, 1);
  assert.deepEqual(browser.complaints, []);
});
