// The follow page: who is in, who talks, and how soon it shows.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { member, openLive, untilCount, untilState } from '../lib/browser.mjs';
import { Fixture } from '../lib/fixture.mjs';
import { NUMBER } from '../lib/server.mjs';

/** From the first syllable to the light on the page, as issue "the whole line" asks for it. */
const LIGHT_MS = 300;
const ROUNDS = 7;

/** Lets the page note when a row's talking changes, by the clock that the tests have too. */
function noteLights(page) {
  return page.evaluate(() => {
    globalThis.lights = [];
    new MutationObserver((records) => {
      for (const { target } of records) {
        globalThis.lights.push({ at: Date.now(), on: target.dataset.talking === 'true', row: target.textContent });
      }
    }).observe(document.querySelector('[data-members]'), { subtree: true, attributeFilter: ['data-talking'] });
  });
}

/** How long it takes, in ms, from the order to `phone` to talk until its row is lit; then it is silent again. */
async function lightAfterMs(page, phone) {
  await page.evaluate(() => (globalThis.lights.length = 0));
  const began = await phone.silence(false);
  await untilState(page, phone.number, 'talking', true);
  const lights = await page.evaluate(() => globalThis.lights);
  const lit = lights.find(({ on, row }) => on && row.includes(phone.number));
  assert.ok(lit, `the row of ${phone.number} is lit, but its change was not seen: ${JSON.stringify(lights)}`);
  const wrong = lights.filter(({ on, row }) => on && !row.includes(phone.number));
  assert.deepEqual(wrong, [], `others than ${phone.number} were lit`);
  await phone.silence(true);
  await untilState(page, phone.number, 'talking', false);
  return lit.at - began;
}

async function medianLightMs(t, page, phones) {
  const times = [];
  for (let round = 0; round < ROUNDS; round += 1) times.push(await lightAfterMs(page, phones[round % phones.length]));
  const sorted = times.toSorted((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)];
  t.diagnostic(`from the order to talk to the light: ${times.join(', ')} ms; median ${median} ms`);
  return median;
}

test('the follow page shows who comes and goes', async (t) => {
  const fixture = new Fixture(t);
  const server = await fixture.server();
  const { follow } = await server.addresses();
  const browser = await fixture.browser();
  const page = await openLive(browser, follow);
  await untilCount(page, 0);
  const [first, second] = await fixture.phones({ 4001: 450, 4002: 650 });
  await first.call(server, NUMBER);
  await untilCount(page, 1);
  await member(page, '4001').waitFor();
  await second.call(server, NUMBER);
  await untilCount(page, 2);
  await member(page, '4002').waitFor();
  await first.hangUp();
  await untilCount(page, 1);
  await member(page, '4002').waitFor();
  assert.equal(await page.locator('[data-action]').count(), 0, 'a follow page offers actions');
  assert.deepEqual(browser.complaints, []);
});

test('the follow page lights the right talker within 300 ms', async (t) => {
  const fixture = new Fixture(t);
  const server = await fixture.server();
  const { follow } = await server.addresses();
  const browser = await fixture.browser();
  const phones = await fixture.phones({ 4001: 450, 4002: 650, 4003: 850 });
  for (const phone of phones) {
    await phone.call(server, NUMBER);
    await phone.silence(true);
  }
  await server.untilMembers(follow, 3);
  const page = await openLive(browser, follow);
  for (const phone of phones) await untilState(page, phone.number, 'talking', false);
  await noteLights(page);
  // The bound is the product's promise, far above what is measured; a machine that stood still gets a second chance.
  let median = await medianLightMs(t, page, phones);
  if (median > LIGHT_MS) median = await medianLightMs(t, page, phones);
  assert.ok(median <= LIGHT_MS, `the light comes ${median} ms after the first syllable`);
  assert.deepEqual(browser.complaints, []);
});

test('a page that is opened later has the state in its HTML, and says the same in French', async (t) => {
  const fixture = new Fixture(t);
  const server = await fixture.server();
  const { follow } = await server.addresses();
  const browser = await fixture.browser();
  const [talker, listener] = await fixture.phones({ 4001: 450, 4002: 650 });
  await listener.call(server, NUMBER);
  await listener.silence(true);
  await talker.call(server, NUMBER);
  const page = await openLive(browser, follow);
  await untilState(page, '4001', 'talking', true);
  await untilState(page, '4002', 'talking', false);

  const french = await browser.page({ locale: 'fr-FR', javaScriptEnabled: false });
  await french.goto(follow);
  await untilState(french, '4001', 'talking', true);
  await untilState(french, '4002', 'talking', false);
  assert.match(await french.locator('html').getAttribute('lang'), /^fr/);
  await french.getByText('2 en ligne').waitFor();
  await page.getByText('2 on the line').waitFor();
  assert.deepEqual(browser.complaints, []);
});

test('a follow address that was renewed opens nothing any more', async (t) => {
  const fixture = new Fixture(t);
  const server = await fixture.server();
  const { follow } = await server.addresses();
  const browser = await fixture.browser();
  const page = await openLive(browser, follow);
  await server.cli(['address', NUMBER, '--renew']);
  // An open page loses its line too.
  await page.locator('[data-live=lost]').waitFor();
  const renewed = await server.addresses();
  assert.notEqual(renewed.follow, follow);
  assert.deepEqual([(await fetch(follow)).status, (await fetch(renewed.follow)).status], [404, 200]);
  await page.reload();
  await page.getByText('This address is no longer valid').waitFor();
});
