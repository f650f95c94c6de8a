// The owner's announcement: uploaded in a browser, heard by the next caller.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { DESKTOP, PHONE, axeFindings, logIn, overflowPx, screenshot } from '../lib/browser.mjs';
import { Fixture } from '../lib/fixture.mjs';
import { HEARD, strongest } from '../lib/recording.mjs';
import { NUMBER } from '../lib/server.mjs';
import { sine, writeWav } from '../lib/wav.mjs';

const FORMATS = ['wav', 'mp3', 'ogg', 'flac', 'aiff', 'au', 'm4a', 'opus'];
/** Says 450 Hz, for 1.5 s. */
const sound = (format) => join(import.meta.dirname, '../../server/tests/sounds', `tone.${format}`);

async function ownersPage(fixture, options) {
  const server = fixture.theServer;
  const browser = await fixture.browser();
  const page = await browser.page(options);
  await logIn(page, server);
  await page.waitForURL('**/rooms');
  await page.goto(`${server.http}/rooms/${NUMBER}/announcement`);
  return { browser, page };
}

/** The button that a browser without script needs is there until the page has taken over. */
async function choose(page, file) {
  await page.getByRole('button', { name: 'Upload', exact: true }).waitFor({ state: 'hidden' });
  await page.getByLabel('New file').setInputFiles(file);
}

test('every format is taken, shown, played and removed', async (t) => {
  const fixture = new Fixture(t);
  await fixture.server();
  const { browser, page } = await ownersPage(fixture);
  await page.locator('[data-announcement=none]').waitFor();
  for (const format of FORMATS) {
    await choose(page, sound(format));
    await page.getByText(`tone.${format}`).waitFor();
    assert.match(await page.locator('[data-announcement]').innerText(), /\b2 s · \d+\sKB · uploaded \d+ s ago/);
    const seconds = await page.getByLabel(`tone.${format}`, { exact: true }).evaluate(async (audio) => {
      audio.muted = true;
      await audio.play();
      return audio.duration;
    });
    assert.ok(Math.abs(seconds - 1.5) < 0.2, `${format} lasts ${seconds} s`);
  }
  await page.getByRole('button', { name: 'Remove', exact: true }).click();
  await page.getByText('The announcement is removed.').waitFor();
  await page.locator('[data-announcement=none]').waitFor();
  assert.deepEqual(browser.complaints, []);
});

test('what is wrong with a file is said, and the old announcement stays', async (t) => {
  const fixture = new Fixture(t);
  const server = await fixture.server();
  const { browser, page } = await ownersPage(fixture);
  await choose(page, sound('wav'));
  await page.getByText('tone.wav').waitFor();
  const file = (name) => join(server.folder, name);
  writeFileSync(file('picture.mp3'), Buffer.from('\x89PNG\r\n\x1a\n'.repeat(1000), 'latin1'));
  writeFileSync(file('half.flac'), readFileSync(sound('flac')).subarray(0, 9000));
  writeFileSync(file('big.wav'), Buffer.alloc(10 * 1024 * 1024 + 1));
  writeWav(file('long.wav'), sine(450, 301, 8000), 8000);
  writeWav(file('silent.wav'), sine(0, 2, 8000), 8000);
  for (const [name, words] of [
    ['picture.mp3', 'This is not a sound file that we can read.'],
    ['half.flac', 'This file is damaged or incomplete.'],
    ['big.wav', 'This file is too big: 10 MB at most.'],
    ['long.wav', 'This recording is too long: 5 minutes at most.'],
    ['silent.wav', 'There is nothing to hear in this file.'],
  ]) {
    await choose(page, file(name));
    await page.getByRole('alert').getByText(words).waitFor();
  }
  await page.reload();
  await page.getByText('tone.wav').waitFor();
  // Chromium notes each refusal; the file that is too big was not sent at all.
  assert.deepEqual(browser.complaints.filter((complaint) => !complaint.includes('status of 422')), []);
});

