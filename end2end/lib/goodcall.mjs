// A good call, beside which something bad goes on.

import assert from 'node:assert/strict';
import { continuity } from './recording.mjs';
import { NUMBER } from './server.mjs';

const RATE_HZ = 8000;
const [TALKER_HZ, LISTENER_HZ] = [450, 650];

export class GoodCall {
  static async start(fixture) {
    const call = new GoodCall();
    [call.talker, call.listener] = await fixture.phones({ 4001: TALKER_HZ, 4002: LISTENER_HZ });
    await call.talker.call(fixture.theServer, NUMBER);
    await call.listener.call(fixture.theServer, NUMBER);
    await call.listener.recording.hears({ heard: [TALKER_HZ], notHeard: [LISTENER_HZ] });
    call.mark = call.listener.recording.mark();
    return call;
  }

  /** RTP and RTCP of both calls. */
  async ports() {
    const media = [await this.talker.mediaPort(), await this.listener.mediaPort()];
    return media.flatMap((port) => [port, port + 1]);
  }

  async assertNoGap(t) {
    await this.listener.recording.next(200);
    const heard = this.listener.recording.since(this.mark);
    const { gapMs, share } = continuity(heard, TALKER_HZ, RATE_HZ);
    t.diagnostic(`${heard.length / RATE_HZ} s beside it: ${(share * 100).toFixed(1)} % heard, longest gap ${gapMs} ms`);
    assert.ok(gapMs <= 40 && share > 0.97, `the good call is heard in ${share}, with a gap of ${gapMs} ms`);
    assert.ok(this.talker.inCall && this.listener.inCall, 'the good call was ended');
  }
}
