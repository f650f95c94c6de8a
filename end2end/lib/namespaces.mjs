// Networks of a test's own: namespaces of the kernel, of which nothing is left when the test ends.

import assert from 'node:assert/strict';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Child, run } from './process.mjs';
import { bounded } from './wait.mjs';

/** Why there can be none here; `undefined` if there can. */
export function whyNot() {
  return process.getuid?.() === 0 ? undefined : 'network namespaces need root';
}

/** What `ip netns exec` lays over /etc. */
const FILES = '/etc/netns';

export class Namespaces {
  #names = [];

  /** An empty network, with its loopback up. */
  async add(name) {
    const full = `conf-${process.pid}-${name}`;
    await run('ip', ['netns', 'add', full]);
    this.#names.push(full);
    await this.ip(full, 'link set lo up');
    return full;
  }

  /** Runs `ip` in a namespace. */
  ip(namespace, words) {
    return run('ip', ['-n', namespace, ...words.split(' ')]);
  }

  /** A cable: each end is `[namespace, interface, address]`. */
  async join([one, name, address], [other, otherName, otherAddress]) {
    await this.ip(one, `link add ${name} type veth peer name ${otherName} netns ${other}`);
    for (const [namespace, link, cidr] of [
      [one, name, address],
      [other, otherName, otherAddress],
    ]) {
      await this.ip(namespace, `addr add ${cidr} dev ${link}`);
      await this.ip(namespace, `link set ${link} up`);
    }
  }

  /** What runs in a namespace asks this name server. */
  nameserver(namespace, address) {
    mkdirSync(join(FILES, namespace), { recursive: true });
    writeFileSync(join(FILES, namespace, 'resolv.conf'), `nameserver ${address}\n`);
  }

  async stop() {
    for (const name of this.#names.reverse()) {
      await run('ip', ['netns', 'del', name]);
      rmSync(join(FILES, name), { recursive: true, force: true });
    }
  }
}

/** Starts a file of `tests` tests again, in a namespace and with `env`, as a part of the test `t`. */
export async function testsWithin(t, fixture, namespace, file, { tests, env, withinMs = 120_000 }) {
  const again = ['netns', 'exec', namespace, process.execPath, '--test', '--test-reporter=spec', file];
  // Without what would make it report to us instead of by its end.
  const inside = fixture.use(new Child('ip', again, { env: { ...env, NODE_TEST_CONTEXT: undefined } }));
  const { code } = await bounded('the tests in the namespaces', inside.ended, withinMs);
  t.diagnostic(inside.output.trim());
  assert.equal(code, 0, inside.tail(80));
  assert.match(inside.output, new RegExp(`^\\S+ pass ${tests}$`, 'm'), 'the tests in the namespaces did not run');
}
