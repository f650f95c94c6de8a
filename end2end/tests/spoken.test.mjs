// An announcement that a member speaks by telephone: a code, the control PIN, a tone; the next caller hears it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fixture } from '../lib/fixture.mjs';
import { SAID, find, phrase } from '../lib/phrases.mjs';
import { HEARD, NOT_HEARD, strongest } from '../lib/recording.mjs';
import { NUMBER } from '../lib/server.mjs';
import { until } from '../lib/wait.mjs';

const PIN = '0815';
/** Of the tone after which one speaks. */
const TONE_HZ = 1000;

/** Waits until `telephone` has been told so, since `mark`. */
async function told(telephone, mark, name) {
  const wanted = await phrase(name);
  let found;
  const said = () => {
    const heard = telephone.recording.since(mark);
    found = find(wanted, heard);
    return found.alike > SAID;
  };
  await until(() => `${name} at ${telephone.number}: ${found?.alike.toFixed(2)}`, said, { withinMs: 30_000, pollMs: 300 });
}

/** Waits for the tone after which one speaks, and for its end. */
async function toneAfter(telephone, mark) {
  const { recording } = telephone;
  const beeps = () => strongest(recording.since(mark), TONE_HZ, recording.rateHz) > HEARD;
  await until(`the tone at ${telephone.number}`, beeps, { withinMs: 20_000, pollMs: 100 });
  await recording.next(500);
}

test('spoken by one, heard by nobody else in the room, and by the next caller before the PIN', async (t) => {
  const fixture = new Fixture(t);
  const server = await fixture.server({ settings: [`controlPin=${PIN}`, 'announceFile=true', 'chimes=false'] });
  const { follow } = await server.addresses();
  const [owner, other] = await fixture.phones({ 4001: 450, 4002: 850 });
  await Promise.all([owner.call(server, NUMBER), other.call(server, NUMBER)]);
  await server.untilMembers(follow, 2);
  await other.recording.hears({ heard: [450] });
  await owner.recording.hears({ heard: [850] });

  let mark = owner.recording.mark();
  await owner.type('77');
  await told(owner, mark, 'en/enter-control-pin');
  const away = other.recording.mark();
  await owner.type(PIN);
  await told(owner, mark, 'en/speak-after-tone');
  const { rateHz } = owner.recording;
  await toneAfter(owner, mark);
  const meanwhile = strongest(await owner.recording.next(3000), 850, rateHz);
  assert.ok(meanwhile < NOT_HEARD, `the others are heard: ${meanwhile}`);
  mark = owner.recording.mark();
  await owner.type('#');
  await owner.recording.hears({ heard: [450] }, 30_000);
  await told(owner, mark, 'en/announcement-choice');
  const unheard = strongest(other.recording.since(away), 450, rateHz);
  assert.ok(unheard < NOT_HEARD, `what is spoken is heard in the room: ${unheard}`);
  mark = owner.recording.mark();
  await owner.type('1');
  await told(owner, mark, 'en/announcement-saved');
  await told(owner, mark, 'en/back-in-conference');
  await other.recording.hears({ heard: [450] });
  await owner.recording.hears({ heard: [850] });

  const page = await server.page(`/rooms/${NUMBER}/announcement`);
  assert.match(page, /Telephone \d{4}-\d\d-\d\d/);
  assert.match(page, /[3-5] s · /);
  const [next] = await fixture.phones({ 4003: 1250 });
  await next.call(server, NUMBER);
  // Before the conference: nobody else is heard with it.
  await next.recording.hears({ heard: [450], notHeard: [850, 1250] });
  await server.untilMembers(follow, 3);
});

test('a wrong control PIN is said to be wrong, and counts; what is dropped, or never set up, changes nothing', async (t) => {
  const fixture = new Fixture(t);
  const server = await fixture.server({ settings: ['chimes=false'] });
  const { follow } = await server.addresses();
  const [owner] = await fixture.phones({ 4001: 450 });
  await owner.call(server, NUMBER);
  await server.untilMembers(follow, 1);
  let mark = owner.recording.mark();
  await owner.type('77');
  await told(owner, mark, 'en/no-control-pin');
  await owner.hangUp();

  await server.cli(['number', 'set', NUMBER, `controlPin=${PIN}`]);
  await owner.call(server, NUMBER);
  await server.untilMembers(follow, 1);
  mark = owner.recording.mark();
  await owner.type('77');
  await told(owner, mark, 'en/enter-control-pin');
  mark = owner.recording.mark();
  await owner.type('1111');
  await told(owner, mark, 'en/wrong-control-pin');
  await told(owner, mark, 'en/back-in-conference');
  mark = owner.recording.mark();
  await owner.type('77');
  await told(owner, mark, 'en/enter-control-pin');
  await owner.type(PIN);
  await toneAfter(owner, mark);
  await owner.recording.next(1000);
  await owner.type('#');
  await told(owner, mark, 'en/announcement-choice');
  await owner.type('*');
  await told(owner, mark, 'en/announcement-dropped');
  assert.ok(!(await server.page(`/rooms/${NUMBER}/announcement`)).includes('Telephone 20'));
  await assert.rejects(server.cli(['number', 'set', NUMBER, `pin=${PIN}`]), /must differ/);
  await server.cli(['number', 'set', NUMBER, 'pin=4711', 'controlPin=']);
});
