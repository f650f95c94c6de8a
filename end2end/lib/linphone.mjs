// linphonec, a telephone of another family (belle-sip, mediastreamer), driven by its keyboard: it says a WAV file and records
// what it hears into another, which is whole only when the call is over.

import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePorts } from './ports.mjs';
import { Child } from './process.mjs';
import { Recording } from './recording.mjs';
import { until } from './wait.mjs';
import { sine, writeWav } from './wav.mjs';

const COMMAND = process.env.LINPHONEC ?? 'linphonec';
/** Why it cannot be used here; `undefined` if it can. */
export const whyNot =
  spawnSync(COMMAND, ['-v']).status === 0 ? undefined : 'linphonec is not installed (Debian: linphone-cli; name it in LINPHONEC)';

const RATE_HZ = 16_000;
const SAY_SECONDS = 120;

/** `srtp`: sound is encrypted or there is no call. */
function configuration({ number, base, srtp, password, authority }) {
  return `[sip]
sip_port=${base}
sip_tcp_port=${base}
sip_tls_port=-1
use_ipv6=0
contact=<sip:${number}@127.0.0.1>
default_proxy=-1
register_only_when_network_is_up=0
media_encryption=${srtp ? 'srtp' : 'none'}
${srtp ? 'media_encryption_mandatory=1' : ''}
${authority ? `root_ca=${authority}\nverify_server_cn=0` : ''}
[rtp]
audio_rtp_port=${base + 2}
[sound]
echocancellation=0
echolimiter=0
[video]
enabled=0
${password ? `[auth_info_0]\nusername=${password.user}\npasswd=${password.text}\nrealm=${password.realm}\nalgorithm=${password.algorithm}` : ''}
`;
}

export class Linphone {
  /** A telephone that says a tone of `hz`, with the one codec `codec` (`PCMU (8000)`, …). */
  static async start(folder, { number, hz, codec, ...options }) {
    const phone = new Linphone();
    phone.number = number;
    const home = join(folder, `linphone-${number}`);
    for (const kept of ['.local/share/linphone', '.config/linphone', '.linphone-usr-crt']) {
      mkdirSync(join(home, kept), { recursive: true });
    }
    const [settings, say] = [join(home, 'settings'), join(home, 'say.wav')];
    phone.heard = join(home, 'heard.wav');
    writeFileSync(settings, configuration({ number, base: await freePorts(), ...options }));
    writeWav(say, sine(hz, SAY_SECONDS, RATE_HZ), RATE_HZ);
    phone.child = new Child(COMMAND, ['-c', settings, '-d', '6'], { stdin: 'pipe', env: { HOME: home } });
    try {
      await phone.child.waitForOutput(/SIP network reachability state is now \[UP\]/);
      for (const words of ['soundcard use files', `play ${say}`, `record ${phone.heard}`, 'codec disable all']) phone.#say(words);
      phone.#say('codec list');
      const listed = await phone.child.waitForOutput(new RegExp(`^ *(\\d+): ${codec.replace(/[()]/g, '\\$&')} disabled`, 'm'));
      phone.#say(`codec enable ${listed[1]}`);
      await phone.child.waitForOutput(new RegExp(`^ *${listed[1]}: .* enabled`, 'm'));
    } catch (error) {
      await phone.stop();
      throw error;
    }
    return phone;
  }

  #say(line) {
    this.child.write(`${line}\n`);
  }

  /** Dials, and waits until sound goes both ways. */
  async call(uri) {
    this.#say(`call ${uri}`);
    await this.child.waitForOutput(/Media streams established with/, 15_000);
  }

  /** Types digits, each when the one before it was sent (RFC 4733). */
  async type(digits) {
    const sent = () => this.child.output.split('Finished sending RFC2833 dtmf').length - 1;
    for (const digit of digits) {
      const before = sent();
      this.#say(digit);
      await until(`linphone to send the digit ${digit}`, () => sent() > before);
    }
  }

  /** Hangs up; from then on `recording` is what was heard. */
  async hangUp() {
    this.#say('terminate');
    await this.child.waitForOutput(/^Call 1 with .* ended/m);
    this.recording = new Recording(this.heard);
  }

  async stop() {
    await this.child?.stop();
  }
}
