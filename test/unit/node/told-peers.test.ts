import assert from 'node:assert/strict';
import test from 'node:test';
import type { PeerOptions } from '../../../src/node/options.js';
import type { PeerWatcher } from '../../../src/node/peer-source.js';
import { ToldPeers } from '../../../src/node/told-peers.js';

class Named extends ToldPeers {
  readonly name = 'named';
  readonly onRemoval = 'keep';
  names: readonly string[] = [];

  found(...names: string[]): void {
    this.names = names;
    this.tell();
  }

  fails(why: string): void {
    this.failed(new Error(why));
  }

  protected override peers(planes: readonly string[]): PeerOptions[] {
    return this.names.map((name) => ({ name, addresses: { [`${planes}`]: '10.0.0.1' } }));
  }
}

test('a source that is told says what it knows from when it is followed, until it is not', () => {
  const source = new Named();
  source.found('a@h');
  source.fails('to nobody');
  const heard: string[] = [];
  const watcher = {
    planes: ['a', 'b'].map((name) => ({ name, address: '10.0.0.2' })),
    onPeers: (peers: readonly PeerOptions[]) => {
      heard.push(peers.map(({ name, addresses }) => `${name} ${Object.keys(addresses)}`).join());
    },
    onFailed: ({ message }: Error) => heard.push(message),
  } as unknown as PeerWatcher;
  const watch = source.watch(watcher);
  source.found('b@h');
  source.fails('bad');
  watch.close();
  source.found('c@h');
  source.fails('to nobody');
  assert.deepEqual(heard, ['a@h a,b', 'b@h a,b', 'bad']);
});