test('the next caller hears it before the PIN, by each codec, and not when it is turned off', async (t) => {
  const fixture = new Fixture(t);
  const server = await fixture.server({ settings: ['pin=1234', 'announceFile=true'] });
  const { follow } = await server.addresses();
  const { page } = await ownersPage(fixture);
  await choose(page, sound('mp3'));
  await page.getByText('tone.mp3').waitFor();
  for (const [number, codec] of [['4001', 'PCMA'], ['4002', 'G722']]) {
    const [phone] = await fixture.phones({ [number]: 850 }, { codec });
    await phone.call(server, NUMBER);
    await phone.recording.hears({ heard: [450], notHeard: [850] });
    await phone.type('1234#');
    await server.untilMembers(follow, 1);
    await phone.hangUp();
    await server.untilMembers(follow, 0);
  }
  await server.cli(['number', 'set', NUMBER, 'announceFile=false']);
  const [phone] = await fixture.phones({ 4003: 850 });
  await phone.call(server, NUMBER);
  const levels = strongest(await phone.recording.next(2500), 450, phone.recording.rateHz);
  assert.ok(levels < HEARD, `an announcement that is off is heard: ${levels}`);
});

test('without JavaScript: uploaded, refused, turned on, removed', async (t) => {
  const fixture = new Fixture(t);
  const server = await fixture.server();
  const { browser, page } = await ownersPage(fixture, { javaScriptEnabled: false });
  const upload = async (file) => {
    await page.getByLabel('New file').setInputFiles(file);
    await page.getByRole('button', { name: 'Upload', exact: true }).click();
  };
  await upload(sound('mp3'));
  await page.getByText('The announcement is saved.').waitFor();
  const big = join(server.folder, 'big.wav');
  writeFileSync(big, Buffer.alloc(12 * 1024 * 1024));
  await upload(big);
  await page.getByText('This file is too big: 10 MB at most.').waitFor();
  await page.getByText('tone.mp3').waitFor();
  await page.getByRole('button', { name: 'Turn it on' }).click();
  await page.locator('[data-announce=true]').waitFor();
  await page.goto(`${server.http}/rooms/${NUMBER}/general`);
  assert.ok(await page.getByLabel('Custom announcement').isChecked());
  await page.goto(`${server.http}/rooms/${NUMBER}/announcement`);
  await page.getByRole('button', { name: 'Remove', exact: true }).click();
  await page.getByText('The announcement is removed.').waitFor();
  assert.deepEqual(browser.complaints, []);
});

test('the page in all its states, both themes, wide and narrow', async (t) => {
  const fixture = new Fixture(t);
  const server = await fixture.server({ settings: ['description=Every Monday'] });
  const { browser, page } = await ownersPage(fixture);
  const wrong = [];
  const inspect = async (name) => {
    for (const colorScheme of ['light', 'dark']) {
      for (const [width, viewport] of Object.entries({ desktop: DESKTOP, phone: PHONE })) {
        await page.setViewportSize(viewport);
        await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
        const at = `announcement-${name}-${colorScheme}-${width}`;
        await screenshot(page, at);
        wrong.push(...(await axeFindings(page)).map((finding) => `${at}: ${finding}`));
        const wider = await overflowPx(page);
        if (wider > 0) wrong.push(`${at}: ${wider} pixels wider than the window`);
      }
    }
  };
  await inspect('none');
  await choose(page, sound('mp3'));
  await page.getByText('The announcement is saved.').waitFor();
  await inspect('off');
  await page.getByRole('button', { name: 'Turn it on' }).click();
  await page.locator('[data-announce=true]').waitFor();
  await inspect('on');
  const picture = join(server.folder, 'picture.mp3');
  writeFileSync(picture, Buffer.from('\x89PNG\r\n\x1a\n'.repeat(1000), 'latin1'));
  await choose(page, picture);
  await page.getByRole('alert').getByText('This is not a sound file').waitFor();
  await inspect('refused');
  assert.deepEqual(wrong, []);
  assert.deepEqual(browser.complaints, []);
});
