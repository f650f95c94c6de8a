// An announcement that is recorded in the browser: Chromium's microphone is a file, and what it holds is what callers hear.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { axeFindings, logIn, screenshot } from '../lib/browser.mjs';
import { Fixture } from '../lib/fixture.mjs';
import { NUMBER } from '../lib/server.mjs';
import { sine, writeWav } from '../lib/wav.mjs';

const TONE_HZ = 450;
const FAKE = '--use-fake-device-for-media-stream';
const ALLOWED = '--use-fake-ui-for-media-stream';

async function ownersPage(fixture, { flags = [], settings = [], ...options }) {
  const server = await fixture.server({ settings });
  const browser = await fixture.browser(flags);
  const page = await browser.page(options);
  await logIn(page, server);
  await page.waitForURL('**/rooms');
  await page.goto(`${server.http}/rooms/${NUMBER}/announcement`);
  return { server, browser, page };
}

const button = (page, name) => page.getByRole('button', { name, exact: true });

test('recorded, heard, recorded again, used, and what the next caller hears', async (t) => {
  const fixture = new Fixture(t);
  const folder = mkdtempSync(join(tmpdir(), 'conference-microphone-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'microphone.wav');
  writeWav(file, sine(TONE_HZ, 20, 48_000), 48_000);
  const flags = [FAKE, ALLOWED, `--use-file-for-fake-audio-capture=${file}`, '--autoplay-policy=no-user-gesture-required'];
  const { server, browser, page } = await ownersPage(fixture, { flags, settings: ['announceFile=true'] });
  const field = page.locator('[data-microphone]');
  await button(page, 'Record with the microphone').click();
  await field.getByRole('meter').waitFor();
  await page.waitForFunction(() => document.querySelector('[data-microphone] meter').value > 30);
  await field.getByText('0:02').waitFor();
  await screenshot(page, 'microphone-recording');
  assert.deepEqual(await axeFindings(page), []);
  await button(page, 'Stop').click();
  await button(page, 'Use this recording').waitFor();
  // Until it is played through, a recording does not say how long it is.
  const playable = await field.locator('audio').evaluate(async (audio) => {
    await audio.play();
    return audio.readyState;
  });
  assert.ok(playable >= 2, `the recording cannot be played: ${playable}`);
  await screenshot(page, 'microphone-recorded');
  assert.deepEqual(await axeFindings(page), []);
  await button(page, 'Record again').click();
  await field.getByText('0:03').waitFor();
  await button(page, 'Stop').click();
  await button(page, 'Use this recording').click();
  await page.getByText('The announcement is saved.').waitFor();
  assert.match(await page.locator('[data-announcement=present]').innerText(), /Microphone \d{4}-\d\d-\d\d\.webm\s+[345] s/);
  assert.deepEqual(browser.complaints, []);

  const [phone] = await fixture.phones({ 4001: 850 });
  await phone.call(server, NUMBER);
  await phone.recording.hears({ heard: [TONE_HZ], notHeard: [850] });
});

test('who does not allow the microphone is told so, and so is who has none', async (t) => {
  for (const [flags, words] of [
    [[FAKE], 'The browser does not let this page use the microphone.'],
    [[ALLOWED], 'No microphone was found.'],
  ]) {
    const fixture = new Fixture(t);
    const { page } = await ownersPage(fixture, { flags });
    await button(page, 'Record with the microphone').click();
    await page.getByRole('alert').getByText(words).waitFor();
    assert.ok(await button(page, 'Record with the microphone').isVisible(), 'it can be tried again');
  }
});

test('other pages cannot have the microphone; without script there is no such button', async (t) => {
  const fixture = new Fixture(t);
  const { server, page } = await ownersPage(fixture, { flags: [FAKE, ALLOWED] });
  await page.goto(`${server.http}/rooms/${NUMBER}/general`);
  const refused = await page.evaluate(() =>
    navigator.mediaDevices.getUserMedia({ audio: true }).then(() => 'given', (error) => error.name),
  );
  assert.equal(refused, 'NotAllowedError');
  const plain = await ownersPage(new Fixture(t), { javaScriptEnabled: false });
  await plain.page.getByLabel('New file').waitFor();
  assert.equal(await button(plain.page, 'Record with the microphone').isVisible(), false);
});
